// The seeded scheduler over the shards of an engine.
#include "millstream/testing/simulator.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/cold_parts.hpp"
#include "runtime/decision_runner.hpp"
#include "runtime/savepoints.hpp"
#include "testing/ordered_cold_store.hpp"

namespace millstream::inline v0::testing {
namespace {

// Steps of all shards together in which no record moves and no time passes: far more than any firing, table clearing
// or round of marks takes, few enough to be reached at once.
constexpr std::uint64_t kFruitlessStepsMax = 500'000;
// Jumps of the clock in a row without any record moving: a source that polls for ever, or a timer that sets itself.
constexpr std::uint64_t kFruitlessJumpsMax = 200'000;
constexpr std::uint32_t kBurstMax = 24;           // steps in a row that a shard may get
constexpr std::uint64_t kLingeringStepsMax = 40;  // of the coordinator, behind a failure: a few write what has come
constexpr std::uint32_t kMoodStepsMax = 300;      // steps for which the preference among shards stays

class SimulatedSignal final : public ShardSignal {
 public:
  [[nodiscard]] bool take_woken() noexcept { return std::exchange(woken_, false); }

 protected:
  void wake() noexcept override { woken_ = true; }

 private:
  bool woken_ = false;
};

std::string text(Timestamp t) { return to_string(t); }

}  // namespace

void Simulation::request_savepoint(const std::string& folder, bool stop, std::function<void(const Status&)> done) {
  ask_for_savepoint(engine_, folder, stop, std::move(done));
}

class SimulationLoop {
 public:
  SimulationLoop(const SimulatorOptions& options, Engine& engine, ManualClock& clock,
                 std::vector<std::shared_ptr<SimulatedSignal>> signals)
      : options_{options},
        engine_{engine},
        clock_{clock},
        signals_{std::move(signals)},
        random_{options.seed, 0x5343'4845},
        shards_(engine.shards()),
        simulation_{engine, clock} {
    if (engine_.checkpointer() == nullptr) return;
    engine_.checkpointer()->wake = [this] { checkpointer_woken_ = true; };
    engine_.decision_runner()->wake_coordinator = engine_.checkpointer()->wake;
    if (engine_.cold() != nullptr) engine_.cold()->spiller->wake = [this] { spiller_woken_ = true; };
  }

  SimulationResult run() {
    SimulationResult result;
    try {
      bool opened = true;
      for (std::uint32_t i = 0; i < engine_.shards() && opened; ++i) opened = engine_.shard(i).open();
      for (std::uint32_t i = 0; i < engine_.shards(); ++i) {
        if (engine_.shard(i).context().failed()) engine_.fail(engine_.shard(i).context().failure());
      }
      if (opened) loop();
      if (!simulation_.crashed_) linger();
    } catch (const std::exception& error) {
      engine_.fail({ErrorCode::kInternal, error.what()});
    }
    if (simulation_.crashed_) {
      result.state = JobState::kCancelled;
      result.status = {ErrorCode::kCancelled, "crashed"};
      result.ended_at = clock_.now();
      return result;
    }
    close();
    result.status = engine_.failure();
    result.state = !result.status.ok() ? JobState::kFailed : completed_ ? JobState::kFinished : JobState::kCancelled;
    result.metrics = engine_.metrics();
    result.steps = simulation_.steps_;
    result.trace_hash = hash_;
    result.ended_at = clock_.now();
    return result;
  }

 private:
  enum class State { kRunning, kParked, kDone };
  struct ShardState {
    State state = State::kRunning;
    Progress last = Progress::kIdle;
    std::uint64_t preference = 1;
    std::uint64_t moved = 0;
    std::int64_t parked_until_ns = 0;  // as it was when the shard went to sleep: nobody asks a shard that sleeps
  };

  void loop() {
    while (!over()) {
      wake();
      step_checkpointer();
      step_cold();
      if (std::all_of(shards_.begin(), shards_.end(), [](const auto& each) { return each.state == State::kDone; })) {
        return;
      }
      const std::optional<std::uint32_t> number = choose();
      if (!number) {
        // A request may come while everybody waits.
        if (options_.before_step) options_.before_step(simulation_);
        wake();
        if (!choose() && !over() && !checkpointer_due() && !decider_due() && !step_cold() && !jump()) return;
        continue;
      }
      const std::uint64_t burst = 1 + random_.below(random_.chance(0.2) ? kBurstMax : 2);
      for (std::uint64_t i = 0; i < burst && !over(); ++i) {
        if (!turn(*number)) break;
      }
    }
  }
  // A job that fails does not end at once: what the coordinator has by then may still be decided.
  void linger() {
    if (!engine_.cancel_requested() || engine_.checkpointer() == nullptr) return;
    for (std::uint64_t steps = random_.below(kLingeringStepsMax) + 1; steps > 0; --steps) {
      engine_.checkpointer()->step();
      engine_.decision_runner()->step();
    }
  }
  [[nodiscard]] bool over() const { return engine_.cancel_requested() || simulation_.crashed_; }

  // The coordinator comes when the seed says so, and when nobody else has anything to do; so do the decider's calls.
  void step_checkpointer() {
    if (engine_.checkpointer() == nullptr) return;
    if (decider_due() && (random_.chance(0.2) || nobody_runs())) {
      engine_.decision_runner()->step();
      ++simulation_.steps_;
    }
    if (checkpointer_due() && (random_.chance(options_.coordinator_chance) || nobody_runs())) {
      checkpointer_woken_ = false;
      engine_.checkpointer()->step();
      ++simulation_.steps_;
    }
  }
  // So do the store's reader, its spiller, and what it does to merge its files. True if one of them did something.
  bool step_cold() {
    if (engine_.cold() == nullptr) return false;
    const bool alone = nobody_runs();
    bool did = false;
    if (random_.chance(0.2) || alone) did = engine_.cold()->readers->step(random_) || did;
    if (spiller_due() && (random_.chance(0.2) || alone)) {
      spiller_woken_ = false;
      engine_.cold()->spiller->step();
      did = true;
    }
    if (random_.chance(0.05) || alone) {
      // A store that cannot merge says so to its spiller.
      static_cast<void>(static_cast<OrderedColdStore&>(*engine_.cold()->store).merge());
    }
    simulation_.steps_ += did ? 1 : 0;
    return did;
  }
  [[nodiscard]] bool spiller_due() const {
    return spiller_woken_ || engine_.cold()->spiller->deadline_ns() <= clock_.monotonic_ns();
  }
  [[nodiscard]] bool nobody_runs() const {
    return std::none_of(shards_.begin(), shards_.end(),
                        [](const ShardState& shard) { return shard.state == State::kRunning; });
  }
  [[nodiscard]] bool checkpointer_due() const {
    const Checkpointer* checkpointer = engine_.checkpointer();
    return checkpointer != nullptr && (checkpointer_woken_ || checkpointer->deadline_ns() <= clock_.monotonic_ns());
  }
  [[nodiscard]] bool decider_due() const {
    return engine_.decision_runner() != nullptr && engine_.decision_runner()->has_work();
  }
  // One step of a running shard; false when it should not go on at once.
  bool turn(std::uint32_t number) {
    ShardState& shard = shards_[number];
    step(number);
    if (shard.state == State::kDone || shard.last == Progress::kAdvanced) return shard.state != State::kDone;
    // A shard with nothing to do looks again some times, then parks as a job's shard does: it says so, looks once more,
    // and waits only if that look finds nothing either.
    if (random_.chance(0.5)) return false;
    signals_[number]->prepare_to_park();
    step(number);
    if (shard.state == State::kDone || shard.last == Progress::kAdvanced) {
      signals_[number]->unpark();
      return false;
    }
    shard.state = State::kParked;
    shard.parked_until_ns = engine_.shard(number).deadline_ns();
    return false;
  }
  void step(std::uint32_t number) {
    if (options_.before_step) options_.before_step(simulation_);
    if (options_.step_time_max.count() > 0) {
      clock_.advance(Duration{random_.between(0, options_.step_time_max.count())});
    }
    ShardState& shard = shards_[number];
    shard.last = engine_.step(number);
    ++simulation_.steps_;
    if (shard.last == Progress::kDone) shard.state = State::kDone;
    const std::uint64_t moved = records_moved(number);
    const bool fruitful = moved != shard.moved;
    shard.moved = moved;
    note((std::uint64_t{number} << 8) | static_cast<std::uint64_t>(shard.last));
    note(moved);
    if (fruitful || clock_.now() != last_time_) {
      fruitless_steps_ = 0;
      last_time_ = clock_.now();
    } else if (++fruitless_steps_ == kFruitlessStepsMax) {
      stuck("its shards are busy, but no record moves");
    }
    if (fruitful) fruitless_jumps_ = 0;
  }
  // Batches count too: a mark is something that moves.
  [[nodiscard]] std::uint64_t records_moved(std::uint32_t number) {
    std::uint64_t sum = 0;
    for (const auto& [node, stage] : engine_.shard(number).stages()) {
      const StageMetrics& metrics = stage->metrics();
      sum += metrics.records_in.read() + metrics.records_out.read() + metrics.batches_in.read();
    }
    return sum;
  }

  void wake() {
    const bool clock_was_set = std::exchange(simulation_.clock_was_set_, false);
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
      const bool woken = signals_[i]->take_woken();
      if (shards_[i].state != State::kParked) continue;
      if (woken || clock_was_set || shards_[i].parked_until_ns <= clock_.monotonic_ns()) {
        signals_[i]->unpark();
        shards_[i].state = State::kRunning;
      }
    }
  }
  // Among the running shards, by preferences that change from time to time: some seeds starve a shard for long.
  std::optional<std::uint32_t> choose() {
    if (mood_left_-- == 0) {
      mood_left_ = 1 + random_.below(kMoodStepsMax);
      for (ShardState& shard : shards_) shard.preference = random_.chance(0.3) ? 0 : 1 + random_.below(8);
    }
    std::uint64_t total = 0;
    for (const ShardState& shard : shards_) total += shard.state == State::kRunning ? shard.preference : 0;
    const bool starved = total == 0;
    if (starved) {
      for (const ShardState& shard : shards_) total += shard.state == State::kRunning ? 1 : 0;
    }
    if (total == 0) return std::nullopt;
    std::uint64_t at = random_.below(total);
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
      if (shards_[i].state != State::kRunning) continue;
      const std::uint64_t weight = starved ? 1 : shards_[i].preference;
      if (at < weight) return i;
      at -= weight;
    }
    return std::nullopt;
  }
  // To the next deadline; false if there is none.
  bool jump() {
    std::int64_t next = engine_.checkpointer() != nullptr ? engine_.checkpointer()->deadline_ns() : kNeverNs;
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
      if (shards_[i].state == State::kParked) next = std::min(next, shards_[i].parked_until_ns);
    }
    if (engine_.cold() != nullptr) next = std::min(next, engine_.cold()->spiller->deadline_ns());
    if (next == kNeverNs) {
      stuck("every shard waits, and nothing will wake it");
      return false;
    }
    if (++fruitless_jumps_ == kFruitlessJumpsMax) {
      stuck("time passes, but no record moves");
      return false;
    }
    clock_.advance(std::chrono::ceil<Duration>(std::chrono::nanoseconds{next - clock_.monotonic_ns()}));
    note(static_cast<std::uint64_t>(next));
    return true;
  }

  void stuck(const std::string& how) {
    std::string message = "simulation with seed " + std::to_string(options_.seed) + " hangs after " +
                          std::to_string(simulation_.steps_) + " steps at " + text(clock_.now()) + ": " + how;
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
      const char* state = shards_[i].state == State::kDone     ? "done"
                          : shards_[i].state == State::kParked ? "parked"
                                                               : "running";
      const char* last = shards_[i].last == Progress::kBlocked ? ", blocked" : "";
      const std::int64_t deadline_ns = engine_.shard(i).deadline_ns();
      message +=
          "\n  shard " + std::to_string(i) + " " + state + last + ", deadline " +
          (deadline_ns == kNeverNs ? "never"
                                   : "in " + std::to_string((deadline_ns - clock_.monotonic_ns()) / 1000) + " us") +
          "; unfinished:";
      for (const auto& [node, stage] : engine_.shard(i).stages()) {
        if (stage->finished()) continue;
        const StageMetrics& metrics = stage->metrics();
        message += "\n    " + stage->name() + " in " + std::to_string(metrics.records_in.read()) + " out " +
                   std::to_string(metrics.records_out.read()) + " queued " + std::to_string(stage->queued());
      }
    }
    engine_.fail({ErrorCode::kInternal, std::move(message)});
  }
  // As a job ends: no shard publishes before all have left their loops.
  void close() {
    completed_ = !engine_.cancel_requested() && engine_.failure().ok();
    for (std::uint32_t i = 0; i < engine_.shards(); ++i) {
      Shard& shard = engine_.shard(i);
      shard.close(completed_);
      if (shard.context().failed()) engine_.fail(shard.context().failure());
    }
    engine_.release_state();
  }
  // One round of SplitMix64's mixing over what was and what is.
  void note(std::uint64_t what) { hash_ = Random{hash_ ^ what}(); }

  const SimulatorOptions& options_;
  Engine& engine_;
  ManualClock& clock_;
  std::vector<std::shared_ptr<SimulatedSignal>> signals_;
  Random random_;
  std::vector<ShardState> shards_;
  Simulation simulation_;
  std::uint64_t hash_ = 0;
  std::uint64_t mood_left_ = 0;
  std::uint64_t fruitless_steps_ = 0;
  std::uint64_t fruitless_jumps_ = 0;
  Timestamp last_time_{};
  bool completed_ = false;
  bool checkpointer_woken_ = false;
  bool spiller_woken_ = false;
};

SimulationResult Simulator::run(const Graph& graph) const {
  ManualClock clock{options_.now};
  MemoryFileSystem files{clock};
  RunOptions run;
  run.shards = options_.shards;
  run.batch = options_.batch;
  run.exchange_slots = options_.exchange_slots;
  run.saved_per_step = options_.saved_per_step;
  run.chunk_bytes = options_.chunk_bytes;
  run.seed = options_.seed;
  run.clock = &clock;
  run.file_system = options_.file_system != nullptr ? options_.file_system : &files;
  run.log = nullptr;
  run.state_dir = options_.state_dir;
  run.state = options_.state;
  run.checkpoint = options_.checkpoint;
  run.from_savepoint = options_.from_savepoint;
  std::vector<std::shared_ptr<SimulatedSignal>> signals;
  const auto make_signal = [&](std::uint32_t) {
    signals.push_back(std::make_shared<SimulatedSignal>());
    return signals.back();
  };
  const ColdSetup cold{
      .open = [](FileSystem& disk, ColdStoreOptions store) -> Result<std::unique_ptr<ColdStore>> {
        Result<std::unique_ptr<OrderedColdStore>> opened = OrderedColdStore::open(disk, std::move(store));
        if (!opened) return opened.error();
        return std::unique_ptr<ColdStore>{*std::move(opened)};
      },
      .wait_for_room = [](ColdStore& store) { static_cast<void>(static_cast<OrderedColdStore&>(store).merge()); },
      .without_threads = true};
  Result<std::unique_ptr<Engine>> engine = Engine::build(graph, run, make_signal, &cold);
  if (!engine) {
    SimulationResult refused;
    refused.status = engine.error();
    refused.ended_at = clock.now();
    return refused;
  }
  if ((*engine)->nothing_left()) {
    SimulationResult finished;
    finished.state = JobState::kFinished;
    finished.ended_at = clock.now();
    return finished;
  }
  return SimulationLoop{options_, **engine, clock, std::move(signals)}.run();
}

}  // namespace millstream::inline v0::testing
