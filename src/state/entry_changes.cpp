// The marks of a table's entries, and the list of keys that have gone.
#include "millstream/state/entry_changes.hpp"

#include <cstring>
#include <new>

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

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

void EntryChanges::move(std::uint32_t from, std::uint32_t to) noexcept {
  const bool changed = (word(from).changed & bit(from)) != 0;
  const bool held = (word(from).held & bit(from)) != 0;
  word(from).changed &= ~bit(from);
  word(from).held &= ~bit(from);
  if (changed) word(to).changed |= bit(to);
  if (held) word(to).held |= bit(to);
}

void EntryChanges::forget(std::uint32_t first, std::uint32_t end) noexcept {
  for (std::size_t i = first / 64; i < (end + std::size_t{63}) / 64; ++i) words_[i] = {};
  if (first > 0) return;
  any_held_ = false;
  removed_.clear();
}

void EntryChanges::settle(std::uint32_t number, bool held) noexcept {
  Word& marks = word(number);
  if (held) {
    marks.changed &= ~bit(number);
    marks.held |= bit(number);
    any_held_ = true;
  } else {
    marks.changed |= bit(number);
    marks.held &= ~bit(number);
  }
}

}  // namespace millstream::inline v0
