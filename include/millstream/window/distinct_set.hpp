// DistinctSet: values that are all different: numbers in a NumberSet, others in a ListedSet, which has them one behind
// the other in the order in which they came, and beside them a flat table of their places. Few of them have no table.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/window/number_set.hpp"

namespace millstream::inline v0 {

/// Below 2^32 - 1 values. They are equal by operator==, and must then be the same bytes to their codec, as keys must.
/// Has a codec as sets of the standard library have. Not synchronized.
template <class V>
class ListedSet {
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
      if (std::find(begin(), end(), value) != end()) return;
      add(std::forward<U>(value));
      if (values_.size() > kWithoutTable) make_slots(4 * kWithoutTable);
      return;
    }
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash_key<V>(value) & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      if (values_[slots_[at] - 1] == value) return;
    }
    add(std::forward<U>(value));
    slots_[at] = static_cast<std::uint32_t>(values_.size());
    if (values_.size() * 10 > slots_.size() * 7) make_slots(slots_.size() * 2);
  }
  void insert_all(const ListedSet& other) {
    if (&other == this) return;
    for (const V& value : other) insert(value);
  }
  /// For the codec.
  void emplace_hint(const_iterator, V value) { insert(std::move(value)); }

 private:
  static constexpr std::size_t kWithoutTable = 8;  // so many are compared as fast as one is hashed
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

namespace detail {
template <class V>
struct DistinctSetOf {
  using Type = ListedSet<V>;
};
template <FlatNumber V>
struct DistinctSetOf<V> {
  using Type = NumberSet<V>;
};
}  // namespace detail

/// A set of different values that only grows.
template <class V>
using DistinctSet = typename detail::DistinctSetOf<V>::Type;

}  // namespace millstream::inline v0
