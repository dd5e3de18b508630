// MemoryBudget: one number of bytes that a job, or several jobs that share the object, may hold. Whoever holds memory
// reserves it first; nobody waits for the budget with its thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "millstream/core/assert.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// Counts bytes reserved against a limit. Thread-safe; share it by shared_ptr.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit_bytes) : limit_{limit_bytes} {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Takes `bytes` if they fit under the limit; false, and nothing taken, if not.
  [[nodiscard]] bool try_reserve(std::size_t bytes) noexcept {
    const std::size_t limit = limit_bytes();
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit || used > limit - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  /// Takes `bytes` whether they fit or not: for state that cannot be refused (a record has already been read).
  void reserve(std::size_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(std::size_t bytes) noexcept {
    [[maybe_unused]] const std::size_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    MILLSTREAM_ASSERT(before >= bytes);
  }

  /// For what its owner needs on top of what was asked for.
  void raise_limit(std::size_t by) noexcept { limit_.fetch_add(by, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool exceeded() const noexcept { return used_bytes() > limit_bytes(); }

 private:
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> used_{0};
};

/// What one owner holds of a budget; gives it back when destroyed. Not thread-safe: it belongs to its owner's shard.
class MILLSTREAM_EXPORT MemoryReservation {
 public:
  MemoryReservation() = default;
  explicit MemoryReservation(std::shared_ptr<MemoryBudget> budget) : budget_{std::move(budget)} {}
  MemoryReservation(MemoryReservation&& other) noexcept;
  MemoryReservation& operator=(MemoryReservation&& other) noexcept;
  ~MemoryReservation();

  /// Holds `bytes` from now on, whether they fit the budget or not.
  void resize(std::size_t bytes) noexcept {
    if (bytes != bytes_) change(bytes);
  }
  /// The same, if what is more than before fits the budget; false, and nothing changed, if not.
  [[nodiscard]] bool try_resize(std::size_t bytes) noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  void change(std::size_t bytes) noexcept;

  std::shared_ptr<MemoryBudget> budget_;
  std::size_t bytes_ = 0;
};

}  // namespace millstream::inline v0
