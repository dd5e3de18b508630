// Jobs that fail and restart themselves: what they give out in the end is what a job gives out that never failed, and
// what would fail again in the same way is not tried again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <sstream>

#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"
#include "runtime/restarting.hpp"

namespace millstream::test {
namespace {

namespace kit = millstream::testing;
using ::testing::HasSubstr;

TEST_F(Restarts, TheOutputIsThatOfAJobThatNeverFailed) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const std::uint32_t shards : {1, 2, 3}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", shards " + std::to_string(shards));
      Random random{seed};
      for (const std::string& path : files_.files()) ASSERT_TRUE(files_.remove(path).ok());
      const SharedFaults some = faults(4, 0.01, seed);
      Job job = start(sums(some), options(shards));
      // While engines come and go, others look at them.
      std::uint64_t restarts = 0;
      while (!job.wait_for(1ms)) {
        const JobStatus status = job.status();
        EXPECT_GE(status.restarts, restarts);
        restarts = status.restarts;
        EXPECT_EQ(status.splits.size(), 2U);
        EXPECT_GE(job.metrics().restarts, restarts);
      }
      const JobResult result = job.wait();
      EXPECT_TRUE(result.ok()) << result.status.to_string();
      EXPECT_EQ(lines(), expected_lines());
      EXPECT_GT(job.status().restarts, 0U);
      EXPECT_EQ(job.status().restarts, result.metrics.restarts);
      EXPECT_EQ(job.status().state, JobState::kFinished);
    }
  }
}

TEST_F(Restarts, OnTheCallingThreadAndARealDisk) {
  const kit::TemporaryFolder folder;
  RunOptions here = options(1);
  here.file_system = nullptr;
  here.state_dir = folder / "state";
  here.calling_thread = true;
  here.pin = true;
  const JobResult result = run(sums(faults(3, 0.02), folder / "out"), here);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(result.metrics.restarts, 3U);
  std::vector<std::string> seen;
  for (const std::string& name : folder.files()) {
    if (!name.starts_with("out/")) continue;
    EXPECT_EQ(name.find("/."), name.npos) << name;
    std::istringstream in{kit::TemporaryFolder::read(folder / name)};
    for (std::string line; std::getline(in, line);) seen.push_back(line);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, expected_lines());
}

// Whatever operation of the disk fails once: of the source, the sink, the checkpoints, or the restart itself.
TEST_F(Restarts, ADiskThatFailsOnceHeals) {
  std::vector<std::string> expected;
  const auto file_of = [&](std::int64_t key) {
    std::string text;
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < 4000; ++i) {
      text += "{\"number\":" + std::to_string(i) + ",\"key\":" + std::to_string(key) +
              ",\"at\":\"1970-01-01T00:00:00Z\"}\n";
      sum += i;
      expected.push_back("{\"key\":" + std::to_string(key) + ",\"sum\":" + std::to_string(sum) + "}");
    }
    return text;
  };
  const std::string first = file_of(1);
  const std::string second = file_of(2);
  std::sort(expected.begin(), expected.end());
  const char* more = std::getenv("MILLSTREAM_SEEDS");
  const std::uint64_t seeds = more != nullptr ? std::strtoull(more, nullptr, 10) : 40;
  std::uint64_t restarts = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    for (const std::string& path : files_.files()) ASSERT_TRUE(files_.remove(path).ok());
    files_.write_file("in/a.jsonl", first);
    files_.write_file("in/b.jsonl", second);
    const SharedFaults none = faults(0, 0);
    Dataflow flow{"files"};
    flow.from(file::source<Tick>({.path = "in/*.jsonl"}))
        .key_by(&Tick::key)
        .process(RunningSum{none, {}})
        .to(file::sink<Sum>({.directory = "out"}));
    RunOptions some = options(1 + static_cast<std::uint32_t>(seed % 2));
    some.batch = 16;
    Job job = start(flow, some);
    // A bounded number of times: on a slow machine the job would else never get through.
    for (int failures = 0; !job.wait_for(1ms);) {
      if (failures < 20 && random.chance(0.3)) {
        files_.fail_at(1 + random.below(40));
        ++failures;
      }
    }
    const JobResult result = job.wait();
    ASSERT_TRUE(result.ok()) << result.status.to_string();
    ASSERT_EQ(lines(), expected);
    restarts += job.status().restarts;
    files_.fail_at(1'000'000'000);  // what was still to fail does not
  }
  EXPECT_GT(restarts, 10U);
}

TEST_F(Restarts, WhatIsAwayForAWhileIsWaitedFor) {
  files_.write_file("in/a.jsonl", "{\"number\":1,\"key\":1,\"at\":\"1970-01-01T00:00:00Z\"}\n");
  const SharedFaults one = faults(1, 1);
  Dataflow flow{"files"};
  flow.from(file::source<Tick>({.path = "in/a.jsonl"}))
      .key_by(&Tick::key)
      .process(RunningSum{one, {}})
      .to(file::sink<Sum>({.directory = "out"}));
  RunOptions some = options(2);
  some.restart.max_restarts = 100'000;
  some.restart.initial_backoff = some.restart.max_backoff = 100ms;
  Job job = start(flow, some);
  ASSERT_TRUE(waits(job));
  const std::string away = files_.read_file("in/a.jsonl");
  ASSERT_TRUE(files_.remove("in/a.jsonl").ok());
  ASSERT_TRUE(eventually([&] { return job.status().restarts > 2; }));
  EXPECT_EQ(job.status().state, JobState::kRestarting);
  EXPECT_EQ(job.status().error.code(), ErrorCode::kNotFound) << job.status().error.to_string();
  files_.write_file("in/a.jsonl", away);
  EXPECT_TRUE(job.wait().ok()) << job.wait().status.to_string();
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Restarts, EndWithTheLastErrorWhenTheBoundIsUsedUp) {
  Job job = start(sums(faults(1'000'000, 1)), options(2, 3));
  const JobResult result = job.wait();
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_EQ(result.status.code(), ErrorCode::kUserFailure);
  EXPECT_THAT(result.status.message(), HasSubstr("out of luck"));
  EXPECT_THAT(result.status.message(), HasSubstr("restarted 3 times in a row, as often as restart.max_restarts"));
  EXPECT_EQ(job.status().restarts, 3U);
  EXPECT_EQ(job.status().error, result.status);
  EXPECT_TRUE(lines().empty());
  const std::vector<std::string> warnings = logged(LogLevel::kWarning);
  ASSERT_EQ(warnings.size(), 3U);
  EXPECT_THAT(warnings[1], HasSubstr("out of luck"));
  EXPECT_THAT(warnings[1], HasSubstr("; restart 2 of 3, from the last checkpoint, in 0.00"));
  EXPECT_EQ(logged(LogLevel::kError), std::vector<std::string>{result.status.message()});
}

TEST_F(Restarts, BeginANewRowAfterALongRun) {
  RunOptions forgiving = options(1, 1);
  forgiving.restart.reset_after = 0ns;
  Job job = start(sums(faults(3, 1)), forgiving);
  EXPECT_TRUE(job.wait().ok()) << job.wait().status.to_string();
  EXPECT_EQ(job.status().restarts, 3U);
  EXPECT_EQ(lines(), expected_lines());
}

TEST_F(Restarts, AreOfWhatWasDeclaredWhenTheJobStarted) {
  Dataflow flow = sums(faults(1, 0.01));
  Job job = start(flow, patient(2));
  ASSERT_TRUE(waits(job));
  const auto leads_nowhere = flow.from(SteadySource{});
  EXPECT_FALSE(flow.check().ok());
  job.stop();
  EXPECT_TRUE(job.wait().ok()) << job.wait().status.to_string();
  EXPECT_EQ(job.status().restarts, 1U);
}

// What the shards of a stage share is made anew; what copies of a sink share is the user's, so this one shows some
// results again, and no other ones.
TEST_F(Restarts, MakeGeneratorsAndWindowsAnew) {
  using Row = WindowResult<std::int64_t, std::int64_t>;
  const auto results = [&](const SharedFaults& faults, const RunOptions& how) {
    memory::Sink<Row> out;
    Dataflow flow{"windows"};
    flow.from(generator::source<Tick>({.make =
                                           [](std::uint64_t i) {
                                             const auto number = static_cast<std::int64_t>(i);
                                             return Tick{number, number % 6, Timestamp{number * 1ms}};
                                           },
                                       .count = 600,
                                       .rate = 10'000,
                                       .splits = 2}))
        .event_time(&Tick::at, monotonic())
        .map([faults](const Tick& tick) {
          faults->pass();
          return tick;
        })
        .key_by(&Tick::key)
        .window(tumbling(50ms))
        .close_after(1h)
        .aggregate(sum(&Tick::number))
        .named("windows")
        .to(out);
    const JobResult result = run(flow, how);
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(result.metrics.restarts > 0, how.restart.max_restarts > 0);
    std::set<std::vector<std::int64_t>> rows;
    for (const Row& row : out.records()) {
      rows.insert({row.key, row.window_start.time_since_epoch().count(), row.value, row.pane});
    }
    return rows;
  };
  const auto expected = results(faults(0, 0), quiet(1));
  EXPECT_EQ(expected.size(), 12U * 6U);
  EXPECT_EQ(results(faults(3, 0.02), options(2)), expected);
}

struct Owned {
  std::unique_ptr<int> value;
};

TEST_F(Restarts, EndWhereTheSourceCannotGoBack) {
  std::vector<Owned> records(100);
  const SharedFaults one = faults(1, 1);
  Dataflow flow{"moved"};
  flow.from(memory::source(std::move(records)))
      .map([one](const Owned&) {
        one->pass();
        return Tick{};
      })
      .to(file::sink<Tick>({.directory = "out"}));
  const JobResult result = run(flow, options(1));
  EXPECT_EQ(result.status.code(), ErrorCode::kUnsupported) << result.status.to_string();
  EXPECT_EQ(result.metrics.restarts, 1U);
}

// A checkpoint that is damaged while the job waits is for a person to decide about.
TEST_F(Restarts, AreNotTriedWhereRecoveryHalts) {
  Job job = start(sums(faults(1, 0.005)), patient(2));
  ASSERT_TRUE(waits(job));
  int damaged = 0;
  for (const std::string& path : files_.files()) {
    if (!path.ends_with(".segment")) continue;
    std::string bytes = files_.read_file(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    files_.write_file(path, bytes);
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  job.stop();
  ASSERT_TRUE(job.wait_for(10s));
  const JobResult result = job.wait();
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData) << result.status.to_string();
  EXPECT_THAT(result.status.message(), HasSubstr("nothing was changed"));
  EXPECT_THAT(result.status.message(), HasSubstr("it is not restarted: the same would happen again"));
  EXPECT_EQ(job.status().restarts, 1U);
}

TEST_F(Restarts, AreNotTriedForARecordThatCannotBeDecoded) {
  files_.write_file("in/a.jsonl", "{\"number\":no}\n");
  Dataflow flow{"files"};
  flow.from(file::source<Tick>({.path = "in/a.jsonl"})).to(file::sink<Tick>({.directory = "out"}));
  const JobResult result = run(flow, options(1));
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData);
  EXPECT_EQ(result.metrics.restarts, 0U);
  EXPECT_TRUE(logged(LogLevel::kWarning).empty());
}

TEST_F(Restarts, AreNotTriedForAJobThatNeverRan) {
  Dataflow flow{"files"};
  flow.from(file::source<Tick>({.path = "in/missing.jsonl"})).to(file::sink<Tick>({.directory = "out"}));
  const JobResult result = run(flow, patient(1));
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_EQ(result.status.code(), ErrorCode::kNotFound);
}

/// Gives out what it has only when the input has ended.
struct FailsAtItsEnd {
  void write(const Tick&) {}
  Status close(SinkEnd end) {
    if (end == SinkEnd::kFinished) return {ErrorCode::kUnavailable, "nobody takes it"};
    return {};
  }
};

// The last checkpoint says that everything is done: a restart would find nothing to do and hide the failure.
TEST_F(Restarts, AreNotTriedWhenEverythingWasDone) {
  Dataflow flow{"end"};
  flow.from(SteadySource{}).to(FailsAtItsEnd{});
  const JobResult result = run(flow, patient(2));
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_THAT(result.status.message(), HasSubstr("nobody takes it"));
  EXPECT_EQ(result.metrics.restarts, 0U);
}

}  // namespace
}  // namespace millstream::test
