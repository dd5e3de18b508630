// Event times that are given behind other stages: what comes out of them still belongs to the split of its input.
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

// Two splits, each in the order of its times, ten seconds apart: nothing is late by its own split's watermark.
std::vector<std::vector<Visit>> two_splits() {
  std::vector<std::vector<Visit>> splits(2);
  for (std::int64_t n = 0; n < 2000; ++n) {
    splits[0].push_back({1, Timestamp{10s + n * 1ms}});
    splits[1].push_back({2, Timestamp{n * 1ms}});
  }
  return splits;
}

using Counted = WindowResult<std::int64_t, std::int64_t>;

// Records in each window by user and start, whatever `stage` the event times stand behind.
template <class Stage>
void expect_all_in_time(Stage&& stage) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Dataflow flow{"times"};
    auto late = memory::sink<Late<Visit>>();
    auto out = memory::sink<Counted>();
    auto counts = stage(flow.from(memory::split_source(two_splits())))
                      .event_time(&Visit::at, monotonic())
                      .key_by(&Visit::user)
                      .window(tumbling(1s))
                      .aggregate(count());
    counts.to(out);
    counts.side_output(late_records<Visit>).to(late);
    const auto result =
        testing::Simulator{{.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3), .batch = 64}}.run(flow);
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
    EXPECT_EQ(late.size(), 0U) << "seed " << seed;
    EXPECT_EQ(out.size(), 4U) << "seed " << seed;
    for (const Counted& each : out.records()) EXPECT_EQ(each.value, 1000) << "seed " << seed;
  }
}

TEST(LateEventTime, BehindAMap) {
  expect_all_in_time([](Stream<Visit> s) { return s.map([](const Visit& v) { return v; }); });
}
TEST(LateEventTime, BehindAFlatMap) {
  expect_all_in_time(
      [](Stream<Visit> s) { return s.flat_map<Visit>([](const Visit& v, Collector<Visit>& out) { out.emit(v); }); });
}
TEST(LateEventTime, BehindAProcess) {
  expect_all_in_time(
      [](Stream<Visit> s) { return s.process<Visit>([](const Visit& v, Collector<Visit>& out) { out.emit(v); }); });
}
// Results of one split come out in several batches, and those of some inputs not at all.
TEST(LateEventTime, BehindAFlatMapThatSkipsAndRepeats) {
  expect_all_in_time([](Stream<Visit> s) {
    return s
        .flat_map<Visit>([](const Visit& v, Collector<Visit>& out) {
          for (int n = 0; n < 3; ++n) out.emit({n == 0 ? v.user : -1, v.at});
        })
        .flat_map<Visit>([](const Visit& v, Collector<Visit>& out) {
          if (v.user >= 0) out.emit(v);
        });
  });
}

}  // namespace
}  // namespace millstream
