// A sink that keeps its records in memory. The object given to `.to(...)` and every copy of it show the same records,
// so a program asks its own copy. Delivery: at least once, for a job that restarts itself adds records again.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "millstream/io/sink.hpp"

namespace millstream::inline v0::memory {

/// records(), take() and size() may be called from any thread, also while the job runs. Memory grows with the records
/// that nobody has taken.
template <class T>
class Sink {
 public:
  /// All records so far: by shard, within a shard in the order in which they came.
  [[nodiscard]] std::vector<T> records() const {
    std::vector<T> all;
    data_->each_lane([&](Lane& lane) { all.insert(all.end(), lane.records.begin(), lane.records.end()); });
    return all;
  }
  /// As records(), and the sink forgets them.
  [[nodiscard]] std::vector<T> take() {
    std::vector<T> all;
    data_->each_lane([&](Lane& lane) {
      all.insert(all.end(), std::make_move_iterator(lane.records.begin()), std::make_move_iterator(lane.records.end()));
      lane.records.clear();
    });
    return all;
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    data_->each_lane([&](Lane& lane) { sum += lane.records.size(); });
    return sum;
  }

  // For the engine.
  void open(SinkContext& context) { lane_ = data_->lane(context.shard()); }
  std::size_t write(std::span<T> records) {
    const std::scoped_lock lock{lane_->mutex};
    lane_->records.insert(lane_->records.end(), std::make_move_iterator(records.begin()),
                          std::make_move_iterator(records.end()));
    return records.size();
  }

 private:
  // One for each shard, so that the lock is only ever contended by a reader.
  struct Lane {
    std::mutex mutex;
    std::vector<T> records;
  };
  struct Data {
    std::mutex mutex;  // guards the list; the lanes stay at their addresses
    std::vector<std::unique_ptr<Lane>> lanes;

    Lane* lane(std::uint32_t shard) {
      const std::scoped_lock lock{mutex};
      while (lanes.size() <= shard) lanes.push_back(std::make_unique<Lane>());
      return lanes[shard].get();
    }
    template <class F>
    void each_lane(const F& use) {
      const std::scoped_lock lock{mutex};
      for (auto& lane : lanes) {
        const std::scoped_lock lane_lock{lane->mutex};
        use(*lane);
      }
    }
  };
  std::shared_ptr<Data> data_ = std::make_shared<Data>();
  Lane* lane_ = data_->lane(0);  // a copy that is used without open() writes as shard 0
};

/// A sink for records of type T.
template <class T>
[[nodiscard]] Sink<T> sink() {
  return {};
}

}  // namespace millstream::inline v0::memory
