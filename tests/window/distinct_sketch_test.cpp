// DistinctSketch against known set sizes, merge against adding everything to one, and its binary form.
#include "millstream/window/distinct_sketch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace millstream {
namespace {

// splitmix64: a bijection, so different inputs have different, well mixed hashes.
std::uint64_t hash_of(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::string encoded(const DistinctSketch& sketch) {
  std::string bytes;
  sketch.encode(bytes);
  return bytes;
}

TEST(DistinctSketch, SmallSetsArePracticallyExact) {
  DistinctSketch sketch;
  EXPECT_EQ(sketch.estimate(), 0U);
  EXPECT_EQ(sketch.memory_bytes(), sizeof sketch);
  for (std::uint64_t n = 1; n <= 4096; ++n) {
    sketch.add(hash_of(n));
    sketch.add(hash_of(n / 2 + 1));  // known already
    ASSERT_NEAR(static_cast<double>(sketch.estimate()), static_cast<double>(n), n < 500 ? 0.1 : 3.1);
  }
  EXPECT_LE(sketch.memory_bytes(), 40000U);
}

// The relative errors of many independent sketches: no bias, and the standard error that the precision promises, from
// just behind the sparse form through the range where the first HyperLogLog needed its corrections.
TEST(DistinctSketch, LargeSetsKeepTheStandardError) {
  for (const int precision : {4, 8, 10, 14}) {
    const double m = std::exp2(precision);
    const double promised = 1.04 / std::sqrt(m);
    for (const double load : {0.3, 1.0, 2.5, 5.0, 20.0}) {
      const auto n = static_cast<std::uint64_t>(load * m);
      const int rounds = precision == 14 ? 40 : 300;
      double sum = 0;
      double squares = 0;
      for (int round = 0; round < rounds; ++round) {
        DistinctSketch sketch{precision};
        const std::uint64_t seed = hash_of(static_cast<std::uint64_t>(round)) << 20;
        for (std::uint64_t i = 0; i < n; ++i) sketch.add(hash_of(seed + i));
        const double error = static_cast<double>(sketch.estimate()) / static_cast<double>(n) - 1;
        ASSERT_LT(std::abs(error), 5 * promised + 1.0 / static_cast<double>(n)) << precision << ' ' << n;
        sum += error;
        squares += error * error;
      }
      // Estimates are rounded to whole numbers, which shows where n is small.
      EXPECT_LT(std::abs(sum / rounds), 4 * promised / std::sqrt(rounds) + 0.3 / static_cast<double>(n))
          << precision << ' ' << n;
      EXPECT_LT(std::sqrt(squares / rounds), 1.35 * promised) << precision << ' ' << n;
    }
  }
}

TEST(DistinctSketch, AMillionIsWithinThreeStandardErrors) {
  DistinctSketch sketch;
  for (std::uint64_t i = 0; i < 1000000; ++i) sketch.add(hash_of(i));
  EXPECT_NEAR(static_cast<double>(sketch.estimate()), 1e6, 3 * 0.0081 * 1e6);
}

TEST(DistinctSketch, MergeEqualsAddingAllToOneInAnyGrouping) {
  std::mt19937_64 random{17};
  for (int round = 0; round < 120; ++round) {
    const int precision = round % 3 == 0 ? 14 : 4 + round % 8;
    const std::uint64_t size = random() % (round % 2 == 0 ? 300 : 9000);
    DistinctSketch all{precision};
    std::vector<DistinctSketch> parts(1 + random() % 5, DistinctSketch{precision});
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t hash = hash_of(random() % 8000);
      all.add(hash);
      parts[random() % parts.size()].add(hash);
      if (i % 3 == 0) parts[0].add(hash);
    }
    while (parts.size() > 1) {
      DistinctSketch taken = parts.back();
      parts.pop_back();
      DistinctSketch& to = parts[random() % parts.size()];
      if (random() % 2 == 0) std::swap(taken, to);
      to.merge(taken);
    }
    ASSERT_EQ(encoded(parts[0]), encoded(all)) << round;
  }
}

TEST(DistinctSketch, OfTwoPrecisionsTheLowerIsKept) {
  for (const std::uint64_t size : {0, 3, 200, 20000}) {
    DistinctSketch expected{6};
    DistinctSketch fine{14};
    DistinctSketch coarse{6};
    for (std::uint64_t i = 0; i < size; ++i) {
      expected.add(hash_of(i));
      (i % 3 == 0 ? coarse : fine).add(hash_of(i));
    }
    DistinctSketch merged = fine;
    merged.merge(coarse);
    EXPECT_EQ(encoded(merged), encoded(expected)) << size;
    coarse.merge(fine);
    EXPECT_EQ(encoded(coarse), encoded(expected)) << size;
    EXPECT_EQ(fine.precision(), 14);
  }
}

TEST(DistinctSketch, MergesWithItself) {
  for (const std::uint64_t size : {10, 100000}) {
    DistinctSketch sketch;
    for (std::uint64_t i = 0; i < size; ++i) sketch.add(hash_of(i));
    const std::string before = encoded(sketch);
    sketch.merge(sketch);
    EXPECT_EQ(encoded(sketch), before);
  }
}

TEST(DistinctSketch, ExtremeHashes) {
  for (const int precision : {4, 14, 18}) {
    DistinctSketch sketch{precision};
    for (const std::uint64_t hash : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1}}) sketch.add(hash);
    EXPECT_EQ(sketch.estimate(), 2U);  // 0 and 1 share the sparse index
  }
  DistinctSketch full{4};
  for (std::uint64_t i = 0; i < 16; ++i) full.add(i << 60);
  EXPECT_EQ(full.estimate(), ~std::uint64_t{0});
}

TEST(DistinctSketch, DecodesWhatItEncoded) {
  for (const int precision : {4, 14, 18}) {
    for (const std::uint64_t size : {0, 1, 4, 50, 4000, 70000}) {
      DistinctSketch sketch{precision};
      for (std::uint64_t i = 0; i < size; ++i) sketch.add(hash_of(i));
      const std::string bytes = encoded(sketch) + "rest";
      std::string_view in = bytes;
      DistinctSketch read{9};
      ASSERT_TRUE(DistinctSketch::decode(in, read)) << precision << ' ' << size;
      EXPECT_EQ(in, "rest");
      EXPECT_EQ(encoded(read), encoded(sketch));
      EXPECT_EQ(read.estimate(), sketch.estimate());
      for (std::size_t cut_to = 0; cut_to + 4 < bytes.size(); cut_to += 1 + bytes.size() / 500) {
        std::string_view cut = std::string_view{bytes}.substr(0, cut_to);
        ASSERT_FALSE(DistinctSketch::decode(cut, read));
        ASSERT_EQ(cut.size(), cut_to);
      }
    }
  }
  // The format is part of the state format: precision 4; index 1 and rank 1; then five indexes, which is dense.
  DistinctSketch sketch{4};
  sketch.add((std::uint64_t{1} << 39) | (std::uint64_t{1} << 38));
  EXPECT_EQ(encoded(sketch), std::string("\x01\x04\x02\x41", 4));
  for (std::uint64_t i = 12; i < 16; ++i) sketch.add((i << 60) | (std::uint64_t{1} << 59));
  EXPECT_EQ(encoded(sketch), std::string("\x01\x04\x00\x15\0\0\0\0\0\0\0\0\x41\x10\x04", 15));
}

TEST(DistinctSketch, RefusesOrReadsRandomBytesButNeverBreaks) {
  std::mt19937_64 random{29};
  int accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    DistinctSketch sketch{4 + static_cast<int>(random() % 3)};
    for (std::uint64_t i = random() % 20; i > 0; --i) sketch.add(random());
    std::string bytes = encoded(sketch);
    const std::size_t first = random() % 3 == 0 ? 0 : 2;
    for (std::size_t change = 1 + random() % 4; change > 0; --change) {
      bytes[first + random() % (bytes.size() - first)] = static_cast<char>(random());
    }
    std::string_view in = bytes;
    DistinctSketch read;
    if (!DistinctSketch::decode(in, read)) continue;
    ++accepted;
    ASSERT_EQ(encoded(read), bytes.substr(0, bytes.size() - in.size()));
    read.merge(sketch);
    read.add(random());
    ASSERT_GT(read.estimate(), 0U);
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace millstream
