// The marks of a table's entries, and the list of keys that have gone.
#include "millstream/state/entry_changes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr std::int64_t kRemovedForBudget = 512;  // what a piece of them costs, in entries
constexpr std::uint32_t kEmptyWordsForBudget = 64;

struct Head {
  std::uint32_t key_group = 0;
  std::uint32_t size = 0;
};

}  // namespace

void RemovedKeys::add(std::uint32_t key_group, std::string_view key) {
  const Head head{key_group, static_cast<std::uint32_t>(key.size())};
  if (pieces_.empty() || pieces_.back().size() >= kPieceBytes) bytes_ += pieces_.emplace_back().capacity();
  std::string& piece = pieces_.back();
  bytes_ -= piece.capacity();
  piece.append(reinterpret_cast<const char*>(&head), sizeof head).append(key);
  bytes_ += piece.capacity();
}

std::string_view RemovedKeys::take(std::string_view& bytes, std::uint32_t& key_group) {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  key_group = head.key_group;
  const std::string_view key = bytes.substr(sizeof head, head.size);
  bytes.remove_prefix(sizeof head + key.size());
  return key;
}

void EntryChanges::reserve(std::size_t count) {
  const std::size_t end = (count + kMarked - 1) / kMarked;
  marks_.reserve(end);
  for (; marks_end_ < end; ++marks_end_) ::new (static_cast<void*>(&marks_[marks_end_])) Marks{};
  if (spill_marks_) spill_marks_->reserve(end * kMarked);
}

void EntryChanges::track_spilling() {
  MILLSTREAM_ASSERT(!any_held_ && !saving());
  spill_marks_ = std::make_unique<SpillMarks>();
  spill_marks_->reserve(marks_end_ * kMarked);
}

void EntryChanges::move(std::uint32_t from, std::uint32_t to) {
  MILLSTREAM_ASSERT(!spill_marks_);
  give_unsaved(from);
  if ((changed(from) & bit(from)) != 0) changed(to) |= bit(to);
  if ((held(from) & bit(from)) != 0) held(to) |= bit(to);
  changed(from) &= ~bit(from);
  held(from) &= ~bit(from);
}

void EntryChanges::forget(std::uint32_t first, std::uint32_t end) noexcept {
  MILLSTREAM_ASSERT(!saving());
  for (std::uint32_t number = first; number < end; number += 64) changed(number) = held(number) = 0;
  if (spill_marks_) spill_marks_->forget(first, end);
  if (first > 0) return;
  any_held_ = false;
  removed_.clear();
}

void EntryChanges::begin_save(bool whole, std::unique_ptr<EntrySaver> saver) {
  MILLSTREAM_ASSERT(!saving());
  for (std::size_t i = 0; i < marks_end_; ++i) {
    Marks& marks = marks_[i];
    for (std::size_t word = 0; word < kWords; ++word) {
      if (spill_marks_) {
        marks.unsaved[word] = spill_marks_->begin_save(i * kWords + word, marks.changed[word], whole);
      } else {
        // What is there has changed, or the last checkpoint holds it.
        marks.unsaved[word] = whole ? marks.changed[word] | marks.held[word] : marks.changed[word];
      }
      marks.changed[word] = 0;
    }
  }
  removing_ = std::exchange(removed_, {});
  if (whole) removing_.clear();
  next_ = 0;
  saver_ = std::move(saver);
}

bool EntryChanges::give_some(std::int64_t& budget) {
  if (!saving()) return true;
  if (error_) std::rethrow_exception(error_);
  for (; !removing_.empty(); budget -= kRemovedForBudget) {
    if (budget <= 0) return false;
    removing_.take_some([&](std::uint32_t group, std::string_view key) { saver_->remove(group, key); });
  }
  const std::uint64_t end = std::uint64_t{marks_end_} * kMarked;
  for (std::uint32_t empty_words = 0; next_ < end; next_ += 64) {
    const auto first = static_cast<std::uint32_t>(next_);
    const std::uint64_t& left = unsaved(first);
    if (left == 0 && ++empty_words % kEmptyWordsForBudget != 0) continue;
    if (left == 0 && budget > 0) --budget;
    while (left != 0) {
      if (budget <= 0) return false;
      --budget;
      give(first + static_cast<std::uint32_t>(std::countr_zero(left)));
    }
    if (budget <= 0) return false;
  }
  if (error_) std::rethrow_exception(error_);
  saver_.reset();
  return true;
}

void EntryChanges::give_unchanged(std::uint32_t number) {
  if (mutant_is(Mutant::kChangedBeforeSaved)) {
    unsaved(number) &= ~bit(number);
  } else {
    give(number);
  }
}

void EntryChanges::give(std::uint32_t number) {
  unsaved(number) &= ~bit(number);
  bool there = false;
  try {
    there = saver_->give(number, (held(number) & bit(number)) != 0);
  } catch (...) {
    // Not to whoever changes the entry, whose policy may be to skip a record that throws: the checkpoint would go on
    // without it.
    if (!error_) error_ = std::current_exception();
  }
  if (there) {
    held(number) |= bit(number);
    any_held_ = true;
  } else {
    held(number) &= ~bit(number);
    changed(number) |= bit(number);
  }
}

}  // namespace millstream::inline v0
