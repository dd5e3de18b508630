// A sink that keeps its records in memory. The object given to `.to(...)` and every copy of it show the same records,
// so a program asks its own copy. Delivery: at least once, for a job that restarts itself adds records again.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/make_unique_as.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::memory {

namespace detail {
/// What one shard wrote. One for each shard, so that the lock is only ever contended by a reader.
class SinkLane {
 public:
  virtual ~SinkLane() = default;
  std::mutex mutex;
};

/// The lanes that all copies of a sink share; any thread. They stay at their addresses.
class MILLSTREAM_EXPORT SinkLanes {
 public:
  explicit SinkLanes(std::unique_ptr<SinkLane> (*make_lane)());
  ~SinkLanes();
  [[nodiscard]] SinkLane* lane(std::uint32_t shard);
  /// use(user, lane) for each lane by shard, under its lock.
  void each(void (*use)(void* user, SinkLane& lane), void* user);

 private:
  std::unique_ptr<SinkLane> (*make_lane_)();
  std::mutex mutex_;  // guards the list
  std::vector<std::unique_ptr<SinkLane>> lanes_;
};
[[nodiscard]] MILLSTREAM_EXPORT std::shared_ptr<SinkLanes> make_sink_lanes(std::unique_ptr<SinkLane> (*make_lane)());
}  // namespace detail

/// records(), take() and size() may be called from any thread, also while the job runs. Memory grows with the records
/// that nobody has taken.
template <class T>
class Sink {
 public:
  /// All records so far: by shard, within a shard in the order in which they came.
  [[nodiscard]] std::vector<T> records() const {
    std::vector<T> all;
    each_lane([&](std::vector<T>& records) {
      for (const T& record : records) all.push_back(record);
    });
    return all;
  }
  /// As records(), and the sink forgets them.
  [[nodiscard]] std::vector<T> take() {
    std::vector<T> all;
    each_lane([&](std::vector<T>& records) {
      for (auto&& record : records) all.push_back(static_cast<T&&>(record));
      records.clear();
    });
    return all;
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    each_lane([&](std::vector<T>& records) { sum += records.size(); });
    return sum;
  }

  // For the engine.
  void open(SinkContext& context) { lane_ = static_cast<Lane*>(lanes_->lane(context.shard())); }
  std::size_t write(std::span<T> records) {
    const std::scoped_lock lock{lane_->mutex};
    if constexpr (std::is_trivially_copyable_v<T>) {
      lane_->records.insert(lane_->records.end(), records.begin(), records.end());
    } else {
      for (T& record : records) lane_->records.push_back(std::move(record));
    }
    return records.size();
  }

 private:
  struct Lane final : detail::SinkLane {
    std::vector<T> records;
  };
  static std::unique_ptr<detail::SinkLane> make_lane() { return make_unique_as<detail::SinkLane, Lane>(); }
  template <class F>
  void each_lane(F&& use) const {
    lanes_->each(
        [](void* user, detail::SinkLane& lane) {
          (*static_cast<std::remove_reference_t<F>*>(user))(static_cast<Lane&>(lane).records);
        },
        &use);
  }

  std::shared_ptr<detail::SinkLanes> lanes_ = detail::make_sink_lanes(&make_lane);
  Lane* lane_ = static_cast<Lane*>(lanes_->lane(0));  // a copy that is used without open() writes as shard 0
};

/// A sink for records of type T.
template <class T>
[[nodiscard]] Sink<T> sink() {
  return {};
}

}  // namespace millstream::inline v0::memory
