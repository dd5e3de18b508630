// Stage: one node of the graph on one shard, and Receiver, the side of it that batches go in by. A stage is told of a
// batch only after it has said that it is ready; work that does not fit into one call goes on in step(). All members
// are called on the shard's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/channel/signal.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/core/counter.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/core/progress.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/waker.hpp"

namespace millstream::inline v0 {

class ColdTier;
class FileSystem;

/// What a stage counts. Written by its shard, read by anyone.
struct StageMetrics {
  Counter records_in;
  Counter records_out;
  Counter batches_in;
  Counter late;          ///< records behind the watermark that still counted somewhere
  Counter late_dropped;  ///< records too late for every window
  Counter skipped;       ///< records that a policy dropped
  Counter dead_letters;
  /// Merged watermark, microseconds, as two's complement; kTimestampMin = none.
  Counter watermark_us{static_cast<std::uint64_t>(kTimestampMin.time_since_epoch().count())};
};

class Stage;

/// Who is told that a stage has come to a barrier; the shard's thread.
class MILLSTREAM_EXPORT BarrierListener {
 public:
  virtual ~BarrierListener() = default;
  /// All that came in front of the barrier is in the stage's state, nothing behind it is.
  virtual void reached(Stage& stage) = 0;
};

inline constexpr std::uint32_t kSavedPerStep = 2048;  // some 100 us

/// What the stages of one shard share. It outlives them.
class MILLSTREAM_EXPORT ShardContext {
 public:
  std::uint32_t shard = 0;
  std::uint32_t shards = 1;
  std::uint32_t batch_records_max = kBatchRecordsMax;
  std::uint64_t seed = 0;
  Clock* clock = nullptr;
  FileSystem* file_system = nullptr;
  LogHook log;
  std::shared_ptr<MemoryBudget> memory;
  ShardSignal* signal = nullptr;
  /// Wakes this shard from another thread; valid for ever.
  Waker waker;
  /// Takes the snapshots; null in a job without checkpoints, where no barriers come.
  BarrierListener* barriers = nullptr;
  /// Where keyed state goes that does not fit in memory; null in a job whose state stays there.
  ColdTier* cold = nullptr;
  /// The newest barrier that sources are to send; they send every one, in order.
  std::uint64_t barrier = 0;
  /// Entries that an idle shard gives out in a step behind a barrier; a busy one fewer, unless its steps take long.
  std::uint32_t saved_per_step = kSavedPerStep;
  /// The job goes on from a checkpoint: what earlier runs gave out is there and stays.
  bool restored = false;
  /// Where it goes on from checkpoints of several instances: some partitions are in none of them and begin anew, so
  /// watermarks do, too.
  bool partly_restored = false;
  /// Set by the job: a source should end now (drain: with the final watermark).
  bool stopping = false;
  bool draining = false;
  bool cancelled() const noexcept { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }
  void set_cancel_flag(const std::atomic<bool>* flag) noexcept { cancelled_ = flag; }

  /// The job cannot go on. The first failure is the one that is reported; stages stop being called after it.
  void fail(Status status) {
    if (failure_.ok()) failure_ = std::move(status);
  }
  [[nodiscard]] bool failed() const noexcept { return !failure_.ok(); }
  [[nodiscard]] const Status& failure() const noexcept { return failure_; }

 private:
  Status failure_;
  const std::atomic<bool>* cancelled_ = nullptr;
};

/// Something that takes batches.
class Receiver {
 public:
  virtual ~Receiver() = default;
  /// There is room for one more batch, all the way down the chain.
  [[nodiscard]] virtual bool ready() = 0;
  /// Takes the batch; ready() must just have said yes.
  virtual void push(BatchHandle batch) = 0;
};

/// One node of the graph on one shard.
class MILLSTREAM_EXPORT Stage : public Receiver {
 public:
  Stage();
  ~Stage() override;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void attach(ShardContext& context, std::string name) {
    context_ = &context;
    name_ = std::move(name);
  }
  /// Once, before the first batch. Failures go to context().fail().
  virtual void open() {}
  /// A bounded piece of the work that push() left over. kBlocked while it waits for room.
  virtual Progress step() { return Progress::kIdle; }
  /// Wall-clock time of the next processing-time timer or window: step() then has something to do though nothing comes
  /// in. kTimestampMax = none.
  [[nodiscard]] virtual Timestamp deadline() { return kTimestampMax; }
  /// The same for what waits for time to pass (retries, polls, timeouts), as Clock::monotonic_ns(): setting the wall
  /// clock does not move it. kNeverNs = nothing.
  [[nodiscard]] virtual std::int64_t retry_at_ns() { return kNeverNs; }
  /// Has seen the end of its input and given everything on.
  [[nodiscard]] virtual bool finished() const = 0;
  /// Once, also after a failure; `completed` says whether the input ended in good order.
  virtual void close([[maybe_unused]] bool completed) {}

  /// What the stage keeps from batch to batch; its order numbers the states. Behind open().
  [[nodiscard]] virtual std::vector<StateDeclaration> states() const { return {}; }
  /// Gives out all of it, or what has changed since the last call, at once or by Snapshot::later(). At a barrier, or
  /// behind the end; never with an unfinished firing.
  virtual void save(Snapshot&) {}
  /// Takes an entry that save() gave out, on any shard of an earlier run: all those of this shard's key groups and of
  /// kEveryShard, between open() and the first batch.
  [[nodiscard]] virtual Status restore(const StateEntry&) { return {}; }
  /// Behind the last of them; also where there was none.
  virtual void end_restore() {}

  /// Its keyed state may leave memory, into a column of the cold store by this stage's name.
  [[nodiscard]] virtual bool spills() const { return false; }

  /// Barriers that this stage has come to.
  [[nodiscard]] std::uint64_t barrier() const noexcept { return barrier_; }
  /// The next barrier has been reached.
  void reach_barrier() {
    ++barrier_;
    if (context_->barriers != nullptr) context_->barriers->reached(*this);
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const StageMetrics& metrics() const noexcept { return metrics_; }
  /// Batches waiting in queues that this stage reads.
  [[nodiscard]] virtual std::size_t queued() const { return 0; }
  /// Batches that these queues hold when they are full.
  [[nodiscard]] virtual std::size_t queue_slots() const { return 0; }

 protected:
  [[nodiscard]] ShardContext& context() const noexcept { return *context_; }
  StageMetrics metrics_;

 private:
  ShardContext* context_ = nullptr;
  std::string name_;
  std::uint64_t barrier_ = 0;
};

}  // namespace millstream::inline v0
