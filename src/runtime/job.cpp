// Threads around shards: who steps, who sleeps, and how all of them come to an end together.
#include "millstream/runtime/job.hpp"

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "millstream/runtime/engine.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/cores.hpp"
#include "runtime/parker.hpp"
#include "runtime/progress_line.hpp"
#include "runtime/savepoints.hpp"
#include "runtime/spin_limit.hpp"

namespace millstream::inline v0 {
namespace {

// Passes without work after which a shard that still spins lets other threads have its core at each pass: on a machine
// with fewer free cores than shards, the neighbour that it waits for may need this very core.
constexpr int kPassesBeforeYielding = 32;
constexpr std::chrono::nanoseconds kSleepMax = std::chrono::seconds{1};  // then a wall clock that was set is noticed
constexpr std::chrono::milliseconds kProgressEvery{500};

}  // namespace

struct Job::Impl {
  RunOptions options;
  std::unique_ptr<Engine> engine;
  std::vector<std::shared_ptr<Parker>> parkers;
  boost::asio::io_context signals{1};

  // What the shards agree on at their end; never touched while they run.
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::condition_variable checkpointer_woken;
  bool checkpointer_news = false;
  std::uint32_t running = 0;  // shards still in their loops
  std::uint32_t open = 0;     // shards not yet closed
  bool completed = false;     // the input ended, or what came in before a stop was finished
  bool settled = false;       // the result is written and does not change any more
  bool ended = false;         // and the log hook has heard of it
  JobResult result;

  // Last, so that they are joined before anything that they use goes.
  std::optional<std::stop_callback<std::function<void()>>> stop_callback;
  std::jthread checkpoint_thread;
  std::jthread signal_thread;
  std::jthread progress_thread;
  std::vector<std::jthread> threads;

  void run_shard(std::uint32_t number);
  void loop(std::uint32_t number);
  bool park(std::uint32_t number, ShardActivity::Kind kind);
  void end_together(std::uint32_t number);
  void abandon(std::uint32_t started, const std::string& reason);
  void conclude();
  void take_checkpoints(const std::stop_token& stop);
  void watch_signals();
  void show_progress(const std::stop_token& stop);
  [[nodiscard]] JobState state_now() const;
};

void Job::Impl::run_shard(std::uint32_t number) {
  if (options.pin) pin_to_core(number);
  Shard& shard = engine->shard(number);
  shard.activity.begin(engine->clock().monotonic_ns(), ShardActivity::Kind::kBusy);
  bool opened = false;
  try {
    opened = shard.open();
    if (!opened) engine->fail(shard.context().failure());
    if (opened) loop(number);
  } catch (const std::exception& error) {
    engine->fail({ErrorCode::kInternal, std::string{"shard "} + std::to_string(number) + ": " + error.what()});
  } catch (...) {
    engine->fail({ErrorCode::kInternal, "shard " + std::to_string(number) + ": an exception of unknown type"});
  }
  end_together(number);
}

void Job::Impl::loop(std::uint32_t number) {
  using Kind = ShardActivity::Kind;
  Shard& shard = engine->shard(number);
  Clock& clock = engine->clock();
  SpinLimit spin;
  int quiet = 0;
  std::int64_t worked = clock.monotonic_ns();  // when the shard last had something to do,
  std::int64_t looked = worked;                // and when it last looked for something and found nothing
  while (!engine->cancel_requested()) {
    const Progress progress = engine->step(number);
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
    if (options.idle == IdleStrategy::kSpin || now - worked < spin.ns()) {
      quiet < kPassesBeforeYielding || options.idle == IdleStrategy::kSpin ? __builtin_ia32_pause()
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
bool Job::Impl::park(std::uint32_t number, ShardActivity::Kind kind) {
  Shard& shard = engine->shard(number);
  Parker& parker = *parkers[number];
  Clock& clock = engine->clock();
  parker.prepare_to_park();
  // Whoever gives us work from here on sees that we are about to sleep; what came before, this look finds.
  const Progress last = engine->step(number);
  const bool nothing = last == Progress::kIdle || last == Progress::kBlocked;
  if (nothing) {
    shard.activity.expect(kind);
    const std::int64_t until = std::min(shard.deadline_ns(), kNeverNs - kSleepMax.count());
    const auto left = std::min(std::chrono::nanoseconds{until - clock.monotonic_ns()}, kSleepMax);
    if (left.count() > 0 && !engine->cancel_requested()) parker.wait(left);
  } else {
    kind = ShardActivity::Kind::kBusy;
  }
  parker.unpark();
  shard.activity.turn(clock.monotonic_ns(), kind, ShardActivity::Kind::kBusy);
  return !nothing;
}

void Job::Impl::end_together(std::uint32_t number) {
  using Kind = ShardActivity::Kind;
  Shard& shard = engine->shard(number);
  shard.activity.turn(engine->clock().monotonic_ns(), Kind::kBusy, Kind::kIdle);
  std::unique_lock lock{mutex};
  // One decision for all: a cancel from here on comes too late, it does not make some shards publish and others not.
  if (--running == 0) completed = !engine->cancel_requested() && engine->failure().ok();
  changed.notify_all();
  // A shard may only publish when no other one can fail any more.
  changed.wait(lock, [&] { return running == 0; });
  lock.unlock();
  shard.activity.turn(engine->clock().monotonic_ns(), Kind::kIdle, Kind::kBusy);
  try {
    shard.close(completed);
  } catch (const std::exception& error) {
    engine->fail({ErrorCode::kInternal, std::string{"closing shard "} + std::to_string(number) + ": " + error.what()});
  }
  if (shard.context().failed()) engine->fail(shard.context().failure());
  shard.activity.turn(engine->clock().monotonic_ns(), Kind::kBusy, Kind::kIdle);
  lock.lock();
  const bool last = --open == 0;
  lock.unlock();
  if (last) conclude();
}

// The threads of the shards from `started` on could not be made. They have opened nothing, so there is nothing to
// close.
void Job::Impl::abandon(std::uint32_t started, const std::string& reason) {
  engine->fail({ErrorCode::kInternal, "cannot start the job's threads, " + std::to_string(started) + " of " +
                                          std::to_string(engine->shards()) + " shards had one: " + reason});
  std::unique_lock lock{mutex};
  const std::uint32_t missing = engine->shards() - started;
  running -= missing;
  open -= missing;
  changed.notify_all();
  const bool last = open == 0;
  lock.unlock();
  if (last) conclude();
}

// Called once, by whoever closed the last shard. Not under the lock: the log hook may ask for the job's status.
void Job::Impl::conclude() {
  if (checkpoint_thread.joinable()) {
    checkpoint_thread.request_stop();
    checkpoint_thread.join();
  }
  // Whoever has waited for the end may start the next job on the same folder.
  engine->release_state();
  JobResult decided;
  decided.status = engine->failure();
  decided.state = !decided.status.ok() ? JobState::kFailed : completed ? JobState::kFinished : JobState::kCancelled;
  decided.metrics = engine->metrics();
  const Status status = decided.status;
  {
    const std::scoped_lock lock{mutex};
    result = std::move(decided);
    settled = true;
  }
  if (!status.ok() && options.log) options.log(LogLevel::kError, status.message());
  signals.stop();
  const std::scoped_lock lock{mutex};
  ended = true;
  changed.notify_all();
}

JobState Job::Impl::state_now() const {
  const std::scoped_lock lock{mutex};
  if (settled) return result.state;
  if (engine->drain_requested()) return JobState::kDraining;
  return engine->stop_requested() ? JobState::kStopping : JobState::kRunning;
}

void Job::Impl::watch_signals() {
  boost::asio::signal_set set{signals, SIGINT, SIGTERM};
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const auto& error, int) {
    if (error) return;
    // What is to go on later keeps its windows open.
    const bool drain = engine->checkpointer() == nullptr;
    engine->stop_requested() ? engine->request_cancel() : engine->request_stop(drain);
    set.async_wait(on_signal);
  };
  set.async_wait(on_signal);
  signals.run();
}

void Job::Impl::take_checkpoints(const std::stop_token& stop) {
  Checkpointer& checkpointer = *engine->checkpointer();
  std::unique_lock lock{mutex};
  const std::stop_callback wake{stop, [&] { checkpointer_woken.notify_all(); }};
  while (!stop.stop_requested()) {
    checkpointer_news = false;
    lock.unlock();
    checkpointer.step();
    lock.lock();
    const std::int64_t now_ns = engine->clock().monotonic_ns();
    const auto left = std::min(std::chrono::nanoseconds{checkpointer.deadline_ns() - now_ns}, kSleepMax);
    const auto woken = [&] { return checkpointer_news || stop.stop_requested(); };
    if (left.count() > 0) checkpointer_woken.wait_for(lock, left, woken);
  }
}

void Job::Impl::show_progress(const std::stop_token& stop) {
  JobMetrics before = engine->metrics();
  std::unique_lock lock{mutex};
  const std::stop_callback wake{stop, [&] { changed.notify_all(); }};
  while (!ended && !stop.stop_requested()) {
    changed.wait_for(lock, kProgressEvery, [&] { return ended || stop.stop_requested(); });
    lock.unlock();
    JobMetrics now = engine->metrics();
    std::fprintf(stderr, "\r\x1b[K%s", progress_text(before, now, engine->clock().now(), terminal_columns()).c_str());
    std::fflush(stderr);
    before = std::move(now);
    lock.lock();
  }
  std::fputs("\r\x1b[K", stderr);
}

class JobStarter {
 public:
  static Job start(const Graph& graph, const RunOptions& options, bool here) {
    auto impl = std::make_shared<Job::Impl>();
    impl->options = options;
    Result<std::unique_ptr<Engine>> engine = Engine::build(graph, options, [&](std::uint32_t) {
      impl->parkers.push_back(std::make_shared<Parker>());
      return impl->parkers.back();
    });
    if (!engine) {
      impl->result = {JobState::kFailed, engine.error(), {}};
      impl->settled = impl->ended = true;
      if (options.log) options.log(LogLevel::kError, impl->result.status.message());
      return Job{std::move(impl)};
    }
    impl->engine = *std::move(engine);
    Job::Impl& job = *impl;
    if (job.engine->nothing_left()) {
      job.engine->release_state();
      job.result = {JobState::kFinished, {}, job.engine->metrics()};
      job.settled = job.ended = true;
      return Job{std::move(impl)};
    }
    job.running = job.open = job.engine->shards();
    if (options.stop.stop_possible()) {
      job.stop_callback.emplace(options.stop, std::function<void()>{[&job] { job.engine->request_stop(true); }});
    }
    std::uint32_t started = 0;
    try {
      if (Checkpointer* checkpointer = job.engine->checkpointer()) {
        checkpointer->wake = [&job] {
          const std::scoped_lock lock{job.mutex};
          job.checkpointer_news = true;
          job.checkpointer_woken.notify_all();
        };
        job.checkpoint_thread = std::jthread{[&job](const std::stop_token& stop) { job.take_checkpoints(stop); }};
      }
      if (options.handle_signals) job.signal_thread = std::jthread{[&job] { job.watch_signals(); }};
      if (options.progress_line && stderr_is_terminal()) {
        job.progress_thread = std::jthread{[&job](const std::stop_token& stop) { job.show_progress(stop); }};
      }
      job.threads.reserve(job.engine->shards());
      for (; !here && started < job.engine->shards(); ++started) {
        job.threads.emplace_back([&job, i = started] { job.run_shard(i); });
      }
    } catch (const std::exception& error) {
      job.abandon(started, error.what());
      return Job{std::move(impl)};
    }
    if (here) job.run_shard(0);
    return Job{std::move(impl)};
  }
};

Job::Job(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Job::Job(Job&&) noexcept = default;
Job& Job::operator=(Job&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Job::~Job() {
  if (!impl_) return;
  cancel();
  wait();
  impl_->stop_callback.reset();
  if (impl_->progress_thread.joinable()) impl_->progress_thread.request_stop();
}

JobResult Job::wait() {
  std::unique_lock lock{impl_->mutex};
  impl_->changed.wait(lock, [&] { return impl_->ended; });
  return impl_->result;
}

bool Job::wait_for(std::chrono::nanoseconds timeout) {
  std::unique_lock lock{impl_->mutex};
  return impl_->changed.wait_for(lock, timeout, [&] { return impl_->ended; });
}

void Job::stop() {
  if (impl_->engine) impl_->engine->request_stop(false);
}
void Job::drain() {
  if (impl_->engine) impl_->engine->request_stop(true);
}
void Job::cancel() {
  if (impl_->engine) impl_->engine->request_cancel();
}

Status Job::savepoint(const std::string& folder) {
  return impl_->engine ? take_savepoint(*impl_->engine, folder, false) : impl_->result.status;
}
Status Job::stop_with_savepoint(const std::string& folder) {
  if (!impl_->engine) return impl_->result.status;
  Status made = take_savepoint(*impl_->engine, folder, true);
  if (made.ok()) wait();
  return made;
}

JobStatus Job::status() const {
  if (!impl_->engine) {
    JobStatus status;
    status.state = JobState::kFailed;
    status.error = impl_->result.status;
    return status;
  }
  JobStatus status = impl_->engine->status();
  status.state = impl_->state_now();
  return status;
}

JobMetrics Job::metrics() const {
  {
    const std::scoped_lock lock{impl_->mutex};
    if (impl_->settled) return impl_->result.metrics;
  }
  return impl_->engine->metrics();
}

int JobResult::exit_code() const noexcept {
  switch (state) {
    case JobState::kFinished:
      return 0;
    case JobState::kCancelled:
      return 130;
    default:
      return 1;
  }
}

namespace detail {

Job start_graph(const Graph& graph, const RunOptions& options) {
  RunOptions threaded = options;
  threaded.calling_thread = false;
  return JobStarter::start(graph, threaded, false);
}
JobResult run_graph(const Graph& graph, const RunOptions& options) {
  return JobStarter::start(graph, options, options.calling_thread).wait();
}

}  // namespace detail

}  // namespace millstream::inline v0
