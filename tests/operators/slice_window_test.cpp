// SliceWindowStage by itself: with slices that are let go, with records that the aggregate throws for, with large
// results. (Its results against a plain model: model/time_windows_test.cpp.)
#include <gtest/gtest.h>

#include <random>

#include "operators/slice_driver.hpp"

namespace millstream::test {
namespace {

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

}  // namespace
}  // namespace millstream::test
