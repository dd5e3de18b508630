// Entries of a StateTable as those of a saved state, by key group, and back. All that comes back is checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/codec/codec.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/make_unique_as.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

/// Gives entries of a table out as those of `state`, their keys behind `prefix`.
template <class K, class V, class Content>
class TableSaver final : public EntrySaver {
 public:
  TableSaver(const StateTable<K, V>& table, std::uint32_t state, std::string_view prefix, Snapshot& to, Content content)
      : table_{table}, state_{state}, prefix_{prefix}, to_{to}, content_{std::move(content)} {}

  bool give(std::uint32_t number, bool held) override {
    const auto& entry = table_.entry(number);
    const std::uint32_t group = key_group_of(hash_key(entry.key));
    out_.rewind();
    out_.write_bytes(prefix_);
    Codec<K>::encode(entry.key, out_);
    const std::size_t key_bytes = out_.written();
    const bool there = content_(entry.value, out_);
    const std::string_view key = out_.view().substr(0, key_bytes);
    if (there) {
      to_.put({state_, group, key, out_.view().substr(key_bytes)});
    } else if (held && !to_.whole()) {
      to_.remove(state_, group, key);
    }
    return there;
  }
  void remove(std::uint32_t key_group, std::string_view key) override {
    out_.rewind();
    out_.write_bytes(prefix_);
    out_.write_bytes(key);
    to_.remove(state_, key_group, out_.view());
  }

 private:
  const StateTable<K, V>& table_;
  std::uint32_t state_;
  std::string prefix_;
  Snapshot& to_;
  Content content_;
  std::string bytes_;
  ByteWriter out_{bytes_};  // one for all entries: each new one would give its room back
};

/// Gives out the entries of a table: all, or what has changed, by and by. content(value, writer) writes an entry's
/// value; one for which it says false is left out. A table that does not track its changes gives out all at once and
/// each time, and its owner removes what was given out before.
template <class K, class V, class Content>
void save_table(StateTable<K, V>& table, std::uint32_t state, std::string_view prefix, Snapshot& to, Content content) {
  using Saver = TableSaver<K, V, Content>;
  EntryChanges* const changes = table.changes();
  if (changes == nullptr) {
    Saver saver{table, state, prefix, to, std::move(content)};
    table.for_each([&](std::uint32_t number) { saver.give(number, false); });
    return;
  }
  changes->begin_save(to.whole(), make_unique_as<EntrySaver, Saver>(table, state, prefix, to, std::move(content)));
  to.later(*changes);
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
