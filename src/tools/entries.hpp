// The entries of a checkpoint: what the replay of its segments comes to, one by one or in memory.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/checkpoint/checkpoint_store.hpp"

namespace millstream::tools {

struct EntryKey {
  std::uint32_t key_group = 0;
  std::string key;
  friend auto operator<=>(const EntryKey&, const EntryKey&) = default;
};

struct Entries {
  std::map<std::uint32_t, std::map<EntryKey, std::string>> states;        ///< by number: checksums
  std::map<std::pair<std::string, std::uint32_t>, std::string> metadata;  ///< by stage and shard: its own newest bytes
};

/// Calls `visit` once with each entry of `state`, newest changes first, and keeps only the keys that have
/// changed since the oldest segment. kUnsupported where the checkpoint has a base, which holds entries that are in no
/// segment; what was visited before another error is not all. An error of
/// `visit` ends it and is returned as it is.
Status visit_entries(
    CheckpointStore& store, const Manifest& manifest, std::uint32_t state,
    const std::function<Status(std::uint32_t key_group, std::string_view key, std::string_view value)>& visit);

/// How many entries each state has, by number. Errors as above.
Result<std::map<std::uint32_t, std::uint64_t>> count_entries(CheckpointStore& store, const Manifest& manifest);

/// All of them with eight bytes of each value, its checksum, which is enough to compare. Errors as above.
Result<Entries> read_checksums(CheckpointStore& store, const Manifest& manifest);

}  // namespace millstream::tools
