// Timers whose keys have left memory, of which more are due whenever those before have been read: they share the stage
// with what else it has to do.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/operators/process.hpp"
#include "millstream/testing/stage_driver.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;

constexpr Duration kReadLatency = 10ms;
constexpr std::int64_t kKeys = 300;

struct Record {
  std::int64_t key = 0;
};
BOOST_DESCRIBE_STRUCT(Record, (), (key))

/// Each time that something has been read, the timers of one more key are due, and of those before.
struct Polling {
  ValueState<std::int64_t> count;
  Timers timers;
  void open(OperatorContext& c) {
    count = c.value_state<std::int64_t>("count");
    timers = c.timers();
  }
  void process(const Record& record, Collector<std::int64_t>& out) {
    count.update([](std::int64_t& n) { ++n; });
    if (count.value_or(0) == 1) timers.register_processing_time(Timestamp{(record.key + 1) * kReadLatency});
    out.emit(*count.get());
  }
  void on_timer(const Timer&, Collector<std::int64_t>& out, OperatorContext& c) {
    out.emit(-count.value_or(0));
    timers.register_processing_time(c.processing_time() + kReadLatency);
  }
};

class ColdTimers : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ColdTimers, LetABatchInThatWaits) {
  OrderedWorld world;
  const std::unique_ptr<ColdStore> store = *world.open({.folder = world.path("cold"), .columns = {"c"}});
  Tier tier{*store, GetParam()};
  using KeyOf = std::int64_t Record::*;
  testing::StageDriver<Record, std::int64_t> driver{
      std::make_unique<KeyedProcessStage<std::int64_t, Record, KeyOf, Polling>>(Polling{}, &Record::key, 16)};
  driver.context().cold = &tier;
  driver.key_by(&Record::key);
  driver.open();
  for (std::int64_t key = 0; key < kKeys; ++key) driver.push({key});
  driver.begin_barrier();
  static_cast<void>(driver.end_barrier());
  Random random{1};
  const auto turn = [&] {
    static_cast<void>(tier.readers.step(random));
    static_cast<void>(tier.take_one());
    driver.run();
  };
  for (int i = 0; i < 1000; ++i) turn();
  ASSERT_EQ(driver.output().values(), std::vector<std::int64_t>(kKeys, 1));
  driver.output().clear();

  const auto given_out = [&](std::int64_t what) {
    const std::vector<std::int64_t> all = driver.output().values();
    return std::count(all.begin(), all.end(), what);
  };
  driver.advance(kReadLatency);
  driver.push({kKeys - 1});
  driver.flush();
  int turns = 0;
  for (; turns < 100 && given_out(2) == 0; ++turns) {
    driver.clock().advance(kReadLatency);
    turn();
  }
  EXPECT_LT(turns, 10) << "the batch waits for as long as timers become due";
  // Nor does it keep timers from firing.
  for (int i = 0; i < 20; ++i) {
    driver.clock().advance(kReadLatency);
    driver.push({kKeys - 1});
    turn();
  }
  EXPECT_GT(given_out(-1), 3);
}

// All but what is worked on leaves at once; a part of it stays.
INSTANTIATE_TEST_SUITE_P(Shares, ColdTimers, ::testing::Values(4, 4'000));

}  // namespace
}  // namespace millstream::test
