// InputMerge: what several inputs of a stage say about time, turned into what holds behind the stage. It rewrites each
// batch in place: a record keeps its own split's watermark, the merged watermark becomes the minimum over the inputs,
// and idle and end marks go on only when they hold for all inputs. Barriers are aligned: an input that has come to one
// is held until all others that have not ended have come to it too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/time/watermark_merge.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT InputMerge {
 public:
  explicit InputMerge(std::uint32_t inputs);

  /// Before the first batch: no record will ever come from input `i`, so it holds nobody back.
  void expect_nothing_from(std::uint32_t i) { merge_.advance(i, kTimestampMax); }
  /// Input `i` is ahead of the others by a barrier: nothing may be taken from it now.
  [[nodiscard]] bool held(std::uint32_t i) const { return at_barrier_[i]; }
  /// A batch of input `i`, in the order in which it came.
  void rewrite(std::uint32_t i, BatchBase& batch);
  [[nodiscard]] Timestamp watermark() const noexcept { return merge_.value(); }
  [[nodiscard]] bool ended() const noexcept { return merge_.all_ended(); }

 private:
  WatermarkMerge merge_;
  bool idle_ = false;
  std::vector<bool> at_barrier_;
  std::size_t held_ = 0;   // inputs at the barrier
  std::size_t ended_ = 0;  // inputs that no barrier comes from any more
};

}  // namespace millstream::inline v0
