// The schedule of an OpenLoop, its splits, and the thread that paces them where one does.
#include "millstream/testing/open_loop.hpp"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0::testing {
namespace {

std::uint64_t records_of(const OpenLoopOptions& options) {
  const double seconds = std::chrono::duration<double>(options.warmup + options.duration).count();
  const double records = std::ceil(options.rate * seconds);
  return std::isfinite(records) && records > 0 && records < 0x1p53 ? static_cast<std::uint64_t>(records) : 0;
}

std::int64_t thread_cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return used.tv_sec * 1'000'000'000 + used.tv_nsec;
}

void pin_to_last(const cpu_set_t& cores) {
  for (int core = CPU_SETSIZE - 1; core >= 0; --core) {
    if (!CPU_ISSET(core, &cores)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);  // where that fails it runs where it may
    return;
  }
}

}  // namespace

std::uint64_t ArrivalSchedule::due_by(std::int64_t elapsed_ns) const noexcept {
  if (elapsed_ns < 0) return 0;
  auto number = static_cast<std::uint64_t>(static_cast<double>(elapsed_ns) / interval_ns_);
  // Rounding may have missed by one in either direction.
  while (number > 0 && offset_ns(number) > elapsed_ns) --number;
  while (offset_ns(number) <= elapsed_ns) ++number;
  return number;
}

namespace detail {

OpenLoopState::OpenLoopState(const OpenLoopOptions& wanted)
    : options{wanted}, schedule{wanted.rate}, records{records_of(wanted)}, start_ns{kNeverNs}, clock{&system_clock()} {}

Status OpenLoopState::check() const {
  const auto wrong = [](const char* what) {
    return Status{ErrorCode::kInvalidArgument, std::string{"open loop: "} + what};
  };
  if (!std::isfinite(options.rate) || options.rate <= 0 || options.rate > 1e9) {
    return wrong(".rate must be a number of records a second, above 0 and at most 1e9");
  }
  if (options.duration <= std::chrono::nanoseconds{0}) return wrong(".duration must be above 0");
  if (options.warmup < std::chrono::nanoseconds{0}) return wrong(".warmup must be at least 0");
  if (options.splits == 0) return wrong(".splits must be at least 1");
  if (records == 0) return wrong(".rate times .duration is no number of records that can be counted");
  return {};
}

// One run of a job. Its splits share it by SourceContext::shared; it goes with the last of them.
class OpenLoopRun {
 public:
  explicit OpenLoopRun(std::shared_ptr<OpenLoopState> state) : state_{std::move(state)} {
    CPU_ZERO(&cores_);
    sched_getaffinity(0, sizeof cores_, &cores_);  // here, for a shard's thread may be pinned
  }

  /// A split that goes on with record `next` opens; the first one begins the schedule.
  void open(const SplitContext& context, std::uint64_t next) {
    const std::scoped_lock lock{mutex_};
    if (state_->start_ns.load(std::memory_order_relaxed) == kNeverNs) {
      state_->clock.store(&context.clock(), std::memory_order_relaxed);
      state_->start_ns.store(context.clock().monotonic_ns() - state_->schedule.offset_ns(next),
                             std::memory_order_relaxed);
    }
    if (state_->options.pacing != Pacing::kThread) return;
    wakers_.emplace_back(context.split_number(), context.waker());
    if (!thread_.joinable()) thread_ = std::jthread{[this](const std::stop_token& stop) { pace(stop); }};
  }
  /// Records that are due, as the pacing thread has seen.
  [[nodiscard]] std::uint64_t due() const noexcept {
    return due_.load(std::memory_order_acquire);  // pairs with the release in pace(): what woke the shard shows here
  }

 private:
  void pace(const std::stop_token& stop) {
    const std::int64_t cpu_before_ns = thread_cpu_ns();
    pin_to_last(cores_);
    Clock& clock = *state_->clock.load(std::memory_order_relaxed);
    const std::int64_t start_ns = state_->start_ns.load(std::memory_order_relaxed);
    std::uint64_t seen = 0;
    while (seen < state_->records && !stop.stop_requested()) {
      const std::uint64_t now_due = std::min(state_->schedule.due_by(clock.monotonic_ns() - start_ns), state_->records);
      if (now_due == seen) {
        __builtin_ia32_pause();
        continue;
      }
      due_.store(now_due, std::memory_order_release);  // pairs with the acquire in due()
      const std::uint64_t first = std::exchange(seen, now_due);
      const std::scoped_lock lock{mutex_};
      const std::uint64_t splits = state_->options.splits;
      for (const auto& [split, waker] : wakers_) {
        if ((split + splits - first % splits) % splits < now_due - first) waker.wake();
      }
    }
    state_->pacing_cpu_ns.store(thread_cpu_ns() - cpu_before_ns, std::memory_order_relaxed);
  }

  std::shared_ptr<OpenLoopState> state_;
  cpu_set_t cores_{};
  std::mutex mutex_;  // guards what follows, and that one split alone begins the schedule
  std::vector<std::pair<std::uint32_t, Waker>> wakers_;  // by split
  alignas(kCacheLine) std::atomic<std::uint64_t> due_{0};
  std::jthread thread_;  // last: it uses the others
};

Result<std::vector<Split>> OpenLoopSplit::splits(SourceContext& context) const {
  if (Status s = state_->check(); !s.ok()) return s;
  if (!context.restored) state_->start_ns.store(kNeverNs, std::memory_order_relaxed);
  context.shared = std::make_shared<OpenLoopRun>(state_);
  std::vector<Split> all;
  for (std::uint32_t i = 0; i < state_->options.splits; ++i) all.push_back({std::to_string(i), {}});
  return all;
}

Status OpenLoopSplit::open(SplitContext& context) {
  clock_ = &context.clock();
  first_ = context.split_number();
  next_ = first_ + context.split().start.offset * state_->options.splits;
  run_ = std::static_pointer_cast<OpenLoopRun>(context.shared());
  run_->open(context, next_);
  start_ns_ = state_->start_ns.load(std::memory_order_relaxed);
  return {};
}

std::uint64_t OpenLoopSplit::due(std::size_t room) {
  const std::uint64_t due =
      state_->options.pacing == Pacing::kThread
          ? run_->due()
          : std::min(state_->schedule.due_by(clock_->monotonic_ns() - start_ns_), state_->records);
  if (due <= next_) return 0;
  return std::min<std::uint64_t>((due - next_ - 1) / state_->options.splits + 1, room);
}

Poll OpenLoopSplit::wait() {
  if (next_ >= state_->records) return Poll::done();
  if (state_->options.pacing == Pacing::kThread) return run_->due() > next_ ? Poll::more() : Poll::waiting();
  const std::int64_t now_ns = clock_->monotonic_ns();
  const std::int64_t wait_ns = start_ns_ + state_->schedule.offset_ns(next_) - now_ns;
  if (wait_ns <= 0) return Poll::more();
  // Rounded down: a poll that comes too early costs little, one that comes too late is measured. But a clock that
  // stands still must get on.
  const bool stands = std::exchange(waited_at_ns_, now_ns) == now_ns;
  return Poll::idle_until(
      saturating_add(clock_->now(), Duration{std::max<std::int64_t>(wait_ns / 1000, stands ? 1 : 0)}));
}

}  // namespace detail

std::int64_t OpenLoop::due_ns(std::uint64_t number) const noexcept {
  const std::int64_t start_ns = state_->start_ns.load(std::memory_order_relaxed);
  if (start_ns == kNeverNs || number >= state_->records) return kNeverNs;
  return start_ns + state_->schedule.offset_ns(number);
}

std::uint64_t OpenLoop::first_at(Timestamp t) const noexcept {
  // An offset below t in whole microseconds is one of at most so many nanoseconds.
  const std::int64_t us = std::clamp<std::int64_t>(t.time_since_epoch().count(), 0, kNeverNs / 1000);
  return us == 0 ? 0 : state_->schedule.due_by(us * 1000 - 1);
}

}  // namespace millstream::inline v0::testing
