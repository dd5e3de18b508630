// Slots: memory for values that are addressed by number, in blocks that never move, so growing never copies. Which
// numbers hold a value is the owner's business.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace millstream::inline v0 {

/// Raw memory: the owner constructs and destroys the values. A block has memory for kBlock of them.
template <class T, std::size_t kBlock = 256>  // small enough for a state that has few keys
class Slots {
 public:
  /// There is memory for the numbers below `count` from now on.
  void reserve(std::size_t count) {
    while (blocks_.size() * kBlock < count) blocks_.emplace_back(kBlock);
  }
  [[nodiscard]] T& operator[](std::size_t number) noexcept {
    return blocks_[number / kBlock].values()[number % kBlock];
  }
  [[nodiscard]] const T& operator[](std::size_t number) const noexcept { return const_cast<Slots&>(*this)[number]; }
  [[nodiscard]] std::size_t bytes() const noexcept { return blocks_.size() * kBlock * sizeof(T); }

 private:
  class Block {
   public:
    explicit Block(std::size_t count)
        : memory_{static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{alignof(T)}))} {}
    [[nodiscard]] T* values() const noexcept { return memory_.get(); }

   private:
    struct Free {
      void operator()(T* memory) const noexcept { ::operator delete(memory, std::align_val_t{alignof(T)}); }
    };
    std::unique_ptr<T, Free> memory_;
  };
  std::vector<Block> blocks_;
};

}  // namespace millstream::inline v0
