// The seam for randomness: a random stream is a value, made from a seed and a stream number, and the same pair gives
// the same numbers on every machine and in every version. Nothing in the library asks the operating system for
// randomness.
#pragma once

#include <cstdint>
#include <limits>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), started at a place that
/// (seed, stream) names: stream i can be had without drawing streams 0 to i - 1. A UniformRandomBitGenerator; copying
/// it copies its place. Not for secrets.
class Random {
 public:
  using result_type = std::uint64_t;

  constexpr explicit Random(std::uint64_t seed, std::uint64_t stream = 0) noexcept
      : state_{mix(mix(seed + kGamma) ^ (stream * kStreamStep + kGamma))} {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  /// 64 uniform bits.
  constexpr result_type operator()() noexcept { return mix(state_ += kGamma); }

  /// Uniform in [0, bound), without bias (Lemire, 2019). `bound` must be positive.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    MILLSTREAM_ASSERT(bound > 0);
    Wide product = static_cast<Wide>((*this)()) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>((*this)()) * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }
  /// Uniform in [low, high]; low <= high.
  constexpr std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
    MILLSTREAM_ASSERT(low <= high);
    const std::uint64_t distance = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    const std::uint64_t step = distance == max() ? (*this)() : below(distance + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step);
  }
  /// Uniform in [0, 1), a multiple of 2^-53.
  constexpr double unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
  /// True with probability p.
  constexpr bool chance(double p) noexcept { return unit() < p; }

 private:
  __extension__ typedef unsigned __int128 Wide;
  static constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;       // SplitMix64's odd step
  static constexpr std::uint64_t kStreamStep = 0xd1342543de82ef95;  // another odd number: streams start far apart

  static constexpr std::uint64_t mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace millstream::inline v0
