// SteppingThread: a thread around something that is stepped when it is woken, or when time has come for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "millstream/core/clock.hpp"

namespace millstream::inline v0 {

class SteppingThread {
 public:
  /// `deadline_ns` says when to step though nobody wakes; both are called on the thread. The clock outlives it.
  SteppingThread(Clock& clock, std::function<void()> step, std::function<std::int64_t()> deadline_ns);
  /// Ends it behind the step that it is in.
  ~SteppingThread();
  SteppingThread(const SteppingThread&) = delete;
  SteppingThread& operator=(const SteppingThread&) = delete;

  void start();
  /// Any thread, also before start() and behind the end.
  [[nodiscard]] std::function<void()> waker() const;
  /// Ends it behind the step that it is in and waits for that; false if `limit_ns()`, asked again and again, is over
  /// first.
  [[nodiscard]] bool end_by(const std::function<std::int64_t()>& limit_ns);
  /// Ends it behind the step that it is in, if that ever ends: nobody waits for it. Whatever its functions use must be
  /// kept alive by them.
  void abandon();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace millstream::inline v0
