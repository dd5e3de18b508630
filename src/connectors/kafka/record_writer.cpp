// From what a shard has encoded to messages of the client, and waiting for them.
#include "millstream/connectors/kafka/record_writer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "connectors/kafka/decider.hpp"
#include "connectors/kafka/sink_hub.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::chrono::milliseconds kFlushSlice{10};  // other shards may answer for this one meanwhile
// What the client holds back for company (linger.ms) it sends as long as somebody flushes, if only for a moment.
constexpr std::chrono::milliseconds kFlushMoment{1};
constexpr Duration kFlushAgain = std::chrono::milliseconds{20};
constexpr Duration kLookAgain = std::chrono::milliseconds{100};
// While a transaction ends the client is given nothing, and the input goes on for so many times what it may have under
// way: at a million small messages a second the buffer alone would be full in less time than a commit takes.
constexpr std::size_t kWaitingTimes = 4;
constexpr std::size_t kPassedPerCall = 4 * kBatchRecordsMax;  // messages: more than come meanwhile, and a short step

template <class Added>
OutgoingMessage outgoing(const Added& added, std::string_view bytes, std::span<const Header> headers) {
  return {.value = bytes.substr(added.value_at, added.end_at - added.value_at),
          .key = bytes.substr(added.key_at, added.value_at - added.key_at),
          .has_value = added.has_value,
          .has_key = added.has_key,
          .partition = added.partition,
          .timestamp_ms = added.timestamp_ms,
          .headers = headers};
}

}  // namespace

RecordWriter::RecordWriter(const WriterOptions& options, std::shared_ptr<SinkConnection> connection,
                           SinkContext& context)
    : options_{options},
      connection_{std::move(connection)},
      context_{context},
      deliveries_{connection_->add_writer(options, context.shards(), context.waker())} {}

RecordWriter::~RecordWriter() = default;

Result<std::unique_ptr<RecordWriter>> RecordWriter::open(SinkHub& hub, SinkContext& context,
                                                         const std::shared_ptr<Decider>& decider) {
  if (decider) {
    auto& transactions = static_cast<KafkaDecider&>(*decider);  // made by make_decider()
    std::unique_ptr<RecordWriter> writer{new RecordWriter{hub.options(), transactions.connection(), context}};
    writer->transactional_id_ = transactions.transactional_id();
    // Room is counted with what is under way, so the buffer needs no limit of its own.
    writer->waiting_.emplace(transactions.passes(),
                             EpochBufferLimits{.bytes = std::numeric_limits<std::size_t>::max()});
    transactions.passes()->add(context.waker());
    return writer;
  }
  Result<std::shared_ptr<SinkConnection>> connection = hub.connection(context);
  if (!connection) return connection.error();
  return std::unique_ptr<RecordWriter>{new RecordWriter{hub.options(), *std::move(connection), context}};
}

bool RecordWriter::look_for_room() {
  const auto roomy = [&] {
    room_bytes_ = deliveries_->room();
    if (waiting_ && !waiting_->is_open()) room_bytes_ = std::max(room_bytes_, kWaitingTimes * deliveries_->limit());
    return waiting_bytes_ + added_bytes() < room_bytes_;
  };
  if (roomy()) return true;
  // What was added is not under way yet, and nobody would answer for it.
  if (!added_.empty()) return false;
  deliveries_->begin_waiting();
  if (connection_->producer()->has_events() && !serve().ok()) return true;  // send() says why
  if (roomy()) return true;
  context_.retry_at(saturating_add(context_.clock().now(), kLookAgain));
  return false;
}

void RecordWriter::header(Header header) {
  header_bytes_ += kHeaderBytes + (header.value ? header.value->size() : 0);
  headers_.push_back(std::move(header));
  ++added_.back().headers;
}

Status RecordWriter::send() {
  if (before_1970_) {
    return {ErrorCode::kInvalidData, "the timestamp of a record is before 1970: no message of Kafka can have it"};
  }
  if (waiting_ && !waiting_->may_pass()) {
    keep_added();
  } else if (!added_.empty()) {
    Status refused = produce(bytes_, added_, headers_, bytes_.size() + header_bytes_);
    forget_added();
    if (!refused.ok()) return refused;
  }
  return serve();
}

Status RecordWriter::produce(std::string_view text, std::span<const Added> added, std::span<const Header> headers,
                             std::size_t bytes) {
  outgoing_.clear();
  for (const Added& each : added) {
    outgoing_.push_back(outgoing(each, text, headers.first(each.headers)));
    headers = headers.subspan(each.headers);
  }
  room_bytes_ = 0;
  deliveries_->sent(outgoing_.size(), bytes);
  Status refused = connection_->producer()->produce(options_.topic, outgoing_, *deliveries_);
  if (refused.ok() || options_.guarantee == Guarantee::kNone) return {};
  return refused.at("topic '" + options_.topic + "'");
}

void RecordWriter::forget_added() {
  added_.clear();
  bytes_.clear();
  headers_.clear();
  header_bytes_ = 0;
}

void RecordWriter::keep_added() {
  if (added_.empty()) return;
  const std::size_t text = bytes_.size();
  const std::size_t messages = added_.size();
  const std::size_t size = added_bytes();
  Waiting waiting{std::move(bytes_), std::move(added_), std::move(headers_), size};
  waiting_bytes_ += waiting.size;
  const bool kept = waiting_->keep(waiting, 0);
  MILLSTREAM_ASSERT(kept);
  forget_added();
  // The next ones are about as many.
  bytes_.reserve(text);
  added_.reserve(messages);
}

Status RecordWriter::pass() {
  if (!waiting_ || !waiting_->is_open()) return {};
  if (std::exchange(was_shut_, false)) room_bytes_ = 0;  // there is less of it than at the last look
  if (waiting_->empty()) return {};
  Status refused;
  std::size_t passed = 0;
  pass_again_ = false;
  waiting_->drain([&](const Waiting& waiting) {
    pass_again_ = passed >= kPassedPerCall;
    if (pass_again_ || deliveries_->room() == 0) return false;
    passed += waiting.added.size();
    waiting_bytes_ -= waiting.size;
    refused =
        produce(waiting.bytes, waiting.added, waiting.headers, waiting.size - waiting.added.size() * kMessageBytes);
    return refused.ok();
  });
  return refused;
}

std::string RecordWriter::barrier() {
  if (waiting_) waiting_->barrier();
  was_shut_ = waiting_.has_value();
  return transactional_id_;
}

Status RecordWriter::serve() {
  if (const std::shared_ptr<Producer> producer = connection_->producer(); producer->has_events()) {
    const Status status = producer->serve([this](LogLevel level, std::string_view text) { context_.log(level, text); });
    if (!status.ok()) return status.at("topic '" + options_.topic + "'");
  }
  Status cause;
  if (const std::uint64_t lost = deliveries_->take_lost(cause); lost > 0) {
    context_.log(LogLevel::kWarning, "sink '" + context_.stage() + "': " + std::to_string(lost) +
                                         " messages were lost: " + cause.message());
  }
  return deliveries_->status();
}

Result<bool> RecordWriter::drained() {
  if (waiting_ && !waiting_->empty()) deliveries_->begin_waiting();  // where the client takes no more of it now
  if (Status passed = pass(); !passed.ok()) return passed;
  if (Status served = serve(); !served.ok()) return served;
  if (waiting_ && !waiting_->empty()) {
    // The waker comes when more may pass.
    const bool more = pass_again_ || waiting_->paused();
    context_.retry_at(more ? kTimestampMin : saturating_add(context_.clock().now(), kLookAgain));
    return false;
  }
  if (!context_.draining() || options_.guarantee == Guarantee::kNone) return true;
  deliveries_->begin_waiting();
  Result<bool> arrived = deliveries_->all_arrived();
  const std::int64_t now_ns = context_.clock().monotonic_ns();
  // Any writer's answers may wake this one: not each time is one to flush.
  if (arrived && !*arrived && now_ns >= flush_again_ns_) {
    flush_again_ns_ = monotonic_after(now_ns, kFlushAgain);
    connection_->producer()->flush(kFlushMoment);
    if (Status served = serve(); !served.ok()) return served;
    arrived = deliveries_->all_arrived();
  }
  if (arrived && !*arrived) context_.retry_at(saturating_add(context_.clock().now(), kFlushAgain));
  return arrived;
}

Status RecordWriter::wait_for_deliveries() {
  while (true) {
    if (Status served = serve(); !served.ok()) return served;
    const Result<bool> arrived = deliveries_->all_arrived();
    if (!arrived) return arrived.error();
    if (*arrived) return {};
    connection_->producer()->flush(kFlushSlice);
  }
}

}  // namespace millstream::inline v0::kafka::detail
