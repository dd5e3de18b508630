// EntryChanges: which entries of a table have changed since the last checkpoint, and which of them that one holds, so
// that the next one is told what is new and what has gone, and nothing else. Three bits an entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/state/slots.hpp"
#include "millstream/state/spill_marks.hpp"

namespace millstream::inline v0 {

/// Keys that the last checkpoint holds and that have gone since, by their bytes.
class MILLSTREAM_EXPORT RemovedKeys {
 public:
  void add(std::uint32_t key_group, std::string_view key);
  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
  /// Takes some hundreds of them out: f(key_group, key) for each.
  template <class F>
  void take_some(F&& f) {
    const std::string piece = std::move(pieces_.back());
    pieces_.pop_back();
    bytes_ -= piece.capacity();
    for (std::string_view left = piece; !left.empty();) {
      std::uint32_t key_group = 0;
      const std::string_view key = take(left, key_group);
      f(key_group, key);
    }
  }
  void clear() noexcept {
    pieces_.clear();
    bytes_ = 0;
  }
  /// That it holds on to.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  static std::string_view take(std::string_view& bytes, std::uint32_t& key_group);

  std::vector<std::string> pieces_;  // one string of millions of keys would be copied whole each time that it grows
  std::size_t bytes_ = 0;
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

  /// The entry may change in what follows: if it is to be given out, that is done now. Nothing is marked.
  void give_unsaved(std::uint32_t number) {
    if (saving() && (unsaved(number) & bit(number)) != 0) give_unchanged(number);
  }
  /// The entry is new, or it is about to change.
  void touch(std::uint32_t number) {
    give_unsaved(number);
    changed(number) |= bit(number);
  }
  void touch(std::span<const std::uint32_t> numbers) {
    if (saving()) {
      for (const std::uint32_t number : numbers) give_unsaved(number);
    }
    for (const std::uint32_t number : numbers) changed(number) |= bit(number);
  }
  /// The entry goes. Where the last checkpoint holds it, append_key(std::string&) gives the bytes of its key.
  template <class AppendKey>
  void erase(std::uint32_t number, std::uint32_t key_group, AppendKey&& append_key) {
    give_unsaved(number);
    changed(number) &= ~bit(number);
    if (spill_marks_) spill_marks_->drop(number);
    if ((held(number) & bit(number)) == 0) return;
    held(number) &= ~bit(number);
    key_.clear();
    append_key(key_);
    removed_.add(key_group, key_);
  }
  /// A key goes that the last checkpoint holds and whose entry has left memory.
  void remove(std::uint32_t key_group, std::string_view key) { removed_.add(key_group, key); }
  /// From here on entries may leave memory, by evict(), and come back. A whole save is then told of what the cold store
  /// does not have, and whoever walks over that tells of the rest. While there are no entries.
  void track_spilling();
  /// Null where none may leave.
  [[nodiscard]] SpillMarks* spill_marks() const noexcept { return spill_marks_.get(); }
  /// Of the 64 entries from `first` on, a multiple of 64, those that the last checkpoint has as they are.
  [[nodiscard]] std::uint64_t saved_word(std::uint32_t first) noexcept {
    return held(first) & ~changed(first) & ~unsaved(first);
  }
  /// An entry that was just made has been restored: the checkpoint has it as it is, and the cold store does not.
  void restored(std::uint32_t number) noexcept {
    changed(number) &= ~bit(number);
    held(number) |= bit(number);
    any_held_ = true;
    spill_marks_->restored(number);
  }
  /// An entry that is saved leaves memory.
  void evict(std::uint32_t number) noexcept {
    held(number) &= ~bit(number);
    spill_marks_->drop(number);
  }
  /// It has come back as the last checkpoint has it, under a number that was free.
  void admit(std::uint32_t number) noexcept {
    held(number) |= bit(number);
    any_held_ = true;
    spill_marks_->admit(number);
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
  /// Only for whom save() has told later(): nobody else may bring a save to its end. Throws what an encoding has thrown
  /// since the barrier, also one on behalf of a record that was about to change the entry.
  bool give_some(std::int64_t& budget) override;
  [[nodiscard]] std::size_t bytes() const noexcept {
    return marks_.bytes() + removed_.bytes() + removing_.bytes() + (spill_marks_ ? spill_marks_->bytes() : 0);
  }

 private:
  void give(std::uint32_t number);
  void give_unchanged(std::uint32_t number);

  static constexpr std::size_t kWords = 16;
  // Of some entries, one bit each. A record looks at `changed` alone, so what it needs lies close together.
  struct Marks {
    std::uint64_t changed[kWords] = {};
    std::uint64_t held[kWords] = {};     // by the last checkpoint, or the one that is being told
    std::uint64_t unsaved[kWords] = {};  // to be given out as they are, before they change
  };
  static constexpr std::size_t kMarked = kWords * 64;
  [[nodiscard]] std::uint64_t& changed(std::uint32_t n) noexcept { return marks_[n / kMarked].changed[word_of(n)]; }
  [[nodiscard]] std::uint64_t& held(std::uint32_t n) noexcept { return marks_[n / kMarked].held[word_of(n)]; }
  [[nodiscard]] std::uint64_t& unsaved(std::uint32_t n) noexcept { return marks_[n / kMarked].unsaved[word_of(n)]; }
  static constexpr std::size_t word_of(std::uint32_t number) noexcept { return number / 64 % kWords; }
  static constexpr std::uint64_t bit(std::uint32_t number) noexcept { return std::uint64_t{1} << (number % 64); }

  Slots<Marks, 1> marks_;  // few tables are large, and a window may have one of its own
  std::size_t marks_end_ = 0;
  bool any_held_ = false;
  std::unique_ptr<SpillMarks> spill_marks_;
  RemovedKeys removed_;
  std::unique_ptr<EntrySaver> saver_;  // while there is something to give out
  std::exception_ptr error_;           // why an entry could not be given out: this save never ends
  RemovedKeys removing_;               // of what is being given out
  std::uint64_t next_ = 0;             // a multiple of 64: no entry before it is unsaved
  std::string key_;
};

}  // namespace millstream::inline v0
