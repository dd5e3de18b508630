// The layout of DistinctSketch's sparse entries, shared by the sketch and its binary form.
#pragma once

#include <cstdint>

namespace millstream::inline v0::detail {

inline constexpr int kSparseBits = 25;  // index bits of a sparse entry, as in the paper
inline constexpr int kRankBits = 6;     // ranks go to 40 (64 - 25 bits, and one more when they are all zero)
inline constexpr std::uint32_t kSparseRankMax = 64 - kSparseBits + 1;

}  // namespace millstream::inline v0::detail
