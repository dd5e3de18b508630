// EntryChanges: which entries of a table have changed since the last checkpoint, and which of them that one holds, so
// that the next one is told what is new and what has gone, and nothing else. Two bits an entry.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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
    for (std::size_t at = 0; at < bytes_.size();) {
      std::uint32_t key_group = 0;
      const std::string_view key = read(at, key_group);
      f(key_group, key);
    }
  }
  void clear() noexcept { bytes_.clear(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.capacity(); }

 private:
  [[nodiscard]] std::string_view read(std::size_t& at, std::uint32_t& key_group) const;

  std::string bytes_;
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
  /// All entries go, and what is held of them is removed by the table's owner.
  void forget() noexcept;

  /// The checkpoint holds something of this table.
  [[nodiscard]] bool any_held() const noexcept { return any_held_; }
  [[nodiscard]] bool held(std::uint32_t number) const noexcept {
    return (const_cast<EntryChanges*>(this)->word(number).held & bit(number)) != 0;
  }
  /// Of a checkpoint of which this entry has been told as it is now; or that it does not hold it.
  void settle(std::uint32_t number, bool held) noexcept;
  /// What has gone since; clear() when the checkpoint has been told.
  [[nodiscard]] RemovedKeys& removed() noexcept { return removed_; }
  /// f(number) for each entry that has changed; it may settle that one.
  template <class F>
  void for_each_changed(F&& f) {
    for (std::size_t i = 0; i < words_end_; ++i) {
      for (std::uint64_t left = words_[i].changed; left != 0; left &= left - 1) {
        f(static_cast<std::uint32_t>(i * 64) + static_cast<std::uint32_t>(std::countr_zero(left)));
      }
    }
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return words_.bytes() + removed_.bytes(); }

 private:
  struct Word {
    std::uint64_t changed = 0;
    std::uint64_t held = 0;
  };
  [[nodiscard]] Word& word(std::uint32_t number) noexcept { return words_[number / 64]; }
  static constexpr std::uint64_t bit(std::uint32_t number) noexcept { return std::uint64_t{1} << (number % 64); }

  Slots<Word> words_;
  std::size_t words_end_ = 0;
  bool any_held_ = false;
  RemovedKeys removed_;
  std::string key_;
};

}  // namespace millstream::inline v0
