// Threads around shards: who steps, who sleeps, and how all of them come to an end together.
#include "millstream/runtime/job.hpp"

#include <pthread.h>
#include <sched.h>

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
#include "runtime/parker.hpp"
#include "runtime/progress_line.hpp"

namespace millstream::inline v0 {
namespace {

constexpr int kPassesBeforeParking = 32;  // a few microseconds: the neighbour's next batch is often that near
constexpr std::chrono::nanoseconds kSleepMax = std::chrono::seconds{1};  // then a wall clock that was set is noticed
constexpr std::chrono::milliseconds kProgressEvery{500};

void pin_to(std::uint32_t number) {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  if (pthread_getaffinity_np(pthread_self(), sizeof mine, &mine) != 0) return;
  std::uint32_t seen = 0;
  const auto cores = static_cast<std::uint32_t>(CPU_COUNT(&mine));
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &mine)) continue;
    if (seen++ == number % cores) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(core, &one);
      pthread_setaffinity_np(pthread_self(), sizeof one, &one);
      return;
    }
  }
}

}  // namespace

struct Job::Impl {
  RunOptions options;
  std::unique_ptr<Engine> engine;
  std::vector<std::shared_ptr<Parker>> parkers;
  boost::asio::io_context signals{1};

  // What the shards agree on at their end; never touched while they run.
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::uint32_t running = 0;  // shards still in their loops
  std::uint32_t open = 0;     // shards not yet closed
  bool completed = false;     // the input ended, or what came in before a stop was finished
  bool ended = false;
  JobResult result;

  // Last, so that they are joined before anything that they use goes.
  std::optional<std::stop_callback<std::function<void()>>> stop_callback;
  std::jthread signal_thread;
  std::jthread progress_thread;
  std::vector<std::jthread> threads;

  void run_shard(std::uint32_t number);
  void loop(std::uint32_t number);
  void end_together(std::uint32_t number);
  void conclude();
  void watch_signals();
  void show_progress(const std::stop_token& stop);
  [[nodiscard]] JobState state_now() const;
};

void Job::Impl::run_shard(std::uint32_t number) {
  if (options.pin) pin_to(number);
  Shard& shard = engine->shard(number);
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
  Shard& shard = engine->shard(number);
  Parker& parker = *parkers[number];
  Clock& clock = engine->clock();
  int quiet = 0;
  std::int64_t before = clock.monotonic_ns();
  while (!engine->cancel_requested()) {
    const Progress progress = engine->step(number);
    if (progress == Progress::kDone) return;
    const std::int64_t now = clock.monotonic_ns();
    if (progress == Progress::kAdvanced) {
      shard.busy_ns.add(static_cast<std::uint64_t>(now - before));
      before = now;
      quiet = 0;
      continue;
    }
    Counter& counter = progress == Progress::kBlocked ? shard.blocked_ns : shard.idle_ns;
    counter.add(static_cast<std::uint64_t>(now - before));
    before = now;
    if (options.idle == IdleStrategy::kSpin || ++quiet < kPassesBeforeParking) {
      __builtin_ia32_pause();
      continue;
    }
    parker.prepare_to_park();
    // Whoever gives us work from here on sees that we are about to sleep; what came before, this look finds.
    const Progress last = engine->step(number);
    if (last == Progress::kDone) return;
    if (last == Progress::kIdle || last == Progress::kBlocked) {
      const std::int64_t until = std::min(shard.deadline_ns(), kNeverNs - kSleepMax.count());
      const auto left = std::min(std::chrono::nanoseconds{until - clock.monotonic_ns()}, kSleepMax);
      if (left.count() > 0 && !engine->cancel_requested()) parker.wait(left);
    }
    parker.unpark();
    const std::int64_t woke = clock.monotonic_ns();
    counter.add(static_cast<std::uint64_t>(woke - before));
    before = woke;
  }
}

void Job::Impl::end_together(std::uint32_t number) {
  std::unique_lock lock{mutex};
  // One decision for all: a cancel from here on comes too late, it does not make some shards publish and others not.
  if (--running == 0) completed = !engine->cancel_requested() && engine->failure().ok();
  changed.notify_all();
  // A shard may only publish when no other one can fail any more.
  changed.wait(lock, [&] { return running == 0; });
  lock.unlock();
  Shard& shard = engine->shard(number);
  try {
    shard.close(completed);
  } catch (const std::exception& error) {
    engine->fail({ErrorCode::kInternal, std::string{"closing shard "} + std::to_string(number) + ": " + error.what()});
  }
  if (shard.context().failed()) engine->fail(shard.context().failure());
  lock.lock();
  if (--open == 0) conclude();
}

void Job::Impl::conclude() {
  result.status = engine->failure();
  result.state = !result.status.ok() ? JobState::kFailed : completed ? JobState::kFinished : JobState::kCancelled;
  result.metrics = engine->metrics();
  if (!result.status.ok() && options.log) options.log(LogLevel::kError, result.status.message());
  ended = true;
  signals.stop();
  changed.notify_all();
}

JobState Job::Impl::state_now() const {
  const std::scoped_lock lock{mutex};
  if (ended) return result.state;
  if (engine->drain_requested()) return JobState::kDraining;
  return engine->stop_requested() ? JobState::kStopping : JobState::kRunning;
}

void Job::Impl::watch_signals() {
  boost::asio::signal_set set{signals, SIGINT, SIGTERM};
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const auto& error, int) {
    if (error) return;
    engine->drain_requested() ? engine->request_cancel() : engine->request_stop(true);
    set.async_wait(on_signal);
  };
  set.async_wait(on_signal);
  signals.run();
}

void Job::Impl::show_progress(const std::stop_token& stop) {
  JobMetrics before = engine->metrics();
  std::unique_lock lock{mutex};
  const std::stop_callback wake{stop, [&] { changed.notify_all(); }};
  while (!ended && !stop.stop_requested()) {
    changed.wait_for(lock, kProgressEvery, [&] { return ended || stop.stop_requested(); });
    lock.unlock();
    JobMetrics now = engine->metrics();
    std::fprintf(stderr, "\r\x1b[K%s", progress_text(before, now, engine->clock().now()).c_str());
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
      impl->ended = true;
      if (options.log) options.log(LogLevel::kError, impl->result.status.message());
      return Job{std::move(impl)};
    }
    impl->engine = *std::move(engine);
    Job::Impl& job = *impl;
    job.running = job.open = job.engine->shards();
    if (options.stop.stop_possible()) {
      job.stop_callback.emplace(options.stop, std::function<void()>{[&job] { job.engine->request_stop(true); }});
    }
    if (options.handle_signals) job.signal_thread = std::jthread{[&job] { job.watch_signals(); }};
    if (options.progress_line && stderr_is_terminal()) {
      job.progress_thread = std::jthread{[&job](const std::stop_token& stop) { job.show_progress(stop); }};
    }
    if (here && options.calling_thread) {
      job.run_shard(0);
    } else {
      for (std::uint32_t i = 0; i < job.engine->shards(); ++i) {
        job.threads.emplace_back([&job, i] { job.run_shard(i); });
      }
    }
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

JobMetrics Job::metrics() const { return impl_->engine ? impl_->engine->metrics() : JobMetrics{}; }

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
  return JobStarter::start(graph, options, true).wait();
}

}  // namespace detail

}  // namespace millstream::inline v0
