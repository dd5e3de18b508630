// Silence: when something last came in for a windowed stage, on any of its shards, and where the last of its windows
// ends. By it .close_after() is a property of the stream: all shards close at the same time and up to the same end,
// however few records one of them gets.
#pragma once

#include <atomic>
#include <cstdint>

#include "millstream/core/cache_line.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// One for each stage, shared by its shards; any thread. Nothing depends on the order of what different shards say.
class alignas(kCacheLine) Silence {
 public:
  /// Records came in at `now` (wall clock), and no window that they are in ends behind `last_end`. Once a batch.
  void end_at(Timestamp now, Timestamp last_end) noexcept {
    const std::int64_t instant = now.time_since_epoch().count();
    // Not written without need: the shards share the line.
    if (last_input_.load(std::memory_order_relaxed) != instant) last_input_.store(instant, std::memory_order_relaxed);
    const std::int64_t end = last_end.time_since_epoch().count();
    std::int64_t known = last_end_.load(std::memory_order_relaxed);
    while (known < end && !last_end_.compare_exchange_weak(known, end, std::memory_order_relaxed)) {
    }
  }
  /// kTimestampMin before the first record.
  [[nodiscard]] Timestamp last_input() const noexcept {
    return Timestamp{Duration{last_input_.load(std::memory_order_relaxed)}};
  }
  /// kTimestampMin where windows have no end in event time.
  [[nodiscard]] Timestamp last_end() const noexcept {
    return Timestamp{Duration{last_end_.load(std::memory_order_relaxed)}};
  }

 private:
  std::atomic<std::int64_t> last_input_{kTimestampMin.time_since_epoch().count()};
  std::atomic<std::int64_t> last_end_{kTimestampMin.time_since_epoch().count()};
};

}  // namespace millstream::inline v0
