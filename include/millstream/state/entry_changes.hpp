// EntryChanges: which entries of a table have changed since the last checkpoint, and which of them that one holds, so
// that the next one is told what is new and what has gone, and nothing else. Two bits an entry.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/state/slots.hpp"

namespace millstream::inline v0 {

/// Keys that the last checkpoint holds and that have gone since, by their bytes.
class MILLSTREAM_EXPORT RemovedKeys {
 public:
  void add(std::uint32_t key_group, std::string_view key);
  /// f(key_group, key) for each, in the order of add().
  template <class F>
  void for_each(F&& f) const {
    for (const std::string& piece : pieces_) {
      for (std::string_view left = piece; !left.empty();) {
        std::uint32_t key_group = 0;
        const std::string_view key = take(left, key_group);
        f(key_group, key);
      }
    }
  }
  void clear() noexcept { pieces_.clear(); }
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  static std::string_view take(std::string_view& bytes, std::uint32_t& key_group);

  std::vector<std::string> pieces_;  // one string of millions of keys would be copied whole each time that it grows
};

/// Entries are known by the table's numbers. Belongs to one shard.
class MILLSTREAM_EXPORT EntryChanges {
 public:
  /// There are marks for the numbers below `count` from now on.
  void reserve(std::size_t count);

  /// The entry is new, or it is about to change.
  void touch(std::uint32_t number) noexcept { word(number).changed |= bit(number); }
  /// The entry goes. Where the last checkpoint holds it, append_key(std::string&) gives the bytes of its key.
  template <class AppendKey>
  void erase(std::uint32_t number, std::uint32_t key_group, AppendKey&& append_key) {
    Word& marks = word(number);
    marks.changed &= ~bit(number);
    if ((marks.held & bit(number)) == 0) return;
    marks.held &= ~bit(number);
    key_.clear();
    append_key(key_);
    removed_.add(key_group, key_);
  }
  /// An entry gets another number, which is free.
  void move(std::uint32_t from, std::uint32_t to) noexcept;
  /// The entries from `first`, a multiple of 64, to before `end` go. What is held of them is the table's owner's to
  /// remove; with those from 0 on nothing is held any more.
  void forget(std::uint32_t first, std::uint32_t end) noexcept;

  /// The checkpoint holds something of this table.
  [[nodiscard]] bool any_held() const noexcept { return any_held_; }
  [[nodiscard]] bool held(std::uint32_t number) const noexcept { return (words_[number / 64].held & bit(number)) != 0; }
  /// A checkpoint is told of every entry, walk(f) calling f(number) for each, or of what has changed: gone(key_group,
  /// key) for each key that it held and that has gone, then give(number), which says whether the checkpoint holds the
  /// entry now. One that it leaves out is asked for again the next time.
  template <class Walk, class Gone, class Give>
  void save(bool whole, Walk&& walk, Gone&& gone, Give&& give) {
    const auto each = [&](std::uint32_t number) { settle(number, give(number)); };
    if (whole) {
      walk(each);
    } else {
      removed_.for_each(gone);
      for_each_changed(each);
    }
    removed_.clear();
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return words_.bytes() + removed_.bytes(); }

 private:
  void settle(std::uint32_t number, bool held) noexcept;
  template <class F>
  void for_each_changed(F&& f) {
    for (std::size_t i = 0; i < words_end_; ++i) {
      for (std::uint64_t left = words_[i].changed; left != 0; left &= left - 1) {
        f(static_cast<std::uint32_t>(i * 64) + static_cast<std::uint32_t>(std::countr_zero(left)));
      }
    }
  }

  struct Word {
    std::uint64_t changed = 0;
    std::uint64_t held = 0;
  };
  [[nodiscard]] Word& word(std::uint32_t number) noexcept { return words_[number / 64]; }
  static constexpr std::uint64_t bit(std::uint32_t number) noexcept { return std::uint64_t{1} << (number % 64); }

  Slots<Word, 16> words_;  // few tables are large, and a window may have one of its own
  std::size_t words_end_ = 0;
  bool any_held_ = false;
  RemovedKeys removed_;
  std::string key_;
};

}  // namespace millstream::inline v0
