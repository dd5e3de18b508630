// Late records come out of every kind of window with their event time and the watermark by which they were late.
#include "millstream/operators/late_side.hpp"

#include <gtest/gtest.h>

#include "millstream/operators/session_window.hpp"
#include "millstream/operators/slice_window.hpp"
#include "millstream/operators/triggered_window.hpp"
#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

using Key = std::int64_t Event::*;
using Agg = decltype(bind_aggregate<Event>(collect(&Event::value)));
using Driver = testing::StageDriver<Event, Out>;

Agg collected() { return bind_aggregate<Event>(collect(&Event::value)); }
std::unique_ptr<OperatorStage> sliced(const TimeWindow& window) {
  return std::make_unique<SliceWindowStage<std::int64_t, Event, Agg, Key>>(
      &Event::key, collected(), *SliceGrid::make(window), WindowOptions{}, 8U);
}
std::unique_ptr<OperatorStage> triggered() {
  return std::make_unique<TriggeredWindowStage<std::int64_t, Event, Agg, Key>>(
      &Event::key, collected(), *SliceGrid::make(tumbling(10us)), WindowOptions{}, 8U);
}
std::unique_ptr<OperatorStage> sessions() {
  return std::make_unique<SessionWindowStage<std::int64_t, Event, Agg, Key, SessionWindow>>(
      &Event::key, collected(), session(10us), WindowOptions{}, 8U);
}

class LateSideOf : public ::testing::TestWithParam<int> {
 protected:
  static std::unique_ptr<OperatorStage> stage() {
    if (GetParam() == 0) return sliced(tumbling(10us));
    if (GetParam() == 1) return sliced(sliding(20us, 10us));
    return GetParam() == 2 ? triggered() : sessions();
  }
};

TEST_P(LateSideOf, KeepsTheEventTime) {
  Driver driver{stage(), {.batch_records = 16}};
  driver.key_by(&Event::key);
  auto& late = driver.side(late_records<Event>);
  driver.open();
  const auto at = [](std::int64_t t) { return Timestamp{Duration{t}}; };
  driver.push({1, 1}, at(5));
  driver.watermark(at(100));
  driver.push({1, 2}, at(6));
  driver.watermark(at(200));
  driver.push({2, 3}, at(7));
  driver.push({2, 4}, at(205));
  driver.drain();
  ASSERT_EQ(late.records().size(), 2U);
  EXPECT_EQ(late.records()[0].value, (Late<Event>{{1, 2}, 94us}));
  EXPECT_EQ(late.records()[0].time, at(6));
  EXPECT_EQ(late.records()[0].at.merged, at(100));
  EXPECT_EQ(late.records()[1].value, (Late<Event>{{2, 3}, 193us}));
  EXPECT_EQ(late.records()[1].time, at(7));
  EXPECT_EQ(late.records()[1].at.merged, at(200));
  EXPECT_TRUE(late.ended());
}

TEST_P(LateSideOf, RecordsWithoutEventTimeFailTheJob) {
  Driver driver{stage(), {.name = "timeless"}};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 1});
  driver.drain();
  EXPECT_TRUE(driver.context().failed());
  EXPECT_EQ(driver.context().failure().code(), ErrorCode::kInternal);
  EXPECT_NE(driver.context().failure().message().find("stage 'timeless' works in event time"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Windows, LateSideOf, ::testing::Range(0, 4));

}  // namespace
}  // namespace millstream::test
