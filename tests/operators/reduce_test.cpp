// Running reduce per key.
#include "millstream/operators/reduce.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

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

// Counts how often it is copied.
struct Bulky {
  std::int64_t key = 0;
  std::int64_t value = 0;
  std::string text = {};
  BOOST_DESCRIBE_CLASS(Bulky, (), (key, value, text), (), ())
  static inline int copies = 0;

  Bulky() = default;
  Bulky(std::int64_t k, std::int64_t v) : key{k}, value{v}, text(40, static_cast<char>('a' + v % 26)) {}
  Bulky(const Bulky& other) : key{other.key}, value{other.value}, text{other.text} { ++copies; }
  Bulky(Bulky&&) = default;
  Bulky& operator=(const Bulky& other) {
    key = other.key;
    value = other.value;
    text = other.text;
    ++copies;
    return *this;
  }
  Bulky& operator=(Bulky&&) = default;
  ~Bulky() = default;
};

TEST(Reduce, CopiesOnceWhereTheFunctionChooses) {
  static const Bulky kNone{-1, 25};
  const auto choose = [](const Bulky& last, const Bulky& next) -> const Bulky& {
    if (next.value % 50 == 49) return kNone;
    return next.value < last.value ? last : next;
  };
  testing::StageDriver<Bulky, Bulky> driver{
      std::make_unique<ReduceStage<std::int64_t, Bulky, decltype(choose), std::int64_t Bulky::*>>(&Bulky::key, choose)};
  driver.key_by(&Bulky::key);
  driver.open();
  std::mt19937_64 random{3};
  std::map<std::int64_t, std::int64_t> greatest;
  std::vector<std::int64_t> expected;
  int copies = 0;
  Bulky::copies = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto key = static_cast<std::int64_t>(random() % 40);
    const auto value = static_cast<std::int64_t>(random() % 200);
    driver.push(Bulky{key, value});
    const auto [at, is_new] = greatest.try_emplace(key, value);
    const bool none = !is_new && value % 50 == 49;
    if (!is_new) at->second = none ? kNone.value : std::max(at->second, value);
    copies += none ? 2 : 1;
    expected.push_back(at->second);
  }
  driver.end();
  EXPECT_EQ(Bulky::copies, copies);
  ASSERT_EQ(driver.output().records().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Bulky& record = driver.output().records()[i].value;
    ASSERT_EQ(record.value, expected[i]);
    ASSERT_EQ(record.text, Bulky(0, expected[i]).text);
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
