// The states of a transaction, and what each reply makes of them.
#include "connectors/kafka/decider.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "connectors/kafka/joined_options.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

using std::chrono::milliseconds;
using Outcome = TransactionReply::Outcome;

// The client repeats offsets that brokers do not take yet after half a second, and gives the transaction up with its
// time: a coordinator that moves takes some seconds.
constexpr milliseconds kOffsetsSlice{5000};
constexpr milliseconds kPause{20};                         // behind a reply that came at once and says: again
constexpr Duration kSecondLook = std::chrono::seconds{2};  // before a group counts as one without offsets
constexpr int kAbortSlices = 6;

}  // namespace

KafkaDecider::KafkaDecider(std::shared_ptr<SinkHub> hub)
    : hub_{std::move(hub)}, options_{hub_->options()}, topics_{options_.topic} {}

std::string KafkaDecider::why_not_joined(const Decider& other) const {
  return detail::why_not_joined(options_, static_cast<const KafkaDecider&>(other).options_);
}

// With a hub of its own: what becomes of the other's transactions is none of this process's doing.
std::shared_ptr<Decider> KafkaDecider::of_instance(std::uint32_t instance) const {
  WriterOptions options = options_;
  options.instance = instance;
  auto other = std::make_shared<KafkaDecider>(std::make_shared<SinkHub>(std::move(options), hub_->shared_client()));
  other->topics_ = topics_;
  return other;
}

void KafkaDecider::join(const Decider& other) {
  const auto& joining = static_cast<const KafkaDecider&>(other);
  options_ = joined(std::move(options_), joining.options_);
  hubs_joined_.push_back(joining.hub_);
  if (std::find(topics_.begin(), topics_.end(), joining.options_.topic) == topics_.end()) {
    topics_.push_back(joining.options_.topic);
  }
}

// A client that has no answer to wait for says so at once.
DecisionStep KafkaDecider::pending() {
  std::this_thread::sleep_for(kPause);
  return DecisionStep::pending();
}

std::string KafkaDecider::topics() const {
  std::string all = topics_.size() == 1 ? "topic '" : "topics '";
  for (const std::string& topic : topics_) {
    if (&topic != topics_.data()) all += "', '";
    all += topic;
  }
  return all + "'";
}

std::chrono::nanoseconds KafkaDecider::stuck_after() const {
  // Sending offsets waits for the group's coordinator, whatever timeout it is given.
  return timeout_ + 3 * options_.connect_timeout + std::chrono::seconds{30};
}

std::string KafkaDecider::describe() const { return "transactions of Kafka, " + topics() + " at " + options_.brokers; }

Result<std::shared_ptr<Transactions>> KafkaDecider::connect(const std::string& id) const {
  const Result<Configuration> configuration = transaction_configuration(options_, id, timeout_);
  if (!configuration) return configuration.error();
  Result<std::unique_ptr<Transactions>> made = hub_->client().transactions(*configuration);
  if (!made) return made.error();
  std::shared_ptr<Transactions> transactions = *std::move(made);
  // A topic that the client does not know yet costs its first message a second.
  for (const std::string& topic : topics_) {
    const Result<std::int32_t> partitions = transactions->producer().partitions(topic, options_.connect_timeout);
    if (!partitions) return partitions.error();
  }
  return transactions;
}

Status KafkaDecider::begin_fencing(const DeciderContext& context) {
  const WriterOptions& options = options_;
  clock_ = context.clock;
  job_ = context.job;
  id_ = "ms-" + job_ + "-" + std::to_string(options.instance);
  if (hub_->fenced_again(clock_->monotonic_ns())) {
    return {ErrorCode::kAlreadyExists,
            "its transactions were ended from outside twice within a minute: another process runs with the "
            "transactional.id '" +
                id_ +
                "' (the same job and .instance), or transactions are open for longer than .transaction_timeout. Stop "
                "that process, give each its own .instance, or set a longer timeout"};
  }
  timeout_ = transaction_timeout(options.transaction_timeout, context.checkpoint_interval, context.checkpoint_timeout);
  if (options.group.starts_with(kPointerGroupHead)) {
    return {ErrorCode::kInvalidArgument, "kafka sink: .group '" + options.group + "' begins with '" +
                                             std::string{kPointerGroupHead} +
                                             "', as only the groups do that name checkpoints: take another one"};
  }
  const std::string group = options.group.empty() ? "ms-" + job_ : options.group;
  find_other_names(context, group);
  offsets_ = DecisionOffsets{
      job_, group, options.instance, topics_, cluster_name(options.brokers), named_alike(context.sources)};
  offsets_.set_settled(context.settled);
  std::size_t buffered = options.buffer_bytes_max;
  for (const std::shared_ptr<SinkHub>& hub : hubs_joined_) {
    const Result<Configuration> own = transaction_configuration(hub->options(), id_, timeout_);
    if (!own) return own.error();
    buffered += hub->options().buffer_bytes_max;
  }
  if (!hubs_joined_.empty() && buffered > kBufferBytesMax) {
    return {ErrorCode::kInvalidArgument,
            "kafka sink: " + topics() + " are written by one client, and their .buffer_bytes_max are " +
                std::to_string(buffered) + " together: give them up to " + std::to_string(kBufferBytesMax) + " in all"};
  }
  to_fence_ = context.participants;
  std::erase(to_fence_, id_);
  std::erase(to_fence_, std::string{});  // of checkpoints in which the sink was at-least-once
  to_fence_.push_back(id_);
  found_none_ns_.reset();
  group_seen_ns_.reset();
  waiting_since_ns_.reset();
  begun_ = false;
  if (!context.log) return {};
  const Result<Configuration> configuration = transaction_configuration(options, id_, timeout_);
  if (configuration) {
    context.log(LogLevel::kInfo, "sink '" + context.stage + "' writes to Kafka in transactions, with " +
                                     configuration->text() + "; its decisions are in the groups '" + group + "' and '" +
                                     offsets_.pointer_group() + "'");
  }
  if (timeout_ <= context.checkpoint_interval + context.checkpoint_timeout) {
    context.log(LogLevel::kWarning,
                "sink '" + context.stage + "': a transaction may be open for " + std::to_string(timeout_.count()) +
                    " ms, which is not longer than checkpoint.interval and checkpoint.timeout together: where a "
                    "checkpoint takes that long, brokers abort it and the job goes back to the one before. Set a "
                    "longer .transaction_timeout (brokers allow up to their transaction.max.timeout.ms) or a shorter "
                    "checkpoint.timeout");
  }
  return {};
}

bool KafkaDecider::out_of_time() {
  const std::int64_t now_ns = clock_->monotonic_ns();
  if (!waiting_since_ns_) waiting_since_ns_ = now_ns;
  return now_ns - *waiting_since_ns_ > std::chrono::nanoseconds{2 * timeout_}.count();
}

Status KafkaDecider::status_of(const TransactionReply& reply, const std::string& doing) {
  if (reply.outcome == Outcome::kFenced) fenced_ = true;
  return reply.status.at(topics() + ": " + doing + " the transaction '" + id_ + "'");
}

Status KafkaDecider::taken_over(const Decision& found) const {
  std::string what = "nothing is decided any more";
  if (found.kind == Decision::Kind::kDecided) what = "checkpoint " + found.checkpoint.to_string() + " was decided";
  if (found.kind == Decision::Kind::kConflict) what = "somebody has changed the decisions: " + found.facts;
  return {ErrorCode::kAlreadyExists,
          "another instance of the job has taken over: this process was fenced, and since then " + what +
              ", which was not its doing. Two processes must not run with the transactional.id '" + id_ +
              "' (the same job and .instance)"};
}

// A fence cannot tell a rightful successor from a transaction that was open for too long. A decision can: behind the
// second it is the one that this process knows.
Result<bool> KafkaDecider::may_fence_back() {
  const Result<Decision> found = look(options_.connect_timeout);
  if (!found) {
    // A successor that is in the middle of a commit lets nobody read for that time.
    if (found.error().code() != ErrorCode::kUnavailable || out_of_time()) return found.error();
    std::this_thread::sleep_for(kPause);
    return false;
  }
  waiting_since_ns_.reset();
  hub_->looked();  // also where it ends the job: who starts that again means it
  if (!hub_->is_own(*found)) return taken_over(*found);
  return true;
}

Result<bool> KafkaDecider::fence(const DeciderContext& context) {
  if (!fencing_) {
    if (Status s = begin_fencing(context); !s.ok()) return s;
    fencing_ = true;
    transactions_.reset();
  }
  if (hub_->must_look()) {
    if (Result<bool> may = may_fence_back(); !may || !*may) return may;
  }
  const std::string& id = to_fence_.front();
  if (transactions_ == nullptr) {
    Result<std::shared_ptr<Transactions>> made = connect(id);
    if (!made) return made.error();
    transactions_ = *std::move(made);
  }
  const TransactionReply reply = transactions_->init(kSlice);
  if (reply.outcome == Outcome::kRetriable && !out_of_time()) {
    std::this_thread::sleep_for(kPause);
    return false;
  }
  if (!reply.ok()) return reply.status.at("initialising the transactional.id '" + id + "'");
  waiting_since_ns_.reset();
  to_fence_.erase(to_fence_.begin());
  fencing_ = !to_fence_.empty();
  if (fencing_) {
    transactions_.reset();
    return false;
  }
  connection_ = std::make_shared<SinkConnection>(std::shared_ptr<Producer>{transactions_, &transactions_->producer()});
  return true;
}

Result<std::vector<std::optional<CommittedOffset>>> KafkaDecider::committed(
    const std::string& group, const std::vector<TopicPartition>& partitions, milliseconds timeout) const {
  if (partitions.empty()) return std::vector<std::optional<CommittedOffset>>{};
  Result<std::unique_ptr<Consumer>> consumer = hub_->client().consumer(group_configuration(options_, group));
  if (!consumer) return consumer.error();
  auto offsets = (*consumer)->committed(partitions, timeout);
  if (!offsets) return offsets.error().at("the group '" + group + "'");
  return offsets;
}

Result<Decision> KafkaDecider::look(milliseconds timeout) const {
  const auto pointers = committed(offsets_.pointer_group(), offsets_.pointers(), timeout);
  if (!pointers) return pointers.error();
  const std::vector<TopicPartition> partitions = offsets_.partitions();
  const auto read = committed(offsets_.group(), partitions, timeout);
  if (!read) return read.error();
  std::vector<CommittedPartition> all;
  for (std::size_t i = 0; i < partitions.size(); ++i) all.push_back({partitions[i], (*read)[i]});
  return offsets_.decision(*pointers, all);
}

// Where a group has nothing at all to say, only a second look counts, some time behind the first.
void KafkaDecider::look_at_the_group(milliseconds timeout) {
  if (group_seen_ns_ || !offsets_.has_sources()) return;
  std::vector<TopicPartition> partitions = offsets_.partitions();
  if (!partitions.empty() || committed(offsets_.group(), offsets_.pointers(), timeout)) {
    group_seen_ns_ = clock_->monotonic_ns();
  }
}

Result<bool> KafkaDecider::admit(const DeciderContext& context) {
  constexpr Duration kUntilAgain = std::chrono::milliseconds{100};
  const std::vector<TopicPartition> beginning = offsets_.beginning(named_alike(context.sources));
  if (beginning.empty()) return true;
  // One that is known to have an offset says that the group's are there.
  std::vector<TopicPartition> partitions = offsets_.partitions();
  partitions.insert(partitions.begin(), beginning.begin(), beginning.end());
  const auto found = committed(offsets_.group(), partitions, options_.connect_timeout);
  if (!found) return found.error();
  const std::int64_t now_ns = clock_->monotonic_ns();
  if (!group_seen_ns_) group_seen_ns_ = now_ns;
  std::vector<CommittedPartition> all;
  for (std::size_t i = 0; i < beginning.size(); ++i) all.push_back({beginning[i], (*found)[i]});
  if (std::string begun = offsets_.begun(all); !begun.empty()) return Status{ErrorCode::kInvalidData, std::move(begun)};
  const bool any = std::any_of(found->begin(), found->end(), [](const auto& offset) { return offset.has_value(); });
  if (any || now_ns >= monotonic_after(*group_seen_ns_, kSecondLook)) return true;
  std::this_thread::sleep_for(kUntilAgain);
  return false;
}

Result<std::optional<Decision>> KafkaDecider::read(const DeciderContext&) {
  constexpr Duration kUntilAgain = std::chrono::milliseconds{100};
  if (found_none_ns_ && clock_->monotonic_ns() < monotonic_after(*found_none_ns_, kSecondLook)) {
    std::this_thread::sleep_for(kUntilAgain);
    return std::optional<Decision>{};
  }
  Result<Decision> found = look(options_.connect_timeout);
  if (!found) return found.error();
  look_at_the_group(options_.connect_timeout);
  if (found->kind == Decision::Kind::kNone && !found_none_ns_) {
    found_none_ns_ = clock_->monotonic_ns();
    return std::optional<Decision>{};
  }
  if (found->kind == Decision::Kind::kNone) {
    found->facts = "the groups '" + offsets_.group() + "' and '" + offsets_.pointer_group() + "' at " +
                   options_.brokers +
                   " have none (brokers delete the offsets of a group to which nobody has committed for "
                   "offsets.retention.minutes, 7 days by default)";
  }
  hub_->note_decided(found->kind == Decision::Kind::kDecided ? std::optional{found->checkpoint} : std::nullopt);
  if (!begun_) {
    const TransactionReply reply = transactions_->begin();
    if (!reply.ok()) return status_of(reply, "beginning");
    late_possible_ = reply.connection_lost;
    begun_ = true;
  }
  return std::optional{*std::move(found)};
}

DecisionStep KafkaDecider::fail(DecisionStep step) {
  failure_ = step.status;
  return step;
}

DecisionStep KafkaDecider::prepare(const DecisionDraft& draft) {
  if (!failure_.ok()) return DecisionStep::aborted(failure_);
  if (sending_ != draft.checkpoint) {
    sending_ = draft.checkpoint;
    groups_sent_ = 0;
    waiting_since_ns_.reset();
  }
  if (older_possible_) return fail(older_offsets(draft));
  const std::vector<OffsetsOfGroup> groups = offsets_.of(draft);
  const std::string metadata = offsets_.metadata(draft.checkpoint);
  for (; groups_sent_ < groups.size(); ++groups_sent_) {
    const OffsetsOfGroup& each = groups[groups_sent_];
    const TransactionReply reply = transactions_->send_offsets(each.group, each.offsets, metadata, kOffsetsSlice);
    offsets_asked_ = true;
    if (reply.connection_lost || reply.outcome == Outcome::kRetriable) late_possible_ = true;
    const bool is_open = reply.ok() || reply.outcome == Outcome::kRetriable;
    if (is_open && reply.connection_lost && older_asked_) return fail(older_offsets(draft));
    if (reply.ok()) continue;
    if (reply.outcome == Outcome::kRetriable && !out_of_time()) return pending();
    // Nobody was asked to commit, so it is not decided, whatever the client has come to.
    return fail(DecisionStep::aborted(status_of(reply, "adding offsets of the group '" + each.group + "' to")));
  }
  waiting_since_ns_.reset();
  return DecisionStep::done();
}

// Nobody can say in which order the group's coordinator gets them, and the transaction has output that cannot be
// written again without going back.
DecisionStep KafkaDecider::older_offsets(const DecisionDraft& draft) const {
  return DecisionStep::aborted(
      {ErrorCode::kUnavailable, topics() +
                                    ": offsets of a checkpoint that was given up may be on their way to the "
                                    "transaction '" +
                                    id_ + "' still, and would take the place of those of checkpoint " +
                                    draft.checkpoint.to_string() + ": it is aborted"});
}

DecisionStep KafkaDecider::decide(const DecisionDraft& draft) {
  if (!failure_.ok()) return DecisionStep::in_doubt(failure_);
  drop_retired();
  return committed_ ? renew(draft) : commit(draft);
}

// Once asked for, a commit is only ever asked for again: an abort now could come behind it.
DecisionStep KafkaDecider::commit(const DecisionDraft& draft) {
  ending_ = true;
  hub_->note_asked(draft.checkpoint);
  const TransactionReply reply = transactions_->commit(kSlice);
  if (reply.connection_lost || reply.outcome == Outcome::kRetriable) late_possible_ = true;
  if (reply.ok()) {
    hub_->note_decided(draft.checkpoint);
    committed_ = true;
    waiting_since_ns_.reset();
    return renew(draft);
  }
  if (reply.outcome == Outcome::kRetriable) {
    ++unanswered_;
    if (!out_of_time()) return pending();
    return fail(DecisionStep::in_doubt(status_of(reply, "committing")));
  }
  Status why = status_of(reply, "committing");
  if (reply.outcome == Outcome::kAbortable && unanswered_ == 0 && !reply.connection_lost) {
    ending_ = false;
    return fail(DecisionStep::aborted(std::move(why)));
  }
  // The client sends a request again by itself: one that was answered like this may be the second.
  return fail(DecisionStep::in_doubt(std::move(why)));
}

void KafkaDecider::give_up() {
  // The transaction stays open: the next checkpoint's offsets take the place of these.
  sending_ = {};
  older_asked_ = older_asked_ || offsets_asked_;
  older_possible_ = older_possible_ || (offsets_asked_ && late_possible_);
  if (failure_.ok()) passes_->let_next_pass();
}

void KafkaDecider::close() {
  // What was asked to be committed may be: that is for the next run's fence. Nobody else aborts what is open before
  // that, and readers of committed messages would wait for it.
  if (transactions_ != nullptr && begun_ && !ending_) {
    for (int slice = 0; slice < kAbortSlices; ++slice) {
      const TransactionReply reply = transactions_->abort(kSlice);
      if (reply.outcome == Outcome::kFenced) fenced_ = true;
      if (reply.outcome != Outcome::kRetriable) break;
    }
  }
  // Messages may have been refused before any call was.
  if (transactions_ != nullptr && begun_ && transactions_->fenced()) fenced_ = true;
  if (fenced_) hub_->note_fenced(clock_->monotonic_ns());
}

std::shared_ptr<Decider> make_decider(const std::shared_ptr<SinkHub>& hub) {
  if (hub->options().guarantee.value_or(Guarantee::kExactlyOnce) != Guarantee::kExactlyOnce) return nullptr;
  return std::make_shared<KafkaDecider>(hub);
}

}  // namespace millstream::inline v0::kafka::detail
