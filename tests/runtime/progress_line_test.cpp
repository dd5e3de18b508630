// The progress line: what it says, that it fits into one row of a terminal, and that it is seen there and nowhere else.
#include "runtime/progress_line.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "runtime/jobs.hpp"
#include "runtime/pseudo_terminal.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

JobMetrics snapshot(std::chrono::nanoseconds elapsed, std::uint64_t in, std::uint64_t out) {
  JobMetrics metrics;
  metrics.elapsed = elapsed;
  metrics.records_in = in;
  metrics.records_out = out;
  metrics.shards = {{0s, 0s, elapsed, {}}, {elapsed, 0s, 0s, {}}};
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

TEST(ProgressLine, SaysLatencyInOneUnitWhereItCan) {
  const auto text = [](std::chrono::nanoseconds median, std::chrono::nanoseconds p99) {
    const JobMetrics before = snapshot(1s, 0, 0);
    JobMetrics now = snapshot(2s, 1, 1);
    LatencyHistogram latencies;
    for (int i = 0; i < 90; ++i) latencies.record(median);
    for (int i = 0; i < 10; ++i) latencies.record(p99);
    now.latency = latencies;
    return progress_text(before, now, kWall, 80);
  };
  EXPECT_EQ(text(300us, 1ms), "1 in, 1/s, 1 out, blocked 50 %, p50/p99 0.3/1.0 ms");
  EXPECT_EQ(text(2s, 20s), "1 in, 1/s, 1 out, blocked 50 %, p50/p99 2.0/20.0 s");
  EXPECT_EQ(text(20us, 200us), "1 in, 1/s, 1 out, blocked 50 %, p50/p99 20/200 us");
  EXPECT_EQ(text(20us, 20s), "1 in, 1/s, 1 out, blocked 50 %, p50/p99 20 us/20.0 s");
}

TEST(ProgressLine, IsShorterThanTheTerminalIsWide) {
  LatencyHistogram latencies;
  latencies.record(1'234'567'890ns);
  const JobMetrics before = snapshot(1s, 0, 0);
  JobMetrics now = snapshot(2s, 123'456'789'012, 123'456'789'012);
  now.latency = latencies;
  add_watermark(now, Timestamp{Duration{1}});
  const std::string whole = progress_text(before, now, kWall, 80);
  EXPECT_EQ(whole, "123.5G in, 123.5G/s, 123.5G out, blocked 50 %, p50/p99 1.2/1.2 s");
  EXPECT_LT(whole.size(), 80U);
  // The latency is said first: the delay is what a narrow terminal does not show.
  EXPECT_EQ(progress_text(before, now, kWall, 100), whole + ", 20356 d behind");
  for (const std::size_t columns : {0U, 1U, 2U, 20U, 40U, 60U, 79U}) {
    EXPECT_LE(progress_text(before, now, kWall, columns).size(), columns == 0 ? 0 : columns - 1) << columns;
  }
  EXPECT_EQ(progress_text(before, now, kWall, 50), "123.5G in, 123.5G/s, 123.5G out, blocked 50 %");
}

// Runs a job for a while with this as its stderr.
void run_with_stderr(int descriptor, bool progress_line) {
  std::fflush(stderr);
  const int before = ::dup(STDERR_FILENO);
  ASSERT_GE(before, 0);
  ASSERT_EQ(::dup2(descriptor, STDERR_FILENO), STDERR_FILENO);
  {
    Dataflow flow{"shown"};
    flow.from(test::EndlessSource{test::make_counts()}).to(test::CountingSink{test::make_counts(), 100us});
    RunOptions options = test::quiet(1);
    options.progress_line = progress_line;
    Job job = start(flow, options);
    std::this_thread::sleep_for(2500ms);
    job.cancel();
    job.wait();
  }
  std::fflush(stderr);
  ::dup2(before, STDERR_FILENO);
  ::close(before);
}

TEST(ProgressLine, IsSeenOnATerminal) {
  test::PseudoTerminal terminal{60, 24};
  run_with_stderr(terminal.terminal(), true);
  const std::string text = terminal.read_to_end();
  // Drawn over itself in one row, and cleared at the end.
  EXPECT_TRUE(text.starts_with("\r\x1b[K")) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
  EXPECT_EQ(text.find('\n'), text.npos) << text;
  EXPECT_NE(text.find(" in, "), text.npos) << text;
  EXPECT_NE(text.find("/s, "), text.npos) << text;
  EXPECT_NE(text.find("blocked "), text.npos) << text;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\r', from + 1), text.size());
    EXPECT_LT(end - from, 60U + 4) << text.substr(from, end - from);
    from = end;
  }
}

TEST(ProgressLine, IsQuietWhereNobodyAskedForIt) {
  test::PseudoTerminal terminal{60, 24};
  run_with_stderr(terminal.terminal(), false);
  EXPECT_EQ(terminal.read_to_end(), "");
}

TEST(ProgressLine, IsQuietWithoutATerminal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  run_with_stderr(ends[1], true);
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "the line is in a pipe";
  ::close(ends[0]);
}

}  // namespace
}  // namespace millstream
