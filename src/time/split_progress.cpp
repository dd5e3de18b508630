// Watermark alignment between the splits of a source.
#include "millstream/time/split_progress.hpp"

#include <algorithm>

namespace millstream::inline v0 {

SplitProgress::SplitProgress(std::vector<std::string> split_ids) : ids_{std::move(split_ids)}, entries_(ids_.size()) {}
SplitProgress::~SplitProgress() = default;

Timestamp SplitProgress::slowest_beside(std::uint32_t split) const noexcept {
  Timestamp slowest = kTimestampMax;
  for (std::uint32_t i = 0; i < splits(); ++i) {
    if (i != split && state(i) == SplitState::kActive) slowest = std::min(slowest, watermark(i));
  }
  return slowest;
}

bool SplitProgress::too_far_ahead(std::uint32_t split) const noexcept {
  if (!drift) return false;
  // Only what is being read counts: a split that waited for one that is not opened before others end would wait for
  // ever.
  const Timestamp slowest = slowest_beside(split);
  // A split without any record yet has no event time to be ahead of; it is being read, so it will have one.
  const Timestamp own = watermark(split);
  if (own == kTimestampMin || slowest == kTimestampMax) return false;
  return saturating_sub(own, *drift) > slowest;
}

}  // namespace millstream::inline v0
