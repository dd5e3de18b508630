// Savepoints of jobs on threads: made while the job goes on or at its end, started from on another number of shards and
// with another graph, and refused with what is in the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/eventually.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Tick {
  std::int64_t key = 0;
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Tick, (), (key, value))
using Ticks = memory::Sink<Tick>;

constexpr std::uint64_t kCount = 6'000;
constexpr double kSlow = 5'000;  // records a second, as long as a job is to be caught in the middle

auto numbers(double rate) {
  return generator::source<Tick>(
      {.make = [](std::uint64_t i) { return Tick{static_cast<std::int64_t>(i % 7), static_cast<std::int64_t>(i)}; },
       .count = kCount,
       .rate = rate});
}
Tick add(const Tick& sum, const Tick& next) { return {sum.key, sum.value + next.value}; }

/// Per key the sum of all values, given out for each record.
Dataflow sums_of(const Ticks& out, double rate = 0) {
  Dataflow flow{"ticks"};
  flow.from(numbers(rate)).named("numbers").key_by(&Tick::key).reduce(add).named("sums").to(out);
  return flow;
}

std::map<std::int64_t, std::int64_t> greatest(const std::vector<Tick>& ticks) {
  std::map<std::int64_t, std::int64_t> by_key;
  for (const Tick& each : ticks) by_key[each.key] = std::max(by_key[each.key], each.value);
  return by_key;
}
std::map<std::int64_t, std::int64_t> all_sums() {
  std::map<std::int64_t, std::int64_t> sums;
  for (std::uint64_t i = 0; i < kCount; ++i) sums[static_cast<std::int64_t>(i % 7)] += static_cast<std::int64_t>(i);
  return sums;
}

class SavepointJobs : public ::testing::Test {
 protected:
  [[nodiscard]] RunOptions options(const char* state, std::uint32_t shards, const char* savepoint = "") {
    RunOptions options;
    options.shards = shards;
    options.state_dir = *state == '\0' ? "" : folder_ / state;
    options.from_savepoint = *savepoint == '\0' ? "" : folder_ / savepoint;
    options.checkpoint.interval = 1h;  // but for savepoints
    options.log = [this](LogLevel, std::string_view message) {
      const std::scoped_lock lock{mutex_};
      said_.append(message).append("\n");
    };
    return options;
  }
  [[nodiscard]] std::string said() {
    const std::scoped_lock lock{mutex_};
    return said_;
  }
  /// Of a job that was stopped in the middle, whose state folder is gone.
  void make_savepoint(const char* name) {
    Ticks out = memory::sink<Tick>();
    Job job = start(sums_of(out, kSlow), options("old", 2));
    ASSERT_TRUE(test::under_way(job));
    const Status made = job.stop_with_savepoint(folder_ / name);
    ASSERT_TRUE(made.ok()) << made.to_string();
    std::filesystem::remove_all(folder_ / "old");
  }

  std::mutex mutex_;
  std::string said_;
  testing::TemporaryFolder folder_;
};

TEST_F(SavepointJobs, AJobGoesOnWhileOneIsMadeAndAnotherStartsFromItOnAnyNumberOfShards) {
  Ticks out = memory::sink<Tick>();
  Job job = start(sums_of(out, kSlow), options("state", 2));
  ASSERT_TRUE(test::under_way(job));
  std::vector<std::thread> askers;
  for (const char* name : {"a", "b", "c"}) {
    askers.emplace_back([&, name] {
      const Status made = job.savepoint(folder_ / name);
      EXPECT_TRUE(made.ok()) << made.to_string();
    });
  }
  for (std::thread& each : askers) each.join();
  EXPECT_EQ(job.status().state, JobState::kRunning);
  EXPECT_GE(job.status().checkpoints, 1U);
  EXPECT_TRUE(job.wait().ok());
  EXPECT_EQ(greatest(out.records()), all_sums());
  std::filesystem::remove_all(folder_ / "state");
  std::uint32_t shards = 1;
  for (const char* name : {"a", "b", "c"}) {
    Ticks rest = memory::sink<Tick>();
    const JobResult result = run(sums_of(rest), options("again", shards, name));
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(greatest(rest.records()), all_sums());
    EXPECT_LT(rest.records().size(), kCount);
    EXPECT_THAT(said(), HasSubstr("beginning from the savepoint '" + folder_ / name + "'"));
    std::filesystem::remove_all(folder_ / "again");
    shards += 2;
  }
}

TEST_F(SavepointJobs, AStoppedJobHasGivenOutWhatIsInTheSavepointAndNothingBehindIt) {
  Ticks out = memory::sink<Tick>();
  Job job = start(sums_of(out, kSlow), options("state", 2));
  ASSERT_TRUE(test::under_way(job));
  const Status made = job.stop_with_savepoint(folder_ / "stopped");
  ASSERT_TRUE(made.ok()) << made.to_string();
  EXPECT_TRUE(job.wait_for(0s));
  EXPECT_EQ(job.status().state, JobState::kFinished);
  EXPECT_EQ(job.savepoint(folder_ / "late").code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "late"));
  std::filesystem::remove_all(folder_ / "state");
  std::vector<Tick> given = out.records();
  Ticks rest = memory::sink<Tick>();
  // Without a state folder, too, though such a job makes no savepoints.
  Job second = start(sums_of(rest), options("", 3, "stopped"));
  EXPECT_THAT(second.savepoint(folder_ / "other").message(), HasSubstr("give it a state_dir"));
  EXPECT_TRUE(second.wait().ok()) << second.wait().status.to_string();
  for (const Tick& each : rest.records()) given.push_back(each);
  EXPECT_EQ(given.size(), kCount);
  EXPECT_EQ(greatest(given), all_sums());
}

TEST_F(SavepointJobs, WithoutAFolderForItAJobGoesOn) {
  folder_.write("full/file", "");
  Ticks out = memory::sink<Tick>();
  Job job = start(sums_of(out, kSlow), options("state", 1));
  for (const bool stop : {false, true}) {
    const auto ask = [&](const std::string& name) {
      return stop ? job.stop_with_savepoint(name) : job.savepoint(name);
    };
    const Status full = ask(folder_ / "full");
    EXPECT_EQ(full.code(), ErrorCode::kAlreadyExists);
    EXPECT_THAT(full.message(), HasSubstr("savepoint '" + folder_ / "full" + "': the folder holds something already"));
    EXPECT_EQ(ask(folder_ / "missing/new").code(), ErrorCode::kNotFound);
    EXPECT_EQ(ask("").code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(job.status().state, JobState::kRunning);
  }
  EXPECT_EQ(job.status().checkpoints, 0U);
  EXPECT_TRUE(job.wait().ok());
  EXPECT_EQ(out.records().size(), kCount);
}

TEST_F(SavepointJobs, WithAFullDiskAJobGoesOn) {
  testing::MemoryFileSystem files;
  RunOptions in_memory = options("", 2);
  in_memory.state_dir = "state";
  in_memory.file_system = &files;
  Ticks out = memory::sink<Tick>();
  Job job = start(sums_of(out, kSlow), in_memory);
  files.set_capacity(0);
  const Status full = job.savepoint("full");
  EXPECT_EQ(full.code(), ErrorCode::kIo);
  EXPECT_THAT(full.message(), HasSubstr("No space left on device"));
  EXPECT_EQ(job.status().state, JobState::kRunning);
  EXPECT_FALSE(*files.exists("full"));
  files.set_capacity(1 << 20);
  const Status made = job.savepoint("full");
  EXPECT_TRUE(made.ok()) << made.to_string();
  EXPECT_TRUE(job.wait().ok());
  EXPECT_EQ(out.records().size(), kCount);
}

/// Has no room until it is told.
struct ShutSink {
  std::shared_ptr<std::atomic<bool>> shut;
  SinkContext* context = nullptr;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Tick> ticks) {
    if (!*shut) return ticks.size();
    context->retry_at(context->clock().now() + 5ms);
    return 0;
  }
};

TEST_F(SavepointJobs, NobodyWaitsForEver) {
  const auto shut = std::make_shared<std::atomic<bool>>(true);
  Dataflow flow{"shut"};
  flow.from(numbers(0)).to(ShutSink{shut});
  RunOptions slow = options("state", 1);
  slow.checkpoint.timeout = 20ms;
  {
    Job job = start(flow, slow);
    ASSERT_TRUE(test::under_way(job));  // with no record before it a barrier passes
    EXPECT_THAT(job.savepoint(folder_ / "one").message(), HasSubstr("was not complete after 20 ms"));
    // That checkpoint still stands before the sink, so no other one begins.
    EXPECT_THAT(job.savepoint(folder_ / "two").message(), HasSubstr("has not ended in checkpoint.timeout"));
    Status at_end;
    std::thread asker{[&] { at_end = job.stop_with_savepoint(folder_ / "three"); }};
    while (job.status().state != JobState::kStopping) std::this_thread::sleep_for(1ms);
    job.cancel();
    asker.join();
    EXPECT_THAT(at_end.message(), HasSubstr("the job has ended"));
  }
  for (const auto& entry : std::filesystem::directory_iterator{folder_.path()}) {
    EXPECT_EQ(entry.path().filename(), "state");
  }
}

TEST_F(SavepointJobs, TheOwnCheckpointOfARestartedJobGoesBeforeTheSavepoint) {
  make_savepoint("first");
  std::vector<Tick> given;
  for (int times = 0; times < 3; ++times) {
    Ticks out = memory::sink<Tick>();
    Job job = start(sums_of(out, times < 2 ? kSlow : 0), options("state", 2, "first"));
    if (times < 2) {
      ASSERT_TRUE(test::under_way(job)) << job.wait().status.to_string();
      job.stop();
    }
    EXPECT_TRUE(job.wait().ok()) << job.wait().status.to_string();
    for (const Tick& each : out.records()) given.push_back(each);
    if (times == 0) std::filesystem::remove_all(folder_ / "first");
  }
  EXPECT_LT(given.size(), kCount);  // the first ones came before the savepoint, and nothing came twice
  EXPECT_EQ(greatest(given), all_sums());
  std::sort(given.begin(), given.end(),
            [](const Tick& a, const Tick& b) { return std::pair{a.key, a.value} < std::pair{b.key, b.value}; });
  for (std::size_t i = 1; i < given.size(); ++i) {
    EXPECT_TRUE(given[i - 1].key != given[i].key || given[i - 1].value < given[i].value);
  }
  EXPECT_THAT(said(), HasSubstr("the savepoint is not used any more"));
}

TEST_F(SavepointJobs, WhatIsNoWholeSavepointIsNotStartedFrom) {
  make_savepoint("made");
  Ticks out = memory::sink<Tick>();
  const auto refusal = [&](const char* savepoint) {
    const JobResult result = run(sums_of(out), options("state", 2, savepoint));
    EXPECT_EQ(result.state, JobState::kFailed);
    EXPECT_TRUE(out.records().empty());
    return result.status.to_string();
  };
  EXPECT_THAT(refusal("missing"), HasSubstr("from_savepoint '" + folder_ / "missing" + "': "));
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_THAT(refusal("empty"), HasSubstr("there is no savepoint in this folder"));
  EXPECT_THAT(refusal("state"), HasSubstr("from_savepoint is the state_dir"));
  for (const std::string& name : folder_.files()) {
    if (!name.ends_with(".segment")) continue;
    std::string bytes = testing::TemporaryFolder::read(folder_ / name);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    folder_.write(name, bytes);
  }
  EXPECT_THAT(refusal("made"), HasSubstr(".segment: "));
}

TEST_F(SavepointJobs, AChangedGraphDropsStateOnlyWithLeaveAndItsNewStagesBeginEmpty) {
  make_savepoint("made");
  const auto renamed = [](const Ticks& out, const Ticks& negatives) {
    Dataflow flow{"renamed"};
    auto ticks = flow.from(numbers(0)).named("numbers");
    ticks.map([](const Tick& tick) { return Tick{tick.key, -1}; })
        .key_by(&Tick::key)
        .reduce(add)
        .named("counts")
        .to(negatives);
    ticks.key_by(&Tick::key).reduce(add).named("sums").to(out);
    return flow;
  };
  Ticks out = memory::sink<Tick>();
  Ticks negatives = memory::sink<Tick>();
  const JobResult changed = run(renamed(out, negatives), options("changed", 3, "made"));
  ASSERT_TRUE(changed.ok()) << changed.status.to_string();
  EXPECT_EQ(greatest(out.records()), all_sums());
  std::int64_t counted = 0;
  std::map<std::int64_t, std::int64_t> counts;
  for (const Tick& each : negatives.records()) counts[each.key] = std::min(counts[each.key], each.value);
  for (const auto& [key, count] : counts) counted -= count;
  EXPECT_EQ(counted, static_cast<std::int64_t>(out.records().size()));

  const auto without_sums = [](const Ticks& given, const char* source) {
    Dataflow flow{"ticks"};
    flow.from(numbers(0)).named(source).to(given);
    return flow;
  };
  Ticks given = memory::sink<Tick>();
  RunOptions other = options("other", 2, "made");
  for (int times = 0; times < 2; ++times) {
    const JobResult refused = run(without_sums(given, "digits"), other);
    EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(refused.status.message(), HasSubstr("\n  - state of the stage 'sums' (reduce)\n"));
    EXPECT_THAT(refused.status.message(), HasSubstr("\n  - positions of the source 'numbers'\n"));
    EXPECT_THAT(refused.status.message(), HasSubstr("set allow_dropped_state"));
    EXPECT_TRUE(given.records().empty());
  }
  other.allow_dropped_state = true;
  EXPECT_TRUE(run(without_sums(given, "numbers"), other).ok());
  EXPECT_EQ(given.records().size(), out.records().size());
  EXPECT_THAT(said(), HasSubstr("is restored without:\n  - state of the stage 'sums' (reduce)\n"));
}

struct Timed {
  std::int64_t value = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Timed, (), (value, at))

// The windows that were open fire at their ends, though the new ones ask for marks at other places.
TEST_F(SavepointJobs, WindowsGoOnBesideNewOnesWithOtherBoundaries) {
  std::map<Timestamp, std::int64_t> old_windows;
  std::map<Timestamp, std::int64_t> new_windows;
  std::uint64_t before = 0;
  for (const bool changed : {false, true}) {
    using Panes = memory::Sink<Timed>;
    Panes olds = memory::sink<Timed>();
    Panes news = memory::sink<Timed>();
    Dataflow flow{"windows"};
    auto timed =
        flow.from(generator::source<Timed>({.make = [](std::uint64_t i) { return Timed{1, Timestamp{i * 10ms}}; },
                                            .count = kCount,
                                            .rate = changed ? 0 : kSlow}))
            .named("timed")
            .event_time(&Timed::at, monotonic())
            .named("times")
            .key_by([](const Timed&) { return 1; });
    const auto pane = [](const auto& r) { return Timed{r.value, r.window_end}; };
    timed.window(tumbling(4s)).aggregate(sum(&Timed::value)).named("fours").map(pane).to(olds);
    if (changed) timed.window(tumbling(7s)).aggregate(sum(&Timed::value)).named("sevens").map(pane).to(news);
    Job job = start(flow, options(changed ? "new" : "old", changed ? 3 : 2, changed ? "saved" : ""));
    if (!changed) {
      ASSERT_TRUE(test::under_way(job));
      const Status made = job.stop_with_savepoint(folder_ / "saved");
      ASSERT_TRUE(made.ok()) << made.to_string();
      before = job.status().records_in;
    }
    EXPECT_TRUE(job.wait().ok()) << job.wait().status.to_string();
    for (const Timed& each : olds.records()) EXPECT_TRUE(old_windows.emplace(each.at, each.value).second);
    for (const Timed& each : news.records()) EXPECT_TRUE(new_windows.emplace(each.at, each.value).second);
  }
  std::map<Timestamp, std::int64_t> fours;
  std::map<Timestamp, std::int64_t> sevens;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    ++fours[Timestamp{(i / 400 + 1) * 4s}];
    if (i >= before) ++sevens[Timestamp{(i / 700 + 1) * 7s}];
  }
  EXPECT_EQ(old_windows, fours);
  EXPECT_EQ(new_windows, sevens);
}

}  // namespace
}  // namespace millstream
