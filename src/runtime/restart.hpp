// What a RestartPolicy says: which failures may heal, and how long a job waits before it tries again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/random.hpp"
#include "millstream/core/status.hpp"
#include "millstream/runtime/options.hpp"

namespace millstream::inline v0 {

/// What is wrong with the options of restarts, one sentence each.
[[nodiscard]] std::vector<std::string> restart_mistakes(const RunOptions& options);

/// Trying again may help; the other codes say that the same would happen again.
[[nodiscard]] MILLSTREAM_EXPORT bool may_heal(ErrorCode code) noexcept;

/// The waits of one job; exponential backoff, as Flink's exponential-delay restart strategy. For one thread.
class MILLSTREAM_EXPORT RestartSchedule {
 public:
  RestartSchedule(const RestartPolicy& policy, std::uint64_t seed) : policy_{policy}, random_{seed} {}

  /// A run has failed after `ran`: the wait before the next one, or the error with which the job ends.
  [[nodiscard]] Result<std::chrono::nanoseconds> next(const Status& failure, std::chrono::nanoseconds ran);
  /// Restarts since the job last ran for long.
  [[nodiscard]] std::uint32_t in_a_row() const noexcept { return in_a_row_; }

 private:
  RestartPolicy policy_;
  Random random_;
  std::uint32_t in_a_row_ = 0;
  double backoff_ns_ = 0;  // of the newest restart, before jitter
};

}  // namespace millstream::inline v0
