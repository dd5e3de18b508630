// Simulator: runs a whole dataflow on one thread under a seed. Which shard works next, for how long, and how full its
// queues may get is drawn from the seed, the clock is virtual and jumps to the next deadline when nothing is left to
// do; so years pass in a blink, and a seed that shows a fault shows it again. Shards park and wake each other as they
// do in a job: a wake-up that gets lost is found.
//
//   ms::testing::SimulationResult r = ms::testing::Simulator{{.seed = 17, .shards = 4}}.run(flow);
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "millstream/core/clock.hpp"
#include "millstream/runtime/engine.hpp"
#include "millstream/runtime/metrics.hpp"
#include "millstream/runtime/options.hpp"
#include "millstream/stream/dataflow.hpp"

namespace millstream::inline v0::testing {

/// What may be done to a simulated job between two steps of its shards.
class MILLSTREAM_EXPORT Simulation {
 public:
  Simulation(Engine& engine, ManualClock& clock) : engine_{engine}, clock_{clock} {}
  void stop() { engine_.request_stop(false); }
  void drain() { engine_.request_stop(true); }
  void cancel() { engine_.request_cancel(); }
  /// The program ends here as if it had been killed: no stage is closed, and what is in memory is gone. The run ends
  /// with kCancelled. Whoever owns the file system has it restart() before the next run.
  void crash() { crashed_ = true; }
  /// The wall clock is set forward or back; no time passes. Shards that sleep notice it at once.
  void set_wall_clock(Duration by) {
    clock_.set_wall_clock(by);
    clock_was_set_ = true;
  }
  /// As Job::savepoint() and Job::stop_with_savepoint(), and return at once: `done` is called when the savepoint is
  /// there, or with why there is none, also after a crash().
  void savepoint(const std::string& folder, std::function<void(const Status&)> done) {
    request_savepoint(folder, false, std::move(done));
  }
  void stop_with_savepoint(const std::string& folder, std::function<void(const Status&)> done) {
    request_savepoint(folder, true, std::move(done));
  }
  [[nodiscard]] JobStatus status() const { return engine_.status(); }
  /// Steps that shards have made so far.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  [[nodiscard]] Timestamp now() const { return clock_.now(); }

 private:
  friend class SimulationLoop;
  void request_savepoint(const std::string& folder, bool stop, std::function<void(const Status&)> done);
  Engine& engine_;
  ManualClock& clock_;
  std::uint64_t steps_ = 0;
  bool clock_was_set_ = false;
  bool crashed_ = false;
};

struct SimulatorOptions {
  std::uint64_t seed = 1;
  std::uint32_t shards = 2;
  std::uint32_t batch = kBatchRecordsMax;
  /// Batches in flight between two shards; 1 is the hardest.
  std::size_t exchange_slots = kExchangeSlots;
  std::uint32_t saved_per_step = kSavedPerStep;
  /// Bytes of state that a shard hands over at once; of 32 times as much it waits for the disk.
  std::size_t chunk_bytes = kChunkBytes;
  /// With this probability the coordinator, which writes checkpoints, does a step before a shard does. Else only while
  /// all shards wait: a small one is a slow disk.
  double coordinator_chance = 0.2;
  /// Where the virtual clock starts.
  Timestamp now{Duration{0}};
  /// A step takes a random time up to this on the virtual clock; 0: time passes only while all shards wait.
  Duration step_time_max{0};
  /// Called before each step.
  std::function<void(Simulation&)> before_step = nullptr;
  /// Null = one in memory for each run.
  FileSystem* file_system = nullptr;
  /// As in RunOptions; needs a file_system that outlives the run.
  std::string state_dir = {};
  /// As in RunOptions; what leaves memory lies in ordered maps whose every change is a file on the simulated disk.
  StateBackend state = in_memory();
  CheckpointOptions checkpoint = {};
  std::string from_savepoint = {};
};

struct SimulationResult {
  JobState state = JobState::kFailed;
  /// Why it failed. A simulation that hangs (all shards wait for ever, or they are busy without moving a record) fails
  /// with kInternal, the seed and the state of every stage.
  Status status;
  JobMetrics metrics;
  std::uint64_t steps = 0;
  /// Of all scheduling decisions and what came of them: equal seeds and inputs give equal hashes.
  std::uint64_t trace_hash = 0;
  /// The virtual clock at the end, or when the simulation crashed: the next life's `now`.
  Timestamp ended_at{};

  [[nodiscard]] bool ok() const noexcept { return state == JobState::kFinished; }
};

/// A value; run() may be called any number of times. Sources and sinks with threads of their own cannot be simulated.
class MILLSTREAM_EXPORT Simulator {
 public:
  explicit Simulator(SimulatorOptions options = {}) : options_{std::move(options)} {}
  [[nodiscard]] SimulationResult run(const Dataflow& flow) const { return run(flow.graph()); }
  [[nodiscard]] SimulationResult run(const Graph& graph) const;

 private:
  SimulatorOptions options_;
};

}  // namespace millstream::inline v0::testing
