// What the readers of one run share, and what comes of new partitions.
#include <algorithm>
#include <charconv>
#include <utility>

#include "connectors/kafka/source_hub.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

Status moved_keys(std::string resized) {
  resized +=
      " when the keys were placed, and the job says .keyed_by_partition(): producers put keys into other partitions "
      "now, and so to where their state is not; begin anew with empty state folders, or, where no key has moved, let "
      "one run have .on_new_partitions = ms::kafka::NewPartitions::kTakeUp";
  return {ErrorCode::kInvalidData, std::move(resized)};
}

constexpr std::string_view kPartitions = "partitions=";
constexpr int kRefusalsToTell = 2;
constexpr int kFailedToTell = 2;
constexpr std::chrono::milliseconds kAlone{2000};  // for a partition that is asked for alone

}  // namespace

std::string position_detail(std::int32_t partitions) { return std::string{kPartitions} + std::to_string(partitions); }

Status check_partitions(const std::string& topic, std::int32_t partitions, const std::string& detail) {
  if (!detail.starts_with(kPartitions)) return {};
  std::int32_t placed_by = partitions;
  std::from_chars(detail.data() + kPartitions.size(), detail.data() + detail.size(), placed_by);
  PartitionCounts known{{topic, placed_by}};
  PartitionChange change = note_change(known, {{topic, partitions}});
  return change.resized.empty() ? Status{} : moved_keys(std::move(change.resized));
}

std::string split_id(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

TopicPartition parse_split_id(const std::string& id) {
  const std::size_t slash = id.rfind('/');
  TopicPartition partition{id.substr(0, slash)};
  std::from_chars(id.data() + slash + 1, id.data() + id.size(), partition.partition);
  return partition;
}

SourceConnection::SourceConnection(std::unique_ptr<Consumer> consumer, std::string settings)
    : consumer_{std::move(consumer)}, settings_{std::move(settings)} {
  consumer_->on_events([this] {
    const std::scoped_lock lock{mutex_};
    if (!readers_.empty()) readers_.begin()->second.wake();
  });
}

SourceConnection::~SourceConnection() {
  watch_.reset();
  consumer_->on_events({});
}

void SourceConnection::watch(Growth growth) {
  growth_ = std::move(growth);
  const auto look = [this](const std::stop_token& stop) {
    Result<std::vector<TopicInfo>> found = growth_.look(stop);
    note_look(found ? Status{} : found.error());
    return found;
  };
  watch_ = std::make_unique<PartitionWatch>(
      partitions, growth_.interval, look,
      [this](const PartitionChange& change, const std::stop_token& stop) { return tell(change, stop); });
}

// One that failed may be a broker that is started again; readers say that, too. Behind more of them new partitions may
// be there that nobody reads.
void SourceConnection::note_look(const Status& outcome) {
  failed_ = outcome.ok() ? 0 : failed_ + 1;
  if (failed_ != kFailedToTell) return;
  add_news(LogLevel::kWarning, "whether there are new partitions cannot be found out; it is tried again every " +
                                   std::to_string(growth_.interval.count()) + " ms: " + outcome.message());
}

std::int32_t SourceConnection::partitions_of(const std::string& topic) const {
  const std::scoped_lock lock{mutex_};
  if (const auto came = came_.find(topic); came != came_.end()) return came->second;
  const auto known = partitions.find(topic);
  return known == partitions.end() ? 0 : known->second;
}

void SourceConnection::add_news(LogLevel level, std::string text) {
  const std::scoped_lock lock{mutex_};
  if (!text.empty()) news_.emplace_back(level, std::move(text));
  has_news_.store(true, std::memory_order_release);
  for (const auto& [reader, waker] : readers_) waker.wake();
}

bool SourceConnection::tell(const PartitionChange& change, const std::stop_token& stop) {
  if (on_new_partitions == NewPartitions::kHalt && !change.resized.empty()) {
    {
      const std::scoped_lock lock{mutex_};
      halt_ = moved_keys(change.resized);
    }
    add_news(LogLevel::kWarning, {});
    return true;
  }
  const std::string both = change.resized.empty() || change.added.empty() ? "" : ", ";
  const std::string what = change.resized + both + change.added;
  if (growth_.arrivals == nullptr) {
    add_news(LogLevel::kWarning, what + "; new partitions are read from the next run on");
    return true;
  }
  if (Status s = take_up(change, stop); !s.ok()) {
    // The first time it may be that a partition has no leader yet.
    if (++refused_ == kRefusalsToTell) {
      add_news(LogLevel::kWarning, what + ", and where some new partitions begin cannot be found yet: " + s.message());
    }
    return false;
  }
  refused_ = 0;
  add_news(LogLevel::kInfo, what + "; new partitions are read from their earliest offsets on");
  return true;
}

void SourceConnection::note_came(const PartitionChange& change) {
  const std::scoped_lock lock{mutex_};
  for (const TopicPartition& each : change.partitions) came_[each.topic] = each.partition + 1;
}

Status SourceConnection::take_up(const PartitionChange& change, const std::stop_token& stop) {
  std::vector<TopicPartition> mine;
  for (const TopicPartition& each : change.partitions) {
    const auto first = partitions.find(each.topic);  // what the run began with may have gone, and be here again
    const bool is_new = first == partitions.end() || each.partition >= first->second;
    if (is_new && growth_.mine(each) && !taken_.contains(split_id(each))) mine.push_back(each);
  }
  if (mine.empty()) {
    note_came(change);
    return {};
  }
  std::vector<Split> splits;
  const auto take = [&](const TopicPartition& each, std::int64_t start) {
    splits.push_back({split_id(each), {static_cast<std::uint64_t>(start), {}}});
    taken_.insert(splits.back().id);
  };
  const Deadline deadline{growth_.timeout};
  const auto starts = in_slices(Deadline{growth_.timeout / 2}, stop,
                                [&](auto timeout) { return consumer_->offsets(mine, kEarliestOffset, timeout); });
  Status missing;
  if (starts) {
    for (std::size_t i = 0; i < mine.size(); ++i) take(mine[i], (*starts)[i]);
  } else {
    missing = starts.error();
    // One without a leader keeps none of the others waiting, nor does it use up the time of the same ones each time.
    std::rotate(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(asked_ % mine.size()), mine.end());
    std::size_t taken = 0;
    for (const TopicPartition& each : mine) {
      if (deadline.over() || stop.stop_requested()) break;
      ++asked_;
      const auto start = in_slices(Deadline{std::min(kAlone, deadline.left())}, stop, [&](auto timeout) {
        return consumer_->offsets({&each, 1}, kEarliestOffset, timeout);
      });
      if (start) {
        take(each, start->front());
        ++taken;
      } else {
        missing = start.error();
      }
    }
    if (taken == mine.size()) missing = {};
  }
  note_came(change);
  if (!splits.empty()) growth_.arrivals->add(std::move(splits));
  return missing;
}

Status SourceConnection::serve_news(const LogHook& log) {
  std::vector<std::pair<LogLevel, std::string>> news;
  Status halt;
  {
    const std::scoped_lock lock{mutex_};
    news = std::exchange(news_, {});
    halt = halt_;
    has_news_.store(!halt_.ok(), std::memory_order_release);
  }
  for (const auto& [level, text] : news) {
    if (log) log(level, text);
  }
  return halt;
}

std::string SourceConnection::take_settings() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(settings_, {});
}

void SourceConnection::add_reader(const void* reader, Waker waker) {
  const std::scoped_lock lock{mutex_};
  readers_.emplace(reader, std::move(waker));
}

void SourceConnection::remove_reader(const void* reader) {
  const std::scoped_lock lock{mutex_};
  readers_.erase(reader);
  // It may have been woken for what it did not come to do.
  if (!readers_.empty() && consumer_->has_events()) readers_.begin()->second.wake();
}

}  // namespace millstream::inline v0::kafka::detail
