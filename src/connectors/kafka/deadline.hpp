// The time that is left of a timeout.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>

#include "millstream/core/status.hpp"

namespace millstream::inline v0::kafka::detail {

class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds timeout) : end_{Steady::now() + timeout} {}
  [[nodiscard]] bool over() const { return Steady::now() >= end_; }
  /// At least 1 ms.
  [[nodiscard]] std::chrono::milliseconds left() const {
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(end_ - Steady::now()), std::chrono::milliseconds{1});
  }
  /// For how long the next of several calls may block. Short at first, so that a final error is noticed meanwhile, and
  /// then longer: each call begins anew, and over a slow link no short one would ever be answered.
  [[nodiscard]] int next_slice_ms() {
    const auto slice = std::min(slice_, left());
    slice_ = std::min(slice_ * 2, kSliceMax);
    return static_cast<int>(slice.count());
  }

 private:
  using Steady = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kSliceMin{200};
  static constexpr std::chrono::milliseconds kSliceMax{2000};

  Steady::time_point end_;
  std::chrono::milliseconds slice_ = kSliceMin;
};

/// A call that waits for brokers, in such slices, so that the end of a run need not wait for all of it.
template <class Call>
auto in_slices(Deadline deadline, const std::stop_token& stop, const Call& call) {
  for (;;) {
    const Deadline end{std::chrono::milliseconds{deadline.next_slice_ms()}};
    auto answer = call(end.left());
    const bool late = !answer && answer.error().code() == ErrorCode::kUnavailable && end.over();
    if (!late || deadline.over() || stop.stop_requested()) return answer;
  }
}

}  // namespace millstream::inline v0::kafka::detail
