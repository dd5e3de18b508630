// DistinctSketch: how many different values a stream has, from their 64-bit hashes, in a few bytes for small sets and a
// fixed table for large ones. Sketches merge without loss. The structure is HyperLogLog++ (Heule, Nunkesser, Hall,
// "HyperLogLog in Practice", EDBT 2013: 64-bit hashes, sparse form with 25 index bits and linear counting); in place of
// its tables of measured bias, the dense form is read by Ertl's improved estimator, which needs none ("New cardinality
// estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, section 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// Counts distinct hashes. While at most 2^precision / 4 are known (4,096 by default) it keeps 31 bits of each, four
/// bytes apiece, and is practically exact; then 2^precision registers of a byte, and the standard error is
/// 1.04 / sqrt(2^precision): 0.8 % by default.
///
/// Merging gives the same sketch, to the bit, as adding all hashes to one, in any order and grouping; of two
/// precisions the lower one is kept. Not synchronized.
class MILLSTREAM_EXPORT DistinctSketch {
 public:
  static constexpr int kPrecisionDefault = 14;
  static constexpr int kPrecisionMin = 4;
  static constexpr int kPrecisionMax = 18;

  /// `precision` in [kPrecisionMin, kPrecisionMax] (asserted). Does not allocate.
  explicit DistinctSketch(int precision);
  DistinctSketch() : DistinctSketch{kPrecisionDefault} {}  // not explicit, so that it may be a member of an aggregate

  /// Adds the hash of a value. All 64 bits must be well mixed, as XXH3's are; equal values must have equal hashes.
  void add(std::uint64_t hash);
  void merge(const DistinctSketch& other);

  /// About how many different hashes were added; 0 only when none was.
  [[nodiscard]] std::uint64_t estimate() const;
  [[nodiscard]] int precision() const noexcept { return precision_; }
  /// All memory of this sketch, with itself, in bytes.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return sizeof *this + heap_bytes(); }
  /// What it owns beside itself, in bytes.
  [[nodiscard]] std::size_t heap_bytes() const noexcept {
    return sparse_.capacity() * sizeof(std::uint32_t) + registers_.capacity();
  }

  /// Appends a compact binary form: at most 5 bytes a hash in the sparse form, 6 bits a register in the dense one.
  void encode(std::string& out) const;
  /// Reads what encode() wrote off the front of `in`. False on anything else; then `in` and `out` are as before.
  [[nodiscard]] static bool decode(std::string_view& in, DistinctSketch& out);

 private:
  [[nodiscard]] bool dense() const noexcept { return !registers_.empty(); }
  [[nodiscard]] std::size_t sparse_max() const noexcept { return (std::size_t{1} << precision_) / 4; }
  void add_to_register(std::uint32_t entry);
  void make_dense();
  void lower_precision(int precision);
  void merge_sparse(const std::vector<std::uint32_t>& other);

  int precision_;
  std::vector<std::uint32_t> sparse_;    // ascending entries, one for each index of 25 bits; empty when dense
  std::vector<std::uint8_t> registers_;  // 2^precision_ registers when dense, else empty
};

}  // namespace millstream::inline v0
