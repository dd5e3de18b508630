// EntryChanges: which entries of a table have changed since the last checkpoint, and which of them that one holds, so
// that the next one is told what is new and what has gone, and nothing else. Two bits an entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/state/slots.hpp"

namespace millstream::inline v0 {

/// Keys that the last checkpoint holds and that have gone since, by their bytes.
class MILLSTREAM_EXPORT RemovedKeys {
 public:
  void add(std::uint32_t key_group, std::string_view key);
  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
  /// Takes some thousands of them out: f(key_group, key) for each.
  template <class F>
  void take_some(F&& f) {
    const std::string piece = std::move(pieces_.back());
    pieces_.pop_back();
    for (std::string_view left = piece; !left.empty();) {
      std::uint32_t key_group = 0;
      const std::string_view key = take(left, key_group);
      f(key_group, key);
    }
  }
  void clear() noexcept { pieces_.clear(); }
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  static std::string_view take(std::string_view& bytes, std::uint32_t& key_group);

  std::vector<std::string> pieces_;  // one string of millions of keys would be copied whole each time that it grows
};

/// Gives entries of a table to a snapshot.
class MILLSTREAM_EXPORT EntrySaver {
 public:
  virtual ~EntrySaver() = default;
  /// The entry as it is now; `held`: the checkpoint before has it. False where it is left out.
  virtual bool give(std::uint32_t number, bool held) = 0;
  virtual void remove(std::uint32_t key_group, std::string_view key) = 0;
};

/// Entries are known by the table's numbers. Belongs to one shard.
class MILLSTREAM_EXPORT EntryChanges final : public Sweep {
 public:
  /// There are marks for the numbers below `count` from now on.
  void reserve(std::size_t count);

  /// The entry is new, or it is about to change.
  void touch(std::uint32_t number) {
    Word& marks = word(number);
    if ((marks.unsaved & bit(number)) != 0) [[unlikely]]
      give_unchanged(number);
    marks.changed |= bit(number);
  }
  /// The entry goes. Where the last checkpoint holds it, append_key(std::string&) gives the bytes of its key.
  template <class AppendKey>
  void erase(std::uint32_t number, std::uint32_t key_group, AppendKey&& append_key) {
    Word& marks = word(number);
    if ((marks.unsaved & bit(number)) != 0) give(number);
    marks.changed &= ~bit(number);
    if ((marks.held & bit(number)) == 0) return;
    marks.held &= ~bit(number);
    key_.clear();
    append_key(key_);
    removed_.add(key_group, key_);
  }
  /// An entry is about to get another number, which is free.
  void move(std::uint32_t from, std::uint32_t to);
  /// The entries from `first`, a multiple of 64, to before `end` go. What is held of them is the table's owner's to
  /// remove; with those from 0 on nothing is held any more. Not while saving().
  void forget(std::uint32_t first, std::uint32_t end) noexcept;

  /// The checkpoint holds something of this table.
  [[nodiscard]] bool any_held() const noexcept { return any_held_; }
  /// A barrier: from here on give_some() tells a checkpoint by `saver` of every entry, or of those that have changed
  /// and of the keys that have gone, all as they are now. One that is left out is asked for again the next time. The
  /// save before has ended.
  void begin_save(bool whole, std::unique_ptr<EntrySaver> saver);
  /// Not all has been given out yet.
  [[nodiscard]] bool saving() const noexcept { return saver_ != nullptr; }
  bool give_some(std::uint32_t& budget) override;
  [[nodiscard]] std::size_t bytes() const noexcept { return words_.bytes() + removed_.bytes() + removing_.bytes(); }

 private:
  void give(std::uint32_t number);
  void give_unchanged(std::uint32_t number);

  struct Word {
    std::uint64_t changed = 0;
    std::uint64_t held = 0;     // by the last checkpoint, or the one that is being told
    std::uint64_t unsaved = 0;  // to be given out as they are, before they change
  };
  [[nodiscard]] Word& word(std::uint32_t number) noexcept { return words_[number / 64]; }
  static constexpr std::uint64_t bit(std::uint32_t number) noexcept { return std::uint64_t{1} << (number % 64); }

  Slots<Word, 16> words_;  // few tables are large, and a window may have one of its own
  std::size_t words_end_ = 0;
  bool any_held_ = false;
  RemovedKeys removed_;
  std::unique_ptr<EntrySaver> saver_;  // while there is something to give out
  RemovedKeys removing_;               // of what is being given out
  std::size_t next_word_ = 0;          // the first that may have unsaved entries
  std::string key_;
};

}  // namespace millstream::inline v0
