// SpillMarks: of the entries of a table that may leave memory, how each stands to the cold store; beside EntryChanges,
// which says how it stands to the checkpoint. An entry leaves only when both have it as it is. What records do marks
// nothing here: what has changed is folded in at each barrier, so tables that spill cost a record no more than others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "millstream/state/slots.hpp"

namespace millstream::inline v0 {

/// One bit an entry each, 64 entries a word.
struct SpillWord {
  std::uint64_t stale = 0;  ///< the store has no value of it, or an older one; those changed since the barrier besides
  std::uint64_t used = 0;   ///< since the hand went by
  std::uint64_t out = 0;    ///< it is in a piece that is on its way to the store, as it was then
  std::uint64_t told = 0;   ///< the last whole save gave it out from memory, whatever the store has of it
  std::uint64_t there = 0;  ///< the store has a value of it, or is about to
};

/// Belongs to one shard. Numbers are those of the table's entries.
class SpillMarks {
 public:
  void reserve(std::size_t count) {
    const std::size_t end = (count + 63) / 64;
    words_.reserve(end);
    for (; end_ < end; ++end_) ::new (static_cast<void*>(&words_[end_])) SpillWord{};
  }
  [[nodiscard]] std::size_t words() const noexcept { return end_; }
  [[nodiscard]] SpillWord& word(std::size_t i) noexcept { return words_[i]; }
  [[nodiscard]] SpillWord& word_of(std::uint32_t number) noexcept { return words_[number / 64]; }

  /// A barrier; `changed` of the word since the one before. Gives those entries that the save is to be told of.
  std::uint64_t begin_save(std::size_t i, std::uint64_t changed, bool whole) noexcept {
    SpillWord& at = words_[i];
    at.stale |= changed;
    at.used |= changed;
    if (!whole) return changed;
    // All others the store has as they are, and whoever walks over it tells of them.
    return at.told = at.stale | at.out;
  }
  /// An entry has come from the store.
  void admit(std::uint32_t number) noexcept {
    drop(number);
    word_of(number).used |= std::uint64_t{1} << (number % 64);
    word_of(number).there |= std::uint64_t{1} << (number % 64);
  }
  /// The store has nothing of it.
  void restored(std::uint32_t number) noexcept { word_of(number).stale |= std::uint64_t{1} << (number % 64); }
  /// Its place is free.
  void drop(std::uint32_t number) noexcept {
    SpillWord& at = word_of(number);
    const std::uint64_t others = ~(std::uint64_t{1} << (number % 64));
    at.stale &= others;
    at.used &= others;
    at.out &= others;
    at.told &= others;
    at.there &= others;
  }
  /// Places from `first`, a multiple of 64, to before `end` are free.
  void forget(std::uint32_t first, std::uint32_t end) noexcept {
    for (std::size_t i = first / 64; i < (std::size_t{end} + 63) / 64; ++i) words_[i] = {};
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return words_.bytes(); }

 private:
  Slots<SpillWord> words_;
  std::size_t end_ = 0;
};

}  // namespace millstream::inline v0
