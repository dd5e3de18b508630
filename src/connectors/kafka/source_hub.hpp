// What all copies of a Kafka source share, its options, and what the readers of one run share: the connection that all
// of its partitions are read by.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/deadline.hpp"
#include "connectors/kafka/partition_watch.hpp"
#include "millstream/connectors/kafka/source.hpp"
#include "millstream/core/waker.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::kafka::detail {

/// The connection of one run of one source, which lives as long as its readers (SourceContext::shared). Any thread.
class SourceConnection {
 public:
  SourceConnection(std::unique_ptr<Consumer> consumer, std::string settings);
  ~SourceConnection();

  [[nodiscard]] Consumer& consumer() const noexcept { return *consumer_; }
  /// The text of the settings, for the first who asks; then nothing.
  [[nodiscard]] std::string take_settings();
  /// Some reader that is registered is woken when the client has something to say.
  void add_reader(const void* reader, Waker waker);
  void remove_reader(const void* reader);

  /// Begins to look for partitions that come while the run is on: those that are `mine` go to `arrivals`.
  struct Growth {
    std::chrono::milliseconds interval{0};
    PartitionWatch::Look look;
    std::function<bool(const TopicPartition&)> mine;
    std::shared_ptr<SplitArrivals> arrivals;  ///< null: the next run reads them
  };
  void watch(Growth growth);
  /// Of a topic; 0 where it is not known.
  [[nodiscard]] std::int32_t partitions_of(const std::string& topic) const;
  /// serve_news() has something to say.
  [[nodiscard]] bool has_news() const noexcept { return has_news_.load(std::memory_order_acquire); }
  /// New partitions, once to the log; the reason why they halt the job to everybody who asks.
  [[nodiscard]] Status serve_news(const LogHook& log);

  /// Written before readers come.
  NewPartitions on_new_partitions = NewPartitions::kTakeUp;
  PartitionCounts partitions;  ///< of each topic, when the run began
  /// Where each split is to end, with stop_at_end. Written before readers come.
  std::map<std::string, std::int64_t> ends;

 private:
  [[nodiscard]] bool tell(const PartitionChange& change, std::chrono::milliseconds timeout);
  [[nodiscard]] Status take_up(const PartitionChange& change, std::chrono::milliseconds timeout);
  void add_news(LogLevel level, std::string text);

  std::unique_ptr<Consumer> consumer_;
  Growth growth_;
  int refused_ = 0;  // looks in a row at which new partitions could not be taken up; the watch's thread
  mutable std::mutex mutex_;
  std::string settings_;
  std::map<const void*, Waker> readers_;
  std::atomic<bool> has_news_{false};
  std::vector<std::pair<LogLevel, std::string>> news_;
  PartitionCounts came_;  // topics whose number of partitions has changed since
  Status halt_;
  std::unique_ptr<PartitionWatch> watch_;  // last: its thread uses the others
};

class SourceHub {
 public:
  SourceHub(SourceOptions options, std::shared_ptr<Client> client)
      : options_{std::move(options)}, client_{std::move(client)} {}

  [[nodiscard]] const SourceOptions& options() const noexcept { return options_; }
  /// Begins a run: its connection is in context.shared then.
  [[nodiscard]] Result<std::vector<Split>> list_splits(SourceContext& context) const;

 private:
  using Offsets = std::vector<std::int64_t>;

  [[nodiscard]] Result<std::unique_ptr<Consumer>> connect(std::size_t partitions, std::string& settings) const;
  void watch(SourceConnection& connection, const SourceContext& context) const;
  /// Those that this process reads.
  [[nodiscard]] Result<std::vector<TopicPartition>> share_of(const std::vector<TopicInfo>& topics) const;
  [[nodiscard]] Result<Offsets> find_starts(Consumer& consumer, const std::vector<TopicPartition>& partitions,
                                            const std::vector<TopicInfo>& topics, Start::Kind kind,
                                            const Deadline& deadline) const;
  [[nodiscard]] Result<Offsets> start_at_time(Consumer& consumer, const std::vector<TopicPartition>& partitions,
                                              const Deadline& deadline) const;
  [[nodiscard]] Result<Offsets> start_as_named(const std::vector<TopicPartition>& partitions,
                                               const std::vector<TopicInfo>& topics, Offsets otherwise) const;

  const SourceOptions options_;
  const std::shared_ptr<Client> client_;
};

/// "topic/partition", the id of a split.
[[nodiscard]] std::string split_id(const TopicPartition& partition);
[[nodiscard]] TopicPartition parse_split_id(const std::string& id);

/// What a position says beside the offset: by how many partitions of the topic the keys were placed.
[[nodiscard]] std::string position_detail(std::int32_t partitions);
/// The keys were placed by as many partitions as there are, or the position does not say by how many.
[[nodiscard]] Status check_partitions(const std::string& topic, std::int32_t partitions, const std::string& detail);

}  // namespace millstream::inline v0::kafka::detail
