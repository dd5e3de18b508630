// One memory budget for several jobs: what they hold adds up, all of it comes back, and a job whose queues do not fit
// beside the others is refused while those go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

using ::testing::HasSubstr;

void declare(Dataflow& flow, const SharedCounts& counts) {
  flow.from(EndlessSource{counts, 2})
      .key_by(&Tick::number)
      .reduce([](const Tick&, const Tick& b) { return b; })
      .to(CountingSink{counts});
}

TEST(SharedMemory, ThreeJobsHoldItTogetherAndGiveItBack) {
  const auto memory = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  RunOptions options = quiet(2);
  options.memory = memory;
  std::vector<Dataflow> flows;
  std::vector<SharedCounts> counts;
  std::vector<Job> jobs;
  std::vector<std::size_t> used{0};
  for (int i = 0; i < 3; ++i) {
    counts.push_back(make_counts());
    declare(flows.emplace_back("job " + std::to_string(i)), counts.back());
    jobs.push_back(start(flows.back(), options));
    used.push_back(memory->used_bytes());
    EXPECT_GT(used.back(), used[used.size() - 2]);
  }
  // Their state is in it, not only their queues.
  EXPECT_TRUE(eventually([&] { return memory->used_bytes() > used.back() + 100'000; }));
  EXPECT_TRUE(eventually([&] { return counts[0]->taken > 0 && counts[1]->taken > 0 && counts[2]->taken > 0; }));
  jobs[0].stop();
  jobs[1].drain();
  jobs[2].cancel();
  for (Job& job : jobs) ASSERT_TRUE(job.wait_for(30s));
  EXPECT_EQ(jobs[0].status().state, JobState::kFinished);
  EXPECT_EQ(jobs[1].status().state, JobState::kFinished);
  EXPECT_EQ(jobs[2].status().state, JobState::kCancelled);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(counts[i]->taken, counts[i]->emitted);
  jobs.clear();
  EXPECT_EQ(memory->used_bytes(), 0U);
}

TEST(SharedMemory, AJobThatDoesNotFitBesideAnotherIsRefused) {
  const auto silent = [](Dataflow& flow, const SharedCounts& counts) {
    flow.from(SilentSource{2})
        .key_by(&Tick::key)
        .reduce([](const Tick&, const Tick& b) { return b; })
        .to(CountingSink{counts});
  };
  const SharedCounts counts = make_counts();
  Dataflow first{"first"};
  silent(first, counts);
  Dataflow second{"second"};
  silent(second, counts);
  RunOptions options = quiet(2);
  options.memory = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  std::size_t needed = 0;
  {
    Job alone = start(first, options);
    needed = options.memory->used_bytes();
  }
  ASSERT_GT(needed, 0U);
  ASSERT_EQ(options.memory->used_bytes(), 0U);

  options.memory = std::make_shared<MemoryBudget>(needed + needed / 2);
  {
    Job job = start(first, options);
    const JobResult refused = run(second, options);
    EXPECT_EQ(refused.state, JobState::kFailed);
    EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.status.message(), HasSubstr("memory budget has"));
    EXPECT_THAT(refused.status.message(), HasSubstr(" of " + std::to_string(needed + needed / 2)));
    EXPECT_EQ(job.status().state, JobState::kRunning);
    EXPECT_GE(options.memory->used_bytes(), needed);
    job.stop();
    EXPECT_TRUE(job.wait().ok());
  }
  EXPECT_EQ(options.memory->used_bytes(), 0U);
  // Now there is room.
  Job job = start(second, options);
  EXPECT_TRUE(eventually([&] { return job.status().state == JobState::kRunning; }));
  job.stop();
  EXPECT_TRUE(job.wait().ok());
}

}  // namespace
}  // namespace millstream::test
