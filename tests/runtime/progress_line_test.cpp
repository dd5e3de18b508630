// The progress line: what it says, and that it fits into one row of a terminal.
#include "runtime/progress_line.hpp"

#include <gtest/gtest.h>

namespace millstream {
namespace {

using namespace std::chrono_literals;

JobMetrics snapshot(std::chrono::nanoseconds elapsed, std::uint64_t in, std::uint64_t out) {
  JobMetrics metrics;
  metrics.elapsed = elapsed;
  metrics.records_in = in;
  metrics.records_out = out;
  metrics.shards = {{0s, 0s, elapsed}, {elapsed, 0s, 0s}};
  return metrics;
}
void add_watermark(JobMetrics& metrics, Timestamp watermark) {
  StageReport& stage = metrics.stages.emplace_back();
  stage.watermark = watermark;
}

const Timestamp kWall = parse_timestamp("2025-09-25T00:00:00Z").value();

TEST(ProgressLine, SaysRatePressureAndDelay) {
  const JobMetrics before = snapshot(1s, 1'000'000, 10);
  JobMetrics now = snapshot(3s, 4'000'000, 999);
  EXPECT_EQ(progress_text(before, now, kWall, 80), "4.0M in, 1.5M/s, 999 out, blocked 50 %");
  add_watermark(now, kTimestampMin);  // a stage without event time
  EXPECT_EQ(progress_text(before, now, kWall, 80), "4.0M in, 1.5M/s, 999 out, blocked 50 %");
  add_watermark(now, saturating_sub(kWall, 1500ms));
  EXPECT_EQ(progress_text(before, now, kWall, 80), "4.0M in, 1.5M/s, 999 out, blocked 50 %, 1.5 s behind");
  // A replay of old data; 1970 is an instant like any other.
  add_watermark(now, Timestamp{Duration{0}});
  EXPECT_EQ(progress_text(before, now, kWall, 80), "4.0M in, 1.5M/s, 999 out, blocked 50 %, 20356 d behind");
}

TEST(ProgressLine, IsShorterThanTheTerminalIsWide) {
  LatencyHistogram latencies;
  latencies.record(1'234'567'890ns);
  const JobMetrics before = snapshot(1s, 0, 0);
  JobMetrics now = snapshot(2s, 123'456'789'012, 123'456'789'012);
  now.latency = latencies;
  add_watermark(now, Timestamp{Duration{1}});
  const std::string whole = progress_text(before, now, kWall, 80);
  EXPECT_EQ(whole, "123.5G in, 123.5G/s, 123.5G out, blocked 50 %, 20356 d behind, p99 1.2 s");
  EXPECT_LT(whole.size(), 80U);
  for (const std::size_t columns : {0U, 1U, 2U, 20U, 40U, 60U, 79U}) {
    EXPECT_LE(progress_text(before, now, kWall, columns).size(), columns == 0 ? 0 : columns - 1) << columns;
  }
  EXPECT_EQ(progress_text(before, now, kWall, 50), "123.5G in, 123.5G/s, 123.5G out, blocked 50 %");
}

}  // namespace
}  // namespace millstream
