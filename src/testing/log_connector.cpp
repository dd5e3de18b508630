// Reading from and writing to a LogBroker on the shards.
#include "millstream/testing/log_connector.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/mutants.hpp"
#include "millstream/core/hash.hpp"

namespace millstream::inline v0::testing {
namespace {

constexpr Duration kPollAgain = std::chrono::milliseconds{2};

std::size_t bytes_of(const LogRecord& record) { return sizeof record + record.key.size() + record.value.size(); }

}  // namespace

std::vector<Split> LogSource::all_splits(std::uint32_t partitions) const {
  std::vector<Split> all;
  for (std::uint32_t i = 0; i < partitions; ++i) {
    if (share.has(i)) all.push_back({topic + "/" + std::to_string(i)});
  }
  return all;
}

std::vector<Split> LogSource::splits(SourceContext&) const { return all_splits(broker->partitions(topic)); }

void LogSource::open(SplitContext& c) {
  context = &c;
  const std::string& id = c.split().id;
  partition.topic = topic;
  std::from_chars(id.data() + topic.size() + 1, id.data() + id.size(), partition.partition);
  next = c.split().start.offset;
}

Result<Poll> LogSource::poll(SourceOutput<LogRecord>& out) {
  broker->at(context->clock().now());
  const std::uint32_t partitions = broker->partitions(topic);
  if (std::exchange(known, partitions) != partitions && context->arrivals()) {
    context->arrivals()->add(all_splits(partitions));
  }
  std::vector<LogRecord> records;
  std::uint64_t behind = next;
  bool end = false;
  const LogReply reply = broker->fetch(partition, next, std::min(out.room(), fetch_records_max), records, behind, end);
  if (reply == LogReply::kOutOfRange) {
    return Status{ErrorCode::kInvalidData,
                  context->split().id + " has no offset " + std::to_string(next) +
                      ": its records were deleted or lost, or it is not the log that the job has read before"};
  }
  if (reply == LogReply::kCutOff) return Status{ErrorCode::kUnavailable, "the broker is gone"};
  if (reply != LogReply::kOk) return Poll::idle_until(context->clock().now() + kPollAgain);
  for (const LogRecord& record : records) {
    if (record.offset >= next) out.emit(record);
  }
  const bool more = behind != next;
  next = behind;
  if (end) return Poll::done();
  return more && pause.count() == 0 ? Poll::more()
                                    : Poll::idle_until(context->clock().now() + std::max(pause, kPollAgain));
}

void LogSink::open(SinkContext& context) {
  context_ = &context;
  if (!decider_) return;
  buffer_.emplace(decider_->passes(), options_.buffer);
  decider_->passes()->add(context.waker());
}

// False: there is no room now, or it failed.
bool LogSink::send(const LogRecord& record) {
  options_.broker->at(context_->clock().now());
  const LogPartition to{options_.topic, static_cast<std::uint32_t>(hash_bytes(record.key.data(), record.key.size()) %
                                                                   options_.broker->partitions(options_.topic))};
  const LogReply reply = decider_ ? decider_->append(to, record) : options_.broker->append(to, record);
  if (reply == LogReply::kFenced) {
    failure_ = {ErrorCode::kUnavailable,
                "the transaction is over: another instance of the job has begun, or it was "
                "open for longer than its transaction_timeout"};
  } else if (reply == LogReply::kCutOff) {
    failure_ = {ErrorCode::kUnavailable, "the broker is gone"};
  }
  return reply == LogReply::kOk;
}

Result<bool> LogSink::drain() {
  const bool empty = !buffer_ || buffer_->drain([this](const LogRecord& record) { return send(record); });
  if (!failure_.ok()) return failure_;
  if (buffer_ && buffer_->paused()) context_->retry_at(kTimestampMin);
  return empty;
}

Result<std::size_t> LogSink::write(std::span<LogRecord> records) {
  const Result<bool> drained = drain();
  if (!drained) return drained.error();
  std::size_t taken = 0;
  for (LogRecord& record : records) {
    const bool passes = !buffer_ || buffer_->may_pass() || mutant_is(Mutant::kBufferSkipped);
    if (!(passes ? send(record) : buffer_->keep(record, bytes_of(record)))) break;
    ++taken;
  }
  if (!failure_.ok()) return failure_;
  return taken;
}

std::string LogSink::prepare() {
  if (buffer_) buffer_->barrier();
  return decider_ ? options_.transactional_id : std::string{};
}

}  // namespace millstream::inline v0::testing
