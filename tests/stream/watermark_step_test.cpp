// How fine the marks of a graph are where stages ask for different things.
#include <gtest/gtest.h>

#include "millstream/millstream.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

struct Visit {
  std::int64_t user = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Visit, (), (user, at))

/// Emits user -1 a second after each visit.
struct Timeout {
  void process(const Visit& visit, Collector<Visit>& out, OperatorContext& c) {
    c.timers().register_event_time(visit.at + 1s);
    out.emit(visit);
  }
  void on_timer(const Timer& timer, Collector<Visit>& out) { out.emit({-1, timer.time}); }
};
struct Watcher {
  void process(const Visit& visit, Collector<Visit>& out) { out.emit(visit); }
  void on_watermark(Timestamp, Collector<Visit>&) {}
};
struct Plain {
  void process(const Visit& visit, Collector<Visit>& out) { out.emit(visit); }
};

template <class Op>
Duration step_with(Op op, const TimeWindow& window) {
  Dataflow flow{"steps"};
  auto visits =
      flow.from(memory::source(std::vector<Visit>{})).event_time(&Visit::at, monotonic()).key_by(&Visit::user);
  visits.process(std::move(op)).to(memory::sink<Visit>());
  visits.window(window).aggregate(count()).to(memory::sink<WindowResult<std::int64_t, std::int64_t>>());
  return flow.graph().watermark_step();
}

TEST(WatermarkStep, IsOneMillisecondForAnOperatorThatSeesTheWatermark) {
  EXPECT_EQ(step_with(Plain{}, tumbling(1h)), 1h);
  EXPECT_EQ(step_with(Timeout{}, tumbling(1h)), 1ms);
  EXPECT_EQ(step_with(Watcher{}, tumbling(1h)), 1ms);
  EXPECT_EQ(step_with([] { return Timeout{}; }, tumbling(1h)), 1ms);
  EXPECT_EQ(step_with(Timeout{}, tumbling(1500us)), 500us);
}

// The windows beside it do not hold its timers back.
TEST(WatermarkStep, TimersFireInTheirTimeBesideLongWindows) {
  std::vector<Visit> visits;
  for (std::int64_t n = 0; n < 20; ++n) visits.push_back({n, Timestamp{n * 10s}});
  Dataflow flow{"timeouts"};
  auto keyed = flow.from(memory::source(visits)).event_time(&Visit::at, monotonic()).key_by(&Visit::user);
  auto out = memory::sink<Visit>();
  keyed.process(Timeout{}).to(out);
  keyed.window(tumbling(1h)).aggregate(count()).to(memory::sink<WindowResult<std::int64_t, std::int64_t>>());
  const auto result = testing::Simulator{{.seed = 3, .shards = 1}}.run(flow);
  ASSERT_TRUE(result.ok()) << result.status.to_string();
  const std::vector<Visit> records = out.records();
  ASSERT_EQ(records.size(), 40U);
  // The mark stands behind the record that reaches it: the next visit, then the timer before it.
  for (std::size_t n = 1; n + 1 < 20; ++n) {
    EXPECT_EQ(records[2 * n].user, -1) << n;
    EXPECT_EQ(records[2 * n - 1].user, static_cast<std::int64_t>(n)) << n;
  }
}

}  // namespace
}  // namespace millstream
