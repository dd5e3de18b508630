// Whole jobs under the simulator that are killed again and again, at any step and at any operation of their disk, and
// go on with another number of shards, also from a savepoint: what readers of their output see in the end is what a job
// that was never disturbed gives out, and at no time is there anything twice.
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

constexpr std::uint64_t kRebaseRarely = 20'000;

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
Dataflow flow_of(std::uint64_t seed) {
  const bool one_split = seed % 2 == 0;
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

std::vector<std::string> undisturbed_lines(const Dataflow& flow, std::uint64_t seed, Clock& clock) {
  kit::MemoryFileSystem calm{clock};
  const auto undisturbed =
      kit::Simulator{{.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3), .file_system = &calm}}.run(
          flow);
  EXPECT_TRUE(undisturbed.ok()) << undisturbed.status.to_string();
  return lines_seen(calm);
}

/// From start to end, with some crashes before; what is seen at any time is among the expected.
void live_and_die(std::uint64_t seed, kit::MemoryFileSystem& files, Random& random, const std::string& savepoint,
                  const std::vector<std::string>& expected) {
  const int crashes = 1 + static_cast<int>(random.below(8));
  Timestamp now{};
  for (int life = 0;; ++life) {
    const Dataflow flow = flow_of(seed);  // a program that starts knows nothing of the one before
    const bool dies = life < crashes;
    const std::uint64_t at_step = random.below(4000);
    if (dies && random.chance(0.5)) files.stop_at(1 + random.below(600));
    const auto result = kit::Simulator{
        {.seed = random(),
         .shards = 1 + static_cast<std::uint32_t>(random.below(4)),
         .batch = random.chance(0.5) ? 1024U : 3U,
         .exchange_slots = 1 + random.below(4),
         .now = now,
         .before_step =
             [&](kit::Simulation& job) {
               if (!dies || job.steps() < at_step) return;
               files.stop_at(1);
               job.crash();
             },
         .file_system = &files,
         .state_dir = "state",
         .checkpoint = {.interval = 20ms, .timeout = 10s, .rebase_bytes = random.chance(0.5) ? 0 : kRebaseRarely},
         .from_savepoint =
             savepoint}}.run(flow);
    now = result.ended_at;
    ASSERT_EQ(beyond(lines_seen(files), expected), "") << "life " << life;
    if (result.ok()) break;
    ASSERT_TRUE(dies) << result.status.to_string();
    files.restart(random.chance(0.5) ? kit::Crash::kProcess : kit::Crash::kPower, random);
  }
  EXPECT_EQ(beyond(expected, lines_seen(files)), "");
  for (const std::string& path : files.files()) EXPECT_EQ(path.find(".inprogress"), path.npos) << path;
}

void kill_and_compare(std::uint64_t seed) {
  Random random{seed, 0x4b49'4c4c};
  ManualClock clock{Timestamp{0s}};
  const Dataflow flow = flow_of(seed);
  const std::vector<std::string> expected = undisturbed_lines(flow, seed, clock);
  ASSERT_FALSE(expected.empty());
  kit::MemoryFileSystem files{clock};
  live_and_die(seed, files, random, "", expected);

  // Once more on what has ended: at once, and nothing is written.
  files.restart(kit::Crash::kProcess, random);
  const auto again = kit::Simulator{{.seed = seed, .file_system = &files, .state_dir = "state"}}.run(flow);
  EXPECT_TRUE(again.ok()) << again.status.to_string();
  EXPECT_EQ(again.steps, 0U);
  EXPECT_EQ(lines_seen(files), expected);
}

/// True where there was a savepoint: one that was asked for behind the end of the job is not made.
bool start_from_savepoint_and_compare(std::uint64_t seed) {
  Random random{seed, 0x5341'5645};
  ManualClock clock{Timestamp{0s}};
  const Dataflow flow = flow_of(seed);
  const std::vector<std::string> expected = undisturbed_lines(flow, seed, clock);
  kit::MemoryFileSystem files{clock};
  const bool stops = random.chance(0.5);
  const std::uint64_t at_step = random.below(3000);
  const std::uint64_t dies_later = random.below(2000);
  bool asked = false;
  std::uint64_t made_at = ~std::uint64_t{0};
  std::uint64_t steps = 0;
  std::vector<std::string> until_then;
  const auto made = [&](const Status& status) {
    if (!status.ok()) return;
    made_at = steps;
    until_then = lines_seen(files);
  };
  const auto first = kit::Simulator{{.seed = random(),
                                     .shards = 1 + static_cast<std::uint32_t>(random.below(4)),
                                     .batch = random.chance(0.5) ? 1024U : 3U,
                                     .exchange_slots = 1 + random.below(4),
                                     .before_step =
                                         [&](kit::Simulation& job) {
                                           steps = job.steps();
                                           if (steps >= at_step && !std::exchange(asked, true)) {
                                             if (stops) job.stop_with_savepoint("saved", made);
                                             if (!stops) job.savepoint("saved", made);
                                           }
                                           if (!stops && steps >= dies_later && steps - dies_later > made_at) {
                                             job.crash();
                                           }
                                         },
                                     .file_system = &files,
                                     .state_dir = "state",
                                     .checkpoint = {.interval = 20ms}}}
                         .run(flow);
  if (made_at == ~std::uint64_t{0}) {
    EXPECT_EQ(lines_seen(files), expected);
    return false;
  }
  if (stops) {
    EXPECT_TRUE(first.ok()) << first.status.to_string();
    EXPECT_EQ(lines_seen(files), until_then);
  }
  // On another machine, where nothing of the old job is but its savepoint.
  kit::MemoryFileSystem other{clock};
  for (const std::string& path : files.files()) {
    if (path.starts_with("saved/")) other.write_file(path, files.read_file(path));
  }
  std::vector<std::string> rest;
  std::set_difference(expected.begin(), expected.end(), until_then.begin(), until_then.end(), std::back_inserter(rest));
  EXPECT_EQ(beyond(until_then, expected), "");
  live_and_die(seed, other, random, "saved", rest);
  return true;
}

template <class Compare>
void for_all_seeds(Compare compare, std::uint64_t otherwise) {
  const std::uint64_t first = environment("MILLSTREAM_SEED", 1);
  const std::uint64_t seeds =
      std::getenv("MILLSTREAM_SEED") != nullptr ? 1 : environment("MILLSTREAM_SEEDS", otherwise);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    compare(seed);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "MILLSTREAM_SEED=" << seed << " runtime_checkpoint shows it again";
  }
}
TEST(KilledJob, GivesOutWhatAnUndisturbedOneDoes) { for_all_seeds(kill_and_compare, 2000); }
TEST(Savepoint, HoldsWhatCameInAndNothingElseWhereverItIsStarted) {
  int made = 0;
  for_all_seeds([&](std::uint64_t seed) { made += start_from_savepoint_and_compare(seed) ? 1 : 0; }, 500);
  EXPECT_GT(made, 0);
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
