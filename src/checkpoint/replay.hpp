// What a checkpoint holds, put together of its segments: of each key the newest value, unless it has gone since.
#pragma once

#include <cstdint>
#include <functional>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

struct Replay {
  /// Whether entries of a key group are asked for; asked with kEveryShard, too.
  std::function<bool(std::uint32_t key_group)> wanted = [](std::uint32_t) { return true; };
  /// Gets every entry once, as a kValue, newest epochs first, and in the order of the file within one; and of the
  /// newest epoch the kMetadata. An error ends the replay.
  std::function<Status(const SegmentFrame& frame, const SegmentHandle& segment)> take;
};

/// Reads the segments from the newest to the oldest, so that an entry can be given out when it is met, and remembers
/// the keys of those that changed behind the oldest epoch. Entries of kEveryShard count in the newest epoch only.
/// Errors name the file.
[[nodiscard]] MILLSTREAM_EXPORT Status replay_segments(CheckpointStore& store, const Manifest& manifest,
                                                       const Replay& replay);

}  // namespace millstream::inline v0
