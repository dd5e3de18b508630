// Running reduce per key.
#include "millstream/operators/reduce.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

using Key = std::int64_t Event::*;
using Driver = testing::StageDriver<Event, Event>;

template <class F>
auto make_stage(F f) {
  return std::make_unique<ReduceStage<std::int64_t, Event, F, Key>>(&Event::key, f);
}

TEST(Reduce, GivesTheNewValueForEachRecordWithItsTimeAndMark) {
  for (const std::uint32_t batch : {1U, 7U, 1024U}) {
    const auto inputs = random_stream({.records = 5000, .keys = 900});
    Driver driver{make_stage([](const Event& a, const Event& b) { return Event{a.key, a.value + b.value}; }),
                  {.batch_records = batch}};
    feed(driver, inputs);
    std::map<std::int64_t, std::int64_t> sums;
    ASSERT_EQ(driver.output().records().size(), inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& [value, time, at] = driver.output().records()[i];
      const Event& event = inputs[i].event;
      ASSERT_EQ(value, (Event{event.key, sums[event.key] += event.value}));
      ASSERT_EQ(time, inputs[i].time);
      ASSERT_EQ(at, inputs[i].before);
    }
  }
}

TEST(Reduce, SkipsARecordThatItsFunctionCannotTake) {
  const auto add = [](const Event& a, const Event& b) {
    if (b.value % 10 == 3) throw std::runtime_error{"no threes"};
    return Event{a.key, a.value + b.value};
  };
  Driver driver{make_stage(add), {.on_error = OnError::kSkip}};
  feed(driver, random_stream({.records = 100, .keys = 1}));
  EXPECT_EQ(driver.output().records().size(), 90U);
  EXPECT_EQ(driver.output().values().back().value, 4950 - 480);
  EXPECT_EQ(driver.metrics().skipped.read(), 10U);
}

}  // namespace
}  // namespace millstream::test
