#include "latency/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace latency {

void IntervalHistogram::merge(const IntervalHistogram& other) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  max_ = std::max(max_, other.max_);
}

std::uint64_t IntervalHistogram::count() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::int64_t IntervalHistogram::quantile(double q) const noexcept {
  const double wanted = std::max(std::ceil(q * static_cast<double>(count())), 1.0);
  double seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen < wanted) continue;
    // The greatest value of the bucket.
    const std::size_t shift = i < 64 ? 0 : i / 32 - 1;
    const auto last = static_cast<std::int64_t>(((i - shift * 32 + 1) << shift) - 1);
    return std::min(last, max_);
  }
  return 0;
}

bool Timeline::seek(std::int64_t offset_ns) noexcept {
  if (offset_ns < 0) return false;
  const auto at = static_cast<std::size_t>(offset_ns / interval_ns_);
  if (at >= all_.size()) return false;
  now_ = &all_[at];
  from_ns_ = static_cast<std::int64_t>(at) * interval_ns_;
  until_ns_ = from_ns_ + interval_ns_;
  return true;
}

}  // namespace latency
