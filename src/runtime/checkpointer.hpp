// Checkpointer: the coordinator of a job's checkpoints. It asks the sources for barriers, writes what the shards say at
// them into the store, has the decider decide, and the sinks publish. It is a step function as a shard is: a thread of
// the job calls it, or the simulator, which is why a private class is exported.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/random.hpp"
#include "millstream/runtime/metrics.hpp"
#include "millstream/runtime/options.hpp"
#include "runtime/decision_runner.hpp"
#include "runtime/savepoints.hpp"
#include "runtime/segment_chain.hpp"
#include "runtime/shard_barriers.hpp"
#include "runtime/snapshot_taker.hpp"

namespace millstream::inline v0 {

/// What the coordinator can do to the job.
class MILLSTREAM_EXPORT CheckpointedJob {
 public:
  virtual ~CheckpointedJob() = default;
  /// Sources are to send this barrier; stages give out all of their state, or what has changed since the one before.
  /// `whole`: one bit a shard, 1 = all of it.
  virtual void send_barrier(std::uint64_t barrier, std::uint64_t whole) = 0;
  /// The shard may wait with giving out state: some of what it has given out is out of memory.
  virtual void made_room(std::uint32_t shard) = 0;
  /// Sinks are to commit what they prepared at this barrier.
  virtual void commit_barrier(std::uint64_t barrier) = 0;
  /// The last checkpoint is committed: shards may leave their loops.
  virtual void may_leave() = 0;
  virtual void fail(const Status& status) = 0;
};

/// What does not change from one checkpoint to the next.
struct CheckpointFacts {
  std::string job_name;
  std::uint32_t shards = 1;
  Duration watermark_step{0};
  CheckpointId committed;       ///< the newest in the store; id 0 = none yet
  std::uint64_t ids_above = 0;  ///< all ids are larger than what was decided elsewhere, or of the job's savepoint
  std::string decider;          ///< stage of the sink that decides; empty = the marker does
};

class MILLSTREAM_EXPORT Checkpointer {
 public:
  Checkpointer(CheckpointedJob& job, CheckpointStore& store, DecisionRunner& decider, CheckpointOptions options,
               CheckpointFacts facts, Clock& clock, LogHook log, std::uint64_t nonce_seed);

  // From any thread.
  void take(ShardPart part);
  /// Memory of what the shard has given out and is not written yet.
  [[nodiscard]] std::size_t unwritten_bytes(std::uint32_t shard) const noexcept {
    return taker_.unwritten_bytes(shard);
  }
  /// A shard's sinks have committed what they prepared at the newest barrier.
  void note_committed();
  /// All stages of a shard have ended, for good.
  void note_ended();
  /// Takes a checkpoint at once, or with at_end waits for the last one, and makes the savepoint of it.
  void request(SavepointRequest savepoint);
  /// A checkpoint is taken as soon as may be: state waits for it that does not fit in memory.
  void request_early();
  /// Nobody steps it any more, because of this: neither will there be savepoints. What it has kept of checkpoints that
  /// failed is deleted.
  void close(const Status& why);
  /// Called whenever one of these was; set before the job starts.
  std::function<void()> wake = [] {};
  void fill_in(JobStatus& status) const;

  // The coordinator's thread.
  /// Does what there is to do.
  void step();
  /// Clock::monotonic_ns() of the next thing to do though nobody wakes it; kNeverNs = none.
  [[nodiscard]] std::int64_t deadline_ns() const;

 private:
  enum class Phase {
    kIdle,        // until the next is due
    kCollecting,  // shards are on their way to the barrier
    kPrepared,    // the manifest is on the disk; the decider is preparing, too
    kDeciding,    // only the decider knows; it ends by what that says
    kGivenUp,     // it has failed, but some shards have not said everything at its barrier yet
    kCommitting,  // decided; sinks are publishing
    kLeft,        // the last one is committed, or the job has failed
  };
  struct Events {
    std::uint32_t committed = 0;
    std::uint32_t ended = 0;
    bool early = false;
  };
  [[nodiscard]] std::int64_t phase_deadline_ns() const;
  [[nodiscard]] Events take_events();
  void start(std::int64_t now_ns);
  void collect(SnapshotTaker::Taken taken);
  void prepare();
  [[nodiscard]] std::vector<SegmentHandle> segments_to_name() const;
  [[nodiscard]] Status publish();
  void answer(const DecisionRunner::Reply& reply);
  void decided();
  void look_whether_stuck(std::int64_t now_ns);
  void finish(std::int64_t now_ns);
  void give_up(const Status& why);
  void end_giving_up();
  void drop_kept();
  void fail(const Status& why);

  CheckpointedJob& job_;
  CheckpointStore& store_;
  DecisionRunner& decider_;
  CheckpointOptions options_;
  CheckpointFacts facts_;
  Clock& clock_;
  LogHook log_;
  Random nonces_;

  std::mutex mutex_;  // taken some times a checkpoint
  Events events_;
  SavepointQueue savepoints_;

  Phase phase_ = Phase::kIdle;
  std::uint64_t barrier_ = 0;
  CheckpointId committed_;  // the newest; id 0 = none
  SegmentChain chain_;      // of the next manifest
  SnapshotTaker taker_;
  Manifest manifest_;        // of the one under way
  std::uint64_t whole_ = 0;  // shards that say everything at it, one bit each
  std::uint32_t collected_ = 0;
  std::uint32_t sinks_done_ = 0;
  std::uint32_t ended_ = 0;
  bool last_ = false;  // all shards have ended: this is the last one
  std::int64_t started_ns_ = 0;
  std::int64_t next_ns_ = 0;
  std::int64_t early_ns_ = 0;  // the next one, where somebody waits for it
  bool early_ = false;         // somebody does
  bool ahead_ = false;         // the one under way came for that alone, before its time
  std::uint32_t failed_in_a_row_ = 0;
  std::atomic<std::uint64_t> completed_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> last_id_{0};
};

}  // namespace millstream::inline v0
