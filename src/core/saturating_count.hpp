// Addition of record counts that stops at its end instead of wrapping around.
#pragma once

#include <cstdint>

namespace millstream::inline v0::detail {

/// a + b, stopping at 2^64 - 1. Associative and commutative, so merges of counts are too.
constexpr std::uint64_t saturating_count(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t sum = a + b;
  return sum < a ? ~std::uint64_t{0} : sum;
}

}  // namespace millstream::inline v0::detail
