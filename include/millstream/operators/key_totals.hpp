// KeyTotals: what the stacks of sliding windows know of each key. It is made of the slices again after a restart, so it
// is not state and has no codec: a table of its own kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "millstream/core/piece_vector.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/table_index.hpp"

namespace millstream::inline v0 {

/// Key -> Total, by numbers that stay while the key is there. Belongs to one shard.
template <class K, class Total>
class KeyTotals {
 public:
  struct Entry {
    K key;
    Total value;
  };
  static constexpr std::uint32_t kNone = TableIndex::kNone;

  [[nodiscard]] std::uint32_t find(const K& key, std::uint64_t hash) const {
    return index_.find(hash, [&](std::uint32_t number) { return entries_[number].key == key; });
  }
  /// For each hash the number of a key that has it, or kNone: nearly always the right key, so find_or_insert() is asked
  /// only where it is not.
  void find_first(std::span<const std::uint64_t> hashes, std::uint32_t* numbers) const {
    if (!large()) {
      index_.find_first(hashes.data(), hashes.size(), numbers);
      return;
    }
    for (const std::uint64_t hash : hashes) index_.prefetch(hash);
    index_.find_first(hashes.data(), hashes.size(), numbers);
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (numbers[i] != kNone) __builtin_prefetch(&entries_[numbers[i]], 1);
    }
  }
  /// The number of the key, with make() as its total if there is none.
  template <class Make>
  std::uint32_t find_or_insert(const K& key, std::uint64_t hash, Make&& make) {
    std::uint32_t number = find(key, hash);
    if (number != kNone) return number;
    if (free_.empty()) {
      number = static_cast<std::uint32_t>(entries_.size());
      entries_.push_back({key, make()}, no_spares_);
      live_.push_back(true);
    } else {
      number = free_.back();
      entries_[number] = {key, make()};
      free_.pop_back();  // not before make(), which may throw
      live_[number] = true;
    }
    index_.insert(hash, number);
    return number;
  }
  void erase(std::uint32_t number) {
    index_.erase(hash_key(entries_[number].key), number);
    live_[number] = false;
    free_.push_back(number);
  }
  [[nodiscard]] Entry& entry(std::uint32_t number) { return entries_[number]; }
  [[nodiscard]] const Entry& entry(std::uint32_t number) const { return entries_[number]; }
  [[nodiscard]] bool live(std::uint32_t number) const { return live_[number]; }
  /// Numbers run from 0 to end_number() - 1; those of erased keys are not live.
  [[nodiscard]] std::uint32_t end_number() const { return static_cast<std::uint32_t>(entries_.size()); }
  /// Takes out the last entries, some thousand; true where none is left. Nothing else may be called from then on.
  bool drop_some() {
    entries_.drop_piece(no_spares_);
    no_spares_.clear();
    return entries_.empty();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return index_.bytes() + entries_.size() * sizeof(Entry); }

 private:
  // About what the L2 cache of a server core holds.
  [[nodiscard]] bool large() const { return entries_.size() * sizeof(Entry) > std::size_t{1} << 20; }

  TableIndex index_;
  PieceVector<Entry> entries_;  // grows without moving more than a piece, as the free numbers do
  SparePieces<Entry> no_spares_;
  std::vector<bool> live_;
  std::deque<std::uint32_t> free_;
};

}  // namespace millstream::inline v0
