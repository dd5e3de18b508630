// HyperLogLog++ with Ertl's estimator. A sparse entry is the hash's first 25 bits (the index) above 6 bits of rank (the
// position of the first one-bit behind them); a register's index and rank can be computed from it for any precision.
#include "millstream/window/distinct_sketch.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "millstream/core/assert.hpp"
#include "window/distinct_layout.hpp"

namespace millstream::inline v0 {
namespace {

using detail::kRankBits;
using detail::kSparseBits;

std::uint32_t rank_of(std::uint64_t bits, int width) {
  return static_cast<std::uint32_t>(bits == 0 ? width + 1 : std::countl_zero(bits) + 1 - (64 - width));
}

std::uint32_t entry_of(std::uint64_t hash) {
  constexpr int kRest = 64 - kSparseBits;
  const auto index = static_cast<std::uint32_t>(hash >> kRest);
  return (index << kRankBits) | rank_of(hash & ((std::uint64_t{1} << kRest) - 1), kRest);
}

// The two series of Ertl's estimator. Both end when they no longer change in double precision, within some 60 steps.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double sum = x;
  double weight = 1;
  for (double before = -1; sum != before; weight += weight) {
    x *= x;
    before = sum;
    sum += x * weight;
  }
  return sum;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double sum = 1 - x;
  double weight = 1;
  for (double before = -1; sum != before;) {
    x = std::sqrt(x);
    before = sum;
    weight /= 2;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

double ertl_estimate(const std::vector<std::uint8_t>& registers, int precision) {
  const auto m = static_cast<double>(registers.size());
  const int q = 64 - precision;
  std::array<std::uint32_t, 64> ranks{};
  for (const std::uint8_t rank : registers) ++ranks[rank];
  const auto count_of = [&](int rank) { return static_cast<double>(ranks[static_cast<std::size_t>(rank)]); };
  double z = m * tau(1 - count_of(q + 1) / m);
  for (int rank = q; rank >= 1; --rank) z = (z + count_of(rank)) / 2;
  z += m * sigma(count_of(0) / m);
  return m * m / (2 * std::numbers::ln2 * z);
}

}  // namespace

DistinctSketch::DistinctSketch(int precision) : precision_{precision} {
  MILLSTREAM_ASSERT(precision >= kPrecisionMin && precision <= kPrecisionMax);
}

void DistinctSketch::add(std::uint64_t hash) {
  if (dense()) {
    const int rest = 64 - precision_;
    const std::uint32_t rank = rank_of(hash & ((std::uint64_t{1} << rest) - 1), rest);
    std::uint8_t& reg = registers_[static_cast<std::size_t>(hash >> rest)];
    reg = std::max(reg, static_cast<std::uint8_t>(rank));
    return;
  }
  const std::uint32_t entry = entry_of(hash);
  // The place by index alone: an index is kept once, with its highest rank.
  const auto place = std::lower_bound(sparse_.begin(), sparse_.end(), (entry >> kRankBits) << kRankBits);
  if (place != sparse_.end() && *place >> kRankBits == entry >> kRankBits) {
    *place = std::max(*place, entry);
    return;
  }
  sparse_.insert(place, entry);
  if (sparse_.size() > sparse_max()) make_dense();
}

void DistinctSketch::add_to_register(std::uint32_t entry) {
  const int between = kSparseBits - precision_;
  const std::uint32_t index = entry >> kRankBits;
  const std::uint32_t low = index & ((std::uint32_t{1} << between) - 1);
  const std::uint32_t rank =
      low != 0 ? rank_of(low, between) : static_cast<std::uint32_t>(between) + (entry & ((1U << kRankBits) - 1));
  std::uint8_t& reg = registers_[index >> between];
  reg = std::max(reg, static_cast<std::uint8_t>(rank));
}

void DistinctSketch::make_dense() {
  registers_.assign(std::size_t{1} << precision_, 0);
  for (const std::uint32_t entry : sparse_) add_to_register(entry);
  sparse_ = {};
}

void DistinctSketch::lower_precision(int precision) {
  const int between = precision_ - precision;
  precision_ = precision;
  if (!dense()) {
    if (sparse_.size() > sparse_max()) make_dense();
    return;
  }
  std::vector<std::uint8_t> folded(std::size_t{1} << precision, 0);
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    if (registers_[i] == 0) continue;
    const std::uint64_t low = i & ((std::size_t{1} << between) - 1);
    const std::uint32_t rank = low != 0 ? rank_of(low, between) : static_cast<std::uint32_t>(between) + registers_[i];
    std::uint8_t& reg = folded[i >> between];
    reg = std::max(reg, static_cast<std::uint8_t>(rank));
  }
  registers_ = std::move(folded);
}

void DistinctSketch::merge(const DistinctSketch& other) {
  if (other.precision_ < precision_) lower_precision(other.precision_);
  if (other.precision_ > precision_ && other.dense()) {
    DistinctSketch folded = other;
    folded.lower_precision(precision_);
    return merge(folded);
  }
  if (other.dense()) {
    if (!dense()) make_dense();
    for (std::size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  } else if (dense()) {
    for (const std::uint32_t entry : other.sparse_) add_to_register(entry);
  } else {
    merge_sparse(other.sparse_);
  }
}

void DistinctSketch::merge_sparse(const std::vector<std::uint32_t>& other) {
  std::vector<std::uint32_t> merged;
  merged.reserve(sparse_.size() + other.size());
  std::merge(sparse_.begin(), sparse_.end(), other.begin(), other.end(), std::back_inserter(merged));
  std::size_t end = 0;
  for (const std::uint32_t entry : merged) {
    // Of one index the higher rank comes later.
    if (end > 0 && merged[end - 1] >> kRankBits == entry >> kRankBits) --end;
    merged[end++] = entry;
  }
  merged.resize(end);
  sparse_ = std::move(merged);
  if (sparse_.size() > sparse_max()) make_dense();
}

std::uint64_t DistinctSketch::estimate() const {
  double estimate = 0;
  if (dense()) {
    estimate = ertl_estimate(registers_, precision_);
  } else {
    // Linear counting over 2^25 cells: what hides behind an equal index is a handful at most.
    const double cells = std::exp2(kSparseBits);
    estimate = -cells * std::log1p(-static_cast<double>(sparse_.size()) / cells);
  }
  constexpr double kEnd = 18446744073709551615.0;
  return estimate >= kEnd ? std::numeric_limits<std::uint64_t>::max() : static_cast<std::uint64_t>(estimate + 0.5);
}

}  // namespace millstream::inline v0
