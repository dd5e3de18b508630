// The seam for time: nothing in the library calls now() itself. A job runs on the system clock; the simulator and the
// operator harness run the same code on a ManualClock. All members may be called from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

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

/// A monotonic time that never comes.
inline constexpr std::int64_t kNeverNs = std::numeric_limits<std::int64_t>::max();

/// `after` (at least 0) behind `now_ns`, at most kNeverNs.
[[nodiscard]] constexpr std::int64_t monotonic_after(std::int64_t now_ns, Duration after) noexcept {
  const std::int64_t most = (kNeverNs - std::max<std::int64_t>(now_ns, 0)) / 1000;
  return after.count() >= most ? kNeverNs : now_ns + after.count() * 1000;
}
/// The instant `wall` as monotonic time, by how the two clocks stand now: what waits for it is not moved by the wall
/// clock being set. Now where `wall` has passed; kNeverNs for kTimestampMax.
[[nodiscard]] inline std::int64_t monotonic_at(Clock& clock, Timestamp wall) {
  if (wall == kTimestampMax) return kNeverNs;
  return monotonic_after(clock.monotonic_ns(), std::max(saturating_distance(wall, clock.now()), Duration{0}));
}

/// The clock of the operating system; one instance for the process.
[[nodiscard]] MILLSTREAM_EXPORT Clock& system_clock() noexcept;

/// A clock that stands still until it is told to advance.
class MILLSTREAM_EXPORT ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp{Duration{0}}) : monotonic_us_{start.time_since_epoch().count()} {}
  [[nodiscard]] Timestamp now() override {
    return Timestamp{
        Duration{monotonic_us_.load(std::memory_order_relaxed) + set_by_us_.load(std::memory_order_relaxed)}};
  }
  [[nodiscard]] std::int64_t monotonic_ns() override { return monotonic_us_.load(std::memory_order_relaxed) * 1000; }
  void advance(Duration by) { monotonic_us_.fetch_add(by.count(), std::memory_order_relaxed); }
  /// Goes to `t` unless the clock is already past it.
  void advance_to(Timestamp t) {
    const std::int64_t wanted = t.time_since_epoch().count() - set_by_us_.load(std::memory_order_relaxed);
    std::int64_t reached = monotonic_us_.load(std::memory_order_relaxed);
    while (reached < wanted && !monotonic_us_.compare_exchange_weak(reached, wanted, std::memory_order_relaxed)) {
    }
  }
  /// Sets the wall clock forward or back, as an operator or a time server does; no time passes by it.
  void set_wall_clock(Duration by) { set_by_us_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> monotonic_us_;
  std::atomic<std::int64_t> set_by_us_{0};
};

}  // namespace millstream::inline v0
