// The marks of a table's entries, and the list of keys that have gone.
#include "millstream/state/entry_changes.hpp"

#include <cstring>
#include <new>

namespace millstream::inline v0 {
namespace {

struct Head {
  std::uint32_t key_group = 0;
  std::uint32_t size = 0;
};

}  // namespace

void RemovedKeys::add(std::uint32_t key_group, std::string_view key) {
  const Head head{key_group, static_cast<std::uint32_t>(key.size())};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof head);
  bytes_.append(key);
}

std::string_view RemovedKeys::read(std::size_t& at, std::uint32_t& key_group) const {
  Head head;
  std::memcpy(&head, bytes_.data() + at, sizeof head);
  key_group = head.key_group;
  const std::string_view key{bytes_.data() + at + sizeof head, head.size};
  at += sizeof head + key.size();
  return key;
}

void EntryChanges::reserve(std::size_t count) {
  const std::size_t words = (count + 63) / 64;
  words_.reserve(words);
  for (; words_end_ < words; ++words_end_) ::new (static_cast<void*>(&words_[words_end_])) Word{};
}

void EntryChanges::move(std::uint32_t from, std::uint32_t to) noexcept {
  const bool changed = (word(from).changed & bit(from)) != 0;
  const bool held = (word(from).held & bit(from)) != 0;
  word(from).changed &= ~bit(from);
  word(from).held &= ~bit(from);
  if (changed) word(to).changed |= bit(to);
  if (held) word(to).held |= bit(to);
}

void EntryChanges::forget() noexcept {
  for (std::size_t i = 0; i < words_end_; ++i) words_[i] = {};
  any_held_ = false;
  removed_.clear();
}

void EntryChanges::settle(std::uint32_t number, bool held) noexcept {
  Word& marks = word(number);
  marks.changed &= ~bit(number);
  if (held) {
    marks.held |= bit(number);
    any_held_ = true;
  } else {
    marks.held &= ~bit(number);
  }
}

}  // namespace millstream::inline v0
