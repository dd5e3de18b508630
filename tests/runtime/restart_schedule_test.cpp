// The arithmetic of a RestartPolicy: which failures are tried again, how often, and after what wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "runtime/jobs.hpp"
#include "runtime/restart.hpp"

namespace millstream::test {
namespace {

using ::testing::HasSubstr;

TEST(RestartPolicy, NeedsAStateFolderAndOptionsThatCanBe) {
  RunOptions wrong = quiet(1);
  wrong.restart.max_restarts = 1;
  Dataflow flow{"stateless"};
  flow.from(SilentSource{}).to(CountingSink{make_counts()});
  const JobResult stateless = run(flow, wrong);
  EXPECT_EQ(stateless.status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(stateless.status.message(), HasSubstr("restart.max_restarts needs a state_dir: without checkpoints"));
  wrong.restart = {
      .max_restarts = 1, .initial_backoff = 2s, .backoff_multiplier = 0.5, .max_backoff = 1s, .reset_after = -1s};
  EXPECT_THAT(restart_mistakes(wrong),
              ::testing::ElementsAre(HasSubstr("negative"), HasSubstr("backoff_multiplier"), HasSubstr("is more than"),
                                     HasSubstr("needs a state_dir")));
  EXPECT_THAT(restart_mistakes(RunOptions{}), ::testing::IsEmpty());
}

const Status kAway{ErrorCode::kUnavailable, "it is away"};

TEST(RestartSchedule, WaitsGrowAndAreBounded) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    RestartSchedule schedule{{.max_restarts = 10, .initial_backoff = 100ms, .max_backoff = 2s}, seed};
    double expected = 0.1;
    for (std::uint32_t i = 1; i <= 10; ++i, expected = std::min(expected * 2, 2.0)) {
      const Result<std::chrono::nanoseconds> wait = schedule.next(kAway, 1s);
      ASSERT_TRUE(wait);
      const double seconds = std::chrono::duration<double>(*wait).count();
      EXPECT_GE(seconds, expected * 0.9 - 1e-9);
      EXPECT_LE(seconds, std::min(expected * 1.1, 2.0) + 1e-9);
      EXPECT_EQ(schedule.in_a_row(), i);
    }
    const Status last = schedule.next(kAway, 1s).error();
    EXPECT_EQ(last.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(last.message(), HasSubstr("it is away; it has been restarted 10 times"));
  }
}

TEST(RestartSchedule, JobsThatFailedTogetherDoNotComeBackTogether) {
  RestartSchedule one{{.max_restarts = 1}, 1};
  RestartSchedule other{{.max_restarts = 1}, 2};
  EXPECT_NE(*one.next(kAway, 0s), *other.next(kAway, 0s));
}

TEST(RestartSchedule, ALongRunBeginsANewRow) {
  RestartSchedule schedule{{.max_restarts = 2, .initial_backoff = 1s, .max_backoff = 1h, .reset_after = 10min}, 1};
  for (int round = 0; round < 5; ++round) {
    EXPECT_LE(*schedule.next(kAway, 10min), 1100ms);
    EXPECT_GE(*schedule.next(kAway, 599s), 1800ms);
  }
  EXPECT_FALSE(schedule.next(kAway, 599s));
}

TEST(RestartSchedule, TheLargestAndTheSmallestOptionsDoNotOverflow) {
  constexpr auto kLargest = std::chrono::nanoseconds::max();
  RestartSchedule large{
      {.max_restarts = 5, .initial_backoff = kLargest, .backoff_multiplier = 1e300, .max_backoff = kLargest}, 1};
  RestartSchedule small{{.max_restarts = 5, .initial_backoff = 0ns, .max_backoff = 0ns}, 1};
  for (int i = 0; i < 5; ++i) {
    const std::chrono::nanoseconds wait = *large.next(kAway, 0s);
    EXPECT_GT(wait, kLargest / 2);
    EXPECT_LE(wait, kLargest);
    EXPECT_EQ(*small.next(kAway, 0s), 0ns);
  }
}

TEST(RestartSchedule, WithoutRestartsAFailureStaysAsItIs) {
  RestartSchedule none{{}, 1};
  EXPECT_EQ(none.next(kAway, 0s).error(), kAway);
}

TEST(RestartSchedule, OnlyWhatMayHealIsTriedAgain) {
  for (const ErrorCode code :
       {ErrorCode::kIo, ErrorCode::kNotFound, ErrorCode::kUnavailable, ErrorCode::kUserFailure, ErrorCode::kInternal}) {
    RestartSchedule schedule{{.max_restarts = 1}, 1};
    EXPECT_TRUE(schedule.next({code, "why"}, 0s)) << to_string(code);
  }
  for (const ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kInvalidData, ErrorCode::kAlreadyExists,
                               ErrorCode::kCancelled, ErrorCode::kUnsupported}) {
    RestartSchedule schedule{{.max_restarts = 1}, 1};
    EXPECT_EQ(schedule.next({code, "why"}, 0s).error().code(), code) << to_string(code);
  }
}

}  // namespace
}  // namespace millstream::test
