// Silent splits and splits that run ahead, on a virtual clock: when a split no longer holds the watermark back, what it
// finds when it returns, and how far the fast ones may get.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "millstream/millstream.hpp"
#include "millstream/testing/simulator.hpp"
#include "time/scripted_readings.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
using test::at;
using test::Count;
using test::every_second;
using test::Outcome;
using test::play;
using test::Reading;
using test::Scripted;
namespace kit = millstream::testing;

struct ScriptedSource {
  std::vector<std::vector<Scripted>> script;
  std::size_t next = 0;
  SplitContext* context = nullptr;
  std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (std::size_t i = 0; i < script.size(); ++i) all.push_back({std::to_string(i)});
    return all;
  }
  void open(SplitContext& c) { context = &c; }
  Poll poll(SourceOutput<Reading>& out) {
    const auto& mine = script[context->split_number()];
    const Timestamp now = context->clock().now();
    for (; next < mine.size() && at(mine[next].when) <= now && out.room() > 0; ++next) out.emit(mine[next].reading);
    if (next == mine.size()) return Poll::done();
    return at(mine[next].when) <= now ? Poll::more() : Poll::idle_until(at(mine[next].when));
  }
};

TEST(IdleSplit, HoldsTheWatermarkWithoutATimeout) {
  ScriptedSource source{{every_second(0, 100), {{0s, {1, at(0s)}}, {3600s, {2, at(3600s)}}}}};
  play(source, monotonic(), [](const Outcome& outcome) {
    ASSERT_EQ(outcome.results.size(), 11U);
    for (const auto& [when, count] : outcome.results) EXPECT_GE(when, at(3600s));
    EXPECT_TRUE(outcome.late.empty());
  });
}

TEST(IdleSplit, StopsHoldingTheWatermarkAfterItsTimeout) {
  ScriptedSource source{{every_second(0, 100), {{0s, {1, at(0s)}}, {3600s, {2, at(3600s)}}}}};
  play(source, monotonic().idle_after(30s), [](const Outcome& outcome) {
    ASSERT_EQ(outcome.results.size(), 11U);
    // At 30 s the other split counts alone, and the windows that it has passed fire.
    EXPECT_GE(outcome.results[0].first, at(30s));
    EXPECT_LE(outcome.results[0].first, at(31s));
    EXPECT_LE(outcome.results[5].first, at(61s));
    EXPECT_TRUE(outcome.late.empty());
  });
}

TEST(IdleSplit, IsJudgedByTheMergedWatermarkWhenItReturns) {
  ScriptedSource source{
      {every_second(0, 100),
       {{0s, {-1, at(0s)}}, {65s, {-2, at(20s)}}, {65s, {-3, at(62s)}}, {66s, {-4, at(64s)}}, {99s, {-5, at(99s)}}}}};
  play(source, monotonic().idle_after(30s), [](const Outcome& outcome) {
    ASSERT_EQ(outcome.late.size(), 1U);
    EXPECT_EQ(outcome.late[0].record.value, -2);
    EXPECT_GE(outcome.late[0].late_by, 40s);
    std::int64_t counted = 0;
    for (const auto& [when, count] : outcome.results) counted += count.value;
    EXPECT_EQ(counted, 104);
  });
}

TEST(IdleSplit, AllIdleKeepsTheWatermark) {
  ScriptedSource source{{{{0s, {1, at(0s)}}, {1s, {2, at(15s)}}, {1000s, {3, at(16s)}}, {1001s, {4, at(40s)}}},
                         {{0s, {5, at(0s)}}, {1s, {6, at(14s)}}, {1000s, {7, at(17s)}}, {1001s, {8, at(41s)}}}}};
  play(source, monotonic().idle_after(1s), [](const Outcome& outcome) {
    EXPECT_TRUE(outcome.late.empty());
    ASSERT_EQ(outcome.results.size(), 3U);
    EXPECT_LE(outcome.results[0].first, at(3s));
    // [10 s, 20 s) waits for somebody to pass it, however long all are silent.
    EXPECT_EQ(outcome.results[1].second.value, 4);
    EXPECT_GE(outcome.results[1].first, at(1000s));
  });
}

// A fast split is left unread, and that does not make it idle.
TEST(AlignedSplits, TheFastOneStaysWithinTheDriftAndIsNotIdle) {
  std::vector<Scripted> fast;
  for (int s = 0; s < 120; ++s) fast.push_back({0s, {s, at(s * 1s)}});
  ScriptedSource source{{fast, every_second(0, 60)}};
  Duration furthest{0};
  bool idle = false;
  const auto watch = [&](kit::Simulation& job) {
    if (job.steps() % 16 != 0) return;
    const auto splits = job.status().splits;
    idle |= splits[0].idle || splits[1].idle;
    if (splits[0].finished || splits[1].finished) return;
    if (splits[1].watermark == kTimestampMin) return;
    furthest = std::max(furthest, splits[0].watermark - splits[1].watermark);
  };
  play(
      source, monotonic().idle_after(5s).align_within(20s),
      [&](const Outcome& outcome) {
        EXPECT_TRUE(outcome.late.empty());
        EXPECT_EQ(outcome.results.size(), 12U);
        EXPECT_LE(furthest, 40s);  // the drift, the batch that passed it, and a watermark step of 10 s
        EXPECT_GE(furthest, 10s);
        EXPECT_FALSE(idle);
        furthest = Duration{0};
        idle = false;
      },
      watch);
}

// Marks stand 10 s apart, which says nothing about how far apart the splits may be.
TEST(AlignedSplits, ADriftBelowTheWatermarkStepIsHeld) {
  std::vector<Scripted> fast;
  for (int s = 0; s < 120; ++s) fast.push_back({0s, {s, at(s * 1s)}});
  ScriptedSource source{{fast, every_second(0, 60)}};
  Duration furthest{0};
  const auto watch = [&](kit::Simulation& job) {
    const auto splits = job.status().splits;
    if (splits[0].finished || splits[1].finished || splits[1].watermark == kTimestampMin) return;
    furthest = std::max(furthest, splits[0].watermark - splits[1].watermark);
  };
  play(
      source, monotonic().align_within(2s),
      [&](const Outcome& outcome) {
        EXPECT_EQ(outcome.results.size(), 12U);
        EXPECT_LE(furthest, 7s);  // the drift, the batch of 4 s that passed it, and an eighth of the drift
        EXPECT_GE(furthest, 1s);
        furthest = Duration{0};
      },
      watch);
}

TEST(AlignedSplits, ASplitThatReturnsFromIdleHoldsNobodyBackByWhereItWas) {
  ScriptedSource source{
      {every_second(0, 200), {{0s, {-1, at(0s)}}, {65s, {-2, at(20s)}}, {66s, {-3, at(21s)}}, {199s, {-4, at(199s)}}}}};
  bool was_idle = false;
  Timestamp returned_at = kTimestampMax;
  const auto watch = [&](kit::Simulation& job) {
    const SplitStatus split = job.status().splits[1];
    was_idle |= split.idle;
    if (was_idle && !split.idle) returned_at = std::min(returned_at, split.watermark);
  };
  play(
      source, monotonic().idle_after(30s).align_within(1000s),
      [&](const Outcome& outcome) {
        EXPECT_EQ(outcome.late.size(), 2U);
        EXPECT_TRUE(was_idle);
        EXPECT_GE(returned_at, at(60s));
        was_idle = false;
        returned_at = kTimestampMax;
      },
      watch);
}

TEST(AlignedSplits, FinishedAndIdleSplitsHoldNobody) {
  std::vector<Scripted> fast;
  for (int s = 0; s < 600; ++s) fast.push_back({0s, {s, at(s * 1s)}});
  ScriptedSource finished{{fast, every_second(0, 3), {}}};
  play(finished, monotonic().align_within(20s), [](const Outcome& outcome) {
    EXPECT_EQ(outcome.results.size(), 60U);
    EXPECT_LE(outcome.results.back().first, at(4s));
  });
  ScriptedSource silent{{fast, {{0s, {1, at(0s)}}, {5000s, {2, at(5000s)}}}}};
  play(silent, monotonic().idle_after(10s).align_within(20s), [](const Outcome& outcome) {
    ASSERT_EQ(outcome.results.size(), 61U);
    // As soon as the silent one is idle the other reads on, and all but its last window fire.
    EXPECT_LE(outcome.results[55].first, at(12s));
  });
}

// While a stage downstream has no room nobody asks the splits, so nobody is idle.
TEST(IdleSplit, IsNotIdleWhileHeldBack) {
  struct SlowSink {
    SinkContext* context = nullptr;
    Timestamp next{};
    void open(SinkContext& c) { context = &c; }
    std::size_t write(std::span<Reading>) {
      const bool takes = context->clock().now() >= next;
      if (takes) next = context->clock().now() + 60s;
      context->retry_at(next);
      return takes ? 1 : 0;
    }
  };
  std::vector<Scripted> ready;
  for (int s = 0; s < 60; ++s) ready.push_back({0s, {s, at(s * 1s)}});
  ScriptedSource source{{ready, ready}};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Dataflow flow{"held back"};
    flow.from(source).event_time(&Reading::at, monotonic().idle_after(5s)).to(SlowSink{});
    bool idle = false;
    const auto watch = [&](kit::Simulation& job) {
      for (const SplitStatus& split : job.status().splits) idle |= split.idle;
    };
    const auto result =
        kit::Simulator{
            {.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 2), .batch = 4, .before_step = watch}}
            .run(flow);
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_FALSE(idle) << "seed " << seed;
  }
}

}  // namespace
}  // namespace millstream
