// The entries of a checkpoint: what the replay of its segments comes to, in memory.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "millstream/checkpoint/checkpoint_store.hpp"

namespace millstream::tools {

struct EntryKey {
  std::uint32_t key_group = 0;
  std::string key;
  friend auto operator<=>(const EntryKey&, const EntryKey&) = default;
};

struct Entries {
  std::map<std::uint32_t, std::map<EntryKey, std::string>> states;        ///< by number
  std::map<std::pair<std::string, std::uint32_t>, std::string> metadata;  ///< by stage and shard: its own newest bytes
};

enum class KeepValues {
  kWhole,
  kChecksum,  ///< eight bytes of each, which is enough to compare
};

/// Of one state, or of all. Ranges are deleted within their key group. kUnsupported where the checkpoint has a base,
/// which holds entries that are in no segment.
Result<Entries> read_entries(CheckpointStore& store, const Manifest& manifest, KeepValues keep,
                             std::optional<std::uint32_t> only_state = std::nullopt);

}  // namespace millstream::tools
