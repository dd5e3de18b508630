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

/// What has changed; the texts are empty where nothing has.
struct PartitionChange {
  std::string resized = {};                     ///< topics that have another number of partitions, in words
  std::string added = {};                       ///< topics that were not there, in words
  std::vector<TopicPartition> partitions = {};  ///< that were not there, of both
};

/// `known` is as it was found then.
[[nodiscard]] PartitionChange note_change(PartitionCounts& known, const std::vector<TopicInfo>& found);

class PartitionWatch {
 public:
  /// Asks the brokers, for up to `timeout`.
  using Look = std::function<Result<std::vector<TopicInfo>>(std::chrono::milliseconds timeout)>;
  /// False: it could not be dealt with, and is told again with what is found after `interval`.
  using Tell = std::function<bool(const PartitionChange& change, std::chrono::milliseconds timeout)>;

  /// Both functions are called by a thread of the watch. Brokers that do not answer are asked again after `interval`.
  PartitionWatch(PartitionCounts known, std::chrono::milliseconds interval, Look look, Tell tell);
  /// Waits for a call that is under way: up to half a second.
  ~PartitionWatch() = default;
  PartitionWatch(const PartitionWatch&) = delete;
  PartitionWatch& operator=(const PartitionWatch&) = delete;

 private:
  void run(const std::stop_token& stop);

  PartitionCounts known_;
  const std::chrono::milliseconds interval_;
  const Look look_;
  const Tell tell_;
  std::jthread thread_;  // last: it uses all of them
};

}  // namespace millstream::inline v0::kafka::detail
