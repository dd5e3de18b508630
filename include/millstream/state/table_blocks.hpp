// TableBlocks: the places of a StateTable's entries, without their type. Entries lie dense in blocks that never move,
// so a number or a reference stays good while the table grows and a walk over all entries reads memory in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/piece_arena.hpp"
#include "millstream/state/entry_changes.hpp"

namespace millstream::inline v0 {

/// Knows which places hold an entry; the table that derives from it makes and destroys the entries. One shard's.
class MILLSTREAM_EXPORT TableBlocks {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  TableBlocks(const TableBlocks&) = delete;
  TableBlocks& operator=(const TableBlocks&) = delete;

  /// Entries that exist.
  [[nodiscard]] std::size_t size() const noexcept { return ends_ - free_count_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// Numbers run from 0 to end_number() - 1; those of erased entries are not live.
  [[nodiscard]] std::uint32_t end_number() const noexcept { return ends_; }
  [[nodiscard]] bool live(std::uint32_t number) const noexcept {
    return live_.empty() || (live_[number / 64] >> (number % 64) & 1) != 0;
  }

  /// From here on the table knows which entries have changed, by resolve(), find_or_insert() and touch(), and which
  /// have gone. While it is empty.
  void track_changes();
  /// Besides, entries may leave memory for the cold store and come back: see EntryChanges. While it is empty.
  void track_spilling();
  /// Null where they are not tracked.
  [[nodiscard]] EntryChanges* changes() const noexcept { return changes_.get(); }
  /// A checkpoint has not been told of all entries yet: they must stay.
  [[nodiscard]] bool saving() const noexcept { return changes_ && changes_->saving(); }
  /// What a checkpoint holds of the table is its owner's to remove, and nothing of it is to be told any more.
  void forget_changes() noexcept {
    if (changes_ && changes_->any_held()) changes_->forget(0, ends_);
  }
  /// An entry that was not just resolved or inserted is about to change.
  void touch(std::uint32_t number) {
    if (changes_) changes_->touch(number);
  }

 protected:
  static constexpr std::uint32_t kBlockBits = 12;
  static constexpr std::uint32_t kBlockEntries = 1U << kBlockBits;
  static constexpr std::uint32_t kBlockMask = kBlockEntries - 1;

  /// What must be known of an entry. It is at least as large as a place in the list of free ones.
  struct Layout {
    std::size_t bytes;
    std::size_t alignment;
    /// Moves `count` entries to uninitialised memory and destroys them where they were.
    void (*relocate)(void* to, void* from, std::uint32_t count);
  };
  explicit TableBlocks(const Layout& layout) : layout_{layout} {}
  void bound() noexcept { growth_ = PieceArena::Growth::kBounded; }
  /// The entries are gone already.
  ~TableBlocks();

  [[nodiscard]] void* block_of(std::uint32_t number) noexcept { return blocks_[number >> kBlockBits]; }
  [[nodiscard]] void* const* blocks() const noexcept { return blocks_.data(); }
  /// Places that there is memory for.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return blocks_.empty() ? 0 : (blocks_.size() - 1) * kBlockEntries + first_capacity_;
  }
  /// No entry has been erased since the table was last empty.
  [[nodiscard]] bool dense() const noexcept { return live_.empty(); }

  /// A place for one more entry. It is not taken before take_place(); what lay in it is to be read before it is used.
  std::uint32_t free_place() {
    if (free_ != kNone) return free_;
    if (ends_ == capacity()) add_block();
    return ends_;
  }
  /// The free place behind the one that free_place() said.
  [[nodiscard]] std::uint32_t next_free(std::uint32_t number) noexcept {
    if (number == ends_) return kNone;
    std::uint32_t next = 0;
    std::memcpy(&next, place(number), sizeof next);
    return next;
  }
  /// The entry stands.
  void take_place(std::uint32_t number, std::uint32_t next) noexcept {
    if (number == ends_) {
      ++ends_;
      return;
    }
    free_ = next;
    --free_count_;
    live_[number / 64] |= std::uint64_t{1} << (number % 64);
  }
  /// No entry was made after all.
  void keep_free(std::uint32_t number, std::uint32_t next) noexcept {
    if (number != ends_) set_next_free(number, next);
  }
  /// The place of an entry that has been destroyed.
  void give_back(std::uint32_t number) {
    if (live_.empty()) [[unlikely]]
      begin_erasing();
    live_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    set_next_free(number, free_);
    free_ = number;
    ++free_count_;
  }
  /// The same of the last place, live or not; returns its number. Only ahead of drop_all(), or where dense().
  std::uint32_t drop_last() noexcept { return --ends_; }
  /// Of all that have not been given back. The memory is kept.
  void drop_all() noexcept {
    ends_ = 0;
    free_ = kNone;
    free_count_ = 0;
    live_.clear();
  }

 private:
  [[nodiscard]] void* place(std::uint32_t number) noexcept {
    return static_cast<std::byte*>(block_of(number)) + (number & kBlockMask) * layout_.bytes;
  }
  // Free places are a list that lies in them: a vector of millions would be copied whole each time that it grows.
  void set_next_free(std::uint32_t number, std::uint32_t next) noexcept {
    std::memcpy(place(number), &next, sizeof next);
  }
  [[nodiscard]] void* heap_block(std::size_t count) const;
  void free_heap_block(void* block) const noexcept;
  void add_block();
  void begin_erasing();

  Layout layout_;
  std::vector<void*> blocks_;
  std::size_t heap_blocks_ = 0;  // the first ones; the others lie in the arena
  PieceArena::Growth growth_ = PieceArena::Growth::kFast;
  std::unique_ptr<PieceArena> arena_;  // of a large table
  std::vector<std::uint64_t> live_;    // one bit an entry; empty until the first erasure
  std::uint32_t free_ = kNone;         // of erased entries' places, the first
  std::uint32_t free_count_ = 0;
  std::uint32_t ends_ = 0;
  std::uint32_t first_capacity_ = 0;
  std::unique_ptr<EntryChanges> changes_;
};

}  // namespace millstream::inline v0
