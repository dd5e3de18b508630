// Ring: a bounded queue between one producer thread and one consumer thread, without locks. Each side keeps a copy of
// the other's position and looks at the shared one only when its copy says full or empty (the cached indices of
// rigtorp/SPSCQueue and LMAX Disruptor).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "millstream/core/assert.hpp"
#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0 {

/// T is a pointer or another type that is cheap to copy and has no destructor to run.
template <class T>
class Ring {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Room for `slots` elements, at least 1.
  explicit Ring(std::size_t slots)
      : slots_{slots}, mask_{std::bit_ceil(slots) - 1}, data_{std::make_unique<T[]>(mask_ + 1)} {
    MILLSTREAM_ASSERT(slots >= 1);
  }

  /// Producer. False if the ring is full.
  [[nodiscard]] bool push(T value) noexcept {
    const std::size_t tail = producer_.position.load(std::memory_order_relaxed);
    if (tail - producer_.seen >= slots_) {
      producer_.seen = consumer_.position.load(std::memory_order_acquire);  // pairs with the release in pop()
      if (tail - producer_.seen >= slots_) return false;
    }
    data_[tail & mask_] = value;
    producer_.position.store(tail + 1, std::memory_order_release);  // pairs with the acquire in pop()
    return true;
  }
  /// Producer. Slots that a push will find free.
  [[nodiscard]] std::size_t room() noexcept {
    const std::size_t tail = producer_.position.load(std::memory_order_relaxed);
    producer_.seen = consumer_.position.load(std::memory_order_acquire);  // pairs with the release in pop()
    return slots_ - (tail - producer_.seen);
  }
  /// Producer. At least `n` free slots; looks at the consumer's position only if its copy does not answer yes.
  [[nodiscard]] bool has_room(std::size_t n) noexcept {
    const std::size_t tail = producer_.position.load(std::memory_order_relaxed);
    return slots_ - (tail - producer_.seen) >= n || room() >= n;
  }

  /// Consumer. False if the ring is empty.
  [[nodiscard]] bool pop(T& value) noexcept {
    const std::size_t head = consumer_.position.load(std::memory_order_relaxed);
    if (head == consumer_.seen) {
      consumer_.seen = producer_.position.load(std::memory_order_acquire);  // pairs with the release in push()
      if (head == consumer_.seen) return false;
    }
    value = data_[head & mask_];
    consumer_.position.store(head + 1, std::memory_order_release);  // pairs with the acquire in push() and room()
    return true;
  }
  /// Consumer. Elements that it can take without looking at the producer's position again.
  [[nodiscard]] std::size_t in_sight() const noexcept {
    return consumer_.seen - consumer_.position.load(std::memory_order_relaxed);
  }
  /// Any thread; exact only for the two that use the ring while the other one rests.
  [[nodiscard]] std::size_t size() const noexcept {
    const std::size_t head = consumer_.position.load(std::memory_order_acquire);
    return producer_.position.load(std::memory_order_acquire) - head;
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t slots() const noexcept { return slots_; }

 private:
  struct alignas(kCacheLine) Side {
    std::atomic<std::size_t> position{0};
    std::size_t seen = 0;  // this side's copy of the other's position
  };
  const std::size_t slots_;
  const std::size_t mask_;
  const std::unique_ptr<T[]> data_;
  Side producer_;
  Side consumer_;
};

}  // namespace millstream::inline v0
