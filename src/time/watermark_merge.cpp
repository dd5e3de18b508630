// The minimum over the inputs that count. One that has been read to its end says kTimestampMax before it ends.
#include "millstream/time/watermark_merge.hpp"

#include <algorithm>

namespace millstream::inline v0 {

WatermarkMerge::WatermarkMerge(std::uint32_t inputs) : inputs_(inputs) {}
WatermarkMerge::~WatermarkMerge() = default;
WatermarkMerge::WatermarkMerge(const WatermarkMerge&) = default;
WatermarkMerge& WatermarkMerge::operator=(const WatermarkMerge&) = default;

std::uint32_t WatermarkMerge::add_input() {
  inputs_.push_back({value_, State::kActive});
  return static_cast<std::uint32_t>(inputs_.size() - 1);
}

Timestamp WatermarkMerge::advance(std::uint32_t i, Timestamp watermark) {
  Input& input = inputs_[i];
  if (watermark <= input.watermark) return value_;
  const bool held_back = input.watermark <= value_;
  input.watermark = watermark;
  // Only an input at the minimum can have held it back.
  return held_back ? merge() : value_;
}

Timestamp WatermarkMerge::set_idle(std::uint32_t i, bool idle) {
  Input& input = inputs_[i];
  if (input.state == State::kEnded || (input.state == State::kIdle) == idle) return value_;
  input.state = idle ? State::kIdle : State::kActive;
  idle ? ++idle_ : --idle_;
  if (!idle) input.watermark = std::max(input.watermark, value_);
  return merge();
}

Timestamp WatermarkMerge::end(std::uint32_t i) {
  Input& input = inputs_[i];
  if (input.state == State::kEnded) return value_;
  if (input.state == State::kIdle) --idle_;
  input.state = State::kEnded;
  ++ended_;
  return merge();
}

Timestamp WatermarkMerge::merge() {
  Timestamp least = kTimestampMax;
  bool moving = false;
  bool idle = false;
  for (const Input& input : inputs_) {
    if (input.state == State::kIdle) {
      idle = true;
      continue;
    }
    // One at the end of time says that it has nothing more, not that the idle ones have nothing more.
    moving |= input.state == State::kActive && input.watermark != kTimestampMax;
    least = std::min(least, input.watermark);
  }
  if (moving || !idle) value_ = std::max(value_, least);
  return value_;
}

}  // namespace millstream::inline v0
