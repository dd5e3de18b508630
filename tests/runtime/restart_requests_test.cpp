// What is asked of a job while it waits to restart, or was asked before it failed, is obeyed at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stop_token>
#include <thread>

#include "runtime/restarting.hpp"

namespace millstream::test {
namespace {

using ::testing::HasSubstr;

class RestartRequests : public Restarts {};

TEST_F(RestartRequests, CancelEndsTheWait) {
  Job job = start(sums(faults(1, 1)), patient(2));
  ASSERT_TRUE(waits(job));
  EXPECT_THAT(job.status().error.message(), HasSubstr("out of luck"));
  EXPECT_EQ(job.status().restarts, 0U);
  EXPECT_EQ(job.metrics().restarts, 0U);
  job.cancel();
  ASSERT_TRUE(job.wait_for(10s));
  EXPECT_EQ(job.wait().state, JobState::kCancelled);
}

TEST_F(RestartRequests, ThereIsNoSavepointBetweenTwoRuns) {
  Job job = start(sums(faults(1, 1)), patient(2));
  ASSERT_TRUE(waits(job));
  for (const bool stop : {false, true}) {
    const Status made = stop ? job.stop_with_savepoint("kept") : job.savepoint("kept");
    EXPECT_EQ(made.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(made.message(), HasSubstr("about to restart"));
    EXPECT_EQ(job.status().state, JobState::kRestarting);
  }
  job.cancel();
  ASSERT_TRUE(job.wait_for(10s));
  EXPECT_EQ(job.savepoint("kept").message(), "the job has ended");
}

TEST_F(RestartRequests, TheDestructorEndsTheWait) {
  const auto began = std::chrono::steady_clock::now();
  {
    const Job job = start(sums(faults(1, 1)), patient(2));
    ASSERT_TRUE(waits(job));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

// It is the next run that obeys: nothing of what came in is lost, and windows and timers could fire.
TEST_F(RestartRequests, StopAndDrainEndTheWaitAndAreObeyed) {
  for (const bool drain : {false, true}) {
    for (const std::string& path : files_.files()) ASSERT_TRUE(files_.remove(path).ok());
    Job job = start(sums(faults(1, 0.01)), patient(2));
    ASSERT_TRUE(waits(job));
    drain ? job.drain() : job.stop();
    ASSERT_TRUE(job.wait_for(10s));
    EXPECT_EQ(job.wait().state, JobState::kFinished) << job.wait().status.to_string();
    EXPECT_EQ(job.status().restarts, 1U);
    EXPECT_LT(lines().size(), expected_lines().size());
    if (drain) continue;
    EXPECT_TRUE(run(sums(faults(0, 0)), options(1)).ok());
    EXPECT_EQ(lines(), expected_lines());
  }
}

TEST_F(RestartRequests, AStopTokenReachesAJobThatWaitsOnTheCallingThread) {
  std::stop_source stop;
  RunOptions here = patient(1);
  here.calling_thread = true;
  here.stop = stop.get_token();
  const auto log = here.log;
  std::jthread asks;
  here.log = [&](LogLevel level, std::string_view message) {
    log(level, message);
    if (level == LogLevel::kWarning) asks = std::jthread{[&] { stop.request_stop(); }};
  };
  const JobResult result = run(sums(faults(1, 0.01)), here);
  EXPECT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(result.metrics.restarts, 1U);
}

/// Throws the first time that a job comes to its regular end.
struct ThrowsAtItsEnd {
  std::shared_ptr<std::atomic<bool>> thrown;
  void process(const Sum& sum, Collector<Sum>& out) { out.emit(sum); }
  void close() {
    if (!thrown->exchange(true)) throw std::runtime_error{"not yet"};
  }
};

TEST_F(RestartRequests, AStopThatWasAskedForBeforeTheFailureIsObeyedAfterIt) {
  const auto thrown = std::make_shared<std::atomic<bool>>(false);
  const auto flow = [&] {
    Dataflow all{"sums"};
    all.from(SteadySource{})
        .named("ticks")
        .key_by(&Tick::key)
        .process(RunningSum{faults(0, 0), {}})
        .named("sums")
        .process(ThrowsAtItsEnd{thrown})
        .to(file::sink<Sum>({.directory = "out"}));
    return all;
  };
  Job job = start(flow(), patient(2));
  // On a slow machine it may have come to its end by then, and wait.
  ASSERT_TRUE(eventually([&] { return job.status().checkpoints > 2 || job.status().state == JobState::kRestarting; }));
  job.stop();
  ASSERT_TRUE(job.wait_for(10s));  // the stop has also spared it the wait
  EXPECT_EQ(job.wait().state, JobState::kFinished) << job.wait().status.to_string();
  EXPECT_EQ(job.status().restarts, 1U);
  EXPECT_TRUE(run(flow(), options(1)).ok());
  EXPECT_EQ(lines(), expected_lines());
}

}  // namespace
}  // namespace millstream::test
