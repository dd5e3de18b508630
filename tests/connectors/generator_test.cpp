// The generator: determinism, splits, restarts and pacing.
#include "millstream/connectors/generator.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "connectors/drive.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream::inline v0 {
namespace {

using namespace std::chrono_literals;
using Number = std::uint64_t;
using Reader = testing::SplitReader<Number, generator::Source<Number>>;

generator::Source<Number> random_numbers(std::uint64_t count, std::uint32_t splits, std::uint64_t seed) {
  return generator::source<Number>(
      {.make = [](std::uint64_t, Random& random) { return random(); }, .count = count, .splits = splits, .seed = seed});
}

TEST(Generator, MakesRecordsByTheirNumber) {
  const auto squares = generator::source<Number>({.make = [](std::uint64_t i) { return i * i; }, .count = 1000});
  const auto records = testing::read_all<Number>(squares);
  ASSERT_EQ(records.size(), 1000U);
  for (std::size_t i = 0; i < records.size(); ++i) ASSERT_EQ(records[i], i * i);
}

TEST(Generator, MakesTheSameRecordsForAnyNumberOfSplits) {
  auto expected = testing::read_all<Number>(random_numbers(1001, 1, 5));
  EXPECT_NE(expected, testing::read_all<Number>(random_numbers(1001, 1, 6)));
  std::sort(expected.begin(), expected.end());
  for (const std::uint32_t splits : {2U, 3U, 1001U, 2000U}) {
    auto records = testing::read_all<Number>(random_numbers(1001, splits, 5));
    std::sort(records.begin(), records.end());
    EXPECT_EQ(records, expected) << splits;
  }
}

TEST(Generator, GoesOnAtAPosition) {
  Random random{3};
  const auto source = random_numbers(500, 1, 9);
  EXPECT_EQ(testing::read_with_restarts<Number>(source, {"0", {}}, random), testing::read_all<Number>(source));
}

TEST(Generator, PacesAsAnOpenLoop) {
  ManualClock clock;
  const auto source =
      generator::source<Number>({.make = [](std::uint64_t i) { return i; }, .count = 100, .rate = 1000});
  Reader reader{source, {"0", {}}, posix_file_system(), clock};
  Result<Poll> result = reader.poll();
  ASSERT_TRUE(result);
  EXPECT_EQ(reader.records.size(), 1U);
  EXPECT_EQ(result->retry_at, Timestamp{1ms});
  // A stall: everything that fell due meanwhile comes without a wait, each with the instant at which it was due.
  clock.advance(50ms);
  result = reader.drain();
  EXPECT_EQ(reader.records.size(), 51U);
  EXPECT_EQ(reader.times[20], Timestamp{20ms});
  EXPECT_EQ(result->retry_at, Timestamp{51ms});
  clock.advance(1s);
  result = reader.poll(10);
  EXPECT_EQ(result->kind, Poll::Kind::kMore);
  EXPECT_EQ(reader.records.size(), 61U);
  EXPECT_EQ(reader.drain()->kind, Poll::Kind::kDone);
  EXPECT_EQ(reader.records.size(), 100U);

  // A restart paces from where it goes on.
  Reader again{source, {"0", {50, {}}}, posix_file_system(), clock};
  ASSERT_TRUE(again.poll());
  EXPECT_EQ(again.records.size(), 1U);
  EXPECT_EQ(again.records[0], 50U);
}

// Takes everything at once, but for one stall of a second when a second has passed.
struct StallingSink {
  SinkContext* context = nullptr;
  bool stalled = false;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Number> numbers) {
    if (stalled || context->clock().now() < Timestamp{1s}) return numbers.size();
    stalled = true;
    context->retry_at(context->clock().now() + 1s);
    return 0;
  }
};

// What fell due during the stall is late by as much as the stall still lasted, and all of it counts.
TEST(Generator, LatencyCountsFromWhenARecordWasDue) {
  Dataflow flow{"stalled"};
  flow.from(generator::source<Number>({.make = [](std::uint64_t i) { return i; }, .count = 3000, .rate = 1000}))
      .to(StallingSink{});
  const auto result = testing::Simulator{{.seed = 1, .shards = 1}}.run(flow);
  ASSERT_TRUE(result.ok()) << result.status.to_string();
  const LatencyHistogram& latency = result.metrics.latency;
  EXPECT_EQ(latency.count(), 3000U);
  EXPECT_LE(latency.quantile(0.6), 1ms);
  EXPECT_GE(latency.quantile(0.7), 90ms);
  EXPECT_LE(latency.quantile(0.7), 120ms);
  EXPECT_GE(latency.quantile(0.9), 690ms);
  EXPECT_LE(latency.quantile(0.9), 750ms);
  EXPECT_GE(latency.max(), 999ms);
  EXPECT_LE(latency.max(), 1010ms);
}

TEST(Generator, RefusesWrongOptions) {
  EXPECT_FALSE(testing::list_splits(generator::source<Number>({})));
  const auto make = [](std::uint64_t i) { return i; };
  EXPECT_FALSE(testing::list_splits(generator::source<Number>({.make = make, .rate = -1})));
  EXPECT_FALSE(testing::list_splits(generator::source<Number>({.make = make, .splits = 0})));
  Reader unknown{generator::source<Number>({.make = make}), {"1", {}}, posix_file_system(), system_clock()};
  EXPECT_EQ(unknown.opened.code(), ErrorCode::kNotFound);
}

TEST(RandomStream, IsUniformInItsBounds) {
  Random random{1};
  std::vector<int> hits(10);
  for (int i = 0; i < 100000; ++i) ++hits[random.below(10)];
  for (const int n : hits) EXPECT_NEAR(n, 10000, 500);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t value = random.between(-3, 3);
    EXPECT_LE(-3, value);
    EXPECT_LE(value, 3);
    const double unit = random.unit();
    EXPECT_LE(0, unit);
    EXPECT_LT(unit, 1);
  }
  EXPECT_EQ(random.between(5, 5), 5);
  (void)random.between(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Random(4, 2)(), Random(4, 2)());
  EXPECT_NE(Random(4, 2)(), Random(4, 3)());
}

}  // namespace
}  // namespace millstream::inline v0
