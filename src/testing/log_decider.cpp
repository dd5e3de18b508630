// A checkpoint's decision as the transaction of a log.
#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/mutants.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/testing/log_connector.hpp"

namespace millstream::inline v0::testing {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds{5};  // that a call waits for a reply
constexpr Duration kSecondLook = std::chrono::seconds{2};  // before a group counts as one without offsets
constexpr std::uint32_t kUnansweredMax = 60;               // then the outcome is left to the next run
constexpr std::string_view kMetadataHead = "ms1;c=";

Status over() {
  return {
      ErrorCode::kUnavailable,
      "the transaction is over: it was open for longer than its transaction_timeout, or another instance of the job "
      "has begun"};
}
Status gone() { return {ErrorCode::kUnavailable, "the broker is gone"}; }

struct Named {
  CheckpointId checkpoint;
  std::string job;
};

std::optional<Named> parse(std::string_view text) {
  Named named;
  if (!text.starts_with(kMetadataHead)) return std::nullopt;
  const char* const end = text.data() + text.size();
  const auto id = std::from_chars(text.data() + kMetadataHead.size(), end, named.checkpoint.id);
  if (id.ec != std::errc{} || !std::string_view{id.ptr, end}.starts_with(";n=")) return std::nullopt;
  const auto nonce = std::from_chars(id.ptr + 3, end, named.checkpoint.nonce, 16);
  if (nonce.ec != std::errc{} || !std::string_view{nonce.ptr, end}.starts_with(";j=")) return std::nullopt;
  named.job = std::string{nonce.ptr + 3, end};
  return named;
}

std::string split_id(const LogPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

}  // namespace

// Nothing is to be done to join: records say where they go, and offsets and identity are the same.
std::string LogDecider::why_not_joined(const Decider& other) const {
  const LogSinkOptions& theirs = static_cast<const LogDecider&>(other).options_;
  if (options_.broker != theirs.broker) return "they write to two logs, whose transactions cannot be committed as one";
  if (options_.transactional_id != theirs.transactional_id) return "they differ in transactional_id";
  if (options_.group != theirs.group || options_.source_stage != theirs.source_stage ||
      options_.source_topic != theirs.source_topic) {
    return "they differ in whose offsets are decided, and in which group";
  }
  if (options_.transaction_timeout != theirs.transaction_timeout) return "they differ in transaction_timeout";
  return {};
}

// The id comes last: what a reader of metadata cuts off would be the end.
std::string LogDecider::metadata(CheckpointId checkpoint) const {
  char nonce[17] = {};
  std::to_chars(nonce, nonce + 16, checkpoint.nonce, 16);
  return std::string{kMetadataHead} + std::to_string(checkpoint.id) + ";n=" + nonce + ";j=" + job_;
}

std::shared_ptr<Decider> LogDecider::of_instance(std::uint32_t instance) const {
  if (!options_.instance) return nullptr;
  LogSinkOptions options = options_;
  options.transactional_id.erase(options.transactional_id.size() - std::to_string(*options_.instance).size());
  options.transactional_id += std::to_string(instance);
  options.instance = instance;
  return std::make_shared<LogDecider>(std::move(options));
}

// Settled, or of a partition that no checkpoint here had read: another instance's.
bool LogDecider::is_other(const LogPartition& partition, CheckpointId named) const {
  if (!options_.instance) return false;
  if (named.id <= settled_) return true;
  const std::string split = split_id(partition);
  if (draft_splits_.contains(split)) return false;
  return std::none_of(sources_.begin(), sources_.end(), [&](const DecisionSource& source) {
    return source.stage == options_.source_stage &&
           std::find(source.splits.begin(), source.splits.end(), split) != source.splits.end();
  });
}

Result<bool> LogDecider::fence(const DeciderContext& context) {
  if (!std::exchange(fencing_, true)) {
    job_ = context.job;
    clock_ = context.clock;
    to_fence_ = context.participants;
    std::erase(to_fence_, options_.transactional_id);
    to_fence_.push_back(options_.transactional_id);
  }
  options_.broker->at(clock_->now());
  const LogReply reply = options_.broker->init(to_fence_.front(), options_.transaction_timeout, producer_);
  if (reply == LogReply::kCutOff) return gone();
  if (reply != LogReply::kOk) {
    options_.broker->wait(kSlice);
    return false;
  }
  to_fence_.erase(to_fence_.begin());
  fencing_ = !to_fence_.empty();
  return !fencing_;
}

Result<std::optional<Decision>> LogDecider::read(const DeciderContext& context) {
  job_ = context.job;
  settled_ = context.settled;
  sources_ = context.sources;
  LogOffsets offsets;
  const bool stable = !mutant_is(Mutant::kUnstableDecisionRead);
  const LogReply reply = options_.broker->offsets(options_.group, stable, offsets);
  if (reply == LogReply::kCutOff) return gone();
  if (reply != LogReply::kOk) {
    options_.broker->wait(kSlice);
    return std::optional<Decision>{};
  }
  if (offsets.empty() && !std::exchange(looked_once_, true)) {
    options_.broker->wait(kSecondLook);
    return std::optional<Decision>{};
  }
  return std::optional{decision_in(offsets)};
}

Decision LogDecider::decision_in(const LogOffsets& offsets) const {
  Decision decision;
  const auto conflict = [&](const std::string& what) {
    return Decision{Decision::Kind::kConflict, {}, {}, "the group '" + options_.group + "': " + what};
  };
  for (const auto& [partition, offset] : offsets) {
    const std::optional<Named> named = parse(offset.metadata);
    const std::string where = "its offset for " + split_id(partition);
    if (!named) return conflict(where + " is none of a job's decisions: somebody else has set it");
    if (named->job != job_) return conflict(where + " is of the job '" + named->job + "': give each job its own group");
    if (is_other(partition, named->checkpoint)) continue;
    if (decision.kind == Decision::Kind::kDecided && decision.checkpoint != named->checkpoint) {
      return conflict(where + " is of checkpoint " + named->checkpoint.to_string() + ", and another one of " +
                      decision.checkpoint.to_string());
    }
    decision.kind = Decision::Kind::kDecided;
    decision.checkpoint = named->checkpoint;
    if (options_.source_stage.empty()) continue;
    SplitPosition position{options_.source_stage, split_id(partition), {}, false};
    encode_value(Position{offset.offset, {}}, position.position);
    decision.positions.push_back(std::move(position));
  }
  return decision;
}

LogOffsets LogDecider::offsets_of(const DecisionDraft& draft) const {
  const std::string text = metadata(draft.checkpoint);
  LogOffsets offsets;
  if (options_.source_stage.empty()) offsets[{options_.topic, 0}] = {draft.checkpoint.id, text};
  const auto& positions =
      mutant_is(Mutant::kOlderPositionsDecided) && !older_.positions.empty() ? older_.positions : draft.positions;
  for (const SplitPosition& each : positions) {
    if (each.source != options_.source_stage) continue;
    Position position;
    LogPartition partition{options_.source_topic, 0};
    const std::string_view number = std::string_view{each.split}.substr(options_.source_topic.size() + 1);
    std::from_chars(number.data(), number.data() + number.size(), partition.partition);
    MILLSTREAM_ASSERT(decode_value(each.position, position));
    offsets[partition] = {position.offset, text};
  }
  return offsets;
}

LogReply LogDecider::append(const LogPartition& to, const LogRecord& record) {
  return options_.broker->append(producer_, to, record);
}

DecisionStep LogDecider::prepare(const DecisionDraft& draft) {
  options_.broker->at(clock_->now());
  for (const SplitPosition& each : draft.positions) draft_splits_.insert(each.split);
  LogReply reply = options_.broker->flush(producer_);
  if (reply == LogReply::kOk) reply = options_.broker->add_offsets(producer_, options_.group, offsets_of(draft));
  switch (reply) {
    case LogReply::kOk:
      older_ = draft;
      return DecisionStep::done();
    case LogReply::kDeliveryFailed:
      return DecisionStep::aborted({ErrorCode::kUnavailable, "a record did not arrive"});
    case LogReply::kFenced:
    case LogReply::kInvalidState:
      return DecisionStep::aborted(over());
    case LogReply::kCutOff:
      return DecisionStep::in_doubt(gone());
    default:
      options_.broker->wait(kSlice);
      return DecisionStep::pending();
  }
}

// Once asked for, a commit is only ever asked for again: an abort now could come behind it.
DecisionStep LogDecider::decide(const DecisionDraft& draft) {
  if (ended_) return renew(draft);
  options_.broker->at(clock_->now());
  ending_ = true;
  const LogReply reply = options_.broker->end(producer_, true);
  switch (reply) {
    case LogReply::kOk:
      ended_ = true;
      // A request that timed out may still be on its way, and would end the next transaction of this producer.
      if (unanswered_ > 0) return DecisionStep::pending();
      return renew(draft);
    case LogReply::kFenced:
    case LogReply::kInvalidState:
      return unanswered_ > 0 ? DecisionStep::in_doubt(over()) : DecisionStep::aborted(over());
    case LogReply::kCutOff:
      return DecisionStep::in_doubt(gone());
    default:
      break;
  }
  if (reply == LogReply::kTimedOut && mutant_is(Mutant::kAbortBehindUnknownCommit)) {
    static_cast<void>(options_.broker->end(producer_, false));
    ending_ = false;
    return DecisionStep::failed(over());
  }
  options_.broker->wait(kSlice);
  if (reply == LogReply::kTimedOut && ++unanswered_ > kUnansweredMax) return DecisionStep::in_doubt(over());
  return DecisionStep::pending();
}

// A new producer takes the id from whoever has begun with it meanwhile: this process may have been stopped for an hour.
// What that has decided is the job's state now.
DecisionStep LogDecider::renew(const DecisionDraft& draft) {
  if (!failure_.ok()) return DecisionStep::in_doubt(failure_);
  if (unanswered_ > 0) {
    Decision behind;
    const LogReply reply = replace_producer(behind);
    if (reply == LogReply::kCutOff) return DecisionStep::in_doubt(gone());
    if (reply != LogReply::kOk) {
      options_.broker->wait(kSlice);
      return DecisionStep::pending();
    }
    if (behind.checkpoint != draft.checkpoint) {
      failure_ = over();
      return DecisionStep::in_doubt(failure_);
    }
  }
  unanswered_ = 0;
  ending_ = ended_ = false;
  passes_->let_next_pass();
  return DecisionStep::done();
}

LogReply LogDecider::replace_producer(Decision& behind) {
  const LogReply reply = options_.broker->init(options_.transactional_id, options_.transaction_timeout, producer_);
  if (reply != LogReply::kOk) return reply;
  LogOffsets offsets;
  const LogReply read = options_.broker->offsets(options_.group, true, offsets);
  if (read == LogReply::kOk) behind = decision_in(offsets);
  return read;
}

void LogDecider::give_up() {
  if (mutant_is(Mutant::kGivenUpDropped)) static_cast<void>(options_.broker->end(producer_, false));
  passes_->let_next_pass();
}

void LogDecider::close() {
  // What nobody answers now ends by its age, or by the next run's fence.
  if (!ending_ && !producer_.id.empty()) static_cast<void>(options_.broker->end(producer_, false));
}

}  // namespace millstream::inline v0::testing
