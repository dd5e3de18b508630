// What is given to the cold store at once: each shard fills ColdChanges, a ColdRound gathers those of all shards, and
// SortedColdRound puts them into the order in which a store takes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/core/assert.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/mapped_array.hpp"

namespace millstream::inline v0 {

/// Of one round, content and bookkeeping: what its writer may hold in memory on top of the store's own.
inline constexpr std::size_t kColdRoundBytesMax = std::size_t{128} << 20;

/// Changes of any columns in any order, 4 GiB of content at most. Keys are the store's (cold_key.hpp). For one thread
/// at a time: a shard fills it, the spiller gives it back, so it lies on memory of its own.
class MILLSTREAM_EXPORT ColdChanges {
 public:
  enum class Kind : std::uint8_t { kRange, kPut, kRemove };

  void put(std::uint32_t column, std::string_view key, std::string_view value) { add(Kind::kPut, column, key, value); }
  void remove(std::uint32_t column, std::string_view key) { add(Kind::kRemove, column, key, {}); }
  /// From `first` up to, not including, `end`, which is behind it.
  void remove_range(std::uint32_t column, std::string_view first, std::string_view end) {
    MILLSTREAM_ASSERT(first < end);
    add(Kind::kRange, column, first, end);
  }

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Of memory in use, but for a part of a page: content, and what is kept about each change.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size() + entries_.size() * sizeof(Entry); }
  /// Forgets the changes; keeps the room.
  void clear() noexcept {
    bytes_.clear();
    entries_.clear();
  }

 private:
  friend class SortedColdRound;
  struct Entry {
    std::uint32_t at;
    std::uint32_t key_size;
    std::uint32_t value_size;
    std::uint16_t column;
    Kind kind;
  };
  void add(Kind kind, std::uint32_t column, std::string_view key, std::string_view value);

  MappedArray<char> bytes_;
  MappedArray<Entry> entries_;
};

/// Changes that are taken together: all of them or none. Ranges come before all puts and removes of the round, and of
/// several changes of one key the last one counts.
class ColdRound {
 public:
  void add(ColdChanges changes) {
    bytes_ += changes.bytes();
    if (!changes.empty()) pieces_.push_back(std::move(changes));
  }
  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  friend class SortedColdRound;
  std::vector<ColdChanges> pieces_;
  std::size_t bytes_ = 0;
};

/// A view of a round, which must outlive it, in order: 16 bytes a change.
class MILLSTREAM_EXPORT SortedColdRound {
 public:
  class Change {
   public:
    [[nodiscard]] std::uint32_t column() const noexcept { return entry_->column; }
    [[nodiscard]] ColdChanges::Kind kind() const noexcept { return entry_->kind; }
    /// Of a range the first key.
    [[nodiscard]] std::string_view key() const noexcept { return {bytes_ + entry_->at, entry_->key_size}; }
    /// Of a range the key behind the last.
    [[nodiscard]] std::string_view value() const noexcept {
      return {bytes_ + entry_->at + entry_->key_size, entry_->value_size};
    }

   private:
    friend class SortedColdRound;
    Change(const char* bytes, const ColdChanges::Entry* entry) : bytes_{bytes}, entry_{entry} {}
    const char* bytes_;
    const ColdChanges::Entry* entry_;
  };
  struct Column {
    std::uint32_t number = 0;
    std::span<const Change> ranges;  ///< by first key; they may overlap
    std::span<const Change> points;  ///< puts and removes, by key, each key once
  };

  explicit SortedColdRound(const ColdRound& round);
  SortedColdRound(const SortedColdRound&) = delete;
  SortedColdRound& operator=(const SortedColdRound&) = delete;
  /// Those that change, ascending.
  [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }

 private:
  MappedArray<Change> changes_;
  std::vector<Column> columns_;
};

}  // namespace millstream::inline v0
