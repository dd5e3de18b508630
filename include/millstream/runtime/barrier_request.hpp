// BarrierRequest: what the coordinator asks of the shards, in one word, so that no shard sees the one half of it
// without the other.
#pragma once

#include <atomic>
#include <cstdint>

namespace millstream::inline v0 {

/// Any thread.
class BarrierRequest {
 public:
  struct Value {
    std::uint64_t barrier = 0;  ///< the newest that sources are to send; 0 = none yet
    bool whole = false;         ///< at it stages give out all of their state, else what has changed
  };
  void set(const Value& value) noexcept {
    word_.store(value.barrier << 1 | (value.whole ? 1 : 0), std::memory_order_relaxed);
  }
  /// Whoever has got a barrier from another shard gets its request, or a later one: the barrier came through a ring,
  /// which orders what the other shard has read here before.
  [[nodiscard]] Value get() const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    return {word >> 1, (word & 1) != 0};
  }

 private:
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace millstream::inline v0
