// The thread that looks.
#include "connectors/kafka/partition_watch.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace millstream::inline v0::kafka::detail {
namespace {

constexpr std::chrono::milliseconds kTimeout{500};  // the end of a run waits for it

void append(std::string& all, const std::string& topic, const std::string& what) {
  if (!all.empty()) all += ", ";
  all.append("topic '").append(topic).append("' ").append(what);
}

}  // namespace

PartitionChange note_change(PartitionCounts& known, const std::vector<TopicInfo>& found) {
  PartitionChange change;
  for (const TopicInfo& topic : found) {
    const auto [at, added] = known.try_emplace(topic.name, topic.partitions);
    for (std::int32_t p = added ? 0 : at->second; p < topic.partitions; ++p) {
      change.partitions.push_back({topic.name, p});
    }
    if (added) {
      append(change.added, topic.name, "is new");
    } else if (at->second != topic.partitions) {
      append(change.resized, topic.name,
             "has " + std::to_string(topic.partitions) + " partitions and had " + std::to_string(at->second));
      at->second = topic.partitions;
    }
  }
  return change;
}

PartitionWatch::PartitionWatch(PartitionCounts known, std::chrono::milliseconds interval, Look look, Tell tell)
    : known_{std::move(known)},
      interval_{interval},
      look_{std::move(look)},
      tell_{std::move(tell)},
      thread_{[this](const std::stop_token& stop) { run(stop); }} {}

void PartitionWatch::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock{mutex};
  for (;;) {
    stopped.wait_for(lock, stop, interval_, [] { return false; });
    if (stop.stop_requested()) return;
    const Result<std::vector<TopicInfo>> found = look_(kTimeout);
    if (!found) continue;  // readers say what is wrong with brokers and topics
    PartitionCounts now = known_;
    const PartitionChange change = note_change(now, *found);
    if (change.resized.empty() && change.added.empty()) continue;
    if (tell_(change, kTimeout)) known_ = std::move(now);
  }
}

}  // namespace millstream::inline v0::kafka::detail
