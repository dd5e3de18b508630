// From what a shard has encoded to messages of the client, and waiting for them.
#include "millstream/connectors/kafka/record_writer.hpp"

#include <utility>

#include "connectors/kafka/sink_hub.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::chrono::milliseconds kFlushSlice{10};  // other shards may answer for this one meanwhile
// What the client holds back for company (linger.ms) it sends as long as somebody flushes, if only for a moment.
constexpr std::chrono::milliseconds kFlushMoment{1};
constexpr Duration kFlushAgain = std::chrono::milliseconds{20};
constexpr Duration kLookAgain = std::chrono::milliseconds{100};

}  // namespace

RecordWriter::RecordWriter(std::shared_ptr<SinkConnection> connection, SinkContext& context)
    : connection_{std::move(connection)},
      context_{context},
      deliveries_{connection_->add_writer(context.shards(), context.waker())} {}

RecordWriter::~RecordWriter() = default;

Result<std::unique_ptr<RecordWriter>> RecordWriter::open(SinkHub& hub, SinkContext& context) {
  Result<std::shared_ptr<SinkConnection>> connection = hub.connection(context);
  if (!connection) return connection.error();
  return std::unique_ptr<RecordWriter>{new RecordWriter{*std::move(connection), context}};
}

bool RecordWriter::has_room() {
  const auto roomy = [&] {
    return deliveries_->has_room(bytes_.size() + header_bytes_ + added_.size() * WriterDeliveries::kMessageBytes);
  };
  if (roomy()) return true;
  // What was added is not under way yet, and nobody would answer for it.
  if (!added_.empty()) return false;
  deliveries_->begin_waiting();
  if (connection_->producer().has_events() && !serve().ok()) return true;  // send() says why
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
  if (!added_.empty()) {
    std::vector<OutgoingMessage> messages(added_.size());
    const std::string_view bytes{bytes_};
    std::span<const Header> headers{headers_};
    for (std::size_t i = 0; i < added_.size(); ++i) {
      const Added& added = added_[i];
      OutgoingMessage& message = messages[i];
      message.key = bytes.substr(added.key_at, added.value_at - added.key_at);
      message.value = bytes.substr(added.value_at, added.end_at - added.value_at);
      message.has_key = added.has_key;
      message.has_value = added.has_value;
      message.partition = added.partition;
      message.timestamp_ms = added.timestamp_ms;
      message.headers = headers.first(added.headers);
      headers = headers.subspan(added.headers);
    }
    deliveries_->sent(messages.size(), bytes_.size() + header_bytes_);
    Status refused = connection_->producer().produce(connection_->options().topic, messages, *deliveries_);
    added_.clear();
    bytes_.clear();
    headers_.clear();
    header_bytes_ = 0;
    if (!refused.ok() && connection_->options().guarantee != Guarantee::kNone) return refused;
  }
  return serve();
}

Status RecordWriter::serve() {
  if (connection_->producer().has_events()) {
    const Status status =
        connection_->producer().serve([this](LogLevel level, std::string_view text) { context_.log(level, text); });
    if (!status.ok()) return status;
  }
  Status cause;
  if (const std::uint64_t lost = deliveries_->take_lost(cause); lost > 0) {
    context_.log(LogLevel::kWarning, "sink '" + context_.stage() + "': " + std::to_string(lost) +
                                         " messages were lost: " + cause.message());
  }
  return deliveries_->status();
}

Result<bool> RecordWriter::drained() {
  if (Status served = serve(); !served.ok()) return served;
  if (!context_.draining() || connection_->options().guarantee == Guarantee::kNone) return true;
  deliveries_->begin_waiting();
  Result<bool> arrived = deliveries_->all_arrived();
  const std::int64_t now_ns = context_.clock().monotonic_ns();
  // Any writer's answers may wake this one: not each time is one to flush.
  if (arrived && !*arrived && now_ns >= flush_again_ns_) {
    flush_again_ns_ = monotonic_after(now_ns, kFlushAgain);
    connection_->producer().flush(kFlushMoment);
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
    connection_->producer().flush(kFlushSlice);
  }
}

}  // namespace millstream::inline v0::kafka::detail
