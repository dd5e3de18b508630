// The wall clock is set back and forward while a job runs: what waits for time to pass does not notice, what waits for
// the wall clock does.
#include <gtest/gtest.h>

#include "millstream/connectors/generator.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

using testing::Simulation;
using testing::SimulationResult;
using testing::Simulator;

// Sets the wall clock once, when a second has passed.
std::function<void(Simulation&)> set_once(Duration by) {
  return [by, done = false](Simulation& job) mutable {
    if (done || job.now() < Timestamp{1s}) return;
    done = true;
    job.set_wall_clock(by);
  };
}

SimulationResult simulate(const Dataflow& flow, std::uint64_t seed, Duration by) {
  return Simulator{{.seed = seed,
                    .shards = static_cast<std::uint32_t>(1 + seed % 2),
                    .before_step = by.count() == 0 ? nullptr : set_once(by)}}
      .run(flow);
}

TEST(ClockJump, DoesNotStopAGenerator) {
  for (const Duration by : {Duration{0}, Duration{-1h}, Duration{1h}}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const SharedCounts counts = make_counts();
      Dataflow flow{"generated"};
      flow.from(generator::source<Tick>({.make = [](std::uint64_t i) { return Tick{static_cast<std::int64_t>(i)}; },
                                         .count = 3'000,
                                         .rate = 1'000}))
          .rebalance()
          .to(CountingSink{counts});
      const SimulationResult result = simulate(flow, seed, by);
      ASSERT_TRUE(result.ok()) << result.status.to_string();
      EXPECT_EQ(counts->taken, 3'000U);
      EXPECT_GE(result.metrics.elapsed, 2'900ms);
      EXPECT_LE(result.metrics.elapsed, 3'200ms);
    }
  }
}

/// Takes one record each 100 ms; asks to be called again then.
struct PacedSink {
  SharedCounts counts;
  SinkContext* context = nullptr;
  std::int64_t next_ns = 0;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Tick> ticks) {
    const std::int64_t now_ns = context->clock().monotonic_ns();
    if (now_ns < next_ns || ticks.empty()) return 0;
    next_ns = now_ns + 100'000'000;
    context->retry_at(context->clock().now() + 100ms);
    counts->taken.fetch_add(1);
    return 1;
  }
};

TEST(ClockJump, DoesNotStopASinkThatWaits) {
  for (const Duration by : {Duration{-1h}, Duration{1h}}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const SharedCounts counts = make_counts();
      Dataflow flow{"paced"};
      flow.from(memory::source(std::vector<Tick>(40))).to(PacedSink{counts});
      const SimulationResult result = simulate(flow, seed, by);
      ASSERT_TRUE(result.ok()) << result.status.to_string();
      EXPECT_EQ(counts->taken, 40U);
      EXPECT_LE(result.metrics.elapsed, 4'200ms);
    }
  }
}

TEST(ClockJump, InstantsAreConvertedAsTheClocksStand) {
  ManualClock clock{Timestamp{10s}};
  const std::int64_t in_a_second = monotonic_at(clock, Timestamp{11s});
  EXPECT_EQ(in_a_second, 11'000'000'000);
  clock.set_wall_clock(-1h);
  EXPECT_EQ(clock.now(), Timestamp{10s - 1h});
  EXPECT_EQ(clock.monotonic_ns(), 10'000'000'000);
  EXPECT_EQ(monotonic_at(clock, Timestamp{11s - 1h}), in_a_second);
  EXPECT_EQ(monotonic_at(clock, Timestamp{1s - 2h}), clock.monotonic_ns());
  EXPECT_EQ(monotonic_at(clock, kTimestampMax), kNeverNs);
  EXPECT_EQ(monotonic_after(5, Duration::max()), kNeverNs);
  clock.advance_to(Timestamp{12s - 1h});
  EXPECT_EQ(clock.monotonic_ns(), 12'000'000'000);
}

}  // namespace
}  // namespace millstream::test
