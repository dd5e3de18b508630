// The hash table of the hand-written loops, as a careful engineer writes one for a single purpose: power of two, linear
// probing, a hash that mixes all bits, keys and values side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cost {

template <class V>
class HandTable {
 public:
  /// The value of `key`; V{} if it is new.
  V& operator[](std::uint64_t key) {
    if (used_ * 10 >= slots_.size() * 7) grow();
    Slot& slot = place(key);
    if (slot.key_plus_one == 0) {
      slot.key_plus_one = key + 1;
      ++used_;
    }
    return slot.value;
  }
  /// f(key, value) for all, in no order.
  template <class F>
  void for_each(F&& f) {
    for (Slot& slot : slots_) {
      if (slot.key_plus_one != 0) f(slot.key_plus_one - 1, slot.value);
    }
  }
  /// As for_each, and forgets them; the slots stay.
  template <class F>
  void drain(F&& f) {
    for (Slot& slot : slots_) {
      if (slot.key_plus_one == 0) continue;
      f(slot.key_plus_one - 1, slot.value);
      slot = {};
    }
    used_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t key_plus_one = 0;
    V value{};
  };
  Slot& place(std::uint64_t key) {
    const std::size_t mask = slots_.size() - 1;
    const unsigned __int128 product = static_cast<unsigned __int128>(key ^ 0x9e3779b97f4a7c15) * 0xa0761d6478bd642f;
    std::size_t at = static_cast<std::size_t>(product ^ (product >> 64)) & mask;
    while (slots_[at].key_plus_one != 0 && slots_[at].key_plus_one != key + 1) at = (at + 1) & mask;
    return slots_[at];
  }
  void grow() {
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (Slot& slot : old) {
      if (slot.key_plus_one != 0) place(slot.key_plus_one - 1) = std::move(slot);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::size_t used_ = 0;
};

}  // namespace cost
