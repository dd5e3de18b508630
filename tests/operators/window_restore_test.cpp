// Session, count and triggered windows that are cut at barriers and go on, restored, on other numbers of shards: they
// must give exactly what one shard gives that is never interrupted.
#include <gtest/gtest.h>

#include "operators/window_cuts.hpp"

namespace millstream::test {
namespace {

TEST(WindowRestore, Sessions) {
  for (const WindowOptions& options : frame_options()) {
    SCOPED_TRACE(options.describe());
    expect_same_for_seeds(sessions(session(25us), options), {}, 15);
    expect_same_for_seeds(sessions(session(OwnGap{}), options), {}, 15);
  }
}

TEST(WindowRestore, Counts) {
  const std::pair<std::uint64_t, std::uint64_t> windows[] = {{1, 1}, {5, 5}, {4, 1}, {6, 4}, {7, 3}};
  for (const auto& [size, slide] : windows) {
    for (const bool timed : {true, false}) {
      SCOPED_TRACE("size " + std::to_string(size) + " slide " + std::to_string(slide));
      expect_same_for_seeds(counts(size, slide), {.timed = timed}, 40);
    }
  }
}

TEST(WindowRestore, WithEarlyAndDiscardedResults) {
  for (const WindowOptions& options : frame_options()) {
    SCOPED_TRACE(options.describe());
    expect_same_for_seeds(triggered(tumbling(100us), options), {}, 15);
    expect_same_for_seeds(triggered(sliding(90us, 60us), options), {}, 15);
  }
}

TEST(WindowRestore, Global) {
  for (const bool discarding : {false, true}) {
    for (const bool timed : {true, false}) {
      expect_same_for_seeds(triggered({}, {.discarding = discarding, .trigger = count_trigger(3)}), {.timed = timed},
                            80);
    }
  }
}

TEST(WindowRestore, ByTheClock) {
  for (const bool timed : {true, false}) {
    for (const Trigger& trigger : {Trigger{}, early_every(2)}) {
      expect_same_for_seeds(triggered(tumbling(90us).processing_time(), {.trigger = trigger}, true),
                            {.timed = timed, .by_clock = true}, 80);
      expect_same_for_seeds(
          triggered(sliding(90us, 30us).processing_time(), {.discarding = true, .trigger = trigger}, true),
          {.timed = timed, .by_clock = true}, 80);
    }
  }
}

TEST(WindowRestore, AWindowWhoseEndHasPassedMeanwhileFiresAndNoneFiresTwice) {
  const Make make = triggered(tumbling(100us).processing_time(), {}, true);
  Shards before{make, 2, 8, 8, at(1010)};
  before.push(record(1, 10, 0, 0), true);
  before.advance(90us);
  ASSERT_EQ(before[0].output().records().size() + before[1].output().records().size(), 1U);
  before.push(record(1, 11, 0, 0), true);
  const auto snapshots = before.barrier();
  // The clock of the new machine is behind: what comes must not open the window that has fired.
  Shards behind{make, 1, 8, 8, at(1050)};
  behind.restore(snapshots);
  behind.push(record(1, 12, 0, 0), true);
  behind.advance(0us);
  EXPECT_TRUE(behind[0].output().records().empty());
  const auto again = behind.barrier();
  Shards after{make, 3, 8, 8, at(5000)};
  after.restore(again);
  Results results;
  after.collect(results);
  ASSERT_EQ(results.count, 1U);
  EXPECT_NE(results.given[1][0].find("[1100, 1200) pane 0 on_time"), std::string::npos) << results.given[1][0];
  EXPECT_NE(results.given[1][0].find(": 11 12 "), std::string::npos) << results.given[1][0];
}

TEST(WindowRestore, WhatIsNewComesOutEarlyThoughNoFurtherRecordComes) {
  const WindowOptions options{.trigger = early_interval(10ms)};
  for (const Make& make : {sessions(session(100us), options), triggered(tumbling(100us), options),
                           triggered({}, options), triggered(tumbling(1h).processing_time(), options, true)}) {
    Shards before{make, 1, 8, 8, at(0)};
    before.push(record(1, 10, 5, 0), true);
    before.advance(4ms);
    Shards after{make, 1, 8, 8, at(50'000)};
    after.restore(before.barrier());
    EXPECT_EQ(after[0].stage().deadline(), at(60'000));
    after.advance(9ms);
    EXPECT_TRUE(after[0].output().records().empty());
    after.advance(1ms);
    ASSERT_EQ(after[0].output().records().size(), 1U);
    EXPECT_EQ(after[0].output().values()[0].timing, PaneTiming::early);
    // With nothing new there is nothing to wait for.
    Shards third{make, 1, 8, 8, at(0)};
    third.restore(after.barrier());
    third.advance(10ms);
    EXPECT_TRUE(third[0].output().records().empty());
  }
}

TEST(WindowRestore, ASilenceBeginsAnewAndOneThatHasClosedHolds) {
  const WindowOptions options{.close_after = 1s};
  for (const Make& make : {sessions(session(95us), options), triggered(tumbling(100us), options)}) {
    Shards before{make, 1, 8, 8, at(0)};
    before.push(record(1, 10, 5, 0), true);
    before.advance(900ms);
    Shards after{make, 2, 8, 8, at(0)};
    after.restore(before.barrier());
    after.advance(999ms);
    Results results;
    after.collect(results);
    EXPECT_EQ(results.count, 0U);
    after.advance(1ms);
    after.collect(results);
    ASSERT_EQ(results.count, 1U);
    Shards third{make, 1, 8, 8, at(0)};
    third.restore(after.barrier());
    third.push(record(1, 11, 4, 0), true);
    third.end(true);
    third.collect(results);
    // For sessions the record alone ends at 99, behind which the silence has closed.
    EXPECT_EQ(results.count, 1U);
    EXPECT_EQ(results.late[1].size(), 1U);
  }
}

// Two shards, one of which has closed after the silence when the barrier comes.
void expect_one_silence_for_all(Duration lateness) {
  const auto silence = std::make_shared<Silence>();
  // Windows that have fired stay for late records.
  const WindowOptions options{.allowed_lateness = lateness, .close_after = 1s};
  const Make make = triggered(tumbling(100us), options, false, silence);
  Shards before{make, 2, 8, 8, at(0)};
  for (std::int64_t key = 0; key < 16; ++key) before.push(record(key, key, 5, 0), true);
  before[0].flush();
  before[1].flush();
  before[0].advance(1s);
  const std::size_t fired = before[0].output().records().size();
  ASSERT_GT(fired, 0U);
  ASSERT_LT(fired, 16U);
  SaveAtOnce saved;
  before[1].context().barriers = &saved;
  auto snapshots = before.barrier();
  snapshots[1] = saved.snapshot;
  Shards after{triggered(tumbling(100us), options), 1, 8, 8, at(0)};
  after.restore(snapshots);
  EXPECT_EQ(after[0].output().records().size(), 16 - fired);
  after.push(record(3, 100, 6, 0), true);
  after.end(true);
  EXPECT_EQ(after[0].output().records().size(), 16 - fired + (lateness > 0us ? 1 : 0));
}
TEST(WindowRestore, ASilenceThatOnlyOneShardHasFoundHoldsForAll) {
  for (const Duration lateness : {0us, 1'000'000us}) expect_one_silence_for_all(lateness);
}

TEST(WindowRestore, MemoryIsCounted) {
  for (const Make& make : {sessions(session(1h), {}), counts(5, 1), triggered(tumbling(1h), {})}) {
    Shards before{make, 1, 64, 8, at(0)};
    for (std::int64_t key = 0; key < 1000; ++key) before.push(record(key, 1, 5, 0), true);
    const auto memory = std::make_shared<MemoryBudget>(1 << 30);
    Shards after{make, 1, 64, 8, at(0), memory};
    after.restore(before.barrier());
    const std::size_t restored = memory->used_bytes();
    EXPECT_GT(restored, 16'000U);
    static_cast<void>(after.barrier());
    EXPECT_EQ(memory->used_bytes(), restored);
  }
}

TEST(WindowRestore, WrongBytesAreRefused) {
  for (const Make& make : {sessions(session(50us), {.allowed_lateness = 40us}), counts(6, 4), counts(3, 3),
                           triggered(sliding(90us, 60us), {.allowed_lateness = 40us}), triggered({}, {})}) {
    expect_wrong_bytes_refused(make);
  }
}

}  // namespace
}  // namespace millstream::test
