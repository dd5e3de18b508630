// The thread that touches, and who waits for it.
#include "core/page_toucher.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <csignal>
#include <system_error>

namespace millstream::inline v0 {

std::shared_ptr<PageToucher> PageToucher::shared() {
  static std::mutex mutex;
  static auto& newest = *new std::weak_ptr<PageToucher>;  // outlives the last job, also one in static storage
  const std::scoped_lock lock{mutex};
  std::shared_ptr<PageToucher> toucher = newest.lock();
  if (toucher) return toucher;
  try {
    toucher = std::make_shared<PageToucher>();
  } catch (const std::system_error&) {
    return nullptr;
  }
  newest = toucher;
  return toucher;
}

PageToucher::PageToucher() {
  // The program's signals are for its own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

PageToucher::~PageToucher() {
  {
    const std::scoped_lock lock{mutex_};
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PageToucher::touch(std::byte* first, std::size_t bytes) {
  {
    const std::scoped_lock lock{mutex_};
    waiting_.push_back({first, bytes});
  }
  changed_.notify_all();
}

void PageToucher::forget(const std::byte* first, std::size_t bytes) {
  std::unique_lock lock{mutex_};
  std::erase_if(waiting_, [&](const Range& range) { return range.within(first, bytes); });
  changed_.wait(lock, [&] { return !current_.within(first, bytes); });
}

void PageToucher::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [&] { return ends_ || !waiting_.empty(); });
    if (ends_) return;
    current_ = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
#ifdef MADV_POPULATE_WRITE
    // A failure (no memory, an old system) is left to the owner, who meets it at the first touch.
    (void)::madvise(current_.first, current_.bytes, MADV_POPULATE_WRITE);
#endif
    lock.lock();
    current_ = {};
    changed_.notify_all();
  }
}

}  // namespace millstream::inline v0
