// Looks from time to time whether the topics of a run have got more partitions, or a pattern more topics.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::kafka::detail {

using PartitionCounts = std::map<std::string, std::int32_t>;

/// What has changed, in words; empty = nothing.
struct PartitionChange {
  std::string resized = {};  ///< topics that have another number of partitions
  std::string added = {};    ///< topics that were not there
};

/// `known` is as it was found then.
[[nodiscard]] PartitionChange note_change(PartitionCounts& known, const std::vector<TopicInfo>& found);

class PartitionWatch {
 public:
  /// Asks the brokers, for up to `timeout`.
  using Look = std::function<Result<std::vector<TopicInfo>>(std::chrono::milliseconds timeout)>;

  /// Both functions are called by a thread of the watch; `tell` once for each change. Brokers that do not answer are
  /// asked again after `interval`.
  PartitionWatch(PartitionCounts known, std::chrono::milliseconds interval, Look look,
                 std::function<void(PartitionChange)> tell);
  /// Waits for a look that is under way: up to half a second.
  ~PartitionWatch() = default;
  PartitionWatch(const PartitionWatch&) = delete;
  PartitionWatch& operator=(const PartitionWatch&) = delete;

 private:
  void run(const std::stop_token& stop);

  PartitionCounts known_;
  const std::chrono::milliseconds interval_;
  const Look look_;
  const std::function<void(PartitionChange)> tell_;
  std::jthread thread_;  // last: it uses all of them
};

}  // namespace millstream::inline v0::kafka::detail
