// A job: one run of its engine after the other, what is asked of it meanwhile, and what it says about itself.
#include "millstream/runtime/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/guarded_call.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/runtime/engine.hpp"
#include "runtime/engine_run.hpp"
#include "runtime/progress_line.hpp"
#include "runtime/restart.hpp"
#include "runtime/savepoints.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::chrono::nanoseconds kSleepMax = std::chrono::seconds{1};  // then a clock of the caller's is looked at
constexpr std::chrono::milliseconds kProgressEvery{500};

}  // namespace

struct Job::Impl {
  RunOptions options;
  Clock& clock;
  std::optional<Graph> graph;  // to build it from again; a copy, for the program may go on declaring
  boost::asio::io_context signals{1};

  // Taken when somebody asks and when a run begins or ends, never by a running shard.
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::unique_ptr<EngineRun> run;  // null before the first one, between two, and when the job has ended
  JobStatus last_status;           // of the run that was there last
  JobMetrics last_metrics;
  std::uint64_t restarts = 0;
  bool stop_asked = false;
  bool drain_asked = false;
  bool cancel_asked = false;
  bool hurried = false;     // a stop was asked for since the newest run was begun: there is no waiting for the next
  bool restarting = false;  // from the failure of a run until the next one is there
  bool settled = false;     // the result is written and does not change any more
  bool ended = false;       // and the log hook has heard of it
  JobResult result;

  // Last, so that they are joined before anything that they use goes.
  std::optional<std::stop_callback<std::function<void()>>> stop_callback;
  std::jthread signal_thread;
  std::jthread progress_thread;
  std::jthread thread;

  explicit Impl(const RunOptions& job_options)
      : options{job_options}, clock{options.clock != nullptr ? *options.clock : system_clock()} {}

  /// How a run ended.
  struct RunEnd {
    Status failure;
    bool completed = false;
    std::chrono::nanoseconds ran{0};
  };
  void supervise();
  [[nodiscard]] Status build(const Graph& from);
  [[nodiscard]] Status build_again();
  [[nodiscard]] RunEnd run_to_its_end();
  void take_down();
  [[nodiscard]] bool wait_for_restart(const Status& failure, std::uint32_t in_a_row, std::chrono::nanoseconds backoff);
  void conclude(const RunEnd& end);

  void request_stop(bool drain);
  void request_cancel();
  [[nodiscard]] Status take_savepoint(const std::string& folder, bool stop);
  [[nodiscard]] bool stop_requested() const;
  [[nodiscard]] bool cancel_requested() const;
  void watch_signals();
  void show_progress(const std::stop_token& stop);
  [[nodiscard]] JobStatus status() const;
  [[nodiscard]] JobMetrics metrics() const;
};

// The job's thread: one run after the other, until one ends the job.
void Job::Impl::supervise() {
  RestartSchedule schedule{options.restart,
                           options.seed ^ static_cast<std::uint64_t>(clock.now().time_since_epoch().count())};
  RunEnd end = run_to_its_end();
  // What was completed when it failed leaves nothing that could be done again.
  while (!end.failure.ok() && !end.completed && !cancel_requested()) {
    const Result<std::chrono::nanoseconds> backoff = schedule.next(end.failure, end.ran);
    if (!backoff) {
      end.failure = backoff.error();
      break;
    }
    if (!wait_for_restart(end.failure, schedule.in_a_row(), *backoff)) {
      end.failure = {};
      break;
    }
    end = {.failure = build_again()};
    if (end.failure.ok()) end = run_to_its_end();
  }
  conclude(end);
}

Status Job::Impl::build(const Graph& from) {
  Result<std::unique_ptr<EngineRun>> built = EngineRun::build(from, options);
  if (!built) return built.error();
  const std::scoped_lock lock{mutex};
  run = *std::move(built);
  restarting = false;
  // What was asked of an earlier run, or between two, is asked of this one.
  if (stop_asked) run->engine().request_stop(drain_asked);
  if (cancel_asked) run->engine().request_cancel();
  return {};
}

Status Job::Impl::build_again() {
  {
    const std::scoped_lock lock{mutex};
    ++restarts;
    hurried = false;
  }
  return guarded_call([&] { return build(*graph); });
}

Job::Impl::RunEnd Job::Impl::run_to_its_end() {
  const std::int64_t began_ns = clock.monotonic_ns();
  run->run();  // nobody but this thread replaces it
  const RunEnd end{run->engine().failure(), run->completed(),
                   std::chrono::nanoseconds{clock.monotonic_ns() - began_ns}};
  take_down();
  return end;
}

// The engine goes at once: the next one needs its memory, and whatever the user's operators hold.
void Job::Impl::take_down() {
  std::unique_ptr<EngineRun> gone;
  const std::scoped_lock lock{mutex};
  last_status = run->engine().status();
  last_metrics = run->engine().metrics();
  gone = std::move(run);
}

// False if the job is cancelled instead. A stop that is asked for ends the wait: it is the next run that obeys it.
bool Job::Impl::wait_for_restart(const Status& failure, std::uint32_t in_a_row, std::chrono::nanoseconds backoff) {
  {
    const std::scoped_lock lock{mutex};
    last_status.error = failure;
    restarting = true;
  }
  if (options.log) {
    options.log(LogLevel::kWarning,
                fmt::format("{}; restart {} of {}, from the last checkpoint, in {:.3g} s", failure.message(), in_a_row,
                            options.restart.max_restarts, std::chrono::duration<double>(backoff).count()));
  }
  const std::int64_t until_ns = monotonic_after(clock.monotonic_ns(), std::chrono::ceil<Duration>(backoff));
  std::unique_lock lock{mutex};
  while (!cancel_asked && !hurried) {
    const std::chrono::nanoseconds left{until_ns - clock.monotonic_ns()};
    if (left.count() <= 0) break;
    changed.wait_for(lock, std::min(left, kSleepMax));
  }
  return !cancel_asked;
}

// Once. Not under the lock: the log hook may ask for the job's status.
void Job::Impl::conclude(const RunEnd& end) {
  const Status& status = end.failure;
  {
    const std::scoped_lock lock{mutex};
    result.state = !status.ok() ? JobState::kFailed : end.completed ? JobState::kFinished : JobState::kCancelled;
    result.status = last_status.error = status;
    last_metrics.restarts = restarts;
    result.metrics = last_metrics;
    settled = true;
  }
  if (!status.ok() && options.log) options.log(LogLevel::kError, status.message());
  signals.stop();
  const std::scoped_lock lock{mutex};
  ended = true;
  changed.notify_all();
}

void Job::Impl::request_stop(bool drain) {
  const std::scoped_lock lock{mutex};
  stop_asked = hurried = true;
  drain_asked = drain_asked || drain;
  if (run) run->engine().request_stop(drain);
  changed.notify_all();
}

void Job::Impl::request_cancel() {
  const std::scoped_lock lock{mutex};
  cancel_asked = true;
  if (run) run->engine().request_cancel();
  changed.notify_all();
}

// Of the run that there is: one that fails takes the savepoint with it, and the caller hears of that.
Status Job::Impl::take_savepoint(const std::string& folder, bool stop) {
  const auto made = std::make_shared<std::promise<Status>>();
  {
    const std::scoped_lock lock{mutex};
    if (!run) {
      if (settled) return result.status.ok() ? Status{ErrorCode::kUnavailable, "the job has ended"} : result.status;
      return {ErrorCode::kUnavailable, "the job is about to restart: ask again when it runs"};
    }
    const bool asked =
        ask_for_savepoint(run->engine(), folder, stop, [made](const Status& status) { made->set_value(status); });
    if (asked && stop) stop_asked = hurried = true;
  }
  return made->get_future().get();
}

bool Job::Impl::stop_requested() const {
  const std::scoped_lock lock{mutex};
  return stop_asked;
}

bool Job::Impl::cancel_requested() const {
  const std::scoped_lock lock{mutex};
  return cancel_asked;
}

JobStatus Job::Impl::status() const {
  const std::scoped_lock lock{mutex};
  JobStatus now = run ? run->engine().status() : last_status;
  now.restarts = restarts;
  now.state = settled       ? result.state
              : restarting  ? JobState::kRestarting
              : drain_asked ? JobState::kDraining
              : stop_asked  ? JobState::kStopping
                            : JobState::kRunning;
  return now;
}

JobMetrics Job::Impl::metrics() const {
  const std::scoped_lock lock{mutex};
  JobMetrics now = run ? run->engine().metrics() : last_metrics;
  now.restarts = restarts;
  return now;
}

void Job::Impl::watch_signals() {
  boost::asio::signal_set set{signals, SIGINT, SIGTERM};
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const auto& error, int) {
    if (error) return;
    // What is to go on later keeps its windows open.
    const bool drain = options.state_dir.empty();
    stop_requested() ? request_cancel() : request_stop(drain);
    set.async_wait(on_signal);
  };
  set.async_wait(on_signal);
  signals.run();
}

void Job::Impl::show_progress(const std::stop_token& stop) {
  JobMetrics before = metrics();
  std::unique_lock lock{mutex};
  const std::stop_callback wake{stop, [&] { changed.notify_all(); }};
  while (!ended && !stop.stop_requested()) {
    changed.wait_for(lock, kProgressEvery, [&] { return ended || stop.stop_requested(); });
    lock.unlock();
    JobMetrics now = metrics();
    if (now.restarts != before.restarts) before = {};  // its counters have begun anew
    std::fprintf(stderr, "\r\x1b[K%s", progress_text(before, now, clock.now(), terminal_columns()).c_str());
    std::fflush(stderr);
    before = std::move(now);
    lock.lock();
  }
  std::fputs("\r\x1b[K", stderr);
}

class JobStarter {
 public:
  static Job start(const Graph& graph, const RunOptions& options, bool here) {
    auto impl = std::make_shared<Job::Impl>(options);
    Job::Impl& job = *impl;
    if (Status s = job.build(graph); !s.ok()) {
      job.conclude({.failure = std::move(s)});
      return Job{std::move(impl)};
    }
    if (options.restart.max_restarts > 0) job.graph.emplace(graph);
    if (options.stop.stop_possible()) {
      job.stop_callback.emplace(options.stop, std::function<void()>{[&job] { job.request_stop(true); }});
    }
    try {
      if (options.handle_signals) job.signal_thread = std::jthread{[&job] { job.watch_signals(); }};
      if (options.progress_line && stderr_is_terminal()) {
        job.progress_thread = std::jthread{[&job](const std::stop_token& stop) { job.show_progress(stop); }};
      }
      if (!here) job.thread = std::jthread{[&job] { job.supervise(); }};
    } catch (const std::exception& error) {
      job.take_down();
      job.conclude({.failure = {ErrorCode::kInternal, std::string{"cannot start the job's threads: "} + error.what()}});
      return Job{std::move(impl)};
    }
    if (here) job.supervise();
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

void Job::stop() { impl_->request_stop(false); }
void Job::drain() { impl_->request_stop(true); }
void Job::cancel() { impl_->request_cancel(); }
Status Job::savepoint(const std::string& folder) { return impl_->take_savepoint(folder, false); }
Status Job::stop_with_savepoint(const std::string& folder) {
  Status made = impl_->take_savepoint(folder, true);
  if (made.ok()) wait();
  return made;
}
JobStatus Job::status() const { return impl_->status(); }
JobMetrics Job::metrics() const { return impl_->metrics(); }

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
