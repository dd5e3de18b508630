// Jobs under the simulator that are killed at any step and at any operation of their disk, and go on, also from a
// savepoint: thousands of seeds of the job of crashing_job.hpp, and what needs a job of its own.
#include <gtest/gtest.h>

#include "millstream/connectors/file.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/crashing_job.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;
using crashing::lines_seen;
using crashing::Reading;
using crashing::Readings;
using crashing::Row;

TEST(KilledJob, GivesOutWhatAnUndisturbedOneDoes) {
  test::for_all_seeds("runtime_checkpoint", 2000, crashing::kill_and_compare);
}
TEST(Savepoint, HoldsWhatCameInAndNothingElseWhereverItIsStarted) {
  bool any = false;
  const auto compare = [&](std::uint64_t seed) {
    bool made = false;
    std::string wrong = crashing::start_from_savepoint_and_compare(seed, made);
    any |= made;
    return wrong;
  };
  test::for_all_seeds("runtime_checkpoint", 500, compare);
  EXPECT_TRUE(any);
}

// The folder of its output may be one that a life without a single checkpoint has made and not synced.
TEST(Savepoint, WhatIsPublishedBehindAnEarlyCrashStays) {
  ManualClock clock{Timestamp{0s}};
  const auto copies = [] {
    Dataflow flow{"copies"};
    flow.from(Readings{.count = 20})
        .named("readings")
        .map([](const Reading& r) { return Row{r.sensor, r.value, "copy", r.at}; })
        .to(file::sink<Row>({.directory = "out/copies"}));
    return flow;
  };
  kit::MemoryFileSystem first{clock};
  bool asked = false;
  const auto stop = [&](kit::Simulation& job) {
    if (job.status().records_in < 9 || std::exchange(asked, true)) return;
    job.stop_with_savepoint("saved", [](const Status& made) { EXPECT_TRUE(made.ok()) << made.to_string(); });
  };
  ASSERT_TRUE(kit::Simulator({.before_step = stop, .file_system = &first, .state_dir = "state"}).run(copies()).ok());
  const std::size_t rest = 60 - lines_seen(first).size();
  for (std::uint64_t stopped_at = 1; stopped_at < 60; ++stopped_at) {
    kit::MemoryFileSystem files{clock};
    for (const std::string& path : first.files()) {
      if (path.starts_with("saved/")) files.write_file(path, first.read_file(path));
    }
    const auto run = [&] {
      return kit::Simulator({.file_system = &files, .state_dir = "state", .from_savepoint = "saved"}).run(copies());
    };
    Random random{stopped_at};
    files.stop_at(stopped_at);
    EXPECT_FALSE(run().ok());
    files.restart(kit::Crash::kProcess, random);
    const auto second = run();
    EXPECT_TRUE(second.ok()) << second.status.to_string();
    files.restart(kit::Crash::kPower, random);
    EXPECT_EQ(lines_seen(files).size(), rest) << stopped_at;
  }
}

/// The first split ends soon, the second goes on steadily, the third pauses for a minute.
struct PausingReadings {
  std::uint64_t next = 0;
  SplitContext* context = nullptr;
  std::vector<Split> splits(SourceContext&) const { return {{"short"}, {"steady"}, {"pausing"}}; }
  void open(SplitContext& c) {
    context = &c;
    next = c.split().start.offset;
  }
  Poll poll(SourceOutput<Reading>& out) {
    const std::string& id = context->split().id;
    const Timestamp due{std::chrono::seconds{next} + (id == "pausing" && next >= 15 ? 60s : 0s)};
    if (next == (id == "short" ? 10U : 80U)) return Poll::done();
    if (context->clock().now() < due) return Poll::idle_until(due);
    out.emit(Reading{1, 1, Timestamp{std::chrono::seconds{next++}}});
    return Poll::more();
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
};

// One split of a shard is idle and the other has ended in an earlier run: that shard holds nobody back.
TEST(KilledJob, WhatHadEndedStaysEnded) {
  Dataflow flow{"pause"};
  auto sums = flow.from(PausingReadings{})
                  .event_time(&Reading::at, monotonic().idle_after(5s))
                  .key_by(&Reading::sensor)
                  .window(tumbling(10s))
                  .aggregate(sum(&Reading::value));
  sums.map([](const auto& r) { return Row{r.key, r.value, "sum", r.window_end}; })
      .to(file::sink<Row>({.directory = "out/sum"}));
  ManualClock clock{Timestamp{0s}};
  kit::MemoryFileSystem files{clock};
  Random random{1};
  std::size_t seen_at_60s = 0;
  const auto run = [&](Timestamp now, Timestamp end) {
    const auto watch = [&](kit::Simulation& job) {
      if (job.now() < Timestamp{60s}) seen_at_60s = lines_seen(files).size();
      if (job.now() < end) return;
      files.stop_at(1);
      job.crash();
    };
    return kit::Simulator{{.shards = 2,
                           .now = now,
                           .before_step = watch,
                           .file_system = &files,
                           .state_dir = "state",
                           .checkpoint = {.interval = 1s}}}
        .run(flow);
  };
  EXPECT_FALSE(run(Timestamp{0s}, Timestamp{18s}).ok());
  files.restart(kit::Crash::kPower, random);
  const auto result = run(Timestamp{18s}, kTimestampMax);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(lines_seen(files).size(), 8U);
  EXPECT_GE(seen_at_60s, 5U);
}

}  // namespace
}  // namespace millstream
