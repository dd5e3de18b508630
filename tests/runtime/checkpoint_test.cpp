// Whole jobs under the simulator that are killed again and again, at any step and at any operation of their disk, and
// go on with another number of shards: what readers of their output see in the end is what a job that was never
// disturbed gives out, and at no time is there anything twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "millstream/connectors/file.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

struct Reading {
  std::int64_t sensor = 0;
  std::int64_t value = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Reading, (), (sensor, value, at))

struct Row {
  std::int64_t sensor = 0;
  std::int64_t sum = 0;
  std::string what;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Row, (), (sensor, sum, what, at))

/// Splits of disordered readings, some at a time.
struct Readings {
  std::uint64_t seed = 0;
  std::uint32_t split_count = 3;
  std::uint64_t count = 200;
  std::uint64_t next = 0;
  SplitContext* context = nullptr;

  std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (std::uint32_t i = 0; i < split_count; ++i) all.push_back({"split" + std::to_string(i)});
    return all;
  }
  void open(SplitContext& c) {
    context = &c;
    next = c.split().start.offset;
  }
  Poll poll(SourceOutput<Reading>& out) {
    for (int i = 0; i < 4 && next < count && out.room() > 0; ++i, ++next) {
      Random random{seed + context->split_number(), next};
      const auto at = static_cast<std::int64_t>(next) * 100 - static_cast<std::int64_t>(random.below(1500));
      out.emit(Reading{static_cast<std::int64_t>(random.below(12)), static_cast<std::int64_t>(random.below(1000)),
                       Timestamp{std::chrono::milliseconds{at}}});
    }
    if (next == count) return Poll::done();
    return Poll::idle_until(context->clock().now() + 3ms);
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
};

/// The first of each value of a sensor, and what its timers say.
struct FirstsAndTimers {
  MapState<std::int64_t, bool> seen;
  Timers timers;
  void open(OperatorContext& c) {
    seen = c.map_state<std::int64_t, bool>("seen");
    timers = c.timers();
  }
  void process(const Reading& reading, Collector<Row>& out) {
    timers.register_event_time(reading.at + 3s, "give");
    if (seen.contains(reading.value)) return;
    seen.put(reading.value, true);
    out.emit({reading.sensor, reading.value, "first", {}});
  }
  void on_timer(const Timer& timer, Collector<Row>& out, OperatorContext& c) {
    out.emit({c.key<std::int64_t>(), 0, "timer", timer.time});
  }
};

/// With one split everything is a function of the input; with several, what fires when depends on how they interleave,
/// so only what fires once is looked at.
Dataflow flow_of(std::uint64_t seed, bool one_split) {
  Dataflow flow{"sensors"};
  auto readings = flow.from(Readings{.seed = seed, .split_count = one_split ? 1U : 3U})
                      .named("readings")
                      .event_time(&Reading::at, bounded_disorder(1s))
                      .key_by(&Reading::sensor);
  const auto write = [](auto results, const char* what) {
    results.map([what](const auto& r) { return Row{r.key, r.value, what + std::to_string(r.pane), r.window_end}; })
        .to(file::sink<Row>({.directory = std::string{"out/"} + what}))
        .named(std::string{what} + " files");
  };
  const auto lateness = one_split ? 1000ms : 0ms;
  auto sums =
      readings.window(tumbling(5s)).allowed_lateness(lateness).aggregate(sum(&Reading::value)).named("tumbling");
  write(sums, "tumbling");
  write(readings.window(sliding(6s, 2s)).allowed_lateness(lateness).aggregate(sum(&Reading::value)).named("sliding"),
        "sliding");
  if (one_split) {
    write(readings.window(session(400ms)).aggregate(sum(&Reading::value)).named("session"), "session");
    write(readings.window(tumbling(5s)).trigger(early_every(2)).aggregate(sum(&Reading::value)).named("early"),
          "early");
    write(readings.window(count_window(7)).aggregate(sum(&Reading::value)).named("counted"), "counted");
  }
  readings.aggregate(count())
      .map([](const auto& r) { return Row{r.key, r.value, "count", {}}; })
      .to(file::sink<Row>({.directory = "out/count"}))
      .named("count");
  readings.process(FirstsAndTimers{}).to(file::sink<Row>({.directory = "out/process"})).named("process");
  sums.side_output(late_records<Reading>)
      .map([](const Late<Reading>& l) { return Row{l.record.sensor, l.record.value, "late", l.record.at}; })
      .to(file::sink<Row>({.directory = "out/late"}))
      .named("late");
  return flow;
}

/// The lines of all files that readers see, sorted.
std::vector<std::string> lines_seen(kit::MemoryFileSystem& files) {
  std::vector<std::string> lines;
  for (const std::string& path : files.files()) {
    if (path.find("out/") == path.npos || path.find("/.") != path.npos) continue;
    std::istringstream in{files.read_file(path)};
    for (std::string line; std::getline(in, line);) lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// Those of the lines that are not among the expected ones, or more often than there.
std::string beyond(const std::vector<std::string>& lines, const std::vector<std::string>& expected) {
  std::vector<std::string> more;
  std::set_difference(lines.begin(), lines.end(), expected.begin(), expected.end(), std::back_inserter(more));
  std::string text;
  for (const std::string& line : more) text += line + "\n";
  return text;
}

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

void kill_and_compare(std::uint64_t seed) {
  Random random{seed, 0x4b49'4c4c};
  ManualClock clock{Timestamp{0s}};
  const Dataflow flow = flow_of(seed, seed % 2 == 0);
  kit::MemoryFileSystem calm{clock};
  const auto undisturbed =
      kit::Simulator{{.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3), .file_system = &calm}}.run(
          flow);
  ASSERT_TRUE(undisturbed.ok()) << undisturbed.status.to_string();
  const std::vector<std::string> expected = lines_seen(calm);
  ASSERT_FALSE(expected.empty());

  kit::MemoryFileSystem files{clock};
  const int crashes = 1 + static_cast<int>(random.below(8));
  Timestamp now{};
  std::uint64_t checkpoints = 0;
  for (int life = 0;; ++life) {
    const bool dies = life < crashes;
    const std::uint64_t at_step = random.below(4000);
    if (dies && random.chance(0.5)) files.stop_at(1 + random.below(600));
    const auto result = kit::Simulator{{.seed = random(),
                                        .shards = 1 + static_cast<std::uint32_t>(random.below(4)),
                                        .batch = random.chance(0.5) ? 1024U : 3U,
                                        .exchange_slots = 1 + random.below(4),
                                        .now = now,
                                        .before_step =
                                            [&](kit::Simulation& job) {
                                              checkpoints = std::max(checkpoints, job.status().last_checkpoint);
                                              if (!dies || job.steps() < at_step) return;
                                              files.stop_at(1);
                                              job.crash();
                                            },
                                        .file_system = &files,
                                        .state_dir = "state",
                                        .checkpoint = {.interval = 20ms, .timeout = 10s}}}
                            .run(flow);
    now = result.ended_at;
    const std::vector<std::string> seen = lines_seen(files);
    ASSERT_EQ(beyond(seen, expected), "") << "seed " << seed << ", life " << life;
    if (result.ok()) break;
    ASSERT_TRUE(dies) << result.status.to_string();
    files.restart(random.chance(0.5) ? kit::Crash::kProcess : kit::Crash::kPower, random);
  }
  EXPECT_EQ(beyond(expected, lines_seen(files)), "");
  for (const std::string& path : files.files()) EXPECT_EQ(path.find(".inprogress"), path.npos) << path;

  // Once more on what has ended: at once, and nothing is written.
  files.restart(kit::Crash::kProcess, random);
  const auto again = kit::Simulator{{.seed = seed, .file_system = &files, .state_dir = "state"}}.run(flow);
  EXPECT_TRUE(again.ok()) << again.status.to_string();
  EXPECT_EQ(again.steps, 0U);
  EXPECT_EQ(lines_seen(files), expected);
}
TEST(KilledJob, GivesOutWhatAnUndisturbedOneDoes) {
  const std::uint64_t first = environment("MILLSTREAM_SEED", 1);
  const std::uint64_t seeds = std::getenv("MILLSTREAM_SEED") != nullptr ? 1 : environment("MILLSTREAM_SEEDS", 2000);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    kill_and_compare(seed);
    ASSERT_FALSE(HasFailure()) << "MILLSTREAM_SEED=" << seed << " runtime_checkpoint shows it again";
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
