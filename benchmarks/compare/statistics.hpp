// The median of a few rounds and where it may lie, without assuming how the rounds are distributed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace compare {

/// A median with its confidence interval.
struct Median {
  double value = 0;
  double low = 0;
  double high = 0;
  double confidence = 0;  // of the interval
};

/// With fewer rounds than this not even from the least to the greatest value is an interval of 90 % confidence.
inline constexpr std::size_t kRoundsMin = 5;

/// The narrowest interval between order statistics of at least 95 % confidence, or the whole range where that has less
/// (Conover, "Practical Nonparametric Statistics", 3.2): the median lies outside of the k-th least and k-th greatest of
/// n values with a probability of 2 * P(Binomial(n, 1/2) < k). `values` must not be empty.
inline Median median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  double below = std::exp2(-static_cast<double>(n));  // P(Binomial < 1)
  double term = below;
  std::size_t k = 1;
  while (k + 1 <= n / 2) {
    term *= static_cast<double>(n - k + 1) / static_cast<double>(k);
    if (2 * (below + term) > 0.05) break;
    below += term;
    ++k;
  }
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values[k - 1], values[n - k], 1 - 2 * below};
}

}  // namespace compare
