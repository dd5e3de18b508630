// EpochPasses: how a decider and the copies of its sink agree on whose records may go into the open transaction. Behind
// a barrier a copy keeps its records back until the decider says that the barrier is over, one way or the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "millstream/core/cache_line.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/waker.hpp"

namespace millstream::inline v0 {

/// Epochs are counted by the barriers before them, from 0: each barrier is one more for every copy.
class MILLSTREAM_EXPORT EpochPasses {
 public:
  /// A copy's thread, when it opens: woken whenever one more epoch may pass.
  void add(Waker waker);
  /// The decider's thread: the newest barrier is over. What comes behind it may go into the transaction that is open
  /// now: a new one, or, when the checkpoint was given up, still the same.
  void let_next_pass();
  /// Any thread: the newest epoch whose records may pass.
  [[nodiscard]] std::uint64_t newest() const noexcept {
    return newest_.load(std::memory_order_acquire);  // pairs with the increment in let_next_pass()
  }

 private:
  alignas(kCacheLine) std::atomic<std::uint64_t> newest_{0};
  std::mutex mutex_;  // taken once a checkpoint
  std::vector<Waker> wakers_;
};

}  // namespace millstream::inline v0
