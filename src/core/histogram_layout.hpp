// The inverse of histogram_bucket(): which values a bucket of the latency histograms stands for.
#pragma once

#include "millstream/core/histogram.hpp"

namespace millstream::inline v0::detail {

/// How many bits of a value its bucket forgets.
constexpr int histogram_shift(std::size_t bucket) noexcept {
  const auto power = static_cast<int>(bucket >> kHistogramHalfBits);
  return power < 2 ? 0 : power - 1;
}

constexpr std::int64_t histogram_lowest(std::size_t bucket) noexcept {
  const int shift = histogram_shift(bucket);
  return static_cast<std::int64_t>(bucket - (static_cast<std::size_t>(shift) << kHistogramHalfBits)) << shift;
}

constexpr std::int64_t histogram_highest(std::size_t bucket) noexcept {
  return histogram_lowest(bucket) + (std::int64_t{1} << histogram_shift(bucket)) - 1;
}

constexpr std::int64_t histogram_middle(std::size_t bucket) noexcept {
  return histogram_lowest(bucket) + (std::int64_t{1} << histogram_shift(bucket)) / 2;
}

static_assert(histogram_lowest(histogram_bucket(4096)) == 4096 && histogram_highest(histogram_bucket(4096)) == 4099);
static_assert(histogram_highest(kHistogramBuckets - 1) >= kHistogramMax);

}  // namespace millstream::inline v0::detail
