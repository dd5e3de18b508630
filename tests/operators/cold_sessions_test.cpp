// Sessions that leave memory while they are open: whatever leaves when, and wherever the stage is cut and restored, it
// gives what one gives that holds them all, in the same order.
#include <gtest/gtest.h>

#include "operators/window_cuts.hpp"

namespace millstream::test {
namespace {

// All leaves that may; about a half; what is left when a few large ones have gone.
constexpr std::size_t kShares[] = {1, 700, 3000};

TEST(ColdSessions, GiveWhatThoseInMemoryGive) {
  for (const std::size_t share : kShares) {
    for (const WindowOptions& options : frame_options()) {
      SCOPED_TRACE(std::to_string(share) + " bytes" + options.describe());
      // A record ends less than a session, so that some of them wait for long.
      expect_same_for_seeds(sessions(session(60us), options), {.cold_bytes = share}, 15);
      expect_same_for_seeds(sessions(session(OwnGap{}), options), {.cold_bytes = share}, 15);
      if (HasFailure()) return;
    }
  }
}

constexpr std::int64_t kKeys = 20'000;

/// One session of each key, which ends in an order of its own; all of them saved.
void fill(Shards& shards) {
  for (std::int64_t key = 0; key < kKeys; ++key) {
    shards.push(record(key, key, key * 7919 % 1000, -1), true);
    if (key % 1000 == 999) {
      shards.begin_barrier();
      static_cast<void>(shards.end_barrier());
    }
  }
}

// They fire in pieces, between which those that have fired go: else the firing would bring all of them back at once.
TEST(ColdSessions, ALeapOfTheWatermarkNeedsNoMoreMemoryThanItsPieces) {
  const Make make = sessions(session(100us), {});
  Results expected;
  Shards warm{make, 1, 1024, 64, at(0)};
  fill(warm);
  warm.push(record(kKeys, 1, 5000, 2000), true);
  warm.end(false);
  warm.collect(expected);
  ASSERT_EQ(expected.count, static_cast<std::size_t>(kKeys));

  const auto memory = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  Shards cold{make, 1, 1024, 64, at(0), memory, 100'000};
  fill(cold);
  const std::size_t before = memory->used_bytes();
  cold.push(record(kKeys, 1, 5000, 2000), true);
  cold.end(false);
  EXPECT_LT(memory->used_bytes(), before + 400'000);  // all of them are 1.5 MB
  Results results;
  cold.collect(results);
  EXPECT_EQ(results.given, expected.given);
  const auto& warm_records = warm[0].output().records();
  const auto& cold_records = cold[0].output().records();
  for (std::size_t i = 0; i < cold_records.size(); ++i) {
    ASSERT_EQ(cold_records[i].value.key, warm_records[i].value.key) << "out of order at " << i;
  }
}

TEST(ColdSessions, AStoreThatHasLostSomeFailsTheJob) {
  Shards cold{sessions(session(100us), {}), 1, 1024, 64, at(0), nullptr, 100'000};
  cold.tier(0).lose();
  fill(cold);
  cold.push(record(kKeys, 1, 5000, 2000), true);
  cold.end(false);
  EXPECT_EQ(cold[0].context().failure().code(), ErrorCode::kIo);
  EXPECT_NE(cold[0].context().failure().message().find("has lost sessions"), std::string::npos);
}

TEST(ColdSessions, WhatIsNewComesOutEarlyWhereverItIs) {
  Shards cold{sessions(session(100us), {.trigger = early_interval(10ms)}), 1, 1024, 64, at(0), nullptr, 100'000};
  fill(cold);
  EXPECT_GT(cold.pieces(), 0U);
  cold.advance(10ms);
  EXPECT_EQ(cold[0].output().records().size(), static_cast<std::size_t>(kKeys));
  cold.advance(10ms);
  EXPECT_EQ(cold[0].output().records().size(), static_cast<std::size_t>(kKeys));
  cold.push(record(7, 1, 7 * 7919 % 1000, -1), true);
  cold.advance(10ms);
  EXPECT_EQ(cold[0].output().records().size(), static_cast<std::size_t>(kKeys) + 1);
}

}  // namespace
}  // namespace millstream::test
