// NumberSet: different numbers in one flat table of themselves, so that a look-up touches one cache line. Few of them
// are a list without a table.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/codec/type_kind.hpp"
#include "millstream/state/key_hash.hpp"

namespace millstream::inline v0 {

/// What NumberSet can hold: values of up to 64 bits that are equal where their bits are.
template <class V>
concept FlatNumber = sizeof(V) <= 8 && (detail::IntegerKey<V> || std::is_same_v<V, float> || std::is_same_v<V, double>);

/// Of float and double the bits count: a NaN is equal to itself, and 0.0 is not -0.0. They come in no order. Has a
/// codec as sets of the standard library have. Not synchronized.
template <FlatNumber V>
class NumberSet {
  using Bits = std::conditional_t<(sizeof(V) <= 4), std::uint32_t, std::uint64_t>;

 public:
  using key_type = V;
  using value_type = V;
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = V;
    using difference_type = std::ptrdiff_t;
    using pointer = const V*;
    using reference = V;

    const_iterator() = default;
    V operator*() const { return at_zero_ ? to_value(0) : to_value(*at_); }
    const_iterator& operator++() {
      if (!std::exchange(at_zero_, false)) ++at_;
      skip_free();
      return *this;
    }
    const_iterator operator++(int) {
      const const_iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    friend NumberSet;
    const_iterator(const Bits* at, const Bits* end, bool at_zero) : at_{at}, end_{end}, at_zero_{at_zero} {
      skip_free();
    }
    void skip_free() {
      if (at_zero_) return;
      while (at_ != end_ && *at_ == 0) ++at_;
    }
    const Bits* at_ = nullptr;
    const Bits* end_ = nullptr;
    bool at_zero_ = false;  // zero stands ahead of the others
  };

  [[nodiscard]] std::size_t size() const noexcept { return used_ + (has_zero_ ? 1 : 0); }
  [[nodiscard]] const_iterator begin() const noexcept {
    return {slots_.data(), slots_.data() + slots_.size(), has_zero_};
  }
  [[nodiscard]] const_iterator end() const noexcept {
    return {slots_.data() + slots_.size(), slots_.data() + slots_.size(), false};
  }
  void clear() { *this = {}; }
  /// What it owns beside itself, in bytes.
  [[nodiscard]] std::size_t heap_bytes() const noexcept { return slots_.capacity() * sizeof(Bits); }

  /// Nothing happens where the value is there.
  void insert(V value) { insert_bits(to_bits(value)); }
  void insert_all(const NumberSet& other) {
    if (&other == this) return;
    has_zero_ |= other.has_zero_;
    // Not in the order of a table's slots: in another table of as many, which grows on the way, they would pile up.
    const std::size_t mask = other.has_table() ? other.slots_.size() - 1 : ~std::size_t{0};
    const std::size_t stride = other.has_table() ? 0x9e3779b9 : 1;
    for (std::size_t i = 0; i < other.slots_.size(); ++i) {
      if (const Bits bits = other.slots_[i * stride & mask]; bits != 0) insert_bits(bits);
    }
  }
  /// For the codec.
  void emplace_hint(const_iterator, V value) { insert(value); }

 private:
  static constexpr std::size_t kWithoutTable = 8;  // so many are compared as fast as one is hashed

  static Bits to_bits(V value) {
    Bits bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
  }
  static V to_value(Bits bits) {
    V value;
    std::memcpy(static_cast<void*>(&value), &bits, sizeof value);
    return value;
  }
  [[nodiscard]] bool has_table() const noexcept { return slots_.size() > kWithoutTable; }
  static bool is_too_full(std::size_t used, std::size_t slots) { return used * 10 > slots * 7; }
  // Where to look first. Other than the hash of keys it is in no format, so it can be as short as this. It depends on
  // the number of slots, so that values that are read back in the order of a large table do not pile up in the small
  // ones that it grows from.
  static std::size_t slot_of(Bits bits, std::size_t mask) {
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>((std::uint64_t{bits} ^ 0x9e3779b97f4a7c15) + mask) * 0xa0761d6478bd642f;
    return static_cast<std::size_t>(product ^ (product >> 64)) & mask;
  }
  void insert_bits(Bits bits) {
    if (bits == 0) {
      has_zero_ = true;
      return;
    }
    if (!has_table()) {
      if (std::find(slots_.begin(), slots_.end(), bits) != slots_.end()) return;
      if (slots_.size() < kWithoutTable) {
        slots_.push_back(bits);
        ++used_;
        return;
      }
      make_table(2 * kWithoutTable);
    }
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = slot_of(bits, mask);
    while (slots_[at] != 0) {
      if (slots_[at] == bits) return;
      at = (at + 1) & mask;
    }
    slots_[at] = bits;
    ++used_;
    if (is_too_full(used_, slots_.size())) make_table(slots_.size() * 2);
  }
  void make_table(std::size_t count) {
    const std::vector<Bits> old = std::exchange(slots_, std::vector<Bits>(count));
    const std::size_t mask = count - 1;
    for (const Bits bits : old) {
      if (bits == 0) continue;
      std::size_t at = slot_of(bits, mask);
      while (slots_[at] != 0) at = (at + 1) & mask;
      slots_[at] = bits;
    }
  }

  // Up to kWithoutTable values, one behind the other; or a power of two of slots, 0 = free, of which at most seven in
  // ten are used.
  std::vector<Bits> slots_;
  std::size_t used_ = 0;
  bool has_zero_ = false;  // which no slot can hold
};

}  // namespace millstream::inline v0
