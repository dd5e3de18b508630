// Running aggregates per key, and what happens to a record that an aggregate cannot take.
#include "millstream/operators/aggregate.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

struct PickySum {
  std::int64_t create() const { return 0; }
  void add(std::int64_t& acc, const Event& e) const {
    if (e.value % 10 == 3) throw std::runtime_error{"no threes"};
    acc += e.value;
  }
  std::int64_t result(const std::int64_t& acc) const { return acc; }
};

using Running = KeyedResult<std::int64_t, std::int64_t>;
using Key = std::int64_t Event::*;
using Driver = testing::StageDriver<Event, Running>;

template <class Agg>
auto make_stage(Agg agg) {
  return std::make_unique<AggregateStage<std::int64_t, Event, Agg, Key>>(&Event::key, agg);
}

TEST(Aggregate, GivesTheNewResultOfEachRecordWithItsTimeAndMark) {
  for (const std::uint32_t batch : {1U, 7U, 1024U}) {
    const auto inputs = random_stream({.records = 5000, .keys = 900});
    Driver driver{make_stage(bind_aggregate<Event>(sum(&Event::value))), {.batch_records = batch}};
    feed(driver, inputs);
    std::map<std::int64_t, std::int64_t> sums;
    ASSERT_EQ(driver.output().records().size(), inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& [value, time, at] = driver.output().records()[i];
      const Event& event = inputs[i].event;
      ASSERT_EQ(value, (Running{event.key, sums[event.key] += event.value}));
      ASSERT_EQ(time, inputs[i].time);
      ASSERT_EQ(at, inputs[i].before);
    }
  }
}

TEST(Aggregate, SkipsARecordThatItCannotTake) {
  for (const std::uint32_t batch : {1U, 7U, 1024U}) {
    Driver driver{make_stage(PickySum{}), {.batch_records = batch, .on_error = OnError::kDeadLetter}};
    auto& letters = driver.side(dead_letters);
    driver.key_by(&Event::key);
    driver.open();
    for (std::int64_t n = 0; n < 100; ++n) driver.push({0, n});
    driver.end();
    EXPECT_EQ(driver.output().records().size(), 90U);
    EXPECT_EQ(driver.output().values().back().value, 4950 - 480);
    ASSERT_EQ(letters.records().size(), 10U);
    EXPECT_EQ(letters.values()[0].bytes, R"({"key":0,"value":3})");
    EXPECT_EQ(letters.values()[0].reason, "no threes");
  }
}

TEST(Aggregate, FailsTheJobOtherwise) {
  Driver driver{make_stage(PickySum{})};
  driver.key_by(&Event::key);
  driver.open();
  for (std::int64_t n = 0; n < 10; ++n) driver.push({1, n});
  driver.end();
  EXPECT_EQ(driver.context().failure().code(), ErrorCode::kUserFailure);
}

struct NeverCreated : PickySum {
  std::int64_t create() const { throw std::runtime_error{"no accumulator"}; }
};

TEST(Aggregate, NamesTheStageWhoseAccumulatorCannotBeMade) {
  Driver driver{make_stage(NeverCreated{}), {.on_error = OnError::kSkip}};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 1});
  driver.end();
  EXPECT_EQ(driver.context().failure().code(), ErrorCode::kUserFailure);
  EXPECT_NE(driver.context().failure().message().find("stage '"), std::string::npos);
  EXPECT_NE(driver.context().failure().message().find("no accumulator"), std::string::npos);
  EXPECT_TRUE(driver.output().records().empty());
}

}  // namespace
}  // namespace millstream::test
