// DistinctSet: values that are all different, one behind the other in the order in which they came, and beside them a
// flat table of their places. Few of them have no table.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/state/key_hash.hpp"

namespace millstream::inline v0 {

/// Below 2^32 - 1 values. Of float and double the bits count: a NaN is equal to itself, and 0.0 is not -0.0. Others are
/// equal by operator==, and must then be the same bytes to their codec, as keys must. Has a codec as sets of the
/// standard library have. Not synchronized.
template <class V>
class DistinctSet {
 public:
  using key_type = V;
  using value_type = V;
  using const_iterator = typename std::vector<V>::const_iterator;

  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] const_iterator begin() const noexcept { return values_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return values_.end(); }
  void clear() { *this = {}; }
  /// What it owns beside itself, in bytes.
  [[nodiscard]] std::size_t heap_bytes() const noexcept {
    return values_.capacity() * sizeof(V) + slots_.capacity() * sizeof(std::uint32_t) + owned_by_values_;
  }

  /// Nothing happens where the value is there.
  template <class U>
  void insert(U&& value) {
    if (slots_.empty()) {
      if (std::any_of(begin(), end(), [&](const V& each) { return same(each, value); })) return;
      add(std::forward<U>(value));
      if (values_.size() > kWithoutTable) make_slots(4 * kWithoutTable);
      return;
    }
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash_key<V>(value) & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      if (same(values_[slots_[at] - 1], value)) return;
    }
    add(std::forward<U>(value));
    slots_[at] = static_cast<std::uint32_t>(values_.size());
    if (values_.size() * 10 > slots_.size() * 7) make_slots(slots_.size() * 2);
  }
  /// For the codec.
  void emplace_hint(const_iterator, V value) { insert(std::move(value)); }

 private:
  static constexpr std::size_t kWithoutTable = 8;  // so many are compared as fast as one is hashed
  static bool same(const V& a, const V& b) {
    if constexpr (std::same_as<V, double>) {
      return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    } else if constexpr (std::same_as<V, float>) {
      return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
    } else {
      return a == b;
    }
  }
  template <class U>
  void add(U&& value) {
    MILLSTREAM_ASSERT(values_.size() < UINT32_MAX);
    values_.push_back(std::forward<U>(value));
    if constexpr (kOwnsHeap<V>) owned_by_values_ += millstream::heap_bytes(values_.back());
  }
  void make_slots(std::size_t count) {
    slots_.assign(count, 0);
    const std::size_t mask = count - 1;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      std::size_t at = hash_key(values_[i]) & mask;
      while (slots_[at] != 0) at = (at + 1) & mask;
      slots_[at] = static_cast<std::uint32_t>(i + 1);
    }
  }

  std::vector<V> values_;
  // Places in values_, and one more: 0 = free. None, or a power of two of which at most seven in ten are used.
  std::vector<std::uint32_t> slots_;
  std::size_t owned_by_values_ = 0;
};

}  // namespace millstream::inline v0
