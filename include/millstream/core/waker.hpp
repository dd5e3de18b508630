// Waker: how a thread that is not a shard's (a client library's, a timer's) says "there is something for you".
#pragma once

#include <functional>
#include <utility>

namespace millstream::inline v0 {

/// Wakes the shard it was made for. Copyable, callable from any thread, cheap while the shard is awake, and harmless
/// after the job has ended.
class Waker {
 public:
  Waker() = default;
  explicit Waker(std::function<void()> wake) : wake_{std::move(wake)} {}
  void wake() const {
    if (wake_) wake_();
  }

 private:
  std::function<void()> wake_;
};

}  // namespace millstream::inline v0
