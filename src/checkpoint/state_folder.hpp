// The names in a state folder, and the marker of the decision. Ids in names have 20 digits, so that names sort by them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "millstream/io/checkpoint_id.hpp"

namespace millstream::inline v0 {

inline constexpr std::string_view kLockName = "LOCK";
inline constexpr std::string_view kCommittedName = "COMMITTED";

std::string manifest_name(std::uint64_t id);
std::string segment_name(std::uint64_t id, std::uint32_t shard);
/// An empty file: ids below this one are taken.
std::string taken_name(std::uint64_t below);

/// What a name in the folder stands for.
struct StateName {
  enum class Kind { kManifest, kSegment, kBase, kTaken, kTemporary, kOther };
  Kind kind = Kind::kOther;
  std::uint64_t id = 0;
};
StateName parse_state_name(std::string_view name);
/// A name that a manifest may call a file of the checkpoint: a segment, or a file in a base. Nothing leads out of the
/// folder.
bool is_checkpoint_file(std::string_view name);

/// Of COMMITTED: text, with a checksum as its last line.
std::string marker_text(CheckpointId committed);
std::optional<CheckpointId> parse_marker(std::string_view text);

}  // namespace millstream::inline v0
