// The latency histograms against exact sorted values, their text and binary forms, and snapshots during recording.
#include "millstream/core/histogram.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <random>
#include <thread>
#include <vector>

namespace millstream {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

using Values = std::vector<std::int64_t>;

Values generate(std::size_t n, const std::function<double(std::mt19937_64&)>& draw) {
  std::mt19937_64 random{n};
  Values values;
  for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<std::int64_t>(draw(random)));
  return values;
}

LatencyHistogram recorded(const Values& values) {
  LatencyHistogram histogram;
  for (const std::int64_t value : values) histogram.record(nanoseconds{value});
  return histogram;
}

std::string encoded(const LatencyHistogram& histogram) {
  std::string bytes;
  histogram.encode(bytes);
  return bytes;
}

void expect_exact(Values values, const LatencyHistogram& histogram) {
  std::sort(values.begin(), values.end());
  ASSERT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.min().count(), values.front());
  EXPECT_EQ(histogram.max().count(), values.back());
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  EXPECT_NEAR(static_cast<double>(histogram.mean().count()), mean, 0.0005 * mean + 0.51);
  for (int permyriad = 0; permyriad <= 10000; permyriad += 5) {
    const std::size_t rank =
        std::max<std::size_t>(1, (static_cast<std::size_t>(permyriad) * values.size() + 9999) / 10000);
    const std::int64_t exact = values[rank - 1];
    const std::int64_t reported = histogram.quantile(permyriad / 10000.0).count();
    ASSERT_GE(reported, exact) << permyriad;
    ASSERT_LE(static_cast<double>(reported - exact), 0.001 * static_cast<double>(exact)) << permyriad;
  }
}

TEST(LatencyHistogram, EveryQuantileIsWithinATenthOfAPercent) {
  std::lognormal_distribution<double> lognormal{11, 3};
  std::uniform_real_distribution<double> uniform{0, 3.6e12};
  std::uniform_real_distribution<double> exponent{0, 12.5};
  const auto capped = [&](std::mt19937_64& r) { return std::min(lognormal(r), 3.6e12); };
  for (const std::size_t n : {1, 2, 3, 10, 100, 20000}) {
    for (const Values& values : {generate(n, [&](auto& r) { return uniform(r); }), generate(n, capped),
                                 generate(n, [&](auto& r) { return std::pow(10, exponent(r)); }),
                                 generate(n, [](auto&) { return 123456789.0; }),
                                 generate(n, [](auto& r) { return static_cast<double>(r() % 2048); })}) {
      expect_exact(values, recorded(values));
    }
  }
}

TEST(LatencyHistogram, IsExactAroundEveryPowerOfTwo) {
  for (std::int64_t power = 1; power < detail::kHistogramMax; power *= 2) {
    for (const std::int64_t value : {power - 1, power, power + 1}) {
      if (value > detail::kHistogramMax) continue;
      LatencyHistogram histogram = recorded({value, value, detail::kHistogramMax});
      const std::int64_t median = histogram.quantile(0.5).count();
      EXPECT_GE(median, value);
      EXPECT_LE(median - value, value / 1000);
      if (value < 2048) {
        EXPECT_EQ(median, value);
      }
    }
  }
}

TEST(LatencyHistogram, SaturatesAtItsEnds) {
  LatencyHistogram histogram;
  histogram.record(nanoseconds::min());
  histogram.record(nanoseconds::max());
  EXPECT_EQ(histogram.min(), 0ns);
  EXPECT_EQ(histogram.max(), 1h);
  EXPECT_EQ(histogram.quantile(1), 1h);
  histogram.record_n(5us, ~std::uint64_t{0});
  histogram.record_n(5us, 7);
  EXPECT_EQ(histogram.count(), ~std::uint64_t{0});
  EXPECT_NEAR(static_cast<double>(histogram.quantile(0.5).count()), 5000, 5);
}

TEST(LatencyHistogram, EmptyIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  for (const nanoseconds value : {histogram.min(), histogram.max(), histogram.mean(), histogram.quantile(0.99)}) {
    EXPECT_EQ(value, 0ns);
  }
  EXPECT_NE(histogram.hgrm().find("Total count    =            0"), std::string::npos);
}

TEST(LatencyHistogram, DecimalQuantilesMeanWhatTheySay) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(nanoseconds{i});
  for (int percent = 1; percent <= 100; ++percent) EXPECT_EQ(histogram.quantile(percent / 100.0).count(), percent);
  EXPECT_EQ(histogram.quantile(0), 1ns);
  EXPECT_EQ(histogram.quantile(-1), 1ns);
  EXPECT_EQ(histogram.quantile(2), 100ns);
  EXPECT_EQ(histogram.quantile(std::nan("")), 1ns);
}

TEST(LatencyHistogram, MergingEqualsRecordingEverything) {
  std::lognormal_distribution<double> lognormal{13, 2};
  const Values values = generate(3000, [&](auto& r) { return lognormal(r); });
  const Values some{values.begin(), values.begin() + 700};
  const Values others{values.begin() + 700, values.end()};
  LatencyHistogram merged = recorded(some);
  merged.merge(recorded(others));
  merged.merge(LatencyHistogram{});
  LatencyHistogram reversed;
  reversed.merge(recorded(others));
  reversed.merge(recorded(some));
  EXPECT_EQ(encoded(merged), encoded(recorded(values)));
  EXPECT_EQ(encoded(reversed), encoded(recorded(values)));
  const LatencyHistogram copy = merged;
  merged.record(1s);
  EXPECT_EQ(copy.count() + 1, merged.count());
}

TEST(LatencyHistogram, WritesThePercentileDistribution) {
  LatencyHistogram histogram;
  histogram.record_n(1us, 3);
  histogram.record(2us);
  EXPECT_EQ(histogram.hgrm(),
            "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
            "       1.000 0.000000000000          3           1.00\n"
            "       1.000 0.100000000000          3           1.11\n"
            "       1.000 0.200000000000          3           1.25\n"
            "       1.000 0.300000000000          3           1.43\n"
            "       1.000 0.400000000000          3           1.67\n"
            "       1.000 0.500000000000          3           2.00\n"
            "       1.000 0.550000000000          3           2.22\n"
            "       1.000 0.600000000000          3           2.50\n"
            "       1.000 0.650000000000          3           2.86\n"
            "       1.000 0.700000000000          3           3.33\n"
            "       1.000 0.750000000000          3           4.00\n"
            "       2.000 0.775000000000          4           4.44\n"
            "       2.000 1.000000000000          4\n"
            "#[Mean    =        1.250, StdDeviation   =        0.433]\n"
            "#[Max     =        2.000, Total count    =            4]\n"
            "#[Buckets =           32, SubBuckets     =         2048]\n");
  EXPECT_NE(histogram.hgrm(1ns).find("    1000.000 0.000000000000          3"), std::string::npos);
}

TEST(LatencyHistogram, TextEndsForAnyCounts) {
  LatencyHistogram histogram;
  histogram.record_n(1us, std::uint64_t{1} << 63);
  histogram.record(1s);
  const std::string text = histogram.hgrm();
  EXPECT_LT(text.size(), 50000U);
  EXPECT_NE(text.find(" 1000000.000 1.000000000000 9223372036854775809\n"), std::string::npos);
}

TEST(LatencyHistogram, DecodesWhatItEncoded) {
  std::lognormal_distribution<double> lognormal{13, 2};
  for (const std::size_t n : {0, 1, 2, 1000}) {
    const LatencyHistogram histogram = recorded(generate(n, [&](auto& r) { return lognormal(r); }));
    const std::string bytes = encoded(histogram) + "rest";
    std::string_view in = bytes;
    LatencyHistogram read = recorded({1, 2, 3});
    ASSERT_TRUE(LatencyHistogram::decode(in, read));
    EXPECT_EQ(in, "rest");
    EXPECT_EQ(encoded(read), encoded(histogram));
    EXPECT_EQ(read.quantile(0.9), histogram.quantile(0.9));
    for (std::size_t size = 0; size + 4 < bytes.size(); size += 1 + n / 50) {
      std::string_view cut = std::string_view{bytes}.substr(0, size);
      ASSERT_FALSE(LatencyHistogram::decode(cut, read)) << size;
      ASSERT_EQ(cut.size(), size);
    }
  }
  EXPECT_EQ(encoded(recorded({5, 5, 7})), std::string("\x01\x02\x05\x07\x05\x02\x01\x01", 8));
}

TEST(LatencyHistogram, RefusesOrReadsRandomBytesButNeverBreaks) {
  std::mt19937_64 random{7};
  const std::string good = encoded(recorded(generate(50, [](auto& r) { return static_cast<double>(r() >> 30); })));
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = good;
    if (round % 2 == 0) bytes.assign(1, '\x01').resize(1 + random() % 40);
    for (int change = 0; change < 4; ++change) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 2 == 0) bytes[0] = 1;
    std::string_view in = bytes;
    LatencyHistogram read;
    if (!LatencyHistogram::decode(in, read)) continue;
    EXPECT_EQ(encoded(read), bytes.substr(0, bytes.size() - in.size()));
    EXPECT_LE(read.min(), read.quantile(0.5));
    EXPECT_LE(read.quantile(0.5), read.max());
  }
}

TEST(ConcurrentHistogram, SnapshotEqualsAPlainHistogram) {
  ConcurrentHistogram concurrent;
  EXPECT_EQ(encoded(concurrent.snapshot()), encoded(LatencyHistogram{}));
  std::lognormal_distribution<double> lognormal{13, 3};
  const Values values = generate(5000, [&](auto& r) { return lognormal(r); });
  for (const std::int64_t value : values) concurrent.record(nanoseconds{value});
  concurrent.record_n(3h, 2);
  concurrent.record_n(1s, 0);
  LatencyHistogram plain = recorded(values);
  plain.record_n(3h, 2);
  EXPECT_EQ(encoded(concurrent.snapshot()), encoded(plain));
}

TEST(ConcurrentHistogram, SnapshotsDuringRecordingAreConsistentAndGrow) {
  ConcurrentHistogram concurrent;
  constexpr std::uint64_t kRecords = 300000;
  std::atomic<bool> done{false};
  std::thread writer{[&] {
    std::mt19937_64 random{3};
    for (std::uint64_t i = 0; i < kRecords; ++i) concurrent.record(nanoseconds{1000 + random() % 100000});
    done.store(true, std::memory_order_release);  // pairs with the acquire in the reading loop
  }};
  std::uint64_t before = 0;
  while (!done.load(std::memory_order_acquire)) {
    const LatencyHistogram seen = concurrent.snapshot();
    EXPECT_GE(seen.count(), before);
    before = seen.count();
    std::string bytes = encoded(seen);
    std::string_view in = bytes;
    LatencyHistogram read;
    EXPECT_TRUE(LatencyHistogram::decode(in, read)) << "inconsistent snapshot";
  }
  writer.join();
  EXPECT_EQ(concurrent.snapshot().count(), kRecords);
}

}  // namespace
}  // namespace millstream
