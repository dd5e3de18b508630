// WatermarkMerge: the watermark behind several inputs, which is the least of those that count. Idle inputs do not
// count; when no other is left the watermark stays where it is. An input that has ended counts with what it said last:
// kTimestampMax if it was read to its end, less if it was stopped, for windows that it left open stay open. The
// watermark never goes back.
#pragma once

#include <cstdint>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT WatermarkMerge {
 public:
  explicit WatermarkMerge(std::uint32_t inputs);
  ~WatermarkMerge();
  WatermarkMerge(const WatermarkMerge&);
  WatermarkMerge& operator=(const WatermarkMerge&);

  /// One more input, which begins where the others have come to; its number.
  std::uint32_t add_input();
  /// Input `i` has reached `watermark`; returns the merged one. A step back is ignored.
  Timestamp advance(std::uint32_t i, Timestamp watermark);
  /// An idle input does not count until it is active again; then it goes on from the merged watermark.
  Timestamp set_idle(std::uint32_t i, bool idle);
  Timestamp end(std::uint32_t i);

  [[nodiscard]] Timestamp value() const noexcept { return value_; }
  /// Every input that has not ended is idle, and there is one.
  [[nodiscard]] bool all_idle() const noexcept { return ended_ < inputs_.size() && idle_ + ended_ == inputs_.size(); }
  [[nodiscard]] bool all_ended() const noexcept { return ended_ == inputs_.size(); }

 private:
  enum class State : std::uint8_t { kActive, kIdle, kEnded };
  struct Input {
    Timestamp watermark = kTimestampMin;
    State state = State::kActive;
  };
  Timestamp merge();

  std::vector<Input> inputs_;
  Timestamp value_ = kTimestampMin;
  std::size_t idle_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace millstream::inline v0
