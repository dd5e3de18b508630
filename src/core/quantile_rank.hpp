// The one definition of "the q-quantile of n values" that histograms and sketches share: the ceil(q n)-th smallest.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace millstream::inline v0::detail {

/// ceil(q * count), at least 1 and at most count; NaN counts as 0. `count` must not be 0.
/// A product one rounding error above a whole number is that number: 0.07 of 100 values is the 7th, although
/// 0.07 * 100 > 7 in doubles.
inline std::uint64_t quantile_rank(double q, std::uint64_t count) noexcept {
  if (!(q > 0)) return 1;
  if (q >= 1) return count;
  const double product = q * static_cast<double>(count);
  const double rank = std::ceil(product * (1 - std::numeric_limits<double>::epsilon()));
  if (rank >= static_cast<double>(count)) return count;
  return std::max(std::uint64_t{1}, static_cast<std::uint64_t>(rank));
}

}  // namespace millstream::inline v0::detail
