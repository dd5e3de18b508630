// InputMerge: what several inputs of a stage say about time, turned into what holds behind the stage. It rewrites each
// batch in place: a record keeps its own split's watermark, the merged watermark becomes the minimum over the inputs,
// and idle and end marks go on only when they hold for all inputs.
#pragma once

#include <cstdint>

#include "millstream/channel/batch.hpp"
#include "millstream/time/watermark_merge.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT InputMerge {
 public:
  explicit InputMerge(std::uint32_t inputs) : merge_{inputs} {}

  /// Before the first batch: no record will ever come from input `i`, so it holds nobody back.
  void expect_nothing_from(std::uint32_t i) { merge_.advance(i, kTimestampMax); }
  /// A batch of input `i`, in the order in which it came.
  void rewrite(std::uint32_t i, BatchBase& batch);
  [[nodiscard]] Timestamp watermark() const noexcept { return merge_.value(); }
  [[nodiscard]] bool ended() const noexcept { return merge_.all_ended(); }

 private:
  WatermarkMerge merge_;
  bool idle_ = false;
};

}  // namespace millstream::inline v0
