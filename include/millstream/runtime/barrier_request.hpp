// BarrierRequest: what the coordinator asks of the shards with a barrier.
#pragma once

#include <atomic>
#include <cstdint>

namespace millstream::inline v0 {

/// Any thread.
class BarrierRequest {
 public:
  struct Value {
    std::uint64_t barrier = 0;  ///< the newest that sources are to send; 0 = none yet
    /// By shard, one bit each: at it stages give out all of their state, else what has changed.
    std::uint64_t whole = 0;
    [[nodiscard]] bool whole_on(std::uint32_t shard) const noexcept { return (whole >> shard & 1) != 0; }
  };
  void set(const Value& value) noexcept {
    whole_.store(value.whole, std::memory_order_relaxed);
    barrier_.store(value.barrier, std::memory_order_release);  // pairs with the acquire in get()
  }
  /// Whoever has got a barrier from another shard gets its request: the barrier came through a ring, which orders what
  /// the other shard has read here before. It is no later one, for the next comes when all shards have said everything
  /// at this one.
  [[nodiscard]] Value get() const noexcept {
    const std::uint64_t barrier = barrier_.load(std::memory_order_acquire);  // pairs with the release in set()
    return {barrier, whole_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> barrier_{0};
  std::atomic<std::uint64_t> whole_{0};
};

}  // namespace millstream::inline v0
