// Marks and control of one input, seen from behind the merge.
#include "millstream/channel/input_merge.hpp"

namespace millstream::inline v0 {

void InputMerge::rewrite(std::uint32_t i, BatchBase& batch) {
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
    case Control::kEnd:
      merge_.end(i);
      break;
  }
  batch.mark({batch.end().split, merge_.value()});
  if (merge_.all_ended()) {
    batch.control = Control::kEnd;
  } else if (merge_.all_idle() != idle_) {
    idle_ = !idle_;
    batch.control = idle_ ? Control::kIdle : Control::kActive;
  }
}

}  // namespace millstream::inline v0
