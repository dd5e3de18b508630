// StateTable: keyed state of one shard in memory, key -> value. Entries lie dense in blocks that never move, so a
// number or a reference stays good while the table grows and a walk over all entries reads memory in order. Keyed work
// goes in two phases: first the keys of a whole batch are resolved to entry numbers, with prefetching once the table
// outgrows the cache, then the values are worked on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/key_group.hpp"
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
  struct Entry {
    K key;
    V value;
  };
  static constexpr std::uint32_t kNone = TableIndex::kNone;

  StateTable() = default;
  StateTable(const StateTable&) = delete;
  StateTable& operator=(const StateTable&) = delete;
  ~StateTable() { destroy_all(); }

  /// Entries that exist.
  [[nodiscard]] std::size_t size() const noexcept { return ends_ - free_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// Numbers run from 0 to end_number() - 1; those of erased entries are not live.
  [[nodiscard]] std::uint32_t end_number() const noexcept { return ends_; }
  [[nodiscard]] bool live(std::uint32_t number) const noexcept {
    return live_.empty() || (live_[number / 64] >> (number % 64) & 1) != 0;
  }
  [[nodiscard]] Entry& entry(std::uint32_t number) noexcept {
    return blocks_[number >> kBlockBits].entries()[number & kBlockMask];
  }
  [[nodiscard]] const Entry& entry(std::uint32_t number) const noexcept {
    return const_cast<StateTable*>(this)->entry(number);
  }

  /// Phase one: the entry numbers of `hashes.size()` keys, key i being key_of(i). Keys that are not there get an entry
  /// with the value make(). `numbers` has room for all.
  template <class KeyOf, class Make>
  void resolve(std::span<const std::uint64_t> hashes, KeyOf&& key_of, Make&& make, std::uint32_t* numbers) {
    if (memory_bytes() <= kPrefetchAbove) {
      index_.find_first(hashes.data(), hashes.size(), numbers);
      settle(0, hashes.size(), hashes, key_of, make, numbers);
      return;
    }
    // Memory is asked for one piece ahead of its use: index lines first, then entries.
    const std::size_t count = hashes.size();
    index_.prefetch(hashes.data(), std::min(kPiece, count));
    for (std::size_t from = 0; from < count; from += kPiece) {
      const std::size_t end = std::min(from + kPiece, count);
      index_.prefetch(hashes.data() + end, std::min(kPiece, count - end));
      index_.find_first(hashes.data() + from, end - from, numbers + from);
      for (std::size_t i = from; i < end; ++i) prefetch_entry(numbers[i]);
      if (from > 0) settle(from - kPiece, from, hashes, key_of, make, numbers);
    }
    settle(count == 0 ? 0 : (count - 1) / kPiece * kPiece, count, hashes, key_of, make, numbers);
  }
  /// The entry of `key`, made with make() if there is none.
  template <class Make>
  [[nodiscard]] std::uint32_t find_or_insert(const K& key, std::uint64_t hash, Make&& make) {
    return index_.find_or_insert(
        hash, [&](std::uint32_t number) { return entry(number).key == key; },
        [&] {
          const std::uint32_t number = place();
          ::new (static_cast<void*>(&entry(number))) Entry{key, make()};
          return number;
        });
  }
  /// The entry of `key`, or kNone.
  [[nodiscard]] std::uint32_t find(const K& key, std::uint64_t hash) const {
    return index_.find(hash, [&](std::uint32_t number) { return entry(number).key == key; });
  }
  void erase(std::uint32_t number, std::uint64_t hash) {
    index_.erase(hash, number);
    entry(number).~Entry();
    if (live_.empty()) live_.assign(blocks_.size() * (kBlockEntries / 64), ~std::uint64_t{0});
    live_[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    free_.push_back(number);
  }

  /// Calls f(number) for each entry.
  template <class F>
  void for_each(F&& f) const {
    for (std::uint32_t number = 0; number < ends_; ++number) {
      if (live(number)) f(number);
    }
  }

  /// Forgets the entries, a bounded number a call; true when the table is empty and may be used again. The memory is
  /// kept for that. In between only clear_some may be called.
  bool clear_some() {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for (std::uint32_t left = kClearEntriesPerCall; ends_ > 0; --left) {
        if (left == 0) return false;
        --ends_;
        if (live(ends_)) entry(ends_).~Entry();
      }
    }
    ends_ = 0;
    free_.clear();
    live_.clear();
    return index_.clear_some();
  }
  void clear() {
    while (!clear_some()) {
    }
  }

  /// Bytes of blocks and index; what the entries hold elsewhere (long strings) is not counted.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    if (blocks_.empty()) return index_.bytes();
    return index_.bytes() + ((blocks_.size() - 1) * kBlockEntries + first_capacity_) * sizeof(Entry);
  }

  /// Appends the entries of key groups [first, end) as bytes: a count, then key and value by their codecs. State is
  /// addressed by key group, never by shard, so what one shard saved any number of shards can load.
  void save(std::uint32_t first, std::uint32_t end, ByteWriter& out) const {
    std::vector<std::uint32_t> chosen;
    for_each([&](std::uint32_t number) {
      const std::uint32_t group = key_group_of(hash_key(entry(number).key));
      if (group >= first && group < end) chosen.push_back(number);
    });
    out.write_varint(chosen.size());
    for (const std::uint32_t number : chosen) {
      Codec<K>::encode(entry(number).key, out);
      Codec<V>::encode(entry(number).value, out);
    }
  }
  /// Adds what save() wrote; an entry that is already there is replaced. False where the bytes are not that.
  [[nodiscard]] bool load(ByteReader& in) {
    std::size_t count = 0;
    if (!in.read_count(count)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      K key{};
      V value{};
      if (!Codec<K>::decode(in, key) || !Codec<V>::decode(in, value)) return false;
      const std::uint32_t number = find_or_insert(key, hash_key(key), [] { return V{}; });
      entry(number).value = std::move(value);
    }
    return true;
  }

 private:
  static constexpr std::uint32_t kBlockBits = 12;
  static constexpr std::uint32_t kBlockEntries = 1U << kBlockBits;
  static constexpr std::uint32_t kBlockMask = kBlockEntries - 1;
  static constexpr std::uint32_t kFirstEntries = 64;         // a window with few keys should not hold a whole block
  static constexpr std::size_t kPrefetchAbove = 512 * 1024;  // bytes: the L2 cache of the machines we know
  static constexpr std::uint32_t kClearEntriesPerCall = 4096;
  static constexpr std::size_t kPiece = 64;  // records: hides memory's latency and stays within the L1 cache

  // Uninitialised memory for entries.
  class Block {
   public:
    explicit Block(std::size_t count)
        : memory_{static_cast<Entry*>(::operator new(count * sizeof(Entry), std::align_val_t{alignof(Entry)}))} {}
    [[nodiscard]] Entry* entries() const noexcept { return memory_.get(); }

   private:
    struct Free {
      void operator()(Entry* memory) const noexcept { ::operator delete(memory, std::align_val_t{alignof(Entry)}); }
    };
    std::unique_ptr<Entry, Free> memory_;
  };

  // Makes sure that numbers[from, end) are those of the keys.
  template <class KeyOf, class Make>
  void settle(std::size_t from, std::size_t end, std::span<const std::uint64_t> hashes, KeyOf& key_of, Make& make,
              std::uint32_t* numbers) {
    for (std::size_t i = from; i < end; ++i) {
      if (numbers[i] != kNone && entry(numbers[i]).key == key_of(i)) [[likely]]
        continue;
      numbers[i] = find_or_insert(key_of(i), hashes[i], make);
    }
  }
  // All cache lines of an entry, not only the one with its key.
  void prefetch_entry(std::uint32_t number) const {
    if (number == kNone) return;
    const auto* at = reinterpret_cast<const char*>(&entry(number));
    for (std::size_t offset = 0; offset < sizeof(Entry); offset += 64) __builtin_prefetch(at + offset, 1);
    if constexpr (64 % sizeof(Entry) != 0) __builtin_prefetch(at + sizeof(Entry) - 1, 1);
  }

  std::uint32_t place() {
    if (!free_.empty()) {
      const std::uint32_t number = free_.back();
      free_.pop_back();
      live_[number / 64] |= std::uint64_t{1} << (number % 64);
      return number;
    }
    if (ends_ == capacity()) add_block();
    return ends_++;
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return blocks_.empty() ? 0 : (blocks_.size() - 1) * kBlockEntries + first_capacity_;
  }
  void add_block() {
    if (blocks_.empty()) {
      blocks_.emplace_back(kFirstEntries);
      first_capacity_ = kFirstEntries;
    } else if (first_capacity_ < kBlockEntries) {
      // Only the first block ever moves, while it is small.
      const std::uint32_t larger = first_capacity_ * 4;
      Block block{larger};
      for (std::uint32_t i = 0; i < ends_; ++i) {
        if (!live(i)) continue;
        ::new (static_cast<void*>(block.entries() + i)) Entry(std::move(entry(i)));
        entry(i).~Entry();
      }
      blocks_.front() = std::move(block);
      first_capacity_ = larger;
    } else {
      blocks_.emplace_back(kBlockEntries);
    }
    if (!live_.empty()) live_.resize(blocks_.size() * (kBlockEntries / 64), ~std::uint64_t{0});
  }
  void destroy_all() noexcept {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for_each([this](std::uint32_t number) { entry(number).~Entry(); });
    }
    ends_ = 0;
  }

  TableIndex index_;
  std::vector<Block> blocks_;
  std::vector<std::uint64_t> live_;  // one bit an entry; empty until the first erasure
  std::vector<std::uint32_t> free_;
  std::uint32_t ends_ = 0;
  std::uint32_t first_capacity_ = 0;
};

}  // namespace millstream::inline v0
