// One partition, from what the client has fetched to messages in their order.
#include "millstream/connectors/kafka/partition_reader.hpp"

#include <algorithm>
#include <utility>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/source_hub.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::int64_t kLagEveryNs = 100'000'000;

}  // namespace

PartitionReader::PartitionReader(SplitContext& context, const SourceOptions& options)
    : context_{context}, options_{options} {}

Result<std::unique_ptr<PartitionReader>> PartitionReader::open(SourceHub& hub, SplitContext& context) {
  std::unique_ptr<PartitionReader> reader{new PartitionReader{context, hub.options()}};
  const Split& split = context.split();
  TopicPartition partition = parse_split_id(split.id);
  reader->connection_ = std::static_pointer_cast<SourceConnection>(context.shared());
  if (!reader->connection_) return Status{ErrorCode::kInternal, "there is no connection of this run"};
  SourceConnection& connection = *reader->connection_;
  if (const std::string settings = connection.take_settings(); !settings.empty()) {
    context.log(LogLevel::kInfo, "source '" + context.source_name() + "' reads Kafka with " + settings);
  }
  if (const std::int32_t partitions = connection.partitions_of(partition.topic); partitions > 0) {
    if (connection.on_new_partitions == NewPartitions::kHalt) {
      if (Status s = check_partitions(partition.topic, partitions, split.start.detail); !s.ok()) return s;
    }
    reader->detail_ = position_detail(partitions);
  }
  reader->next_offset_ = static_cast<std::int64_t>(split.start.offset);
  const auto end = connection.ends.find(split.id);
  if (end != connection.ends.end()) reader->end_offset_ = end->second;
  Result<std::unique_ptr<PartitionQueue>> queue =
      connection.consumer().read(partition, reader->next_offset_, [waker = context.waker()] { waker.wake(); });
  if (!queue) return queue.error();
  reader->queue_ = *std::move(queue);
  reader->topic_ = std::move(partition.topic);
  reader->partition_ = partition.partition;
  connection.add_reader(reader.get(), context.waker());
  return reader;
}

PartitionReader::~PartitionReader() {
  queue_.reset();  // before the connection that it is a part of
  if (connection_) connection_->remove_reader(this);
  if (skipped_offsets_ > 0) {
    context_.log(LogLevel::kDebug, context_.split().id + ": " + std::to_string(skipped_offsets_) +
                                       " offsets had no message to read (marks of transactions, what was aborted, "
                                       "what compaction has removed)");
  }
}

void PartitionReader::fail(const Status& status) { outcome_ = status; }

bool PartitionReader::serve_client() {
  const bool has_news = connection_->has_news();
  if (!has_news && !connection_->consumer().has_events()) return true;
  const auto log = [this](LogLevel level, std::string_view text) { context_.log(level, text); };
  Status status = has_news ? connection_->serve_news(log) : Status{};
  if (status.ok()) status = connection_->consumer().serve(log);
  if (status.ok()) return true;
  fail(status);
  return false;
}

void PartitionReader::report_lag() {
  const std::int64_t now_ns = context_.clock().monotonic_ns();
  if (!at_end_ && now_ns - lag_reported_ns_ < kLagEveryNs) return;
  const std::int64_t end = queue_->end_offset();
  if (!at_end_ && (moved_ || end < 0)) return;
  lag_reported_ns_ = now_ns;
  // Readers of what is committed are at the end where open transactions begin.
  const std::int64_t records = at_end_ ? 0 : end - next_offset_;
  Duration time{0};
  if (records > 0 && last_timestamp_ms_ >= 0) {
    time = saturating_distance(context_.clock().now(), Timestamp{std::chrono::milliseconds{last_timestamp_ms_}});
  }
  context_.report_lag(static_cast<std::uint64_t>(std::max<std::int64_t>(records, 0)), std::max(time, Duration{0}));
}

bool PartitionReader::refill() {
  if (!may_fetch_) {
    outcome_ = Poll::more();
    return false;
  }
  may_fetch_ = false;
  if (!serve_client()) return false;
  // A position behind the end is none to stop at: the broker is to say that it is not there.
  if (next_offset_ == end_offset_) {
    outcome_ = Poll::done();
    return false;
  }
  const Fetched fetched = queue_->fetch(messages_);
  taken_ = 0;
  fetched_ = fetched.messages;
  handle(fetched);
  report_lag();
  return fetched_ > 0;
}

void PartitionReader::handle(const Fetched& fetched) {
  if (fetched.messages > 0) at_end_ = false;
  outcome_ = fetched.messages == 0 ? Poll::waiting() : Poll::more();
  switch (fetched.event) {
    case Fetched::Event::kNothing:
      return;
    case Fetched::Event::kEnd:
      at_end_ = true;
      // Marks of transactions may stand behind the last message. A position ahead of them would be lost when retention
      // deletes them, although there is nothing left to read.
      move_to(moved_ ? fetched.offset : std::max(next_offset_, fetched.offset));
      outcome_ = Poll::more();  // perhaps there is more behind it already
      if (end_offset_ >= 0 && next_offset_ >= end_offset_) outcome_ = Poll::done();
      return;
    case Fetched::Event::kOutOfRange:
      outcome_ = Poll::more();
      handle_out_of_range(fetched.status);
      return;
    case Fetched::Event::kFailed:
      fail(fetched.status);
  }
}

void PartitionReader::move_to(std::int64_t offset) {
  if (!std::exchange(moved_, false)) skipped_offsets_ += static_cast<std::uint64_t>(offset - next_offset_);
  next_offset_ = offset;
}

const MessageView* PartitionReader::take() {
  const MessageView& message = messages_[taken_++];
  if (message.offset < next_offset_ && !moved_) {
    fail({ErrorCode::kInternal, "offset " + std::to_string(message.offset) + " came when " +
                                    std::to_string(next_offset_) +
                                    " was the next: the client has given out messages twice"});
    fetched_ = taken_ = 0;
    return nullptr;
  }
  if (end_offset_ >= 0 && message.offset >= end_offset_) {
    move_to(moved_ ? end_offset_ : std::max(next_offset_, end_offset_));
    fetched_ = taken_ = 0;
    outcome_ = Poll::done();
    return nullptr;
  }
  move_to(message.offset);
  ++next_offset_;
  last_timestamp_ms_ = message.timestamp_ms;
  return &message;
}

void PartitionReader::handle_out_of_range(const Status& cause) {
  const std::string what = "offset " + std::to_string(next_offset_) + ": " + cause.message();
  if (options_.on_out_of_range == OutOfRange::kFail) {
    fail({cause.code(), what});
    return;
  }
  const bool earliest = options_.on_out_of_range == OutOfRange::kEarliest;
  context_.log(LogLevel::kWarning, "source '" + context_.source_name() + "', split " + context_.split().id + ": " +
                                       what + "; going on at the " + (earliest ? "earliest" : "latest") +
                                       " offset, as .on_out_of_range says");
  moved_ = true;
  at_end_ = false;
  if (Status s = queue_->restart_at(earliest ? kEarliestOffset : kLatestOffset); !s.ok()) fail(s);
}

void PartitionReader::append_headers(const MessageView& message, std::vector<Header>& headers) const {
  queue_->append_headers(message, headers);
}

DeadLetter PartitionReader::letter(const MessageView& message, DecodeError error) const {
  OriginalMessage original{.topic = topic_,
                           .partition = partition_,
                           .offset = message.offset,
                           .timestamp = timestamp_of(message),
                           .has_value = message.has_value};
  if (message.has_key) original.key.emplace(message.key);
  append_headers(message, original.headers);
  return {.bytes = std::string{message.value},
          .source = context_.split().id + "@" + std::to_string(message.offset),
          .line = 0,
          .column = error.column,
          .field = std::move(error.field),
          .stage = {},
          .reason = std::move(error.reason),
          .message = std::move(original)};
}

}  // namespace millstream::inline v0::kafka::detail
