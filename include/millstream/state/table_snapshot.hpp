// Entries of a StateTable as those of a saved state, by key group, and back. All that comes back is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/codec/codec.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

/// Gives out the entries of a table as those of `state`, their keys behind `prefix`: all, or what has changed. A table
/// that does not track its changes gives out all each time, and its owner removes what was given out before.
/// content(value, writer) writes an entry's value; one for which it says false is left out.
template <class K, class V, class Content>
void save_table(StateTable<K, V>& table, std::uint32_t state, std::string_view prefix, Snapshot& to,
                Content&& content) {
  EntryChanges* const changes = table.changes();
  std::string key;
  std::string value;
  const auto give = [&](std::uint32_t number) {
    const auto& entry = std::as_const(table).entry(number);
    const std::uint32_t group = key_group_of(hash_key(entry.key));
    key.assign(prefix);
    encode_value(entry.key, key);
    value.clear();
    bool there = false;
    {
      ByteWriter out{value};
      there = content(entry.value, out);
    }
    if (there) {
      to.put({state, group, key, value});
    } else if (changes != nullptr && !to.whole() && changes->held(number)) {
      to.remove(state, group, key);
    }
    return there;
  };
  if (changes == nullptr) {
    table.for_each(give);
    return;
  }
  changes->save(
      to.whole(), [&](const auto& each) { table.for_each(each); },
      [&](std::uint32_t group, std::string_view gone) {
        key.assign(prefix).append(gone);
        to.remove(state, group, key);
      },
      give);
}
/// The same with the values by their codec.
template <class K, class V>
void save_table(StateTable<K, V>& table, std::uint32_t state, std::string_view prefix, Snapshot& to) {
  save_table(table, state, prefix, to, [](const V& value, ByteWriter& out) {
    Codec<V>::encode(value, out);
    return true;
  });
}

/// Puts an entry into a table, by the codecs of key and value; its number and hash, or nothing where the bytes are
/// wrong, the key is of another group, or it is there already.
struct RestoredEntry {
  std::uint32_t number;
  std::uint64_t hash;
};
template <class K, class V>
[[nodiscard]] std::optional<RestoredEntry> restore_to_table(StateTable<K, V>& table, std::uint32_t key_group,
                                                            std::string_view key_bytes, std::string_view value_bytes) {
  K key{};
  V value{};
  if (!decode_value(key_bytes, key) || !decode_value(value_bytes, value)) return {};
  const std::uint64_t hash = hash_key(key);
  if (key_group_of(hash) != key_group || table.find(key, hash) != StateTable<K, V>::kNone) return {};
  return RestoredEntry{table.find_or_insert(key, hash, [&] { return std::move(value); }), hash};
}

}  // namespace millstream::inline v0
