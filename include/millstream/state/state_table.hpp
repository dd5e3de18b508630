// StateTable: keyed state of one shard in memory, key -> value. Entries lie dense in blocks that never move, so a
// number or a reference stays good while the table grows and a walk over all entries reads memory in order. Keyed work
// goes in two phases: first the keys of a whole batch are resolved to entry numbers, with prefetching once the table
// outgrows the cache, then the values are worked on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/cache_line.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/piece_arena.hpp"
#include "millstream/state/entry_changes.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/table_index.hpp"

namespace millstream::inline v0 {

template <class K, class V>
class StateTable {
  static_assert(HasCodec<K>,
                "millstream: the key of keyed state needs a codec: describe it with "
                "BOOST_DESCRIBE_STRUCT or specialise millstream::Codec for it");
  static_assert(HasCodec<V>,
                "millstream: a type in keyed state or a window needs a codec: describe it with "
                "BOOST_DESCRIBE_STRUCT or specialise millstream::Codec for it");

 public:
  // Large enough for a place in the list of free ones.
  struct alignas(K) alignas(V) alignas(std::uint32_t) Entry {
    K key;
    V value;
  };
  static constexpr std::uint32_t kNone = TableIndex::kNone;

  StateTable() = default;
  StateTable(const StateTable&) = delete;
  StateTable& operator=(const StateTable&) = delete;
  ~StateTable() {
    destroy_all();
    for (std::size_t i = 0; i < heap_blocks_; ++i) free_heap_block(blocks_[i]);
  }

  /// Entries that exist.
  [[nodiscard]] std::size_t size() const noexcept { return ends_ - free_count_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// Numbers run from 0 to end_number() - 1; those of erased entries are not live.
  [[nodiscard]] std::uint32_t end_number() const noexcept { return ends_; }
  [[nodiscard]] bool live(std::uint32_t number) const noexcept {
    return live_.empty() || (live_[number / 64] >> (number % 64) & 1) != 0;
  }
  [[nodiscard]] Entry& entry(std::uint32_t number) noexcept {
    return static_cast<Entry*>(blocks_[number >> kBlockBits])[number & kBlockMask];
  }
  [[nodiscard]] const Entry& entry(std::uint32_t number) const noexcept {
    return const_cast<StateTable*>(this)->entry(number);
  }

  /// From here on the table knows which entries have changed, by resolve(), find_or_insert() and touch(), and which
  /// have gone. Before the first entry.
  void track_changes() {
    MILLSTREAM_ASSERT(ends_ == 0);
    if (changes_) return;
    changes_ = std::make_unique<EntryChanges>();
    changes_->reserve(capacity());
  }
  /// Null where they are not tracked.
  [[nodiscard]] EntryChanges* changes() const noexcept { return changes_.get(); }
  /// An entry that was not just resolved or inserted is about to change.
  void touch(std::uint32_t number) noexcept {
    if (changes_) changes_->touch(number);
  }

  /// Phase one: the entry numbers of `hashes.size()` keys, key i being key_of(i). A key that is not there gets an entry
  /// with the value make(i), i being its first place. `numbers` has room for all.
  template <class KeyOf, class Make>
  void resolve(std::span<const std::uint64_t> hashes, KeyOf&& key_of, Make&& make, std::uint32_t* numbers) {
    if (memory_bytes() <= kPrefetchAbove) {
      index_.find_first(hashes.data(), hashes.size(), numbers);
    } else {
      index_.find_first(hashes.data(), hashes.size(), numbers, {blocks_.data(), kBlockBits, sizeof(Entry)});
    }
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (numbers[i] != kNone && entry(numbers[i]).key == key_of(i)) [[likely]]
        continue;
      numbers[i] = find_or_insert(key_of(i), hashes[i], [&] { return make(i); });
    }
    if (!changes_) return;
    for (std::size_t i = 0; i < hashes.size(); ++i) changes_->touch(numbers[i]);
  }
  /// The entry of `key`, made with make() if there is none.
  template <class Make>
  [[nodiscard]] std::uint32_t find_or_insert(const K& key, std::uint64_t hash, Make&& make) {
    const std::uint32_t found = index_.find_or_insert(
        hash, [&](std::uint32_t number) { return entry(number).key == key; },
        [&] {
          // make() may throw: until the entry stands its place is not taken.
          const std::uint32_t number = free_place();
          const std::uint32_t next = number == ends_ ? kNone : next_free(number);
          try {
            ::new (static_cast<void*>(&entry(number))) Entry{key, make()};
          } catch (...) {
            if (number != ends_) set_next_free(number, next);
            throw;
          }
          take_place(number, next);
          return number;
        });
    touch(found);
    return found;
  }
  /// The entry of `key`, or kNone.
  [[nodiscard]] std::uint32_t find(const K& key, std::uint64_t hash) const {
    return index_.find(hash, [&](std::uint32_t number) { return entry(number).key == key; });
  }
  void erase(std::uint32_t number, std::uint64_t hash) {
    index_.erase(hash, number);
    note_erased(number, hash);
    entry(number).~Entry();
    if (live_.empty()) live_.assign(blocks_.size() * (kBlockEntries / 64), ~std::uint64_t{0});
    live_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    set_next_free(number, free_);
    free_ = number;
    ++free_count_;
  }

  /// Takes out an entry where none has ever been erased, and moves the last one into its place: numbers stay without
  /// holes, but what was the last entry now has this number.
  void erase_dense(std::uint32_t number) {
    MILLSTREAM_ASSERT(live_.empty() && number < ends_);
    const std::uint32_t last = ends_ - 1;
    const std::uint64_t erased = hash_key(entry(number).key);
    index_.erase(erased, number);
    note_erased(number, erased);
    entry(number).~Entry();
    if (number != last) {
      const std::uint64_t hash = hash_key(entry(last).key);
      index_.erase(hash, last);
      if (changes_) changes_->move(last, number);
      ::new (static_cast<void*>(&entry(number))) Entry(std::move(entry(last)));
      index_.insert(hash, number);
      entry(last).~Entry();
    }
    --ends_;
  }

  /// Erases those of `numbers` for which `gone(number)` holds; as erase(), but asks for what it touches ahead of use.
  template <class Gone>
  void erase_if(std::span<const std::uint32_t> numbers, Gone&& gone) {
    std::array<std::uint64_t, kErasedTogether> hashes;
    while (!numbers.empty()) {
      const auto together = numbers.first(std::min(numbers.size(), kErasedTogether));
      numbers = numbers.subspan(together.size());
      for (const std::uint32_t number : together) prefetch(number);
      for (std::size_t i = 0; i < together.size(); ++i) {
        if (!live(together[i])) continue;
        hashes[i] = hash_key(entry(together[i]).key);
        index_.prefetch(hashes[i]);
      }
      for (std::size_t i = 0; i < together.size(); ++i) {
        // A number may stand here twice.
        if (live(together[i]) && gone(together[i])) erase(together[i], hashes[i]);
      }
    }
  }

  /// Asks for an entry ahead of its use; it need not be live.
  void prefetch(std::uint32_t number) const noexcept { __builtin_prefetch(&entry(number), 1); }

  /// Calls f(number) for each entry.
  template <class F>
  void for_each(F&& f) const {
    for (std::uint32_t number = 0; number < ends_; ++number) {
      if (live(number)) f(number);
    }
  }

  /// Forgets the entries, a bounded number a call; true when the table is empty and may be used again. The memory is
  /// kept for that. In between only clear_some may be called. What a checkpoint holds of them is the owner's to remove.
  bool clear_some() {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for (std::uint32_t left = kClearEntriesPerCall; ends_ > 0; --left) {
        if (left == 0) return false;
        --ends_;
        if (live(ends_)) entry(ends_).~Entry();
      }
    }
    ends_ = 0;
    free_ = kNone;
    free_count_ = 0;
    live_.clear();
    if (changes_) changes_->forget();
    return index_.clear_some();
  }
  void clear() {
    while (!clear_some()) {
    }
  }

  /// Bytes of blocks, index and marks of changes; what the entries hold elsewhere (long strings) is not counted.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    const std::size_t beside = index_.bytes() + (changes_ ? changes_->bytes() : 0);
    if (blocks_.empty()) return beside;
    return beside + ((blocks_.size() - 1) * kBlockEntries + first_capacity_) * sizeof(Entry);
  }

 private:
  static constexpr std::uint32_t kBlockBits = 12;
  static constexpr std::uint32_t kBlockEntries = 1U << kBlockBits;
  static constexpr std::uint32_t kBlockMask = kBlockEntries - 1;
  static constexpr std::uint32_t kFirstEntries = 64;          // a window with few keys should not hold a whole block
  static constexpr std::size_t kPrefetchAbove = 1024 * 1024;  // bytes: about what the L2 cache of a server core holds
  static constexpr std::size_t kArenaFrom = 2 * 1024 * 1024;  // bytes: an arena begins with a whole huge page
  static constexpr std::uint32_t kClearEntriesPerCall = 4096;
  static constexpr std::size_t kErasedTogether = 16;  // a core keeps 10 to 16 misses under way

  // Entries begin on cache lines, so that one of half a line never lies in two.
  static constexpr std::align_val_t kBlockAlignment{std::max<std::size_t>(alignof(Entry), kCacheLine)};

  // Uninitialised memory for `count` entries.
  static void* heap_block(std::size_t count) { return ::operator new(count * sizeof(Entry), kBlockAlignment); }
  static void free_heap_block(void* block) noexcept { ::operator delete(block, kBlockAlignment); }

  std::uint32_t free_place() {
    if (free_ != kNone) return free_;
    if (ends_ == capacity()) add_block();
    return ends_;
  }
  // The one that free_place() said.
  void take_place(std::uint32_t number, std::uint32_t next) {
    if (number == ends_) {
      ++ends_;
      return;
    }
    free_ = next;
    --free_count_;
    live_[number / 64] |= std::uint64_t{1} << (number % 64);
  }
  // Free places are a list that lies in them: a vector of millions would be copied whole each time that it grows.
  [[nodiscard]] std::uint32_t next_free(std::uint32_t number) const noexcept {
    std::uint32_t next = 0;
    std::memcpy(&next, static_cast<const void*>(&entry(number)), sizeof next);
    return next;
  }
  void set_next_free(std::uint32_t number, std::uint32_t next) noexcept {
    std::memcpy(static_cast<void*>(&entry(number)), &next, sizeof next);
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return blocks_.empty() ? 0 : (blocks_.size() - 1) * kBlockEntries + first_capacity_;
  }
  void add_block() {
    if (blocks_.size() == blocks_.capacity()) blocks_.reserve(std::max<std::size_t>(2 * blocks_.size(), 1));
    if (blocks_.empty()) {
      blocks_.push_back(heap_block(kFirstEntries));
      heap_blocks_ = 1;
      first_capacity_ = kFirstEntries;
    } else if (first_capacity_ < kBlockEntries) {
      // Only the first block ever moves, while it is small.
      const std::uint32_t larger = first_capacity_ * 4;
      auto* const to = static_cast<Entry*>(heap_block(larger));
      for (std::uint32_t i = 0; i < ends_; ++i) {  // none is free, or there would be no need
        ::new (static_cast<void*>(to + i)) Entry(std::move(entry(i)));
        entry(i).~Entry();
      }
      free_heap_block(std::exchange(blocks_.front(), to));
      first_capacity_ = larger;
    } else if (alignof(Entry) > kCacheLine || blocks_.size() * kBlockEntries * sizeof(Entry) < kArenaFrom) {
      blocks_.push_back(heap_block(kBlockEntries));
      heap_blocks_ = blocks_.size();
    } else {
      if (!arena_) arena_ = std::make_unique<PieceArena>(kBlockEntries * sizeof(Entry));
      blocks_.push_back(arena_->take());
    }
    if (!live_.empty()) live_.resize(blocks_.size() * (kBlockEntries / 64), ~std::uint64_t{0});
    if (changes_) changes_->reserve(capacity());
  }
  void note_erased(std::uint32_t number, std::uint64_t hash) {
    if (!changes_) return;
    changes_->erase(number, key_group_of(hash), [&](std::string& bytes) { encode_value(entry(number).key, bytes); });
  }
  void destroy_all() noexcept {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for_each([this](std::uint32_t number) { entry(number).~Entry(); });
    }
    ends_ = 0;
  }

  TableIndex index_;
  std::vector<void*> blocks_;
  std::size_t heap_blocks_ = 0;        // the first ones; the others lie in the arena
  std::unique_ptr<PieceArena> arena_;  // of a large table
  std::vector<std::uint64_t> live_;    // one bit an entry; empty until the first erasure
  std::uint32_t free_ = kNone;         // of erased entries' places, the first
  std::uint32_t free_count_ = 0;
  std::uint32_t ends_ = 0;
  std::uint32_t first_capacity_ = 0;
  std::unique_ptr<EntryChanges> changes_;
};

}  // namespace millstream::inline v0
