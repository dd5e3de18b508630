// LatencyRecorder: how long after they were due the records of an OpenLoop reach a place of a dataflow. Each shard
// records into a histogram of its own, which are merged when they are asked for.
//
//   .to(latency.sink(&Order::due_ns));                                        // the dataflow's last place
//   .peek(latency.probe(&Order::due_ns)).to(ms::file::sink({.path = "..."}))  // ahead of a sink of your own
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "millstream/core/clock.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/histogram.hpp"
#include "millstream/testing/open_loop.hpp"

namespace millstream::inline v0::testing {

namespace detail {
/// The histograms of all shards. Any thread; what add() returns stays at its address and has one writer.
class MILLSTREAM_EXPORT LatencyLanes {
 public:
  explicit LatencyLanes(std::shared_ptr<OpenLoopState> load);
  ~LatencyLanes();
  [[nodiscard]] ConcurrentHistogram& add();
  [[nodiscard]] LatencyHistogram merged() const;
  [[nodiscard]] const OpenLoopState& load() const noexcept { return *load_; }

 private:
  struct Lanes;
  std::shared_ptr<OpenLoopState> load_;
  std::unique_ptr<Lanes> lanes_;
};
}  // namespace detail

/// The recorder's end in a function or sink of your own. Each copy records for the one shard that uses it.
class MILLSTREAM_EXPORT LatencyLane {
 public:
  explicit LatencyLane(std::shared_ptr<detail::LatencyLanes> lanes) : lanes_{std::move(lanes)} {}
  LatencyLane(const LatencyLane& other) : lanes_{other.lanes_} {}
  LatencyLane& operator=(const LatencyLane& other) {
    lanes_ = other.lanes_;
    lane_ = nullptr;
    return *this;
  }

  /// Now, by the clock of the job: see Clock::monotonic_ns().
  [[nodiscard]] std::int64_t now_ns() const {
    return lanes_->load().clock.load(std::memory_order_relaxed)->monotonic_ns();
  }
  /// A record that was due at `due_ns` is here at `now_ns`. Records that were due in the warm-up, and those that are
  /// due at kNeverNs, do not count.
  void record(std::int64_t due_ns, std::int64_t now_ns) {
    if (lane_ == nullptr) [[unlikely]]
      open();
    if (due_ns >= measured_from_ns_ && due_ns != kNeverNs) lane_->record(std::chrono::nanoseconds{now_ns - due_ns});
  }

 private:
  void open();

  std::shared_ptr<detail::LatencyLanes> lanes_;
  ConcurrentHistogram* lane_ = nullptr;  // from the first record on
  std::int64_t measured_from_ns_ = 0;
};

/// What LatencyRecorder::probe() makes.
template <class DueOf>
class LatencyProbe {
 public:
  LatencyProbe(LatencyLane lane, DueOf due_of) : lane_{std::move(lane)}, due_of_{std::move(due_of)} {}
  template <class T>
  void operator()(const T& record) {
    lane_.record(std::invoke(due_of_, record), lane_.now_ns());
  }

 private:
  LatencyLane lane_;
  DueOf due_of_;
};

/// What LatencyRecorder::sink() makes. Delivery: none, it keeps no record.
template <class DueOf>
class LatencySink {
 public:
  LatencySink(LatencyLane lane, DueOf due_of) : lane_{std::move(lane)}, due_of_{std::move(due_of)} {}

  /// For records of type T. The clock is read once for all records that are written together.
  template <class T>
  struct Of {
    LatencyLane lane;
    DueOf due_of;
    std::size_t write(std::span<T> records) {
      const std::int64_t now_ns = lane.now_ns();
      for (const T& record : records) lane.record(std::invoke(due_of, record), now_ns);
      return records.size();
    }
  };
  template <class T>
  [[nodiscard]] Of<T> for_records() const {
    static_assert(std::is_invocable_r_v<std::int64_t, DueOf&, const T&>,
                  "millstream: a latency sink needs a pointer to a member or a function of const Record& that says "
                  "when the record was due, as ms::testing::Arrival::due_ns");
    return {lane_, due_of_};
  }

 private:
  LatencyLane lane_;
  DueOf due_of_;
};

/// A value: copies record into the same. `due_of` is a pointer to a member or a function of the record: the due_ns of
/// its Arrival, or kNeverNs for what shall not count. For the result of a window take the record that closed it:
///   [load](const Total& total) { return load.due_ns(load.first_at(total.window_end)); }
class MILLSTREAM_EXPORT LatencyRecorder {
 public:
  explicit LatencyRecorder(const OpenLoop& load) : lanes_{std::make_shared<detail::LatencyLanes>(load.state_)} {}

  /// A function for Stream::peek.
  template <class DueOf>
  [[nodiscard]] LatencyProbe<DueOf> probe(DueOf due_of) const {
    return {lane(), std::move(due_of)};
  }
  /// A sink for records of any type that due_of takes.
  template <class DueOf>
  [[nodiscard]] LatencySink<DueOf> sink(DueOf due_of) const {
    return {lane(), std::move(due_of)};
  }
  [[nodiscard]] LatencyLane lane() const { return LatencyLane{lanes_}; }
  /// What all shards and runs have recorded so far; from any thread, also while the job runs.
  [[nodiscard]] LatencyHistogram histogram() const { return lanes_->merged(); }

 private:
  std::shared_ptr<detail::LatencyLanes> lanes_;
};

}  // namespace millstream::inline v0::testing
