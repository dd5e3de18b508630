// Threads around the shards of one engine.
#include "runtime/engine_run.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "core/page_toucher.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/cold_parts.hpp"
#include "runtime/cores.hpp"
#include "runtime/decision_runner.hpp"
#include "runtime/spin_limit.hpp"
#include "runtime/watched_call.hpp"

namespace millstream::inline v0 {
namespace {

// Passes without work after which a shard that still spins lets other threads have its core at each pass: on a machine
// with fewer free cores than shards, the neighbour that it waits for may need this very core.
constexpr int kPassesBeforeYielding = 32;
constexpr std::chrono::nanoseconds kSleepMax = std::chrono::seconds{1};  // then a wall clock that was set is noticed

}  // namespace

Result<std::unique_ptr<EngineRun>> EngineRun::build(const Graph& graph, const RunOptions& options) {
  std::unique_ptr<EngineRun> run{new EngineRun{options}};
  Result<std::unique_ptr<Engine>> engine = Engine::build(graph, options, [&](std::uint32_t) {
    run->parkers_.push_back(std::make_shared<Parker>());
    return run->parkers_.back();
  });
  if (!engine) return engine.error();
  run->engine_ = *std::move(engine);
  // Before anybody knows of the run: from then on somebody may ask for a savepoint.
  if (run->engine_->checkpointer() != nullptr) run->make_coordinating_threads();
  return run;
}

void EngineRun::run() {
  if (engine_->nothing_left()) {
    completed_ = true;
  } else {
    run_threads();
  }
  // Whoever has waited for the end may start the next job on the same folder.
  engine_->release_state();
}

void EngineRun::make_coordinating_threads() {
  Checkpointer& checkpointer = *engine_->checkpointer();
  // The thread of a call that never comes back holds whatever that uses.
  const std::shared_ptr<DecisionRunner> runner = engine_->decision_runner();
  checkpoints_ = std::make_unique<SteppingThread>(
      engine_->clock(), [&checkpointer] { checkpointer.step(); },
      [&checkpointer] { return checkpointer.deadline_ns(); });
  decisions_ = std::make_unique<SteppingThread>(
      engine_->clock(), [runner] { runner->step(); }, [runner] { return runner->has_work() ? 0 : kNeverNs; });
  checkpointer.wake = runner->wake_coordinator = checkpoints_->waker();
  runner->wake = decisions_->waker();
  if (engine_->cold() == nullptr) return;
  Spiller& spiller = *engine_->cold()->spiller;
  spills_ = std::make_unique<SteppingThread>(
      engine_->clock(), [&spiller] { spiller.step(); }, [&spiller] { return spiller.deadline_ns(); });
  spiller.wake = spills_->waker();
}

// No shard runs any more. Behind the coordinator's end nobody else sees that a call of the decider does not come back.
void EngineRun::end_coordinating_threads() {
  checkpoints_.reset();
  spills_.reset();
  if (!decisions_) return;
  DecisionRunner& runner = *engine_->decision_runner();
  if (!runner.abandoned() && !decisions_->end_by([&] { return runner.stuck_at_ns(); })) {
    runner.abandon();
    if (options_.log) options_.log(LogLevel::kWarning, kStuckCall);
  }
  if (runner.abandoned()) decisions_->abandon();
  decisions_.reset();
}

void EngineRun::run_threads() {
  running_ = engine_->shards();
  std::vector<std::jthread> threads;
  // Before any shard is pinned: it would be to the same core.
  const std::shared_ptr<PageToucher> toucher = options_.pin ? PageToucher::shared() : nullptr;
  bool all = false;
  try {
    if (checkpoints_) {
      checkpoints_->start();
      decisions_->start();
      if (spills_) spills_->start();
    }
    threads.reserve(engine_->shards() - 1);
    for (std::uint32_t number = 1; number < engine_->shards(); ++number) {
      threads.emplace_back([this, number] { run_shard(number); });
    }
    all = true;
  } catch (const std::exception& error) {
    abandon(static_cast<std::uint32_t>(threads.size()), error.what());
  }
  if (all) run_shard(0);
  threads.clear();  // first: a shard that closes still speaks to the coordinator
  end_coordinating_threads();
}

void EngineRun::run_shard(std::uint32_t number) {
  std::optional<CorePin> pin;
  if (options_.pin) pin.emplace(number);
  Shard& shard = engine_->shard(number);
  shard.activity.begin(engine_->clock().monotonic_ns(), ShardActivity::Kind::kBusy);
  bool opened = false;
  try {
    opened = shard.open();
    if (!opened) engine_->fail(shard.context().failure());
    if (opened) loop(number);
  } catch (const std::exception& error) {
    engine_->fail({ErrorCode::kInternal, std::string{"shard "} + std::to_string(number) + ": " + error.what()});
  } catch (...) {
    engine_->fail({ErrorCode::kInternal, "shard " + std::to_string(number) + ": an exception of unknown type"});
  }
  end_together(number);
}

void EngineRun::loop(std::uint32_t number) {
  using Kind = ShardActivity::Kind;
  Shard& shard = engine_->shard(number);
  Clock& clock = engine_->clock();
  SpinLimit spin;
  int quiet = 0;
  std::int64_t worked = clock.monotonic_ns();  // when the shard last had something to do,
  std::int64_t looked = worked;                // and when it last looked for something and found nothing
  while (!engine_->cancel_requested()) {
    const Progress progress = engine_->step(number);
    if (progress == Progress::kDone) return;
    const std::int64_t now = clock.monotonic_ns();
    if (progress == Progress::kAdvanced) {
      // Without the step that found work: however long that took, it was no wait.
      if (quiet > 0) spin.waited(looked - worked);
      worked = now;
      quiet = 0;
      shard.activity.turn(now, Kind::kBusy, Kind::kBusy);
      continue;
    }
    const Kind kind = progress == Progress::kBlocked ? Kind::kBlocked : Kind::kIdle;
    shard.activity.turn(now, kind, Kind::kBusy);
    ++quiet;
    looked = now;
    if (options_.idle == IdleStrategy::kSpin || now - worked < spin.ns()) {
      quiet < kPassesBeforeYielding || options_.idle == IdleStrategy::kSpin ? __builtin_ia32_pause()
                                                                            : std::this_thread::yield();
    } else if (park(number, kind)) {
      worked = clock.monotonic_ns();
      quiet = 0;
    } else {
      looked = clock.monotonic_ns();
    }
  }
}

// True where there was work after all.
bool EngineRun::park(std::uint32_t number, ShardActivity::Kind kind) {
  Shard& shard = engine_->shard(number);
  Parker& parker = *parkers_[number];
  Clock& clock = engine_->clock();
  parker.prepare_to_park();
  // Whoever gives us work from here on sees that we are about to sleep; what came before, this look finds.
  const Progress last = engine_->step(number);
  const bool nothing = last == Progress::kIdle || last == Progress::kBlocked;
  if (nothing) {
    shard.activity.expect(kind);
    const std::int64_t until = std::min(shard.deadline_ns(), kNeverNs - kSleepMax.count());
    const auto left = std::min(std::chrono::nanoseconds{until - clock.monotonic_ns()}, kSleepMax);
    if (left.count() > 0 && !engine_->cancel_requested()) parker.wait(left);
  } else {
    kind = ShardActivity::Kind::kBusy;
  }
  parker.unpark();
  shard.activity.turn(clock.monotonic_ns(), kind, ShardActivity::Kind::kBusy);
  return !nothing;
}

void EngineRun::end_together(std::uint32_t number) {
  using Kind = ShardActivity::Kind;
  Shard& shard = engine_->shard(number);
  shard.activity.turn(engine_->clock().monotonic_ns(), Kind::kBusy, Kind::kIdle);
  std::unique_lock lock{mutex_};
  // One decision for all: a cancel from here on comes too late, it does not make some shards publish and others not.
  if (--running_ == 0) completed_ = !engine_->cancel_requested() && engine_->failure().ok();
  changed_.notify_all();
  // A shard may only publish when no other one can fail any more.
  changed_.wait(lock, [&] { return running_ == 0; });
  lock.unlock();
  shard.activity.turn(engine_->clock().monotonic_ns(), Kind::kIdle, Kind::kBusy);
  try {
    shard.close(completed_);
  } catch (const std::exception& error) {
    engine_->fail({ErrorCode::kInternal, std::string{"closing shard "} + std::to_string(number) + ": " + error.what()});
  }
  if (shard.context().failed()) engine_->fail(shard.context().failure());
  shard.activity.turn(engine_->clock().monotonic_ns(), Kind::kBusy, Kind::kIdle);
}

// Only `started` shards have a thread. The others have opened nothing, so there is nothing to close.
void EngineRun::abandon(std::uint32_t started, const std::string& reason) {
  engine_->fail({ErrorCode::kInternal, "cannot start the job's threads, " + std::to_string(started) + " of " +
                                           std::to_string(engine_->shards()) + " shards had one: " + reason});
  const std::scoped_lock lock{mutex_};
  running_ -= engine_->shards() - started;
  changed_.notify_all();
}

}  // namespace millstream::inline v0
