// StateTable: keyed state of one shard in memory, key -> value; the entries lie in TableBlocks. Keyed work goes in two
// phases: first the keys of a whole batch are resolved to entry numbers, with prefetching once the table outgrows the
// cache, then the values are worked on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/table_blocks.hpp"
#include "millstream/state/table_index.hpp"

namespace millstream::inline v0 {

template <class K, class V>
class StateTable : public TableBlocks {
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

  StateTable() : TableBlocks{{sizeof(Entry), alignof(Entry), &relocate}} {}
  ~StateTable() {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for_each([this](std::uint32_t number) { entry(number).~Entry(); });
    }
  }

  /// Memory has a limit: hardly any is taken ahead of use. While the table is empty.
  void bound() noexcept {
    index_.bound();
    TableBlocks::bound();
  }
  /// Entries may leave memory, for that has a limit. While the table is empty.
  void track_spilling() {
    bound();
    TableBlocks::track_spilling();
  }

  [[nodiscard]] Entry& entry(std::uint32_t number) noexcept {
    return static_cast<Entry*>(block_of(number))[number & kBlockMask];
  }
  [[nodiscard]] const Entry& entry(std::uint32_t number) const noexcept {
    return const_cast<StateTable*>(this)->entry(number);
  }

  /// Phase one: the entry numbers of `hashes.size()` keys, key i being key_of(i). A key that is not there gets an entry
  /// with the value make(i), i being its first place. `numbers` has room for all.
  template <class KeyOf, class Make>
  void resolve(std::span<const std::uint64_t> hashes, KeyOf&& key_of, Make&& make, std::uint32_t* numbers) {
    if (memory_bytes() <= kPrefetchAbove) {
      index_.find_first(hashes.data(), hashes.size(), numbers);
    } else {
      index_.find_first(hashes.data(), hashes.size(), numbers, {blocks(), kBlockBits, sizeof(Entry)});
    }
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (numbers[i] != kNone && entry(numbers[i]).key == key_of(i)) [[likely]]
        continue;
      numbers[i] = find_or_insert(key_of(i), hashes[i], [&] { return make(i); });
    }
    if (changes() != nullptr) changes()->touch(std::span{numbers, hashes.size()});
  }
  /// The entry of `key`, made with make() if there is none.
  template <class Make>
  [[nodiscard]] std::uint32_t find_or_insert(const K& key, std::uint64_t hash, Make&& make) {
    const std::uint32_t found = index_.find_or_insert(
        hash, [&](std::uint32_t number) { return entry(number).key == key; },
        [&] {
          // make() may throw: until the entry stands its place is not taken.
          const std::uint32_t number = free_place();
          const std::uint32_t next = next_free(number);
          try {
            ::new (static_cast<void*>(&entry(number))) Entry{key, make()};
          } catch (...) {
            keep_free(number, next);
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
  /// An entry of this hash for which wanted(number) holds, or kNone. It is asked of a few with other hashes, too.
  template <class Wanted>
  [[nodiscard]] std::uint32_t find_if(std::uint64_t hash, Wanted&& wanted) const {
    return index_.find(hash, wanted);
  }
  void erase(std::uint32_t number, std::uint64_t hash) {
    note_erased(number, hash);
    index_.erase(hash, number);
    entry(number).~Entry();
    give_back(number);
  }

  // Of a table whose entries may leave memory.
  /// Calls missing(i) for each of these keys that has no entry here. `numbers` has room for all.
  template <class KeyOf, class Missing>
  void find_missing(std::span<const std::uint64_t> hashes, KeyOf&& key_of, std::uint32_t* numbers,
                    Missing&& missing) const {
    index_.find_first(hashes.data(), hashes.size(), numbers, {blocks(), kBlockBits, sizeof(Entry)});
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (numbers[i] != kNone && entry(numbers[i]).key == key_of(i)) [[likely]]
        continue;
      if (find(key_of(i), hashes[i]) == kNone) missing(i);
    }
  }
  /// An entry has come from the cold store; there must be none of the key. Its number.
  std::uint32_t admit(K&& key, std::uint64_t hash, V&& value) {
    const std::uint32_t number = free_place();
    const std::uint32_t next = next_free(number);
    ::new (static_cast<void*>(&entry(number))) Entry{std::move(key), std::move(value)};
    take_place(number, next);
    index_.insert(hash, number);
    changes()->admit(number);
    return number;
  }
  /// Entries that are saved, and as the cold store has them, leave memory.
  void evict(std::span<const std::uint32_t> numbers) {
    std::array<std::uint64_t, kErasedTogether> hashes;
    while (!numbers.empty()) {
      const auto together = numbers.first(std::min(numbers.size(), kErasedTogether));
      numbers = numbers.subspan(together.size());
      for (const std::uint32_t number : together) prefetch(number);
      for (std::size_t i = 0; i < together.size(); ++i) {
        hashes[i] = hash_key(entry(together[i]).key);
        index_.prefetch(hashes[i]);
      }
      for (std::size_t i = 0; i < together.size(); ++i) {
        changes()->evict(together[i]);
        index_.erase(hashes[i], together[i]);
        entry(together[i]).~Entry();
        give_back(together[i]);
      }
    }
  }

  /// Takes out an entry where none has ever been erased, and moves the last one into its place: numbers stay without
  /// holes, but what was the last entry now has this number.
  void erase_dense(std::uint32_t number) {
    MILLSTREAM_ASSERT(dense() && number < end_number());
    const std::uint32_t last = end_number() - 1;
    const std::uint64_t erased = hash_key(entry(number).key);
    note_erased(number, erased);
    index_.erase(erased, number);
    entry(number).~Entry();
    if (number != last) {
      const std::uint64_t hash = hash_key(entry(last).key);
      index_.erase(hash, last);
      if (changes() != nullptr) changes()->move(last, number);
      ::new (static_cast<void*>(&entry(number))) Entry(std::move(entry(last)));
      index_.insert(hash, number);
      entry(last).~Entry();
    }
    drop_last();
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
    for (std::uint32_t number = 0; number < end_number(); ++number) {
      if (live(number)) f(number);
    }
  }

  /// Forgets the entries, a bounded number a call; true when the table is empty and may be used again. The memory is
  /// kept for that. In between only clear_some may be called. Not while
  /// saving(). What a checkpoint holds of them is the owner's to remove.
  bool clear_some() {
    const std::uint32_t before = end_number();
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for (std::uint32_t left = kClearEntriesPerCall; end_number() > 0; --left) {
        if (left == 0) {
          if (changes() != nullptr) changes()->forget((end_number() + 63) / 64 * 64, before);
          return false;
        }
        const std::uint32_t last = drop_last();
        if (live(last)) entry(last).~Entry();
      }
    }
    if (changes() != nullptr) changes()->forget(0, before);
    drop_all();
    return index_.clear_some();
  }
  void clear() {
    while (!clear_some()) {
    }
  }

  /// Bytes of blocks, index and marks of changes; what the entries hold elsewhere (long strings) is not counted.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return index_.bytes() + capacity() * sizeof(Entry) + (changes() != nullptr ? changes()->bytes() : 0);
  }

 private:
  static constexpr std::size_t kPrefetchAbove = 1024 * 1024;  // bytes: about what the L2 cache of a server core holds
  static constexpr std::uint32_t kClearEntriesPerCall = 4096;
  static constexpr std::size_t kErasedTogether = 16;  // a core keeps 10 to 16 misses under way

  void note_erased(std::uint32_t number, std::uint64_t hash) {
    if (changes() == nullptr) return;
    changes()->erase(number, key_group_of(hash), [&](std::string& bytes) { encode_value(entry(number).key, bytes); });
  }
  static void relocate(void* to, void* from, std::uint32_t count) {
    auto* const target = static_cast<Entry*>(to);
    auto* const source = static_cast<Entry*>(from);
    for (std::uint32_t i = 0; i < count; ++i) {
      ::new (static_cast<void*>(target + i)) Entry(std::move(source[i]));
      source[i].~Entry();
    }
  }

  TableIndex index_;
};

}  // namespace millstream::inline v0
