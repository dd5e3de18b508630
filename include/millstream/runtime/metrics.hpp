// What a job tells about itself while it runs and afterwards: state, counters, latencies. Values: a snapshot does not
// change. The numbers of one snapshot are some microseconds apart. All but `restarts` begin anew when the job restarts
// itself, as they do in a process that is started again: what is read twice would else be counted twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/histogram.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

enum class JobState {
  kRunning,
  kStopping,    ///< finishing what came in; windows stay open
  kDraining,    ///< finishing what came in and firing windows
  kRestarting,  ///< it has failed, and waits until it goes on from its last checkpoint
  kFinished,    ///< ended in good order
  kFailed,      ///< ended by an error
  kCancelled,   ///< ended by cancel()
};
[[nodiscard]] MILLSTREAM_EXPORT std::string_view to_string(JobState state) noexcept;

/// A split of a source.
struct SplitStatus {
  std::string source;
  std::string split;
  Timestamp watermark;  ///< kTimestampMin before the first one
  bool idle = false;
  bool finished = false;
  bool waiting = false;  ///< not opened yet: others are read first
  /// Records that are there and not read yet, as its source has last seen; nothing where it cannot say.
  std::optional<std::uint64_t> lag_records = {};
  Duration lag_time{0};  ///< how old the newest record read was then; 0 where all was read
};

struct JobStatus {
  JobState state = JobState::kRunning;
  Status error;                      ///< why it failed; while it is restarting, why its last run did
  std::uint64_t restarts = 0;        ///< by its RestartPolicy, all together
  std::uint64_t records_in = 0;      ///< read by sources
  std::uint64_t records_out = 0;     ///< taken by sinks
  std::uint64_t batches_queued = 0;  ///< waiting between shards
  std::uint64_t queue_slots = 0;     ///< batches that can wait there; 0 = nothing goes between shards
  std::vector<SplitStatus> splits;
  std::uint64_t checkpoints = 0;         ///< completed by this run
  std::uint64_t checkpoints_failed = 0;  ///< likewise
  std::uint64_t last_checkpoint = 0;     ///< id of the newest completed one, also of an earlier run; 0 = none
  std::uint64_t spilled_bytes = 0;       ///< keyed state that this run has written to the cold store
};

/// What a stage counted, on one shard or on all.
struct StageCounts {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t late = 0;          ///< behind the watermark, but counted somewhere
  std::uint64_t late_dropped = 0;  ///< too late for every window
  std::uint64_t skipped = 0;       ///< dropped by an error policy
  std::uint64_t dead_letters = 0;
  std::uint64_t batches_queued = 0;     ///< waiting for it between shards
  std::uint64_t queue_slots = 0;        ///< batches that can wait there; 0 = it reads no queue
  Timestamp watermark = kTimestampMin;  ///< kTimestampMin = none, or the stage does not look at event time
};

/// One stage: over all shards (its watermark is the least of them) and by shard, so that skew shows.
struct StageReport : StageCounts {
  std::string name;
  std::vector<StageCounts> shards;
};

/// One shard: its time since it started, up to the snapshot (what it does just now is in it), and its latencies.
struct ShardReport {
  std::chrono::nanoseconds busy{0};
  std::chrono::nanoseconds idle{0};     ///< nothing to do
  std::chrono::nanoseconds blocked{0};  ///< work, but no room downstream
  LatencyHistogram latency;             ///< of the sinks on it; JobMetrics::latency is those of all shards, merged
};

struct JobMetrics {
  std::vector<StageReport> stages;
  std::vector<ShardReport> shards;
  LatencyHistogram latency;       ///< from reading a record to handing it, or what it fired, to a sink
  std::uint64_t records_in = 0;   ///< read by sources
  std::uint64_t records_out = 0;  ///< taken by sinks
  std::uint64_t late = 0;
  std::uint64_t late_dropped = 0;
  std::uint64_t skipped = 0;
  std::uint64_t restarts = 0;           ///< by its RestartPolicy, all together
  std::chrono::nanoseconds elapsed{0};  ///< since the start or the last restart, or from there to the end

  /// The stage of that name, or null.
  [[nodiscard]] MILLSTREAM_EXPORT const StageReport* stage(std::string_view name) const;
};

}  // namespace millstream::inline v0
