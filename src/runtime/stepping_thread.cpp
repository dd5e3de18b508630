// Waiting between steps.
#include "runtime/stepping_thread.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace millstream::inline v0 {
namespace {

constexpr std::chrono::nanoseconds kSleepMax = std::chrono::seconds{1};  // then a wall clock that was set is noticed

}  // namespace

struct SteppingThread::Shared {
  Clock& clock;
  std::function<void()> step;
  std::function<std::int64_t()> deadline_ns;
  std::mutex mutex;
  std::condition_variable woken;
  bool news = false;
  bool stopped = false;
  bool ended = false;

  void run() {
    std::unique_lock lock{mutex};
    while (!stopped) {
      news = false;
      lock.unlock();
      step();
      lock.lock();
      if (stopped) break;  // of an abandoned one the clock may be gone
      const auto left = std::min(std::chrono::nanoseconds{deadline_ns() - clock.monotonic_ns()}, kSleepMax);
      if (left.count() > 0) woken.wait_for(lock, left, [this] { return news || stopped; });
    }
    ended = true;
    woken.notify_all();
  }
  void stop() {
    const std::scoped_lock lock{mutex};
    stopped = true;
    woken.notify_all();
  }
};

SteppingThread::SteppingThread(Clock& clock, std::function<void()> step, std::function<std::int64_t()> deadline_ns)
    : shared_{std::make_shared<Shared>(clock, std::move(step), std::move(deadline_ns))} {}

SteppingThread::~SteppingThread() {
  shared_->stop();
  if (thread_.joinable()) thread_.join();
}

void SteppingThread::start() {
  thread_ = std::thread{[shared = shared_] { shared->run(); }};
}

std::function<void()> SteppingThread::waker() const {
  return [weak = std::weak_ptr{shared_}] {
    const std::shared_ptr<Shared> shared = weak.lock();
    if (!shared) return;
    const std::scoped_lock lock{shared->mutex};
    shared->news = true;
    shared->woken.notify_all();
  };
}

bool SteppingThread::end_by(const std::function<std::int64_t()>& limit_ns) {
  shared_->stop();
  if (!thread_.joinable()) return true;
  std::unique_lock lock{shared_->mutex};
  while (!shared_->ended) {
    const auto left = std::min(std::chrono::nanoseconds{limit_ns() - shared_->clock.monotonic_ns()}, kSleepMax);
    if (left.count() <= 0) return false;
    shared_->woken.wait_for(lock, left, [this] { return shared_->ended; });
  }
  return true;
}

void SteppingThread::abandon() {
  shared_->stop();
  if (thread_.joinable()) thread_.detach();
}

}  // namespace millstream::inline v0
