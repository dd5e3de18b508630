// Counter: a number with one writer, the shard that owns it, and any number of readers. A plain load and store, so
// that counting costs no locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace millstream::inline v0 {

class Counter {
 public:
  explicit Counter(std::uint64_t start = 0) noexcept : value_{start} {}
  /// Only the owning thread.
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// Only the owning thread.
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  /// Any thread; what the writer wrote some moments ago.
  [[nodiscard]] std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_;
};

}  // namespace millstream::inline v0
