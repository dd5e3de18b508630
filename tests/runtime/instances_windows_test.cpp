// Jobs with windows whose number of instances changes between their lives, as those of instances_test.cpp: a plain
// model of the input says what each window has, and which records are late. Instances are differently far, so windows
// that one has fired another still has open.
#include <gtest/gtest.h>

#include <string>

#include "runtime/instances_windows_job.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

using namespace instances;

std::string change_and_compare(std::uint64_t seed, bool slices) {
  Random random{seed, 0x5743'484e};
  Shape shape{.slices = slices, .lateness = random.chance(0.4) ? Duration{10s} : Duration{0}};
  if (random.chance(0.3)) {
    shape = {.slices = slices, .idle = random.chance(0.5)};
    shape.silence = !shape.idle;
  }
  WindowWorld world{seed, shape};
  world.broker.set_faults({.request_lost = random.chance(0.3) ? 0.05 : 0,
                           .reply_lost = random.chance(0.3) ? 0.05 : 0,
                           .progress = random.chance(0.5) ? 0.7 : 0.05});
  return live_and_die(world, random, 800, [&](bool all) { return world.compare_windows(all); });
}

TEST(InstancesWindows, OfSlicesFireOnceAndDropWhatTheModelDrops) {
  test::for_all_seeds("runtime_instances", 300, [](std::uint64_t seed) { return change_and_compare(seed, true); });
}

TEST(InstancesWindows, OfOtherKindsFireOnceAndDropWhatTheModelDrops) {
  test::for_all_seeds("runtime_instances", 300, [](std::uint64_t seed) { return change_and_compare(seed, false); });
}

// So that what the seeds go through is not all refused at its start, and instances are where others are not.
TEST(InstancesWindows, GoOnWithTheWindowsOfTheirPartitions) {
  for (const bool slices : {true, false}) {
    WindowWorld world{1, {.slices = slices}, 2000};
    for (const std::uint32_t instances : {3U, 2U, 3U, 1U, 4U}) {
      for (std::uint32_t i = 0; i < instances; ++i) {
        const std::uint64_t steps = 100 + 300 * i;
        const auto result = world.live({.share = {i, instances}, .before_step = [steps](kit::Simulation& job) {
                                          if (job.steps() == steps) job.stop();
                                        }});
        ASSERT_TRUE(result.ok()) << i << " of " << instances << ": " << result.status.to_string();
      }
      EXPECT_EQ(world.compare_windows(false), "");
    }
    for (std::uint32_t i = 0; i < 2; ++i) ASSERT_TRUE(world.live({.share = {i, 2}}).ok());
    EXPECT_EQ(world.compare_windows(true), "");
  }
}

}  // namespace
}  // namespace millstream
