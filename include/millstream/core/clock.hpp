// The seam for time: nothing in the library calls now() itself. A job runs on the system clock; the simulator and the
// operator harness run the same code on a ManualClock. All members may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "millstream/core/export.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Wall-clock time (for processing-time windows and timers) and a monotonic count (for timeouts and latencies).
class MILLSTREAM_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  /// The wall clock, which may jump.
  [[nodiscard]] virtual Timestamp now() = 0;
  /// Nanoseconds since an arbitrary start; never runs backwards.
  [[nodiscard]] virtual std::int64_t monotonic_ns() = 0;
};

/// The clock of the operating system; one instance for the process.
[[nodiscard]] MILLSTREAM_EXPORT Clock& system_clock() noexcept;

/// A clock that stands still until it is told to advance.
class MILLSTREAM_EXPORT ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp{Duration{0}}) : now_us_{start.time_since_epoch().count()} {}
  [[nodiscard]] Timestamp now() override { return Timestamp{Duration{now_us_.load(std::memory_order_relaxed)}}; }
  [[nodiscard]] std::int64_t monotonic_ns() override { return now_us_.load(std::memory_order_relaxed) * 1000; }
  void advance(Duration by) { now_us_.fetch_add(by.count(), std::memory_order_relaxed); }
  /// Goes to `t` unless the clock is already past it.
  void advance_to(Timestamp t) {
    if (t > now()) now_us_.store(t.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> now_us_;
};

}  // namespace millstream::inline v0
