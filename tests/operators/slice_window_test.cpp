// SliceWindowStage by itself: what it does after its end, with slices that are let go, with records that the aggregate
// throws for, and after a silence. (Its results against a plain model: model/time_windows_test.cpp.)
#include "millstream/operators/slice_window.hpp"

#include <gtest/gtest.h>

#include <random>

#include "millstream/window/window.hpp"
#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

/// Collects values and throws for negative ones.
struct Picky {
  Values create() const { return {}; }
  void add(Values& all, const Event& e) const {
    if (e.value < 0) throw std::runtime_error{"negative"};
    all.push_back(e.value);
  }
  void merge(Values& all, const Values& later) const { all.insert(all.end(), later.begin(), later.end()); }
  Values result(const Values& all) const {
    if (all == Values{13}) throw std::runtime_error{"no result"};
    return all;
  }
};
using Bound = decltype(bind_aggregate<Event>(Picky{}));
using Stage = SliceWindowStage<std::int64_t, Event, Bound, std::int64_t Event::*>;
using Driver = testing::StageDriver<Event, Out>;

std::unique_ptr<Stage> make_stage(const TimeWindow& window, const WindowOptions& options = {},
                                  std::shared_ptr<Silence> silence = nullptr, std::uint32_t fill = 1024) {
  return std::make_unique<Stage>(&Event::key, bind_aggregate<Event>(Picky{}), *SliceGrid::make(window), options, fill,
                                 std::move(silence));
}
std::vector<std::string> results(Driver& driver) {
  std::vector<std::string> lines;
  for (const Out& out : driver.output().values()) {
    std::string line = std::to_string(out.key) + " at " + std::to_string(out.window_start.time_since_epoch().count()) +
                       (out.timing == PaneTiming::late ? " late:" : ":");
    for (const std::int64_t value : out.value) line += " " + std::to_string(value);
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}
using Lines = std::vector<std::string>;

// The records of one batch lie around a mark that lets go of the slice that they are in.
TEST(SliceWindow, ASliceThatIsLetGoIsNotRemembered) {
  for (const bool sliding_windows : {false, true}) {
    Driver driver{make_stage(sliding_windows ? sliding(10us, 5us) : tumbling(10us))};
    driver.key_by(&Event::key);
    auto& late = driver.side(late_records<Event>);
    driver.open();
    driver.push({1, 1}, at(5));
    driver.watermark(at(20));
    driver.push({1, 2}, at(6));
    driver.flush();
    driver.push({1, 3}, at(7));
    driver.flush();
    driver.drain();
    EXPECT_EQ(late.records().size(), 2U);
    EXPECT_EQ(results(driver), sliding_windows ? (Lines{"1 at 0: 1", "1 at 5: 1"}) : (Lines{"1 at 0: 1"}));
  }
}

TEST(SliceWindow, AKeyWhoseRecordsAllThrewHasNoResult) {
  for (const std::uint32_t batch : {1U, 1024U}) {
    for (const bool sliding_windows : {false, true}) {
      Driver driver{make_stage(sliding_windows ? sliding(10us, 5us) : tumbling(10us), {.allowed_lateness = 10us}),
                    {.batch_records = batch, .on_error = OnError::kSkip}};
      driver.key_by(&Event::key);
      driver.open();
      driver.push({1, 1}, at(5));
      for (std::int64_t key = 2; key < 6; ++key) driver.push({key, -1}, at(6));
      driver.push({4, 7}, at(7));
      driver.push({6, 8}, at(7));
      driver.push({3, -1}, at(8));
      driver.push({2, -1}, at(3));  // in another slice
      driver.push({6, -1}, at(9));
      driver.watermark(at(10));
      driver.push({5, -1}, at(6));  // late
      driver.push({8, -1}, at(6));
      driver.push({7, 9}, at(6));
      driver.drain();
      EXPECT_TRUE(driver.context().failure().ok());
      EXPECT_EQ(driver.metrics().skipped.read(), 9U);
      Lines expected{"1 at 0: 1", "4 at 0: 7", "6 at 0: 8", "7 at 0 late: 9"};
      if (sliding_windows) {
        expected.insert(expected.end(), {"1 at 5: 1", "4 at 5: 7", "6 at 5: 8", "7 at 5: 9"});
        std::sort(expected.begin(), expected.end());
      }
      EXPECT_EQ(results(driver), expected);
    }
  }
}

TEST(SliceWindow, AResultThatThrowsFailsWithTheStage) {
  Driver driver{make_stage(tumbling(10us)), {.on_error = OnError::kSkip, .name = "spend"}};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 13}, at(5));
  driver.drain();
  EXPECT_EQ(driver.context().failure().code(), ErrorCode::kUserFailure);
  EXPECT_NE(driver.context().failure().to_string().find("stage 'spend'"), std::string::npos);
  EXPECT_NE(driver.context().failure().to_string().find("no result"), std::string::npos);
}

TEST(SliceWindow, SilenceClosesAndWhatComesLaterIsLate) {
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

TEST(SliceWindow, SilenceIsThatOfAllShards) {
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
TEST(SliceWindow, ASilenceThatOneShardHasSeenClosesOnAll) {
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

TEST(SliceWindow, AShardWithoutInputClosesWithTheOthers) {
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

TEST(SliceWindow, NoShardClosesWhileOneIsHeldBack) {
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
TEST(SliceWindow, WhatOneShardHasClosedTakesRecordsOnNone) {
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

TEST(SliceWindow, NothingClosesAfterTheEnd) {
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
TEST(SliceWindow, WhatASilenceClosesComesOutOnce) {
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

/// A sum that no accumulator may exceed by an add.
struct Capped {
  std::int64_t create() const { return 0; }
  void add(std::int64_t& sum, const Event& e) const {
    if (sum + e.value > 100) throw std::runtime_error{"overflow"};
    sum += e.value;
  }
  void merge(std::int64_t& sum, const std::int64_t& later) const { sum += later; }
  std::int64_t result(const std::int64_t& sum) const { return sum; }
};

// A late record goes into several accumulators: of its slice, of earlier slices, of the key.
TEST(SliceWindow, ALateRecordCountsInAllOfItsWindowsOrInNone) {
  using CappedStage = SliceWindowStage<std::int64_t, Event, Capped, std::int64_t Event::*>;
  using Result = WindowResult<std::int64_t, std::int64_t>;
  testing::StageDriver<Event, Result> driver{
      std::make_unique<CappedStage>(&Event::key, Capped{}, *SliceGrid::make(sliding(40us, 10us)),
                                    WindowOptions{.allowed_lateness = 1000us}, 1024U),
      {.on_error = OnError::kSkip}};
  driver.key_by(&Event::key);
  driver.open();
  std::vector<std::pair<Timestamp, Event>> taken;
  const auto push = [&](Event event, Timestamp time) {
    driver.push(event, time);
    if (event.value <= 100) taken.emplace_back(time, event);
  };
  for (std::int64_t i = 0; i < 6; ++i) {
    push({1, 30}, at(i * 10 + 1));
    push({2 + i, 1}, at(i * 10 + 2));
  }
  driver.watermark(at(50));
  for (const std::int64_t time : {31, 21, 12, 41, 33, 22}) {
    push({9, 60}, at(time));
    push({1, 60}, at(time));
    push({10 + time, 101}, at(time));  // throws, of a key that is not there yet
    push({9, 101}, at(time));
  }
  driver.drain();
  EXPECT_TRUE(driver.context().failure().ok());
  std::map<std::pair<std::int64_t, Timestamp>, std::int64_t> expected;
  std::map<std::pair<std::int64_t, Timestamp>, std::int64_t> last;
  for (const auto& [time, event] : taken) {
    for (Timestamp start = floor_to(time, 10us); start > time - 40us; start -= 10us) {
      expected[{event.key, start}] += event.value;
    }
  }
  for (const Result& result : driver.output().values()) last[{result.key, result.window_start}] = result.value;
  EXPECT_EQ(last, expected);
}

/// Counts, and has results that fill a batch long before they are many.
struct Large {
  std::int64_t create() const { return 0; }
  void add(std::int64_t& n, const Event&) const { ++n; }
  void merge(std::int64_t& n, const std::int64_t& m) const { n += m; }
  std::string result(const std::int64_t&) const { return std::string(20'000, 'x'); }
};

TEST(SliceWindow, NoMoreThanABatchOfLargeResultsWaits) {
  using LargeStage = SliceWindowStage<std::int64_t, Event, Large, std::int64_t Event::*>;
  for (const std::size_t windows : {1U, 2U}) {
    testing::StageDriver<Event, WindowResult<std::int64_t, std::string>> driver{std::make_unique<LargeStage>(
        &Event::key, Large{}, *SliceGrid::make(windows == 1 ? tumbling(100us) : sliding(100us, 50us)),
        WindowOptions{.allowed_lateness = 1h}, 1024U)};
    driver.key_by(&Event::key);
    driver.open();
    const auto expect_bounded = [&](std::size_t in_all) {
      driver.output().clear();
      driver.output().set_room(1);
      driver.flush();
      driver.output().set_room(std::nullopt);
      driver.stage().output()->drain();
      EXPECT_LT(driver.output().records().size(), 15U);
      driver.run();
      EXPECT_EQ(driver.output().records().size(), in_all);
    };
    for (std::int64_t key = 0; key < 100; ++key) driver.push({key, 1}, at(60));
    driver.flush();
    driver.watermark(at(1000));
    expect_bounded(100 * windows);
    for (std::int64_t key = 0; key < 100; ++key) driver.push({key, 1}, at(60));
    expect_bounded(100 * windows);  // late ones
  }
}

// Input that waits for a slow sink is not silence.
TEST(SliceWindow, BeingHeldBackIsNoSilence) {
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
