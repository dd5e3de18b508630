// Marks and control of one input, seen from behind the merge.
#include "millstream/channel/input_merge.hpp"

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {

InputMerge::InputMerge(std::uint32_t inputs) : merge_{inputs}, at_barrier_(inputs, false) {}

void InputMerge::rewrite(std::uint32_t i, BatchBase& batch) {
  MILLSTREAM_ASSERT(!held(i));
  batch.start.merged = merge_.advance(i, batch.start.merged);
  for (Mark& mark : batch.marks) mark.at.merged = merge_.advance(i, mark.at.merged);
  const Control said = std::exchange(batch.control, Control::kNone);
  switch (said) {
    case Control::kNone:
      return;
    case Control::kIdle:
      merge_.set_idle(i, true);
      break;
    case Control::kActive:
      merge_.set_idle(i, false);
      break;
    case Control::kBarrier:
      at_barrier_[i] = !mutant_is(Mutant::kAlignmentSkipped);
      ++held_;
      break;
    case Control::kEnd:
      merge_.end(i);
      ++ended_;
      break;
  }
  batch.mark({batch.end().split, merge_.value()});
  if (merge_.all_ended()) {
    batch.control = Control::kEnd;
  } else if (held_ > 0 && held_ + ended_ == at_barrier_.size()) {
    // A change of idleness that comes at the same time is said with the next control.
    batch.control = Control::kBarrier;
    at_barrier_.assign(at_barrier_.size(), false);
    held_ = 0;
  } else if (merge_.all_idle() != idle_) {
    idle_ = !idle_;
    batch.control = idle_ ? Control::kIdle : Control::kActive;
  }
}

}  // namespace millstream::inline v0
