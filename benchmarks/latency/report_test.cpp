// What the latency benchmark keeps by interval, and what it says of few samples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <vector>

#include "latency/checkpoint_watch.hpp"
#include "latency/report.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace latency {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(IntervalHistogram, IsNeverTooShortAndLittleTooLong) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random{seed};
    std::vector<std::int64_t> values(1 + random() % 3000);
    IntervalHistogram a;
    IntervalHistogram b;
    for (std::int64_t& value : values) {
      value = static_cast<std::int64_t>(random() >> (22 + random() % 42));
      (random() % 2 == 0 ? a : b).record(value);
    }
    a.merge(b);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(a.count(), values.size());
    EXPECT_EQ(a.max(), std::min<std::int64_t>(values.back(), 3'600'000'000'000));
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 1.0}) {
      const auto rank =
          std::max<std::size_t>(static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()))), 1);
      const std::int64_t exact = std::min<std::int64_t>(values[rank - 1], 3'600'000'000'000);
      EXPECT_GE(a.quantile(q), exact) << seed << ' ' << q;
      EXPECT_LE(static_cast<double>(a.quantile(q)), static_cast<double>(exact) * 1.032) << seed << ' ' << q;
    }
  }
}

TEST(IntervalHistogram, TakesWhatIsOutOfItsRange) {
  IntervalHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  histogram.record(-5);
  EXPECT_EQ(histogram.quantile(1), 0);
  histogram.record(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(histogram.quantile(1), 3'600'000'000'000);
}

TEST(Timeline, PutsARecordWhereItWasDue) {
  Timeline timeline{3, 100};
  for (const std::int64_t offset : {0, 99, 100, 250, 299, 50}) timeline.record(offset, offset);
  // Ahead of what is measured, behind it, and what shall not count.
  for (const std::int64_t offset : {std::int64_t{-1}, std::int64_t{300}, std::numeric_limits<std::int64_t>::max()}) {
    timeline.record(offset, 1'000'000);
  }
  std::vector<std::uint64_t> counts;
  std::vector<std::int64_t> longest;
  for (const IntervalHistogram& each : timeline.intervals()) {
    counts.push_back(each.count());
    longest.push_back(each.max());
  }
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{3, 1, 2}));
  EXPECT_EQ(longest, (std::vector<std::int64_t>{99, 100, 299}));
  EXPECT_FALSE(Timeline{}.keeps());
}

TEST(OverTime, PutsRoundsOneBehindTheOther) {
  const Settings settings{.duration = milliseconds{400}, .rounds = 2, .intervals = 2};
  std::vector<Round> rounds(2);
  for (Round& round : rounds) round.over_time.resize(2);
  rounds[0].over_time[1].record(3000);
  rounds[0].checkpoint_spans = {{0.1, 0.15}};
  rounds[1].over_time[0].record(5000);
  rounds[1].checkpoint_spans = {{0.1, 0.4}};
  const OverTime all = over_time_of(settings, rounds);
  EXPECT_DOUBLE_EQ(all.interval_seconds, 0.2);
  EXPECT_EQ(all.results, (std::vector<std::uint64_t>{0, 1, 1, 0}));
  EXPECT_EQ(all.max_us, (std::vector<double>{0, 3, 5, 0}));
  EXPECT_EQ(all.p50_us, all.max_us);
  EXPECT_EQ(all.checkpoint_begin_seconds, (std::vector<double>{0.1, 0.5}));
  EXPECT_EQ(all.checkpoint_end_seconds, (std::vector<double>{0.15, 0.8}));
}

TEST(Percentiles, LeaveOutWhatFewSamplesCannotSay) {
  millstream::LatencyHistogram histogram;
  histogram.record_n(nanoseconds{1000}, 99'999);
  EXPECT_FALSE(percentiles_of(histogram).p99_99.has_value());
  histogram.record(nanoseconds{1000});
  EXPECT_EQ(percentiles_of(histogram).p99_99, 1.0);
}

TEST(CheckpointWatch, SeesFromTheFirstFileToTheMarker) {
  millstream::ManualClock clock;
  millstream::testing::MemoryFileSystem disk{clock};
  CheckpointWatch watch{disk, clock};
  ASSERT_TRUE(watch.make_private_folder("state").ok());
  const auto after = [&](int ms) { clock.advance(milliseconds{ms}); };
  const auto create = [&](const std::string& name) { ASSERT_TRUE(watch.create_private("state/" + name).has_value()); };
  const std::int64_t start = clock.monotonic_ns();
  after(10);
  create("a.segment");
  after(5);
  create("manifest.tmp");
  ASSERT_TRUE(watch.rename("state/manifest.tmp", "state/manifest").ok());
  EXPECT_TRUE(watch.marks().empty());
  create("COMMITTED.tmp");
  after(2);
  ASSERT_TRUE(watch.rename("state/COMMITTED.tmp", "state/COMMITTED").ok());
  after(100);
  create("b.segment");
  after(1);
  EXPECT_FALSE(watch.rename("state/nothing", "state/COMMITTED").ok());
  const std::vector<CheckpointMark> marks = watch.marks();
  ASSERT_EQ(marks.size(), 1);
  EXPECT_EQ(marks[0].begin_ns - start, 10'000'000);
  EXPECT_EQ(marks[0].end_ns - start, 17'000'000);
}

}  // namespace
}  // namespace latency
