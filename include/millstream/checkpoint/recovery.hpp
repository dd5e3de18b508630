// Recovery: from what is on the disk and what was decided to the one thing to do. It never guesses: a decision that the
// disk does not bear out is a halt.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/checkpoint/manifest.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/io/decider.hpp"

namespace millstream::inline v0 {

/// What a sink has to settle before it opens.
struct PreparedOutput {
  CheckpointId checkpoint;
  PreparedHandle prepared;
  friend bool operator==(const PreparedOutput&, const PreparedOutput&) = default;
};

struct RecoveryPlan {
  enum class Kind {
    kFresh,    ///< nothing was ever decided: begin with empty state
    kRestore,  ///< exactly `restore`, which is intact and confirmed as the decision on the disk
    kHalt,     ///< `facts` say why and what the user may do; nothing was changed, and nothing may be
  };
  Kind kind = Kind::kFresh;
  std::optional<Manifest> restore;
  std::vector<PreparedOutput> commit;  ///< of the decided checkpoint: again
  std::vector<PreparedOutput> abort;   ///< of attempts that were never decided
  std::string facts;
  std::optional<CheckpointId> newest_intact;  ///< with kHalt: what accept_checkpoint could take and lose nothing
};

/// Where a sink's transaction decides, what it has decided is kept for longer than this by all but unusual settings (of
/// Kafka: offsets.retention.minutes, 7 days by default). That a younger checkpoint was not decided is believed.
inline constexpr Duration kDecisionsKeptMin = std::chrono::hours{24};

struct RecoveryOptions {
  /// A checkpoint of another job is a halt.
  std::string job_id;
  /// Where it would halt, take this checkpoint instead: output that later ones have published will come twice. It has
  /// no effect where there is no reason to halt, so it may stay set.
  std::optional<std::uint64_t> accept_checkpoint = std::nullopt;
  /// Id of the sink's stage that decides; empty = the marker does. Then the marker only repeats what was decided, and
  /// may be behind or damaged; but one of a checkpoint that names no output of that sink is from before it decided.
  std::string decider = {};
  /// Ids of the stages of further sinks whose output that decides, too.
  std::vector<std::string> joined = {};
  /// Now, by the clock that manifests have their times from. With a decider, a checkpoint that is older than
  /// kDecisionsKeptMin and was the newest when the process ended is a halt where there is no decision at all: it may
  /// have been decided.
  Timestamp now = kTimestampMin;
};

/// Before anything else is done with a store that was opened for writing, on the coordinator's thread, with what the
/// decider has read. An error (kIo) means that the disk could not be read, or the decision not confirmed: nothing is
/// known, try again. kRestore: settle the sinks by `commit` and `abort`, then call store.settle().
[[nodiscard]] MILLSTREAM_EXPORT Result<RecoveryPlan> plan_recovery(CheckpointStore& store, const Decision& decision,
                                                                   const RecoveryOptions& options);
/// With the decision of the marker in `store`.
[[nodiscard]] MILLSTREAM_EXPORT Result<RecoveryPlan> plan_recovery(CheckpointStore& store,
                                                                   const RecoveryOptions& options);
/// Why this is not what was decided; empty where it is.
[[nodiscard]] MILLSTREAM_EXPORT std::string difference(const Decision& decision, const Manifest& manifest);

}  // namespace millstream::inline v0
