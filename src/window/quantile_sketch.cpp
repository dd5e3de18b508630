// DDSketch on one sorted vector of buckets. Values map to integer keys that order as they do, so negatives, zero and
// positives are one list, and a few values take a few entries.
#include "millstream/window/quantile_sketch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/quantile_rank.hpp"
#include "core/saturating_count.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

// Makes the magnitude of every non-zero double positive: their logarithms times per_log_ stay below 2^26.
constexpr std::int32_t kBias = std::int32_t{1} << 30;
constexpr double kLargest = std::numeric_limits<double>::max();

/// The first place whose key is not below `key`. Branch-free: the branches of std::lower_bound are not predictable.
template <class Bucket>
std::size_t lower_bound_of(const std::vector<Bucket>& buckets, std::int32_t key) {
  std::size_t first = 0;
  for (std::size_t length = buckets.size(); length > 0;) {
    const std::size_t half = length / 2;
    first += buckets[first + half].key < key ? length - half : 0;
    length = half;
  }
  return first;
}

}  // namespace

QuantileSketch::QuantileSketch(double alpha) : alpha_{alpha}, per_log_{1 / (std::log1p(alpha) - std::log1p(-alpha))} {
  MILLSTREAM_ASSERT(alpha >= kAlphaMin && alpha <= kAlphaMax);
}

// Bucket i holds (gamma^(i-1), gamma^i] with gamma = (1 + alpha) / (1 - alpha).
std::int32_t QuantileSketch::key_of(double value) const {
  if (value == 0) return 0;
  const auto magnitude = static_cast<std::int32_t>(std::ceil(std::log(std::abs(value)) * per_log_)) + kBias;
  return value < 0 ? -magnitude : magnitude;
}

// The point of the bucket that is alpha away, relatively, from both of its ends: gamma^i * (1 - alpha).
double QuantileSketch::estimate(std::int32_t key) const {
  if (key == 0) return 0;
  const double logarithm = (std::abs(key) - kBias) / per_log_ + std::log1p(-alpha_);
  const double magnitude = std::clamp(std::exp(logarithm), std::numeric_limits<double>::denorm_min(), kLargest);
  return std::clamp(key < 0 ? -magnitude : magnitude, min_, max_);
}

std::int32_t QuantileSketch::raised(std::int32_t key) const noexcept {
  if (key == 0 || std::abs(key) >= floor_) return key;
  return key < 0 ? -floor_ : floor_;
}

double QuantileSketch::min() const noexcept { return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : min_; }
double QuantileSketch::max() const noexcept { return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : max_; }

void QuantileSketch::add_n(double value, std::uint64_t n) {
  if (n == 0 || std::isnan(value)) return;
  value = std::clamp(value, -kLargest, kLargest) + 0.0;  // + 0.0 turns -0.0 into 0.0
  const std::int32_t key = raised(key_of(value));
  const std::size_t place = lower_bound_of(buckets_, key);
  if (place < buckets_.size() && buckets_[place].key == key) {
    buckets_[place].count = detail::saturating_count(buckets_[place].count, n);
  } else {
    buckets_.insert(buckets_.begin() + static_cast<std::ptrdiff_t>(place), Bucket{key, n});
    if (buckets_.size() > kMagnitudesMax) collapse();
  }
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  count_ = detail::saturating_count(count_, n);
  sum_ = std::clamp(sum_ + value * static_cast<double>(n), -kLargest, kLargest);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.count_ == 0) return;
  if (other.alpha_ == alpha_) {
    merge_buckets(other.buckets_);
    floor_ = std::max(floor_, other.floor_);
  } else {
    std::vector<Bucket> converted;
    for (const Bucket& bucket : other.buckets_) {
      const std::int32_t key = key_of(other.estimate(bucket.key));
      if (!converted.empty() && converted.back().key == key) {
        converted.back().count = detail::saturating_count(converted.back().count, bucket.count);
      } else {
        converted.push_back({key, bucket.count});
      }
    }
    merge_buckets(converted);
  }
  if (buckets_.size() > kMagnitudesMax) collapse();
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ = detail::saturating_count(count_, other.count_);
  sum_ = std::clamp(sum_ + other.sum_, -kLargest, kLargest);
}

// In place from the back, so that merging into a sketch that has all the keys allocates nothing.
void QuantileSketch::merge_buckets(const std::vector<Bucket>& other) {
  std::size_t from = buckets_.size();
  std::size_t missing = 0;
  for (std::size_t i = 0, j = 0; j < other.size(); ++j) {
    while (i < from && buckets_[i].key < other[j].key) ++i;
    missing += i == from || buckets_[i].key != other[j].key;
  }
  std::size_t left = other.size();  // before the resize: `other` may be buckets_ itself
  buckets_.resize(from + missing);
  for (std::size_t to = buckets_.size(); left > 0;) {
    const Bucket theirs = other[left - 1];
    --to;
    if (from > 0 && buckets_[from - 1].key >= theirs.key) {
      Bucket ours = buckets_[--from];
      if (ours.key == theirs.key) {
        ours.count = detail::saturating_count(ours.count, theirs.count);
        --left;
      }
      buckets_[to] = ours;
    } else {
      buckets_[to] = theirs;
      --left;
    }
  }
}

// Keeps the kMagnitudesMax largest magnitudes and counts the smaller ones as the smallest kept. The smallest kept
// magnitude only ever grows and depends on the set of magnitudes alone: that is why the order of adding and merging
// does not matter.
void QuantileSketch::collapse() {
  std::size_t low = 0;
  std::size_t high = buckets_.size();
  std::int32_t smallest_kept = floor_;
  for (std::size_t kept = 0; kept < kMagnitudesMax; ++kept) {
    const std::int32_t negative = low < high ? std::max(0, -buckets_[low].key) : 0;
    const std::int32_t positive = low < high ? std::max(0, buckets_[high - 1].key) : 0;
    const std::int32_t magnitude = std::max(negative, positive);
    if (magnitude == 0) return;
    low += negative == magnitude;
    high -= positive == magnitude;
    smallest_kept = magnitude;
  }
  floor_ = smallest_kept;
  std::size_t end = 0;
  for (const Bucket bucket : buckets_) {
    const std::int32_t key = raised(bucket.key);
    if (end > 0 && buckets_[end - 1].key == key) {
      buckets_[end - 1].count = detail::saturating_count(buckets_[end - 1].count, bucket.count);
    } else {
      buckets_[end++] = {key, bucket.count};
    }
  }
  buckets_.resize(end);
}

double QuantileSketch::quantile(double q) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const std::uint64_t rank = detail::quantile_rank(q, count_);
  if (rank == 1) return min_;
  if (rank == count_) return max_;
  std::uint64_t left = rank;
  for (const Bucket& bucket : buckets_) {
    if (bucket.count >= left) return estimate(bucket.key);
    left -= bucket.count;
  }
  return max_;
}

}  // namespace millstream::inline v0
