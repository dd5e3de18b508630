// keep_while_open() of time windows: a record behind its own split's watermark counts while another split keeps its
// window open.
#include <gtest/gtest.h>

#include "millstream/millstream.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

struct Reading {
  std::int64_t value = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Reading, (), (value, at))

Timestamp second(int n) { return Timestamp{n * 1s}; }

// The first split is far ahead when its last record comes; the second one stays in the first window for an hour.
struct TwoSplits {
  SplitContext* context = nullptr;
  int polls = 0;
  std::vector<Split> splits(SourceContext&) const { return {{"ahead"}, {"behind"}}; }
  void open(SplitContext& c) { context = &c; }
  Poll poll(SourceOutput<Reading>& out) {
    if (context->split_number() == 0) {
      out.emit(Reading{1, second(1)});
      out.emit(Reading{2, second(20)});
      out.emit(Reading{3, second(2)});
      return Poll::done();
    }
    if (++polls == 1) out.emit(Reading{4, second(1)});
    const Timestamp until = second(3'600);
    if (context->clock().now() < until) return Poll::idle_until(until);
    out.emit(Reading{5, second(30)});
    return Poll::done();
  }
};

struct Outcome {
  std::int64_t first_window = 0;
  std::vector<Late<Reading>> late;
};
Outcome run_windows(bool keep, std::uint64_t seed) {
  auto counts = memory::sink<WindowResult<int, std::int64_t>>();
  auto late = memory::sink<Late<Reading>>();
  Dataflow flow{"readings"};
  auto windows = flow.from(TwoSplits{})
                     .event_time(&Reading::at, monotonic())
                     .key_by([](const Reading&) { return 0; })
                     .window(tumbling(5s));
  if (keep) windows = windows.keep_while_open();
  auto counted = windows.aggregate(count());
  counted.to(counts);
  counted.side_output(late_records<Reading>).to(late);
  const auto shards = static_cast<std::uint32_t>(1 + seed % 3);
  const auto result = testing::Simulator{{.seed = seed, .shards = shards, .batch = 4, .exchange_slots = 2}}.run(flow);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  Outcome outcome{0, late.records()};
  for (const auto& each : counts.records()) {
    if (each.window_start != second(0)) continue;
    EXPECT_EQ(outcome.first_window, 0) << "fires once";
    outcome.first_window = each.value;
  }
  return outcome;
}

TEST(KeepWhileOpen, CountsWhatIsLateOnlyForItsOwnSplit) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Outcome by_split = run_windows(false, seed);
    EXPECT_EQ(by_split.first_window, 2);
    ASSERT_EQ(by_split.late.size(), 1U);
    EXPECT_EQ(by_split.late[0].record.value, 3);
    EXPECT_EQ(by_split.late[0].late_by, 18s);
    const Outcome kept = run_windows(true, seed);
    EXPECT_EQ(kept.first_window, 3);
    EXPECT_TRUE(kept.late.empty());
  }
}

}  // namespace
}  // namespace millstream
