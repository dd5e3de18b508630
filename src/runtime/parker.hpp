// Parker: lets a shard's thread sleep in its own io_context until it has work, a deadline passes, or somebody wakes it.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <new>

#include "millstream/channel/signal.hpp"

namespace millstream::inline v0 {

/// Memory for the one wake-up that is usually under way, so that waking allocates nothing.
class WakeMemory {
 public:
  [[nodiscard]] void* allocate(std::size_t bytes) {
    if (bytes <= bytes_.size() && !used_.exchange(true, std::memory_order_acquire)) return bytes_.data();
    return ::operator new(bytes);
  }
  void deallocate(void* memory) noexcept {
    if (memory == bytes_.data()) {
      used_.store(false, std::memory_order_release);  // pairs with the exchange in allocate()
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::array<std::byte, 256> bytes_{};
  std::atomic<bool> used_{false};
};

template <class T>
class WakeAllocator {
 public:
  using value_type = T;
  explicit WakeAllocator(WakeMemory& memory) : memory_{&memory} {}
  template <class U>
  WakeAllocator(const WakeAllocator<U>& other) : memory_{other.memory_} {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] T* allocate(std::size_t n) { return static_cast<T*>(memory_->allocate(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) noexcept { memory_->deallocate(p); }
  template <class U>
  bool operator==(const WakeAllocator<U>& other) const {
    return memory_ == other.memory_;
  }

 private:
  template <class U>
  friend class WakeAllocator;
  WakeMemory* memory_;
};

class Parker final : public ShardSignal {
 public:
  /// Sleeps until woken, at most for `timeout`. The shard's thread.
  void wait(std::chrono::nanoseconds timeout) { io_.run_one_for(timeout); }

 protected:
  void wake() noexcept override {
    boost::asio::post(io_, boost::asio::bind_allocator(WakeAllocator<std::byte>{memory_}, [] {}));
  }

 private:
  WakeMemory memory_;  // outlives the queue of io_
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
};

}  // namespace millstream::inline v0
