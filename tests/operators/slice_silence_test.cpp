// SliceWindowStage that closes its windows after a silence, on one shard and on several.
#include <gtest/gtest.h>

#include "operators/slice_driver.hpp"

namespace millstream::test {
namespace {

TEST(SliceSilence, SilenceClosesAndWhatComesLaterIsLate) {
  for (const Duration lateness : {0us, 50us}) {
    Driver driver{make_stage(tumbling(100us), {.allowed_lateness = lateness, .close_after = 1s})};
    driver.key_by(&Event::key);
    auto& late = driver.side(late_records<Event>);
    driver.open();
    driver.push({1, 1}, at(5));
    driver.flush();
    driver.advance(999ms);
    driver.watermark(at(6));  // a mark is no input
    driver.flush();
    EXPECT_TRUE(driver.output().records().empty());
    driver.advance(1ms);
    EXPECT_EQ(results(driver), (Lines{"1 at 0: 1"}));
    EXPECT_EQ(driver.output().watermark(), at(100));
    driver.push({2, 2}, at(7));
    driver.push({1, 3}, at(101));
    driver.drain();
    if (lateness == 0us) {
      ASSERT_EQ(late.records().size(), 1U);
      EXPECT_EQ(late.values()[0].late_by, 93us);
      EXPECT_EQ(results(driver), (Lines{"1 at 0: 1", "1 at 100: 3"}));
    } else {
      EXPECT_EQ(results(driver), (Lines{"1 at 0: 1", "1 at 100: 3", "2 at 0 late: 2"}));
    }
  }
}

TEST(SliceSilence, SilenceIsThatOfAllShards) {
  const auto silence = std::make_shared<Silence>();
  Driver busy{make_stage(tumbling(100us), {.close_after = 1s}, silence)};
  Driver quiet{make_stage(tumbling(100us), {.close_after = 1s}, silence)};
  for (Driver* driver : {&busy, &quiet}) {
    driver->key_by(&Event::key);
    driver->open();
  }
  quiet.push({2, 1}, at(5));
  quiet.flush();
  for (int n = 0; n < 4; ++n) {
    busy.push({1, n}, at(250));
    busy.flush();
    busy.advance(500ms);
    quiet.advance(500ms);
  }
  EXPECT_TRUE(quiet.output().records().empty());
  quiet.push({2, 2}, at(6));
  quiet.flush();
  busy.advance(1s);
  quiet.advance(1s);
  EXPECT_EQ(results(quiet), (Lines{"2 at 0: 1 2"}));
  EXPECT_EQ(results(busy), (Lines{"1 at 200: 0 1 2 3"}));
  EXPECT_EQ(quiet.output().watermark(), at(300));  // up to the same end on both
  EXPECT_EQ(busy.output().watermark(), at(300));
}

struct TwoShards {
  TwoShards()
      : a{make_stage(tumbling(100us), {.close_after = 1s}, silence)},
        b{make_stage(tumbling(100us), {.close_after = 1s}, silence)} {
    for (Driver* driver : {&a, &b}) {
      driver->key_by(&Event::key);
      driver->open();
    }
  }
  std::shared_ptr<Silence> silence = std::make_shared<Silence>();
  Driver a;
  Driver b;
};

// New input on one shard does not take back what it has closed before another has had the time to.
TEST(SliceSilence, ASilenceThatOneShardHasSeenClosesOnAll) {
  TwoShards shards;
  auto& [silence, a, b] = shards;
  a.push({1, 1}, at(5));
  a.flush();
  b.push({2, 1}, at(5));
  b.flush();
  a.advance(1s);
  a.push({1, 7}, at(105));
  a.flush();
  b.push({2, 2}, at(6));  // late, as it is on the other one
  b.flush();
  b.advance(1s);
  EXPECT_EQ(results(b), (Lines{"2 at 0: 1"}));
  EXPECT_EQ(b.metrics().late_dropped.read(), 1U);
  EXPECT_EQ(results(a), (Lines{"1 at 0: 1"}));
}

TEST(SliceSilence, AShardWithoutInputClosesWithTheOthers) {
  TwoShards shards;
  auto& [silence, a, b] = shards;
  a.push({1, 1}, at(5));
  a.flush();
  a.advance(1s);
  a.push({1, 2}, at(205));
  a.flush();
  EXPECT_EQ(results(a), (Lines{"1 at 0: 1"}));
  b.run();
  EXPECT_EQ(b.output().watermark(), at(100));
}

TEST(SliceSilence, NoShardClosesWhileOneIsHeldBack) {
  TwoShards shards;
  auto& [silence, a, b] = shards;
  a.push({1, 1}, at(5));
  a.flush();
  b.push({2, 1}, at(5));
  b.flush();
  a.output().set_room(0);
  a.run();
  a.advance(2s);
  b.advance(2s);
  EXPECT_TRUE(b.output().records().empty());
  EXPECT_EQ(b.stage().deadline(), kTimestampMax);
  a.output().set_room(std::nullopt);
  a.run();
  b.push({2, 2}, at(6));
  b.flush();
  a.advance(1s);
  b.advance(1s);
  EXPECT_EQ(results(a), (Lines{"1 at 0: 1"}));
  EXPECT_EQ(results(b), (Lines{"2 at 0: 1 2"}));
}

// Whatever the order in which shards look, and however late one does: no record gets into a window that one of them has
// closed, and none is late for another reason.
TEST(SliceSilence, WhatOneShardHasClosedTakesRecordsOnNone) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random{seed};
    const auto silence = std::make_shared<Silence>();
    std::vector<std::unique_ptr<Driver>> shards;
    for (int n = 0; n < 4; ++n) {
      shards.push_back(std::make_unique<Driver>(make_stage(tumbling(100us), {.close_after = 1s}, silence)));
      shards.back()->key_by(&Event::key);
      shards.back()->open();
    }
    Timestamp closed = kTimestampMin;
    std::int64_t silences = 0;
    const auto look = [&](Driver& shard) {
      if (shard.output().watermark() > closed) ++silences;
      closed = std::max(closed, shard.output().watermark());
    };
    for (int n = 0; n < 500; ++n) {
      Driver& shard = *shards[random() % shards.size()];
      switch (random() % 4) {
        case 0:
        case 1: {
          const Timestamp time = at(silences * 200 + static_cast<std::int64_t>(random() % 400));
          const std::uint64_t late = shard.metrics().late_dropped.read();
          shard.push({static_cast<std::int64_t>(random() % 10), 1}, time);
          shard.flush();
          look(shard);
          ASSERT_EQ(shard.metrics().late_dropped.read() - late, floor_to(time, 100us) + 100us <= closed ? 1U : 0U);
          break;
        }
        case 2: {
          const Duration by = std::chrono::milliseconds{random() % 1500};
          for (auto& each : shards) each->clock().advance(by);
          break;
        }
        default:
          shard.run();
          look(shard);
      }
    }
    EXPECT_GT(silences, 5);
    for (auto& shard : shards) shard->clock().advance(2s);
    for (auto& shard : shards) shard->run();
    for (auto& shard : shards) EXPECT_EQ(shard->output().watermark(), shards.front()->output().watermark());
  }
}

TEST(SliceSilence, NothingClosesAfterTheEnd) {
  Driver driver{make_stage(tumbling(10us), {.close_after = 1s})};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 1}, at(5));
  driver.end();
  EXPECT_TRUE(driver.output().ended());
  EXPECT_EQ(driver.stage().deadline(), kTimestampMax);
  driver.advance(2s);
  EXPECT_TRUE(driver.output().records().empty());
}

// What a silence closes may be more than there is room for; input that comes in meanwhile waits.
TEST(SliceSilence, WhatASilenceClosesComesOutOnce) {
  Driver driver{make_stage(tumbling(100us), {.close_after = 1s}, nullptr, 8)};
  driver.key_by(&Event::key);
  driver.open();
  for (std::int64_t key = 0; key < 20; ++key) driver.push({key, 1}, at(5));
  driver.flush();
  driver.output().set_room(1);
  driver.advance(1s);
  driver.output().set_room(std::nullopt);
  driver.watermark(at(1000));
  driver.flush();
  EXPECT_EQ(driver.output().records().size(), 20U);
}

// Input that waits for a slow sink is not silence.
TEST(SliceSilence, BeingHeldBackIsNoSilence) {
  Driver driver{make_stage(tumbling(10us), {.close_after = 1s})};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 1}, at(5));
  driver.watermark(at(10));
  driver.push({1, 2}, at(15));
  driver.output().set_room(0);
  driver.flush();
  EXPECT_EQ(driver.stage().deadline(), kTimestampMax);
  driver.advance(2s);
  driver.output().set_room(std::nullopt);
  driver.run();
  EXPECT_EQ(results(driver), (Lines{"1 at 0: 1"}));
  driver.advance(1s);
  EXPECT_EQ(results(driver), (Lines{"1 at 0: 1", "1 at 10: 2"}));
}

}  // namespace
}  // namespace millstream::test
