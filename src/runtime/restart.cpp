// Arithmetic of restarts.
#include "runtime/restart.hpp"

#include <algorithm>
#include <cmath>

namespace millstream::inline v0 {
namespace {

constexpr double kJitter = 0.1;  // share of a wait; spreads jobs that failed together and hardly changes the wait

}  // namespace

std::vector<std::string> restart_mistakes(const RunOptions& options) {
  std::vector<std::string> mistakes;
  const RestartPolicy& restart = options.restart;
  if (restart.initial_backoff.count() < 0 || restart.max_backoff.count() < 0 || restart.reset_after.count() < 0) {
    mistakes.emplace_back("a time of .restart is negative: give 0 or more");
  }
  if (!std::isfinite(restart.backoff_multiplier) || restart.backoff_multiplier < 1) {
    mistakes.emplace_back("restart.backoff_multiplier is not a number of at least 1");
  }
  if (restart.initial_backoff > restart.max_backoff) {
    mistakes.emplace_back("restart.initial_backoff is more than restart.max_backoff");
  }
  if (restart.max_restarts > 0 && options.state_dir.empty()) {
    mistakes.emplace_back(
        "restart.max_restarts needs a state_dir: without checkpoints a restarted job would begin anew and give out "
        "once more what it has given out");
  }
  return mistakes;
}

bool may_heal(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kIo:
    case ErrorCode::kNotFound:  // a folder may be mounted again, a file brought back
    case ErrorCode::kUnavailable:
    case ErrorCode::kUserFailure:  // what a user's function rests on may be away for now
    case ErrorCode::kInternal:     // threads or memory were short, or a thread's exception says no more
      return true;
    case ErrorCode::kOk:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidData:  // read again, it is the same; damage of a checkpoint is the user's to decide about
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kCancelled:
    case ErrorCode::kUnsupported:
      return false;
  }
  return false;
}

Result<std::chrono::nanoseconds> RestartSchedule::next(const Status& failure, std::chrono::nanoseconds ran) {
  if (policy_.max_restarts == 0) return failure;
  if (!may_heal(failure.code())) {
    return Status{failure.code(), failure.message() + "; it is not restarted: the same would happen again"};
  }
  if (ran >= policy_.reset_after) in_a_row_ = 0;
  if (in_a_row_ == policy_.max_restarts) {
    return Status{failure.code(), failure.message() + "; it has been restarted " + std::to_string(in_a_row_) +
                                      " times in a row, as often as restart.max_restarts allows"};
  }
  const auto most = static_cast<double>(policy_.max_backoff.count());
  backoff_ns_ = in_a_row_ == 0 ? static_cast<double>(policy_.initial_backoff.count())
                               : std::min(backoff_ns_ * policy_.backoff_multiplier, most);
  ++in_a_row_;
  const double spread = backoff_ns_ * (1 - kJitter + 2 * kJitter * random_.unit());
  // Compared first: what is near the largest count of nanoseconds cannot go back from a double.
  if (spread >= most) return policy_.max_backoff;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(spread)};
}

}  // namespace millstream::inline v0
