// QuantileSketch against exact sorted values, merge against adding everything to one, and its binary form.
#include "millstream/window/quantile_sketch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace millstream {
namespace {

using Values = std::vector<double>;
constexpr double kLargest = std::numeric_limits<double>::max();

QuantileSketch sketch_of(const Values& values, double alpha = QuantileSketch::kAlphaDefault) {
  QuantileSketch sketch{alpha};
  for (const double value : values) sketch.add(value);
  return sketch;
}

std::string encoded(const QuantileSketch& sketch) {
  std::string bytes;
  sketch.encode(bytes);
  return bytes;
}

void expect_within(Values values, const QuantileSketch& sketch, double alpha, const std::string& what) {
  std::sort(values.begin(), values.end());
  ASSERT_EQ(sketch.count(), values.size()) << what;
  for (int permille = 0; permille <= 1000; ++permille) {
    const std::size_t rank =
        std::max<std::size_t>(1, (static_cast<std::size_t>(permille) * values.size() + 999) / 1000);
    const double exact = values[rank - 1];
    ASSERT_NEAR(sketch.quantile(permille / 1000.0), exact, alpha * (1 + 1e-9) * std::abs(exact))
        << what << " n=" << values.size() << " q=" << permille / 1000.0;
  }
  EXPECT_EQ(sketch.min(), values.front());
  EXPECT_EQ(sketch.max(), values.back());
}

template <class Draw>
Values generate(std::size_t n, Draw draw) {
  std::mt19937_64 random{n};
  Values values(n);
  for (double& value : values) value = static_cast<double>(draw(random));
  return values;
}

std::map<std::string, Values> distributions(std::size_t n) {
  return {
      {"uniform", generate(n, std::uniform_real_distribution<double>{0, 1000})},
      {"lognormal", generate(n, std::lognormal_distribution<double>{3, 2})},
      {"normal", generate(n, std::normal_distribution<double>{0, 50})},
      {"integers", generate(n, std::uniform_int_distribution<int>{-30, 400})},
      {"poisson", generate(n, std::poisson_distribution<int>{1.2})},
      {"negative", generate(n, [d = std::lognormal_distribution<double>{0, 4}](auto& r) mutable { return -d(r); })},
      {"constant", Values(n, 17.25)},
      {"zero", Values(n, 0.0)},
      {"huge range", generate(n, [](auto& r) { return std::ldexp(1.0, static_cast<int>(r() % 2000) - 1000); })},
  };
}

TEST(QuantileSketch, EveryQuantileIsWithinAlpha) {
  for (const std::size_t n : {1, 2, 3, 7, 20, 100, 5000, 50000}) {
    for (const auto& [name, values] : distributions(n)) {
      for (const double alpha : {QuantileSketch::kAlphaDefault, 0.02}) {
        expect_within(values, sketch_of(values, alpha), alpha, name);
      }
    }
  }
}

TEST(QuantileSketch, IsWithinAlphaAtTheEdgesOfBuckets) {
  const double gamma = (1 + QuantileSketch::kAlphaDefault) / (1 - QuantileSketch::kAlphaDefault);
  for (int index = -2000; index <= 2000; ++index) {
    const double edge = std::pow(gamma, index);
    for (const double value : {edge, std::nextafter(edge, 0), std::nextafter(edge, kLargest), -edge}) {
      const Values values{-kLargest, value, kLargest};
      ASSERT_NEAR(sketch_of(values).quantile(0.5), value, 0.005 * (1 + 1e-9) * std::abs(value));
    }
  }
}

TEST(QuantileSketch, ZeroIsExact) {
  const QuantileSketch sketch = sketch_of({-3, -0.0, 0, 0, 5});
  for (const double q : {0.21, 0.4, 0.5, 0.8}) {
    EXPECT_EQ(sketch.quantile(q), 0.0);
    EXPECT_FALSE(std::signbit(sketch.quantile(q)));
  }
}

TEST(QuantileSketch, EmptyNanAndInfinity) {
  QuantileSketch sketch;
  EXPECT_TRUE(std::isnan(sketch.quantile(0.5)) && std::isnan(sketch.min()) && std::isnan(sketch.max()));
  sketch.add(std::nan(""));
  sketch.add_n(3, 0);
  sketch.merge(QuantileSketch{});
  EXPECT_EQ(sketch.count(), 0U);
  EXPECT_EQ(sketch.memory_bytes(), sizeof sketch);
  sketch.add(std::numeric_limits<double>::infinity());
  EXPECT_EQ(sketch.quantile(0.5), kLargest);
  for (int i = 0; i < 3; ++i) sketch.add(-std::numeric_limits<double>::infinity());
  EXPECT_EQ(sketch.quantile(0), -kLargest);
  EXPECT_NEAR(sketch.quantile(0.5) / kLargest, -1, 0.005);
  EXPECT_TRUE(std::isfinite(sketch.sum()));
  for (const double value : {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::min()}) {
    EXPECT_EQ(sketch_of({value}).quantile(0.5), value);
    EXPECT_GT(sketch_of({0, value, 1}).quantile(0.5), 0);
  }
}

TEST(QuantileSketch, AddNEqualsAddingOneByOne) {
  QuantileSketch many;
  QuantileSketch single;
  for (int value = -5; value <= 5; ++value) {
    many.add_n(value, 3);
    for (int i = 0; i < 3; ++i) single.add(value);
  }
  EXPECT_EQ(encoded(many), encoded(single));
  EXPECT_EQ(many.sum(), 0);
  many.add_n(1, ~std::uint64_t{0});
  EXPECT_EQ(many.count(), ~std::uint64_t{0});
}

// Values whose sums are exact, so that equal sketches are equal byte by byte.
TEST(QuantileSketch, MergeEqualsAddingAllToOneInAnyGrouping) {
  std::mt19937_64 random{11};
  for (int round = 0; round < 300; ++round) {
    Values values(random() % 200);
    const auto range = static_cast<std::int64_t>(1 + random() % 5000);
    for (double& value : values) value = static_cast<double>(static_cast<std::int64_t>(random() % 8191) % range - 20);
    const std::string all = encoded(sketch_of(values));
    std::vector<QuantileSketch> parts(1 + random() % 6);
    for (const double value : values) parts[random() % parts.size()].add(value);
    while (parts.size() > 1) {
      const std::size_t from = random() % parts.size();
      QuantileSketch taken = parts[from];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(from));
      QuantileSketch& to = parts[random() % parts.size()];
      if (random() % 2 == 0) std::swap(taken, to);
      to.merge(taken);
    }
    ASSERT_EQ(encoded(parts[0]), all);
  }
}

TEST(QuantileSketch, MergesWithItself) {
  QuantileSketch sketch = sketch_of({-2, 0, 1, 1000});
  sketch.merge(sketch);
  EXPECT_EQ(encoded(sketch), encoded(sketch_of({-2, -2, 0, 0, 1, 1, 1000, 1000})));
}

TEST(QuantileSketch, MergesAnotherAlphaWithinBothErrors) {
  for (const auto& [name, values] : distributions(1000)) {
    const Values some{values.begin(), values.begin() + 300};
    QuantileSketch merged = sketch_of(some, 0.002);
    merged.merge(sketch_of({values.begin() + 300, values.end()}, 0.05));
    expect_within(values, merged, 0.0522, name);
    QuantileSketch read;
    const std::string bytes = encoded(merged);
    std::string_view in = bytes;
    EXPECT_TRUE(QuantileSketch::decode(in, read)) << name;
    EXPECT_EQ(encoded(read), bytes);
  }
}

// 6,000 magnitudes of both signs: more than are kept, so small ones collapse; each order gives the same bytes.
TEST(QuantileSketch, CollapsesTheSmallestMagnitudesInAnyOrder) {
  Values values;
  for (int i = 0; i < 6000; ++i) values.push_back((i % 3 == 0 ? -1 : 1) * std::exp(0.0101 * i - 20));
  values.push_back(0);
  Values sorted = values;
  std::sort(sorted.begin(), sorted.end());
  std::mt19937_64 random{5};
  const QuantileSketch ascending = sketch_of(sorted);
  for (int round = 0; round < 10; ++round) {
    std::shuffle(values.begin(), values.end(), random);
    std::vector<QuantileSketch> parts(1 + static_cast<std::size_t>(round));
    for (std::size_t i = 0; i < values.size(); ++i) parts[i % parts.size()].add(values[i]);
    for (std::size_t i = 1; i < parts.size(); ++i) parts[0].merge(parts[i]);
    for (double q = 0; q <= 1; q += 0.001) ASSERT_EQ(parts[0].quantile(q), ascending.quantile(q));
    // All but the sum's last digits: format, alpha, size (2 bytes), min, max and the buckets behind the sum.
    ASSERT_EQ(encoded(parts[0]).substr(0, 27), encoded(ascending).substr(0, 27));
    ASSERT_EQ(encoded(parts[0]).substr(35), encoded(ascending).substr(35));
  }
  EXPECT_LE(ascending.memory_bytes(), sizeof ascending + 2 * 16 * (2 * QuantileSketch::kMagnitudesMax + 2));
  // The 95th percentile is among the kept magnitudes and keeps its guarantee; zero stays itself.
  const double exact = sorted[static_cast<std::size_t>(std::ceil(0.95 * 6001)) - 1];
  EXPECT_NEAR(ascending.quantile(0.95), exact, 0.005 * exact * (1 + 1e-9));
  EXPECT_EQ(ascending.quantile(2001 / 6001.0), 0);
  std::string bytes = encoded(ascending);
  std::string_view in = bytes;
  QuantileSketch read;
  EXPECT_TRUE(QuantileSketch::decode(in, read));
}

TEST(QuantileSketch, CollapsesWithOneSignOnly) {
  for (const double sign : {-1.0, 1.0}) {
    Values values;
    for (int i = 0; i < 5000; ++i) values.push_back(sign * std::exp(0.0101 * i));
    QuantileSketch sketch = sketch_of(values);
    sketch.merge(sketch_of({values.rbegin(), values.rend()}));
    sketch.add(sign);
    EXPECT_EQ(sketch.count(), 10001U);
    std::string bytes = encoded(sketch);
    std::string_view in = bytes;
    QuantileSketch read;
    ASSERT_TRUE(QuantileSketch::decode(in, read));
    EXPECT_EQ(encoded(read), bytes);
    const double large = values[4900];
    EXPECT_NEAR(sketch.quantile(sign > 0 ? 0.9801 : 0.0199), large, 0.011 * std::abs(large));
  }
}

TEST(QuantileSketch, DecodesWhatItEncoded) {
  for (const std::size_t n : {0, 1, 5, 3000}) {
    for (const auto& [name, values] : distributions(n)) {
      const QuantileSketch sketch = sketch_of(values);
      const std::string bytes = encoded(sketch) + "rest";
      std::string_view in = bytes;
      QuantileSketch read{0.1};
      ASSERT_TRUE(QuantileSketch::decode(in, read)) << name;
      EXPECT_EQ(in, "rest");
      EXPECT_EQ(encoded(read), encoded(sketch));
      EXPECT_EQ(read.count(), sketch.count());
      for (std::size_t size = 0; size + 4 < bytes.size(); ++size) {
        std::string_view cut = std::string_view{bytes}.substr(0, size);
        ASSERT_FALSE(QuantileSketch::decode(cut, read)) << name << size;
        ASSERT_EQ(cut.size(), size);
      }
    }
  }
  // The format is part of the state format: alpha 0.5, values 1 and 1.
  EXPECT_EQ(encoded(sketch_of({1, 1}, 0.5)),
            std::string("\x01\0\0\0\0\0\0\xe0\x3f\x01\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40"
                        "\x80\x80\x80\x80\x08\x02",
                        40));
}

TEST(QuantileSketch, RefusesOrReadsRandomBytesButNeverBreaks) {
  std::mt19937_64 random{23};
  int accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string bytes = encoded(sketch_of(generate(random() % 8, std::normal_distribution<double>{0, 9})));
    const std::size_t first = random() % 3 == 0 ? 0 : std::min<std::size_t>(bytes.size() - 1, 9);
    for (std::size_t change = 1 + random() % 4; change > 0; --change) {
      bytes[first + random() % (bytes.size() - first)] = static_cast<char>(random());
    }
    std::string_view in = bytes;
    QuantileSketch read;
    if (!QuantileSketch::decode(in, read)) continue;
    ++accepted;
    ASSERT_EQ(encoded(read), bytes.substr(0, bytes.size() - in.size()));
    read.merge(sketch_of({-1, 0, 2}));
    const double median = read.quantile(0.5);
    ASSERT_TRUE(median >= read.min() && median <= read.max());
  }
  EXPECT_GT(accepted, 1000);  // else the test changed too much to reach the checks behind the first
}

TEST(QuantileSketch, StaysSmallForFewValues) {
  EXPECT_LE(sketch_of({4, 8, 15, 16, 23}).memory_bytes(), sizeof(QuantileSketch) + 8 * 16);
  EXPECT_LE(sketch_of(Values(100000, 42.0)).memory_bytes(), sizeof(QuantileSketch) + 16);
}

}  // namespace
}  // namespace millstream
