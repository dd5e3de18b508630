// ColdFrame: what a window stage whose batches wait in it does about a table that need not fit in memory: when it has
// room, when entries may leave, and when it goes on behind what it has asked for.
#pragma once

#include <utility>

#include "millstream/operators/window_stage.hpp"
#include "millstream/state/cold_table.hpp"

namespace millstream::inline v0 {

/// What is worked on together (the rest of a batch, or some due windows) is asked for in one question. Nothing leaves
/// from there until it has been worked on; between two such pieces entries may leave, and what has left is asked for
/// again. So a firing of any length holds no more than one piece beyond the share.
class ColdFrame : public WindowStage {
 protected:
  using WindowStage::WindowStage;

  /// In open(), of a stage whose table may spill.
  void use(ColdTableBase& cold) noexcept { cold_ = &cold; }
  [[nodiscard]] bool may_spill() const noexcept { return cold_ != nullptr; }
  [[nodiscard]] bool has_memory() { return cold_ == nullptr || cold_->has_room(barrier() < context().barrier); }
  /// Something was asked for and has not come.
  [[nodiscard]] bool reading() const noexcept { return cold_ != nullptr && cold_->reading(); }

  /// A bounded piece of putting memory in order; true if there was any to do. What was resolved before may be void.
  virtual bool tidy() { return false; }
  /// What has been fetched has not been worked on: nothing is to leave.
  [[nodiscard]] virtual bool holds() const { return false; }
  /// What was asked for has come, as far as the store has it.
  [[nodiscard]] virtual Status fetched() { return {}; }

  /// Each step, where may_spill(), before there is work: true if something was done. `busy`: a batch waits in the
  /// stage; `firing`: windows fire before its next record.
  bool step_cold(bool busy, bool firing) {
    bool moved = false;
    if (cold_->reading()) {
      moved = cold_->read();
    } else if ((!busy || !resolved_ || firing) && !holds()) {
      moved = cold_->step();
      if (busy) protect([&] { moved = tidy() || moved; });
      if (moved) resolved_ = false;
    }
    check(cold_->failure());
    if (context().failed() || !cold_->answered()) return moved;
    cold_->done_waiting();
    protect([&] { check(fetched()); });
    answered_ = true;
    return true;
  }
  /// What was asked for has come in this step.
  [[nodiscard]] bool take_answered() noexcept { return std::exchange(answered_, false); }

  /// The keys of the batch's records are resolved, and none of their entries has left or gone since.
  [[nodiscard]] bool resolved() const noexcept { return resolved_; }
  void set_resolved(bool resolved) noexcept { resolved_ = resolved; }

 private:
  ColdTableBase* cold_ = nullptr;  // null while all state is in memory
  bool resolved_ = false;
  bool answered_ = false;
};

}  // namespace millstream::inline v0
