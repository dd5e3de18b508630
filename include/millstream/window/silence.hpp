// Silence: when something last came in for a windowed stage, on any of its shards, where the last of its windows ends,
// and up to where a silence has closed them. By it .close_after() is a property of the stream: that a silence has been
// long enough is found once, by whichever shard sees it first, and then holds on all of them.
#pragma once

#include <atomic>
#include <cstdint>

#include "millstream/core/cache_line.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// One for each stage, shared by its shards; any thread.
class alignas(kCacheLine) Silence {
 public:
  /// Records came in at `now` (wall clock), and no window that they are in ends behind `last_end`. Once a batch.
  void end_at(Timestamp now, Timestamp last_end) noexcept {
    const std::int64_t instant = count(now);
    // Not written without need: the shards share the line.
    if (last_input_.load(std::memory_order_relaxed) != instant) last_input_.store(instant, std::memory_order_relaxed);
    // Whoever sees the new end sees the new input too, and so does not close windows that have just been opened.
    raise(last_end_, count(last_end));
  }
  /// A shard has no room behind it, or has again: while one has none, its input waits, which is no silence.
  void hold() noexcept { held_back_.fetch_add(1, std::memory_order_relaxed); }
  void release(Timestamp now) noexcept {
    if (last_input() != kTimestampMin) last_input_.store(count(now), std::memory_order_relaxed);
    held_back_.fetch_sub(1, std::memory_order_release);
  }
  [[nodiscard]] bool held_back() const noexcept { return held_back_.load(std::memory_order_acquire) != 0; }

  /// Closes if nothing has come in for `close_after`. Each step, and ahead of what ends the silence.
  void close(Timestamp now, Duration close_after) noexcept {
    if (held_back()) return;
    const std::int64_t end = last_end_.load(std::memory_order_acquire);
    const Timestamp input = last_input();
    if (input == closed_after() || saturating_add(input, close_after) > now) return;
    raise(closed_until_, end);
    closed_after_.store(count(input), std::memory_order_release);
  }
  /// The last input before the last silence that was closed after: another value is another closing. kTimestampMin
  /// before the first.
  [[nodiscard]] Timestamp closed_after() const noexcept { return instant(closed_after_, std::memory_order_acquire); }
  /// What counts as the watermark since then; kTimestampMin where windows have no end in event time. Never falls.
  [[nodiscard]] Timestamp closed_until() const noexcept { return instant(closed_until_, std::memory_order_relaxed); }
  /// kTimestampMin before the first record.
  [[nodiscard]] Timestamp last_input() const noexcept { return instant(last_input_, std::memory_order_relaxed); }

 private:
  using Instant = std::atomic<std::int64_t>;

  static constexpr std::int64_t count(Timestamp at) noexcept { return at.time_since_epoch().count(); }
  static Timestamp instant(const Instant& at, std::memory_order order) noexcept {
    return Timestamp{Duration{at.load(order)}};
  }
  static void raise(Instant& to, std::int64_t at) noexcept {
    std::int64_t known = to.load(std::memory_order_relaxed);
    while (known < at && !to.compare_exchange_weak(known, at, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }

  Instant last_input_{count(kTimestampMin)};
  Instant last_end_{count(kTimestampMin)};
  Instant closed_after_{count(kTimestampMin)};
  Instant closed_until_{count(kTimestampMin)};
  std::atomic<std::uint32_t> held_back_{0};  // shards
};

}  // namespace millstream::inline v0
