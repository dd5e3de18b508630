// Jobs that fail and restart themselves: what they give out in the end is what a job gives out that never failed, the
// waits are as the policy says, and whatever is asked of them meanwhile is obeyed.
#include "runtime/restart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

namespace kit = millstream::testing;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kPerSplit = 300;
constexpr std::int64_t kKeysPerSplit = 5;

struct Sum {
  std::int64_t key = 0;
  std::int64_t sum = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (key, sum))

/// Two splits of ticks, some each millisecond; no key is in both.
struct SteadySource {
  std::int64_t next = 0;
  SplitContext* context = nullptr;
  std::vector<Split> splits(SourceContext&) const { return {{"0"}, {"1"}}; }
  void open(SplitContext& c) {
    context = &c;
    next = static_cast<std::int64_t>(c.split().start.offset);
  }
  Poll poll(SourceOutput<Tick>& out) {
    for (int i = 0; i < 4 && next < kPerSplit; ++i, ++next) {
      out.emit(Tick{next, context->split_number() * kKeysPerSplit + next % kKeysPerSplit, {}});
    }
    return next == kPerSplit ? Poll::done() : Poll::idle_until(context->clock().now() + 1ms);
  }
  [[nodiscard]] Position position() const { return {static_cast<std::uint64_t>(next), {}}; }
};

/// What goes wrong, in all runs of a job together.
struct Faults {
  std::uint64_t seed = 0;
  double chance = 0;  // that a record throws
  std::atomic<int> left{0};
  std::atomic<std::uint64_t> seen{0};
  void pass() {
    Random random{seed, seen++};
    if (left > 0 && random.chance(chance) && left-- > 0) throw std::runtime_error{"out of luck"};
  }
};
using SharedFaults = std::shared_ptr<Faults>;
SharedFaults faults(int count, double chance, std::uint64_t seed = 1) {
  auto all = std::make_shared<Faults>();
  all->seed = seed;
  all->chance = chance;
  all->left = count;
  return all;
}

/// The sum of each key's numbers, given out for each record.
struct RunningSum {
  SharedFaults faults;
  ValueState<std::int64_t> sum;
  void open(OperatorContext& c) { sum = c.value_state<std::int64_t>("sum"); }
  void process(const Tick& tick, Collector<Sum>& out) {
    faults->pass();
    sum.update([&](std::int64_t& s) { s += tick.number; });
    out.emit({tick.key, *sum.get()});
  }
};

Dataflow sums(const SharedFaults& faults, const std::string& directory = "out") {
  Dataflow flow{"sums"};
  flow.from(SteadySource{})
      .named("ticks")
      .key_by(&Tick::key)
      .process(RunningSum{faults, {}})
      .named("sums")
      .to(file::sink<Sum>({.directory = directory}));
  return flow;
}

std::vector<std::string> expected_lines() {
  std::vector<std::string> lines;
  std::map<std::int64_t, std::int64_t> totals;
  for (std::int64_t split = 0; split < 2; ++split) {
    for (std::int64_t i = 0; i < kPerSplit; ++i) {
      const std::int64_t key = split * kKeysPerSplit + i % kKeysPerSplit;
      totals[key] += i;
      lines.push_back("{\"key\":" + std::to_string(key) + ",\"sum\":" + std::to_string(totals[key]) + "}");
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class Restarts : public ::testing::Test {
 protected:
  [[nodiscard]] RunOptions options(std::uint32_t shards, std::uint32_t max_restarts = 100) {
    RunOptions options = quiet(shards);
    options.state_dir = "state";
    options.file_system = &files_;
    options.checkpoint.interval = 5ms;
    options.restart = {.max_restarts = max_restarts, .initial_backoff = 1ms, .max_backoff = 5ms};
    options.log = [this](LogLevel level, std::string_view message) {
      const std::scoped_lock lock{mutex_};
      logged_.emplace_back(level, message);
    };
    return options;
  }
  /// Waits that only a request can end.
  [[nodiscard]] RunOptions patient(std::uint32_t shards) {
    RunOptions all = options(shards);
    all.restart = {.max_restarts = 100, .initial_backoff = 1h, .max_backoff = 1h};
    return all;
  }
  [[nodiscard]] std::vector<std::string> logged(LogLevel level) {
    const std::scoped_lock lock{mutex_};
    std::vector<std::string> messages;
    for (const auto& [of, message] : logged_) {
      if (of == level) messages.push_back(message);
    }
    return messages;
  }
  /// The lines of all files that readers see, sorted.
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const std::string& path : files_.files()) {
      if (path.find("out/") == path.npos || path.find("/.") != path.npos) continue;
      std::istringstream in{files_.read_file(path)};
      for (std::string line; std::getline(in, line);) all.push_back(line);
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  kit::MemoryFileSystem files_;

 private:
  std::mutex mutex_;
  std::vector<std::pair<LogLevel, std::string>> logged_;
};

bool waits(const Job& job) {
  return eventually([&] { return job.status().state == JobState::kRestarting; });
}

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

TEST_F(Restarts, NeedAStateFolderAndOptionsThatCanBe) {
  RunOptions wrong = options(1);
  wrong.state_dir = "";
  const JobResult stateless = run(sums(faults(0, 0)), wrong);
  EXPECT_EQ(stateless.status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(stateless.status.message(), HasSubstr("restart.max_restarts needs a state_dir: without checkpoints"));
  wrong.restart = {.initial_backoff = 2s, .backoff_multiplier = 0.5, .max_backoff = 1s, .reset_after = -1s};
  EXPECT_THAT(restart_mistakes(wrong), ::testing::ElementsAre(HasSubstr("negative"), HasSubstr("backoff_multiplier"),
                                                              HasSubstr("is more than")));
  EXPECT_THAT(restart_mistakes(RunOptions{}), ::testing::IsEmpty());
}

TEST_F(Restarts, CancelEndsTheWait) {
  Job job = start(sums(faults(1, 1)), patient(2));
  ASSERT_TRUE(waits(job));
  EXPECT_THAT(job.status().error.message(), HasSubstr("out of luck"));
  EXPECT_EQ(job.status().restarts, 0U);
  EXPECT_EQ(job.metrics().restarts, 0U);
  job.cancel();
  ASSERT_TRUE(job.wait_for(10s));
  EXPECT_EQ(job.wait().state, JobState::kCancelled);
}

TEST_F(Restarts, TheDestructorEndsTheWait) {
  const auto began = std::chrono::steady_clock::now();
  {
    const Job job = start(sums(faults(1, 1)), patient(2));
    ASSERT_TRUE(waits(job));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

// It is the next run that obeys: nothing of what came in is lost, and windows and timers could fire.
TEST_F(Restarts, StopAndDrainEndTheWaitAndAreObeyed) {
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

TEST_F(Restarts, AStopTokenReachesAJobThatWaitsOnTheCallingThread) {
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

TEST_F(Restarts, AStopThatWasAskedForBeforeTheFailureIsObeyedAfterIt) {
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
  ASSERT_TRUE(eventually([&] { return job.status().checkpoints > 2; }));
  job.stop();
  ASSERT_TRUE(job.wait_for(10s));  // the stop has also spared it the wait
  EXPECT_EQ(job.wait().state, JobState::kFinished) << job.wait().status.to_string();
  EXPECT_EQ(job.status().restarts, 1U);
  EXPECT_TRUE(run(flow(), options(1)).ok());
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
