// Partitions and their readers, time, and what tests do to the log. Transactions are in log_transactions.cpp.
#include "millstream/testing/log_broker.hpp"

#include <algorithm>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0::testing {
namespace {

constexpr std::uint64_t kAwayRequestsMax = 12;  // for which a coordinator or a leader is away
constexpr std::uint64_t kRepeatedMax = 5;       // records that a duplicate fetch repeats
constexpr Duration kRequest = std::chrono::microseconds{200};

}  // namespace

void LogBroker::create_topic(const std::string& topic, std::uint32_t partitions) {
  const std::scoped_lock lock{mutex_};
  Topic& there = topics_[topic];
  MILLSTREAM_ASSERT(partitions >= there.partitions.size());
  there.partitions.resize(partitions);
}

void LogBroker::end_topic(const std::string& topic) {
  const std::scoped_lock lock{mutex_};
  topics_.at(topic).ended = true;
}

void LogBroker::set_faults(LogFaults faults) {
  const std::scoped_lock lock{mutex_};
  faults_ = faults;
  coordinator_away_ = leader_away_ = 0;
}

void LogBroker::set_offset(const std::string& group, const LogPartition& partition, std::optional<LogOffset> offset) {
  const std::scoped_lock lock{mutex_};
  if (offset) {
    groups_[group][partition] = *std::move(offset);
  } else {
    groups_[group].erase(partition);
  }
}

void LogBroker::truncate(const LogPartition& partition, std::uint64_t end) {
  const std::scoped_lock lock{mutex_};
  log(partition).resize(std::min<std::size_t>(end, log(partition).size()));
}

std::vector<LogRecord> LogBroker::committed(const LogPartition& partition) {
  settle();
  const std::scoped_lock lock{mutex_};
  std::vector<LogRecord> records;
  for (const Entry& entry : log(partition)) {
    if (!entry.marker && !hidden(partition, entry)) records.push_back(entry.record);
  }
  return records;
}

std::vector<LogBroker::Entry>& LogBroker::log(const LogPartition& partition) {
  return topics_.at(partition.topic).partitions.at(partition.partition);
}

// Of a transaction that is open here, or was aborted.
bool LogBroker::hidden(const LogPartition& where, const Entry& entry) const {
  if (!entry.transaction) return false;
  const Transaction& transaction = transactions_[*entry.transaction];
  return !transaction.commits || transaction.unmarked.contains(where);
}

std::uint64_t LogBroker::stable_end(const LogPartition& partition) {
  const std::vector<Entry>& entries = log(partition);
  const auto open = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.transaction && transactions_[*entry.transaction].unmarked.contains(partition);
  });
  return static_cast<std::uint64_t>(open - entries.begin());
}

std::uint64_t LogBroker::last_stable(const LogPartition& partition) {
  const std::scoped_lock lock{mutex_};
  return stable_end(partition);
}

void LogBroker::at(Timestamp now) {
  const std::scoped_lock lock{mutex_};
  if (now <= callers_now_) return;
  now_ += now - callers_now_;
  callers_now_ = now;
}

void LogBroker::wait(Duration duration) {
  const std::scoped_lock lock{mutex_};
  now_ += duration;
  progress();
}

std::uint32_t LogBroker::partitions(const std::string& topic) {
  const std::scoped_lock lock{mutex_};
  return static_cast<std::uint32_t>(topics_.at(topic).partitions.size());
}

void LogBroker::reach(LogPoint point) {
  if (on_point) on_point(point);
}

// What keeps a request from being looked at; with each, time goes on, and so does what is under way.
std::optional<LogReply> LogBroker::request(bool coordinator) {
  if (cut_off_) return LogReply::kCutOff;
  now_ += kRequest;
  progress();
  std::uint32_t& away = coordinator ? coordinator_away_ : leader_away_;
  if (away > 0) {
    --away;
    return LogReply::kUnavailable;
  }
  if (random_.chance(coordinator ? faults_.coordinator_away : faults_.leader_away)) {
    away = static_cast<std::uint32_t>(random_.below(kAwayRequestsMax));
    return LogReply::kUnavailable;
  }
  return std::nullopt;
}

LogReply LogBroker::append(const LogPartition& to, const LogRecord& record) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(false)) return *reply;
  log(to).push_back({{record.key, record.value, to.partition, log(to).size()}, std::nullopt, false});
  return LogReply::kOk;
}

LogReply LogBroker::fetch(const LogPartition& from, std::uint64_t offset, std::size_t records_max,
                          std::vector<LogRecord>& records, std::uint64_t& next, bool& end) {
  const std::scoped_lock lock{mutex_};
  if (const auto reply = request(false)) return *reply;
  const std::vector<Entry>& entries = log(from);
  if (offset > entries.size()) return LogReply::kOutOfRange;
  const std::uint64_t stable = stable_end(from);
  std::uint64_t place = offset;
  if (random_.chance(faults_.duplicate_fetch)) place -= std::min(place, 1 + random_.below(kRepeatedMax));
  for (; place < stable && records.size() < records_max; ++place) {
    const Entry& entry = entries[place];
    if (!entry.marker && !hidden(from, entry)) records.push_back(entry.record);
  }
  next = std::max(place, offset);
  end = topics_.at(from.topic).ended && next == entries.size();
  return LogReply::kOk;
}

}  // namespace millstream::inline v0::testing
