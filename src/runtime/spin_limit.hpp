// SpinLimit: how long a shard without work looks again before it parks. A neighbour whose next batch is some
// microseconds away should not have to wake it, for waking costs the busy side a system call a batch; a shard that
// waits for longer should burn no core.
#pragma once

#include <algorithm>
#include <cstdint>

namespace millstream::inline v0 {

/// Belongs to one shard's loop.
class SpinLimit {
 public:
  static constexpr std::int64_t kMostNs = 50'000;  // waits up to here are worth spinning: sleep and wake cost as much
  static constexpr std::int64_t kLeastNs = 2'000;  // what a shard spends that never finds anything by it
  // A neighbour may have become quicker while this shard slept, and a wake-up hides it: one wait in so many tries.
  static constexpr std::uint32_t kTriedEvery = 64;

  [[nodiscard]] std::int64_t ns() const noexcept { return limit_ns_; }
  /// A wait has ended that took `ns`, asleep or not.
  void waited(std::int64_t ns) noexcept {
    if (ns <= kMostNs || ++long_waits_ % kTriedEvery == 0) {
      limit_ns_ = kMostNs;
    } else {
      limit_ns_ = std::max(limit_ns_ / 2, kLeastNs);
    }
  }

 private:
  std::int64_t limit_ns_ = kMostNs;
  std::uint32_t long_waits_ = 0;
};

}  // namespace millstream::inline v0
