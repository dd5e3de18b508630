// One call of a decider after the other.
#include "runtime/decision_runner.hpp"

#include <exception>
#include <utility>

#include "runtime/watched_call.hpp"

namespace millstream::inline v0 {

void DecisionRunner::add(Call call, DecisionDraft draft) {
  {
    const std::scoped_lock lock{mutex_};
    asked_.push_back({call, std::move(draft)});
  }
  wake();
}

std::vector<DecisionRunner::Reply> DecisionRunner::take_replies() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(replies_, {});
}

bool DecisionRunner::has_work() const {
  const std::scoped_lock lock{mutex_};
  return !asked_.empty() && !abandoned();
}

DecisionStep DecisionRunner::make(const Asked& asked) {
  // What was not asked to be decided is not; nobody knows what is left of its output.
  const auto threw = [&](const std::string& what) {
    Status why{ErrorCode::kUserFailure, "the decider threw" + what};
    return asked.call == Call::kDecide ? DecisionStep::in_doubt(std::move(why)) : DecisionStep::aborted(std::move(why));
  };
  try {
    switch (asked.call) {
      case Call::kPrepare:
        return decider_->prepare(asked.draft);
      case Call::kDecide:
        return decider_->decide(asked.draft);
      case Call::kGiveUp:
        decider_->give_up();
        return DecisionStep::done();
    }
  } catch (const std::exception& error) {
    return threw(std::string{": "} + error.what());
  } catch (...) {
    return threw(" an exception of unknown type");
  }
  return DecisionStep::done();
}

void DecisionRunner::step() {
  std::unique_lock lock{mutex_};
  if (asked_.empty() || abandoned()) return;
  // Only this thread takes away what stands first, and what is added does not move it.
  const Asked& first = asked_.front();
  lock.unlock();
  const std::chrono::nanoseconds limit = decider_->stuck_after();
  const bool limited = limit != std::chrono::nanoseconds::max();
  if (limited) {
    stuck_at_ns_.store(monotonic_after(clock_.monotonic_ns(), std::chrono::ceil<Duration>(limit)),
                       std::memory_order_relaxed);
    wake_coordinator();
  }
  DecisionStep made = make(first);
  if (limited) stuck_at_ns_.store(kNeverNs, std::memory_order_relaxed);
  lock.lock();
  const bool pending = made.outcome == DecisionStep::Outcome::kPending;
  const bool given_up = first.call == Call::kPrepare && asked_.size() > 1 && asked_[1].call == Call::kGiveUp;
  if (pending && !given_up) return;
  if (!pending) replies_.push_back({first.call, first.draft.checkpoint, std::move(made)});
  asked_.pop_front();
  lock.unlock();
  wake_coordinator();
}

void DecisionRunner::close() {
  if (abandoned()) return;
  // The run is over, and what it had decided stands: whatever this could not clear away, the next fence does.
  try {
    const auto closed = call_watched(clock_, decider_->stuck_after(), [decider = decider_] {
      decider->close();
      return true;
    });
    if (!closed) abandon();
  } catch (...) {
  }
}

}  // namespace millstream::inline v0
