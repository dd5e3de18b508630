// What the snapshots of window stages have in common: how far a stage is in time, once a shard, and entries of tables
// by key group. All that comes back is checked: bytes that save() has not written are no entry.
#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/channel/stage.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

/// The states of a stage whose windows fire by a frame, by number.
inline constexpr std::uint32_t kStageState = 0;
inline constexpr std::uint32_t kWindowState = 1;

/// How far a stage is, besides its windows. Shards have the same watermark at an aligned barrier; what else they say
/// may differ.
struct WindowProgress {
  Timestamp watermark = kTimestampMin;  ///< merged; of several shards the least counts
  /// A silence has closed the windows up to here. One shard may have found it before the barrier and another not yet;
  /// it holds for all of them, so of several the greatest counts.
  Timestamp silent_until = kTimestampMin;
  /// By the wall clock: no window that ends here or before may open again. Of several the greatest counts.
  Timestamp ended_until = kTimestampMin;
  bool timed = true;  ///< results have event times; not where one shard has seen records that have none
  BOOST_DESCRIBE_CLASS(WindowProgress, (), (watermark, silent_until, ended_until, timed), (), ())
};

/// The state kStageState.
MILLSTREAM_EXPORT StateDeclaration declare_progress();
MILLSTREAM_EXPORT void save_progress(const WindowProgress& progress, Snapshot& to);
/// Adds what one shard said; false where the entry is not that.
[[nodiscard]] MILLSTREAM_EXPORT bool restore_progress(const StateEntry& entry, std::optional<WindowProgress>& progress);

/// A number in front of a key, in eight bytes that sort as it does.
inline constexpr std::size_t kOrderedBytes = 8;
MILLSTREAM_EXPORT void append_ordered(std::int64_t number, std::string& out);
/// Takes it off; false where there is none.
[[nodiscard]] MILLSTREAM_EXPORT bool take_ordered(std::string_view& bytes, std::int64_t& number);

/// What a stage says of bytes that are no entry of its states.
[[nodiscard]] MILLSTREAM_EXPORT Status bad_entry(const Stage& stage, const StateEntry& entry);

/// Gives out the entries of a table as those of `state`, their keys behind `prefix`. content(value, writer) writes an
/// entry's value; one for which it says false is left out.
template <class K, class V, class Content>
void save_table(const StateTable<K, V>& table, std::uint32_t state, std::string_view prefix, Snapshot& to,
                Content&& content) {
  std::string key;
  std::string value;
  table.for_each([&](std::uint32_t number) {
    const auto& entry = table.entry(number);
    value.clear();
    {
      ByteWriter out{value};
      if (!content(entry.value, out)) return;
    }
    key.assign(prefix);
    encode_value(entry.key, key);
    to.put({state, key_group_of(hash_key(entry.key)), key, value});
  });
}
/// The same with the values by their codec.
template <class K, class V>
void save_table(const StateTable<K, V>& table, std::uint32_t state, std::string_view prefix, Snapshot& to) {
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
