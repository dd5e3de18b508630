// How a model test runs its dataflow: in a job with real threads, or in the simulator; and the loops over seeds, which
// say on a failure how to see it again.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream::model {

/// One way to run a dataflow.
struct Execution {
  bool simulated = false;
  std::uint64_t seed = 1;
  std::uint32_t shards = 1;
  std::uint32_t batch = kBatchRecordsMax;
  std::size_t slots = kExchangeSlots;
  bool jumping_clock = false;  ///< of the simulator: set back and forward by up to an hour, stalls of up to 30 s
  Duration step_time{0};       ///< of the simulator: a step takes up to this; 0: time passes only while all shards wait

  void run(const Dataflow& flow) const;
};

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kSeedsDefault = 50;
#else
constexpr std::uint64_t kSeedsDefault = 500;
#endif

/// Seeds in the simulator for each pipeline, and the one seed to replay (0: all of them). Set by the program's main
/// from MILLSTREAM_SEEDS, --seeds and --seed.
struct Seeds {
  std::uint64_t count = kSeedsDefault;
  std::uint64_t only = 0;
  std::string program;
};
Seeds& seeds();

/// test(random, execution) for many executions; `random` depends on the seed alone. Ends at the first failure.
template <class Test>
void simulate(Test&& test) {
  const std::uint64_t first = seeds().only != 0 ? seeds().only : 1;
  for (std::uint64_t seed = first; seed < first + (seeds().only != 0 ? 1 : seeds().count); ++seed) {
    Random random{seed, 0x6d6f64656c};
    Execution execution{.simulated = true, .seed = seed};
    execution.shards = static_cast<std::uint32_t>(1 + random.below(random.chance(0.2) ? 8 : 4));
    constexpr std::uint32_t kBatches[] = {1, 2, 7, 100, 1024};
    execution.batch = kBatches[random.below(5)];
    execution.slots = 1 + random.below(random.chance(0.5) ? 1 : 8);
    test(random, execution);
    if (::testing::Test::HasFailure()) {
      const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
      ADD_FAILURE() << "replay: " << seeds().program << " --gtest_filter=" << info->test_suite_name() << "."
                    << info->name() << " --seed " << seed << "\n(" << execution.shards << " shards, batches of "
                    << execution.batch << ", " << execution.slots << " slots)";
      return;
    }
  }
}
template <class Test>
void on_threads(Test&& test) {
  const std::uint64_t first = seeds().only != 0 ? seeds().only : 1;
  for (std::uint64_t seed = first; seed < first + (seeds().only != 0 ? 1 : 2); ++seed) {
    for (const std::uint32_t shards : {1U, 2U, 4U, 8U}) {
      for (const std::uint32_t batch : {1U, 7U, 1024U}) {
        Random random{seed, 0x6d6f64656c};
        test(random, Execution{.seed = seed, .shards = shards, .batch = batch});
        if (::testing::Test::HasFailure()) {
          const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
          ADD_FAILURE() << "again: " << seeds().program << " --gtest_filter=" << info->test_suite_name() << "."
                        << info->name() << " --seed " << seed << "\n(" << shards << " shards, batches of " << batch
                        << ")";
          return;
        }
      }
    }
  }
}

/// Defines the two tests of a pipeline, whose name is a function (Random&, const Execution&).
#define MILLSTREAM_MODEL_TEST(pipeline)                                         \
  TEST(pipeline, Simulated) { ::millstream::model::simulate(test_##pipeline); } \
  TEST(pipeline, OnThreads) { ::millstream::model::on_threads(test_##pipeline); }

/// Equal, or a failure that shows the first difference.
inline void expect_same(std::string_view what, const std::vector<std::string>& expected,
                        const std::vector<std::string>& actual) {
  if (expected == actual) return;
  const auto [e, a] = std::mismatch(expected.begin(), expected.end(), actual.begin(), actual.end());
  std::string text = std::string{what} + " differ: " + std::to_string(expected.size()) + " expected, " +
                     std::to_string(actual.size()) + " came; first difference at " +
                     std::to_string(e - expected.begin());
  for (int i = 0; i < 4; ++i) {
    if (expected.end() - e > i) text += "\n  expected " + *(e + i);
    if (actual.end() - a > i) text += "\n  came     " + *(a + i);
  }
  ADD_FAILURE() << text;
}
inline void expect_same_set(std::string_view what, std::vector<std::string> expected, std::vector<std::string> actual) {
  std::sort(expected.begin(), expected.end());
  std::sort(actual.begin(), actual.end());
  expect_same(what, expected, actual);
}

}  // namespace millstream::model
