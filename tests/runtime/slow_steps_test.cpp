// A shard whose steps take long ends its checkpoints, too: state is given out for so much time as other work takes, not
// so much a step.
#include <gtest/gtest.h>

#include "millstream/connectors/generator.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

TEST(SlowSteps, DoNotKeepACheckpointFromItsEnd) {
  constexpr std::uint64_t kKeys = 100'000;
  testing::MemoryFileSystem files;
  const SharedCounts counts = make_counts();
  Dataflow flow{"slow"};
  flow.from(generator::source<Tick>({.make =
                                         [](std::uint64_t i) {
                                           const auto key = static_cast<std::int64_t>(i % kKeys);
                                           return Tick{static_cast<std::int64_t>(i), key, {}};
                                         },
                                     .count = 3 * kKeys}))
      .key_by(&Tick::key)
      .reduce([](const Tick&, const Tick& next) { return next; })
      .to(CountingSink{counts});
  JobStatus last;
  // A step takes half a second on average, so that some hundred entries a step would take many minutes for all of them.
  const testing::SimulationResult result = testing::Simulator{
      {.shards = 1,
       .step_time_max = 1s,
       .before_step = [&](testing::Simulation& job) { last = job.status(); },
       .file_system = &files,
       .state_dir = "state",
       .checkpoint = {.interval = 5s,
                      .timeout = 1min}}}.run(flow);
  ASSERT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(counts->taken, 3 * kKeys);
  EXPECT_GT(last.checkpoints, 3U);
  EXPECT_EQ(last.checkpoints_failed, 0U);
}

}  // namespace
}  // namespace millstream::test
