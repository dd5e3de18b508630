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
  const auto any_number = [&] { return 1 + static_cast<std::uint32_t>(random.below(kInstancesMax)); };
  std::uint32_t instances = any_number();
  const std::uint64_t lives = 4 + random.below(12);
  for (std::uint64_t i = 0; i < lives; ++i) {
    if (random.chance(0.5)) instances = any_number();
    Life life{.share = {static_cast<std::uint32_t>(random.below(instances)), instances},
              .seed = random(),
              .shards = 1 + static_cast<std::uint32_t>(random.below(3)),
              .times = 1 + random.below(4),
              .crash = random.chance(0.3) ? kit::Crash::kPower : kit::Crash::kProcess,
              .state = random.chance(0.3) ? rocksdb({.memory_bytes = 6'000}) : in_memory()};
    switch (random.below(4)) {
      case 0:
        life.dies_at_step = random.below(800);
        break;
      case 1:
        life.dies_at_disk = random.below(400);
        break;
      case 2:
        life.dies_at_point = static_cast<kit::LogPoint>(random.below(8));
        break;
      default: {
        const std::uint64_t at = random.below(600);
        life.before_step = [at](kit::Simulation& job) {
          if (job.steps() == at) job.stop();
        };
      }
    }
    const auto result = world.live(life);
    std::string in_life = "life " + std::to_string(i) + " (";
    in_life += std::to_string(life.share.instance) + " of " + std::to_string(instances) + "): ";
    if (std::string wrong = world.compare_windows(false); !wrong.empty()) return in_life + wrong;
    if (!result.ok() && !may_be(result.status)) return in_life + result.status.to_string();
  }
  world.broker.set_faults({});
  for (int round = 0; round < 2; ++round) {
    instances = any_number();
    for (std::uint32_t i = 0; i < instances; ++i) {
      for (int tries = 0;; ++tries) {
        const auto result = world.live({.share = {i, instances}, .seed = random()});
        if (result.ok()) break;
        if (!may_be(result.status) || tries == 20) return "at last: " + result.status.to_string();
      }
    }
    if (std::string wrong = world.compare_windows(true); !wrong.empty()) return "at last: " + wrong;
  }
  return {};
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
