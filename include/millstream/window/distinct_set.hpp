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

/// Below 2^32 - 1 values. Of float and double the bits count: a NaN is equal to itself, and 0.0 is not -0.0. Has a
/// codec as sets of the standard library have. Not synchronized.
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
    return values_.capacity() * sizeof(V) + slots_.capacity() * sizeof(Slot) + owned_by_values_;
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
    const std::uint64_t hash = hash_key<V>(value);
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    for (; slots_[at].place != 0; at = (at + 1) & mask) {
      if (slots_[at].tag == tag_of(hash) && same(values_[slots_[at].place - 1], value)) return;
    }
    add(std::forward<U>(value));
    slots_[at] = {tag_of(hash), static_cast<std::uint32_t>(values_.size())};
    if (values_.size() * 10 > slots_.size() * 7) make_slots(slots_.size() * 2);
  }
  /// For the codec.
  void emplace_hint(const_iterator, V value) { insert(std::move(value)); }

 private:
  static constexpr std::size_t kWithoutTable = 8;  // so many are compared as fast as one is hashed
  struct Slot {
    std::uint32_t tag = 0;    // of the hash, the half that does not choose the slot
    std::uint32_t place = 0;  // in values_, and one more; 0 = free
  };
  static std::uint32_t tag_of(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }
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
    slots_.assign(count, {});
    const std::size_t mask = count - 1;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const std::uint64_t hash = hash_key(values_[i]);
      std::size_t at = hash & mask;
      while (slots_[at].place != 0) at = (at + 1) & mask;
      slots_[at] = {tag_of(hash), static_cast<std::uint32_t>(i + 1)};
    }
  }

  std::vector<V> values_;
  std::vector<Slot> slots_;  // empty, or a power of two of which at most seven in ten are used
  std::size_t owned_by_values_ = 0;
};

}  // namespace millstream::inline v0
