// QuantileSketch: quantiles of a stream of doubles with a bounded relative error, in memory that follows the number of
// different magnitudes, not of values. Sketches merge without loss, so windows can share slices and shards can split
// the work. This is DDSketch: Masson, Rim, Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
// Relative-Error Guarantees", PVLDB 12(12), 2019.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// Counts values by logarithmic buckets of their magnitude, each sign for itself, zero apart.
///
/// Guarantee: quantile(q) is within alpha * |x| of x, the ceil(q * count)-th smallest value (for magnitudes from
/// 2.3e-308, where doubles still have all their digits). Zero is answered as exactly 0, the smallest and the largest
/// value exactly.
///
/// Bound: at most kMagnitudesMax different bucket magnitudes are kept. When there would be more, the smallest
/// magnitudes are counted as the smallest kept one of their sign; only quantiles that fall on such values lose the
/// guarantee. With alpha = 0.005 that takes values that fill a range of 17 orders of magnitude without gaps.
///
/// Merging gives the same buckets, count, min and max, to the bit, as adding all values to one sketch, in any order and
/// grouping, also when magnitudes were collapsed. Not synchronized.
class MILLSTREAM_EXPORT QuantileSketch {
 public:
  static constexpr double kAlphaDefault = 0.005;  // half of the 1 % that people ask of a quantile
  static constexpr double kAlphaMin = 0.00001;
  static constexpr double kAlphaMax = 0.5;
  static constexpr std::size_t kMagnitudesMax = 4096;  // 64 KiB for values of one sign, 128 KiB for both

  /// `alpha` is the relative error, from kAlphaMin to kAlphaMax (asserted). Does not allocate.
  explicit QuantileSketch(double alpha);
  QuantileSketch() : QuantileSketch{kAlphaDefault} {}  // not explicit, so that it may be a member of an aggregate

  void add(double value) { add_n(value, 1); }
  /// Adds `value` n times. NaN is no value and is ignored; infinities count as the largest finite doubles; n = 0
  /// changes nothing. Takes 40 to 70 ns; a magnitude not seen before also moves the larger ones behind it.
  void add_n(double value, std::uint64_t n);
  /// Adds all values of `other`. If its alpha differs, its estimates are added instead, and the errors add up.
  void merge(const QuantileSketch& other);

  /// The estimate of the ceil(q * count)-th smallest value (q in [0, 1], at least the first); NaN when empty.
  [[nodiscard]] double quantile(double q) const;
  /// Stops at 2^64 - 1.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// A plain sum of doubles: exact for integers up to 2^53, else its last digits depend on the order.
  [[nodiscard]] double sum() const noexcept { return sum_; }
  /// The smallest and the largest value, exactly; NaN when empty.
  [[nodiscard]] double min() const noexcept;
  [[nodiscard]] double max() const noexcept;
  [[nodiscard]] double alpha() const noexcept { return alpha_; }
  /// All memory of this sketch, with itself, in bytes.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return sizeof *this + heap_bytes(); }
  /// What it owns beside itself, in bytes.
  [[nodiscard]] std::size_t heap_bytes() const noexcept { return buckets_.capacity() * sizeof(Bucket); }

  /// Appends a compact binary form: about two bytes for each bucket, and 35.
  void encode(std::string& out) const;
  /// Reads what encode() wrote off the front of `in`. False on anything else; then `in` and `out` are as before.
  [[nodiscard]] static bool decode(std::string_view& in, QuantileSketch& out);

 private:
  struct Bucket {
    std::int32_t key;  // orders as the values do: 0 for zero, +-(logarithmic index + bias) for the others
    std::uint64_t count;
  };

  [[nodiscard]] std::int32_t key_of(double value) const;
  [[nodiscard]] double estimate(std::int32_t key) const;
  [[nodiscard]] std::int32_t raised(std::int32_t key) const noexcept;
  void merge_buckets(const std::vector<Bucket>& other);
  void collapse();
  [[nodiscard]] bool consistent() const;

  std::vector<Bucket> buckets_;  // ascending keys, no empty ones
  double alpha_;
  double per_log_;  // buckets for each unit of the natural logarithm
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double min_ = 0;
  double max_ = 0;
  std::int32_t floor_ = 1;  // magnitudes below have been collapsed into it; what comes later can skip the detour
};

}  // namespace millstream::inline v0
