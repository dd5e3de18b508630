// Engine: a dataflow that has been built for a number of shards. A shard is a step function; who calls it, a thread per
// core or the simulator, is none of its business. Job and the test kit use this; programs use Job.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "millstream/channel/stage.hpp"
#include "millstream/graph/graph.hpp"
#include "millstream/runtime/activity.hpp"
#include "millstream/runtime/barrier_request.hpp"
#include "millstream/runtime/metrics.hpp"
#include "millstream/runtime/options.hpp"

namespace millstream::inline v0 {

class Checkpointer;
class CheckpointStore;
class DecisionRunner;
class ShardBarriers;
struct ColdParts;
struct ColdSetup;
struct Manifest;
struct StateParts;

/// One core's share of the graph. All members but the activity belong to one thread at a time.
class MILLSTREAM_EXPORT Shard {
 public:
  Shard(std::uint32_t number, std::shared_ptr<ShardSignal> signal);
  ~Shard();

  /// Opens every stage and gives it back what an earlier run saved; false if one failed.
  [[nodiscard]] bool open();
  /// Gives every stage one bounded turn.
  Progress step();
  /// Clock::monotonic_ns() at which there is work though nothing comes in; kNeverNs = none. What waits for the wall
  /// clock is in it by how the clocks stand now.
  [[nodiscard]] std::int64_t deadline_ns();
  /// Sinks publish what they prepared at the newest barrier.
  void commit_sinks();
  /// Closes every stage, once.
  void close(bool completed);

  [[nodiscard]] ShardContext& context() noexcept { return context_; }
  [[nodiscard]] ShardSignal& signal() noexcept { return *signal_; }
  [[nodiscard]] const std::vector<std::pair<std::uint32_t, std::unique_ptr<Stage>>>& stages() const { return stages_; }

  ShardActivity activity;  ///< written by whoever steps the shard, if anybody

 private:
  friend class Engine;
  friend class EngineBuilder;
  ShardContext context_;
  std::shared_ptr<ShardSignal> signal_;
  std::vector<std::pair<std::uint32_t, std::unique_ptr<Stage>>> stages_;  // node number; in topological order
  std::unique_ptr<ShardBarriers> barriers_;                               // null without checkpoints
  const Manifest* restored_ = nullptr;                                    // what an earlier run saved
  CheckpointStore* store_ = nullptr;                                      // where that is
  std::shared_ptr<const StateParts> parts_;                               // of other instances, instead of these
  bool may_drop_state_ = false;                                           // of stages that the graph does not have
  std::uint64_t committed_ = 0;  // the newest barrier whose output has been published
  bool ended_ = false;           // all stages have, and the coordinator knows
  bool closed_ = false;
};

class MILLSTREAM_EXPORT Engine {
 public:
  /// How the shards of this engine are woken; one signal for each.
  using MakeSignal = std::function<std::shared_ptr<ShardSignal>(std::uint32_t shard)>;

  /// Checks graph and options, lists the splits and makes all stages. Starts nothing.
  /// `cold` is how the simulator has the cold store opened; null = as a job does.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> build(const Graph& graph, const RunOptions& options,
                                                             const MakeSignal& make_signal,
                                                             const ColdSetup* cold = nullptr);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] std::uint32_t shards() const noexcept { return static_cast<std::uint32_t>(shards_.size()); }
  [[nodiscard]] Shard& shard(std::uint32_t i) { return *shards_[i]; }
  [[nodiscard]] Clock& clock() const noexcept { return *clock_; }

  /// The coordinator of checkpoints; null where none are taken. Whoever steps the shards steps it, too.
  [[nodiscard]] Checkpointer* checkpointer() const noexcept { return checkpointer_.get(); }
  /// Makes the calls of the decider; null where no checkpoints are taken. It is stepped by whoever steps the shards, on
  /// a thread where it may wait.
  [[nodiscard]] const std::shared_ptr<DecisionRunner>& decision_runner() const noexcept { return decision_runner_; }
  /// What state that leaves memory goes through; null where all stays. Whoever steps the shards steps its spiller, too.
  [[nodiscard]] ColdParts* cold() const noexcept { return cold_.get(); }
  /// Once, when nobody steps shards or coordinator any more: another job may have the state folder.
  void release_state();
  /// An earlier run has read all of the input and published everything: there is nothing to step.
  [[nodiscard]] bool nothing_left() const noexcept { return nothing_left_; }

  /// Any thread. Sources take in nothing more; with `drain` windows fire.
  void request_stop(bool drain);
  /// Any thread. Shards leave their loops at the next step.
  void request_cancel();
  [[nodiscard]] bool stop_requested() const noexcept { return stop_.load(std::memory_order_relaxed) != 0; }
  [[nodiscard]] bool drain_requested() const noexcept { return stop_.load(std::memory_order_relaxed) == 2; }
  [[nodiscard]] bool cancel_requested() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  /// Any thread. The first failure ends all shards.
  void fail(const Status& status);
  [[nodiscard]] Status failure() const;

  /// The shard's thread: takes over what was requested, then steps.
  Progress step(std::uint32_t shard);

  /// Any thread, from build to destruction.
  [[nodiscard]] JobMetrics metrics() const;
  /// Counters and splits; the state is the caller's to fill in.
  [[nodiscard]] JobStatus status() const;

 private:
  friend class EngineBuilder;
  class Coordination;
  Engine();
  void notify_all();

  Clock* clock_ = nullptr;
  std::vector<std::string> ids_;
  std::vector<bool> is_source_;
  std::vector<bool> is_sink_;
  std::vector<std::pair<std::string, std::shared_ptr<SplitProgress>>> sources_;
  std::vector<std::shared_ptr<Channel>> channels_;  // outlive the stages
  std::vector<std::unique_ptr<Shard>> shards_;
  std::shared_ptr<MemoryBudget> memory_;
  MemoryReservation queues_;
  std::unique_ptr<ColdParts> cold_;  // null where all state stays in memory
  std::int64_t started_ns_ = 0;
  std::atomic<int> stop_{0};  // 1: stop, 2: drain
  std::atomic<bool> cancelled_{false};
  BarrierRequest barrier_;
  std::atomic<std::uint64_t> committed_{0};  // whose output sinks are to publish
  std::atomic<bool> may_leave_{true};        // shards whose stages have ended leave their loops
  bool nothing_left_ = false;
  std::unique_ptr<CheckpointStore> store_;
  std::unique_ptr<CheckpointStore> savepoint_;  // that this run began from
  std::unique_ptr<Manifest> restored_;
  std::unique_ptr<Coordination> coordination_;
  std::shared_ptr<DecisionRunner> decision_runner_;
  std::unique_ptr<Checkpointer> checkpointer_;
  mutable std::mutex failure_mutex_;  // taken when a shard fails, never by a running one
  Status failure_;
};

}  // namespace millstream::inline v0
