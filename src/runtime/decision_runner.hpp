// DecisionRunner: makes the calls of a Decider, one after the other, away from the shards and the coordinator. It is a
// step function as they are: a thread of the job steps it, or the simulator.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/export.hpp"
#include "millstream/io/decider.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT DecisionRunner {
 public:
  enum class Call { kPrepare, kDecide, kGiveUp };
  struct Reply {
    Call call;
    CheckpointId checkpoint;
    DecisionStep step;  ///< never kPending
  };

  DecisionRunner(std::shared_ptr<Decider> decider, Clock& clock) : decider_{std::move(decider)}, clock_{clock} {}

  // The coordinator's thread.
  void prepare(DecisionDraft draft) { add(Call::kPrepare, std::move(draft)); }
  void decide(DecisionDraft draft) { add(Call::kDecide, std::move(draft)); }
  /// A prepare() that is not done is not repeated any more.
  void give_up(CheckpointId checkpoint) { add(Call::kGiveUp, {checkpoint, {}}); }
  [[nodiscard]] std::vector<Reply> take_replies();
  /// When a call that is being made counts as one that never comes back; kNeverNs = none is being made.
  [[nodiscard]] std::int64_t stuck_at_ns() const { return stuck_at_ns_.load(std::memory_order_relaxed); }
  /// It has not come back: its thread, and all that belongs to it, is left alone.
  void abandon() { abandoned_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

  // Its own thread.
  /// Makes one call, if there is one to make.
  void step();
  [[nodiscard]] bool has_work() const;

  // When nobody steps it any more, or nobody has yet.
  /// Leaves alone what does not come back, as all calls.
  void close();
  /// Called whenever there is work, and a reply.
  std::function<void()> wake = [] {};
  std::function<void()> wake_coordinator = [] {};

 private:
  struct Asked {
    Call call;
    DecisionDraft draft;
  };
  void add(Call call, DecisionDraft draft);
  [[nodiscard]] DecisionStep make(const Asked& asked);

  std::shared_ptr<Decider> decider_;
  Clock& clock_;
  mutable std::mutex mutex_;  // taken some times a checkpoint
  std::deque<Asked> asked_;
  std::vector<Reply> replies_;
  std::atomic<std::int64_t> stuck_at_ns_{kNeverNs};
  std::atomic<bool> abandoned_{false};
};

}  // namespace millstream::inline v0
