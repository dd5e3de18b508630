// Looks from time to time whether the topics of a run have got more partitions, or a pattern more topics.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
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

/// A broker that has not heard of the growth yet says fewer than there are: topics that have fewer than `known` count
/// as they are known, unless the look before, of which `fewer` tells, has found the same. `fewer` is of this look then.
void doubt_fewer(const PartitionCounts& known, PartitionCounts& fewer, std::vector<TopicInfo>& found);

class PartitionWatch {
 public:
  /// Asks the brokers. Both functions come back soon where `stop` is asked for: the end of a run waits for them.
  using Look = std::function<Result<std::vector<TopicInfo>>(const std::stop_token& stop)>;
  /// False: it could not be dealt with, and is told again with what is found after `interval`.
  using Tell = std::function<bool(const PartitionChange& change, const std::stop_token& stop)>;

  /// Both functions are called by a thread of the watch. Brokers that do not answer are asked again after `interval`.
  PartitionWatch(PartitionCounts known, std::chrono::milliseconds interval, Look look, Tell tell);
  /// Waits for the slice of a call that is under way: half a second; two where brokers do not answer.
  ~PartitionWatch() = default;
  PartitionWatch(const PartitionWatch&) = delete;
  PartitionWatch& operator=(const PartitionWatch&) = delete;

 private:
  void run(const std::stop_token& stop);

  PartitionCounts known_;
  PartitionCounts fewer_;  // topics that had fewer at the last look
  const std::chrono::milliseconds interval_;
  const Look look_;
  const Tell tell_;
  std::jthread thread_;  // last: it uses all of them
};

}  // namespace millstream::inline v0::kafka::detail
