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
constexpr std::uint32_t kRemovedForBudget = 512;  // what a piece of them costs, in entries
constexpr std::uint32_t kEmptyWordsForBudget = 64;

struct Head {
  std::uint32_t key_group = 0;
  std::uint32_t size = 0;
};

}  // namespace

void RemovedKeys::add(std::uint32_t key_group, std::string_view key) {
  const Head head{key_group, static_cast<std::uint32_t>(key.size())};
  if (pieces_.empty() || pieces_.back().size() >= kPieceBytes) pieces_.emplace_back();
  pieces_.back().append(reinterpret_cast<const char*>(&head), sizeof head).append(key);
}

std::string_view RemovedKeys::take(std::string_view& bytes, std::uint32_t& key_group) {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  key_group = head.key_group;
  const std::string_view key = bytes.substr(sizeof head, head.size);
  bytes.remove_prefix(sizeof head + key.size());
  return key;
}

std::size_t RemovedKeys::bytes() const noexcept {
  std::size_t bytes = 0;
  for (const std::string& piece : pieces_) bytes += piece.capacity();
  return bytes;
}

void EntryChanges::reserve(std::size_t count) {
  const std::size_t words = (count + 63) / 64;
  words_.reserve(words);
  for (; words_end_ < words; ++words_end_) ::new (static_cast<void*>(&words_[words_end_])) Word{};
}

void EntryChanges::move(std::uint32_t from, std::uint32_t to) {
  if ((word(from).unsaved & bit(from)) != 0) give(from);
  const bool changed = (word(from).changed & bit(from)) != 0;
  const bool held = (word(from).held & bit(from)) != 0;
  word(from).changed &= ~bit(from);
  word(from).held &= ~bit(from);
  if (changed) word(to).changed |= bit(to);
  if (held) word(to).held |= bit(to);
}

void EntryChanges::forget(std::uint32_t first, std::uint32_t end) noexcept {
  MILLSTREAM_ASSERT(!saving());
  for (std::size_t i = first / 64; i < (end + std::size_t{63}) / 64; ++i) words_[i] = {};
  if (first > 0) return;
  any_held_ = false;
  removed_.clear();
}

void EntryChanges::begin_save(bool whole, std::unique_ptr<EntrySaver> saver) {
  MILLSTREAM_ASSERT(!saving());
  for (std::size_t i = 0; i < words_end_; ++i) {
    Word& marks = words_[i];
    // What is there has changed, or the last checkpoint holds it.
    marks.unsaved = whole ? marks.changed | marks.held : marks.changed;
    marks.changed = 0;
  }
  removing_ = std::exchange(removed_, {});
  if (whole) removing_.clear();
  next_word_ = 0;
  saver_ = std::move(saver);
}

bool EntryChanges::give_some(std::uint32_t& budget) {
  if (!saving()) return true;
  for (; !removing_.empty(); budget -= std::min(budget, kRemovedForBudget)) {
    if (budget == 0) return false;
    removing_.take_some([&](std::uint32_t group, std::string_view key) { saver_->remove(group, key); });
  }
  std::uint32_t empty_words = 0;
  for (; next_word_ < words_end_; ++next_word_) {
    const std::uint64_t& unsaved = words_[next_word_].unsaved;
    if (unsaved == 0 && ++empty_words % kEmptyWordsForBudget != 0) continue;
    if (unsaved == 0 && budget > 0) --budget;
    while (unsaved != 0) {
      if (budget == 0) return false;
      --budget;
      give(static_cast<std::uint32_t>(next_word_ * 64) + static_cast<std::uint32_t>(std::countr_zero(unsaved)));
    }
    if (budget == 0) return false;
  }
  saver_.reset();
  return true;
}

void EntryChanges::give_unchanged(std::uint32_t number) {
  if (!mutant_is(Mutant::kChangedBeforeSaved)) give(number);
}

void EntryChanges::give(std::uint32_t number) {
  Word& marks = word(number);
  marks.unsaved &= ~bit(number);
  if (saver_->give(number, (marks.held & bit(number)) != 0)) {
    marks.held |= bit(number);
    any_held_ = true;
  } else {
    marks.held &= ~bit(number);
    marks.changed |= bit(number);
  }
}

}  // namespace millstream::inline v0
