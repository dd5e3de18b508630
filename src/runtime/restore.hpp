// Restore: gives the stages of a shard back what an earlier run saved.
#pragma once

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/checkpoint/manifest.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

class Shard;
struct StateParts;

/// After all stages of the shard have been opened, on its thread; other shards may do the same at the same time.
/// kInvalidArgument where the checkpoint has state of a stage or positions of a source that the graph does not have
/// (unless that may be dropped), of a name that it does not have, or of another schema; kInvalidData for bytes that
/// cannot be read.
[[nodiscard]] Status restore_shard(Shard& shard, const Manifest& manifest, CheckpointStore& store, bool may_drop_state);
/// The same from checkpoints of other instances, of each its part.
[[nodiscard]] Status restore_parts(Shard& shard, const StateParts& parts, bool may_drop_state);

}  // namespace millstream::inline v0
