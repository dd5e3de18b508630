// Waking the copies of a sink when their next epoch may pass.
#include "millstream/io/epoch_passes.hpp"

#include <utility>

namespace millstream::inline v0 {

void EpochPasses::add(Waker waker) {
  const std::scoped_lock lock{mutex_};
  wakers_.push_back(std::move(waker));
}

void EpochPasses::let_next_pass() {
  newest_.fetch_add(1, std::memory_order_release);  // pairs with the load in newest()
  const std::scoped_lock lock{mutex_};
  for (const Waker& waker : wakers_) waker.wake();
}

}  // namespace millstream::inline v0
