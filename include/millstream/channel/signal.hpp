// ShardSignal: how shards wake each other without a system call for each batch. A shard that is about to wait sets
// `parked`, looks at its queues once more, and only then waits; whoever gives it work wakes it only if it took `parked`
// back. Both sides stand a fence between their write and their look, so that at least one of them sees the other.
#pragma once

#include <atomic>

#include "millstream/core/cache_line.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT ShardSignal {
 public:
  virtual ~ShardSignal() = default;

  /// Any thread, after it has made work visible to the shard.
  void notify() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in prepare_to_park()
    if (parked_.load(std::memory_order_relaxed) && parked_.exchange(false, std::memory_order_relaxed)) wake();
  }
  /// The shard, before its last look at its queues.
  void prepare_to_park() noexcept {
    parked_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the fence in notify()
  }
  /// The shard, when it goes on.
  void unpark() noexcept { parked_.store(false, std::memory_order_relaxed); }

 protected:
  /// Ends the shard's wait; called by at most one thread for each time the shard parked.
  virtual void wake() noexcept = 0;

 private:
  alignas(kCacheLine) std::atomic<bool> parked_{false};
};

}  // namespace millstream::inline v0
