// The job, its crashes, and the comparison with what it gives out when all of its state is in memory.
#include "runtime/spilling_job.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "millstream/connectors/file.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/crashing_job.hpp"
#include "runtime/lines_beyond.hpp"

namespace millstream::spilling {

using namespace std::chrono_literals;
namespace kit = millstream::testing;
using crashing::lines_seen;
using crashing::Reading;
using crashing::Readings;
using crashing::Row;

namespace {

constexpr std::int64_t kKeys = 90;
constexpr std::uint64_t kStepsOfAJob = 1500;  // about
constexpr Duration kTimeToLive = 20ms;        // some of what has one expires, some does not

/// All states of an operator: what they hold follows from how many records of the key came, whatever their order.
struct Remembering {
  ValueState<std::int64_t> count;
  ListState<std::string> list;
  MapState<std::int64_t, std::string> map;
  AggregatingState<Reading, std::int64_t> added;
  ValueState<Timestamp> written;  // when `aged` was last
  ValueState<std::string> aged;
  Timers timers;
  void open(OperatorContext& c) {
    count = c.value_state<std::int64_t>("count");
    list = c.list_state<std::string>("list");
    map = c.map_state<std::int64_t, std::string>("map");
    added = c.aggregating_state<Reading>("added", millstream::count());
    written = c.value_state<Timestamp>("written");
    aged = c.value_state<std::string>("aged", {.ttl = kTimeToLive});
    timers = c.timers();
  }
  void process(const Reading& reading, Collector<Row>& out, OperatorContext& c) {
    const std::int64_t n = count.value_or(0) + 1;
    look_at_aged(out, c);
    if (n % 2 == 0) {
      written.set(c.processing_time());
      aged.set(std::string(static_cast<std::size_t>(n * 7 % 60), 'y'));
    } else if (n % 5 == 0) {
      written.clear();
      aged.clear();
    }
    count.set(n);
    list.add(std::string(static_cast<std::size_t>(n * 7 % 60), 'x'));
    map.put(n % 4, std::to_string(n));
    added.add(reading);
    if (n % 3 == 0) list.clear();
    if (n % 4 == 0) map.erase(3);
    if (n % 5 == 0) added.clear();
    if (n % 7 == 0) map.clear();
    if (n == 8) count.clear();
    give(c.key<std::int64_t>(), "record", out);
    timers.register_event_time(Timestamp{1h}, "end");
    timers.register_processing_time(c.processing_time() + n * 1ms);
  }
  void on_timer(const Timer& timer, Collector<Row>& out, OperatorContext& c) {
    if (timer.domain == TimeDomain::kEventTime) return give(c.key<std::int64_t>(), "end", out);
    look_at_aged(out, c);
    // Nothing changes, but where what is on the disk has not come.
    count.update([](std::int64_t&) {});
    map.erase(17);
  }
  // It is there exactly until its time is over; else there is a row that no other job has.
  void look_at_aged(Collector<Row>& out, const OperatorContext& c) {
    const bool expected = written.exists() && c.processing_time() < *written.get() + kTimeToLive;
    if (aged.exists() != expected) out.emit({c.key<std::int64_t>(), 0, expected ? "forgotten" : "not forgotten", {}});
  }
  void give(std::int64_t key, const char* what, Collector<Row>& out) {
    std::string all = what;
    for (const std::string& each : list.get()) all.append(",").append(std::to_string(each.size()));
    map.for_each([&](std::int64_t, const std::string& each) { all.append(";").append(each); });
    out.emit({key, count.value_or(0) * 100 + added.get().value_or(0), all, {}});
  }
};

/// What came, in order; some of it makes it throw.
struct Listing {
  using Values = std::vector<std::int64_t>;
  [[nodiscard]] Values create() const { return {}; }
  void add(Values& values, const Reading& reading) const {
    if (reading.value % 19 == 0) throw std::runtime_error{"a value that it does not like"};
    values.push_back(reading.value);
  }
  void merge(Values& values, const Values& later) const { values.insert(values.end(), later.begin(), later.end()); }
  [[nodiscard]] std::string result(const Values& values) const {
    Values sorted = values;
    std::sort(sorted.begin(), sorted.end());
    std::string text = "listed";
    for (const std::int64_t value : sorted) text.append(",").append(std::to_string(value));
    return text;
  }
};

/// Where there is one split, records are late for their windows, and what fires again follows from the input.
void add_windows(const Stream<Reading>& readings, bool one_split) {
  readings.key_by([](const Reading& r) { return r.value % kKeys; })
      .window(tumbling(5s))
      .allowed_lateness(one_split ? 1000ms : 0ms)
      .aggregate(sum(&Reading::value))
      .named("summed")
      .map([](const auto& r) { return Row{r.key, r.value, "sum" + std::to_string(r.pane), r.window_end}; })
      .to(file::sink<Row>({.directory = "out/summed"}))
      .named("summed files");
  readings.key_by([](const Reading& r) { return std::to_string(r.value % kKeys) + " is a key that owns memory"; })
      .window(tumbling(2s))
      .allowed_lateness(one_split ? 3000ms : 0ms)
      .aggregate(Listing{})
      .on_error(OnError::kSkip)
      .named("listed")
      .map([](const auto& r) { return Row{r.pane, std::stoi(r.key), r.value, r.window_end}; })
      .to(file::sink<Row>({.directory = "out/listed"}))
      .named("listed files");
}

/// Windows that share slices, of which late records fire several again.
void add_sliding_windows(const Stream<Reading>& readings, bool one_split) {
  readings.key_by([](const Reading& r) { return r.value % kKeys; })
      .window(sliding(5s, 1s))
      .allowed_lateness(one_split ? 2000ms : 0ms)
      .aggregate(sum(&Reading::value))
      .named("slid")
      .map([](const auto& r) { return Row{r.key, r.value, "slid" + std::to_string(r.pane), r.window_end}; })
      .to(file::sink<Row>({.directory = "out/slid"}))
      .named("slid files");
  readings.key_by([](const Reading& r) { return std::to_string(r.value % kKeys) + " is a key that owns memory"; })
      .window(sliding(6s, 4s))
      .allowed_lateness(one_split ? 3000ms : 0ms)
      .aggregate(Listing{})
      .on_error(OnError::kSkip)
      .named("listed sliding")
      .map([](const auto& r) { return Row{r.pane, std::stoi(r.key), r.value, r.window_end}; })
      .to(file::sink<Row>({.directory = "out/sliding"}))
      .named("listed sliding files");
}

/// For readings none of which is late: so each session ends with the same records, and only what it gives out early
/// depends on when.
void add_sessions(const Stream<Reading>& readings) {
  readings.key_by([](const Reading& r) { return r.value % kKeys; })
      .window(session(2s))
      .allowed_lateness(1s)
      .trigger(early_interval(3ms))
      .aggregate(count_distinct(&Reading::value))
      .named("sessions")
      .filter([](const auto& r) { return r.timing == PaneTiming::on_time; })
      .map([](const auto& r) { return Row{r.key, r.value, "session", r.window_end}; })
      .to(file::sink<Row>({.directory = "out/session"}))
      .named("session files");
}

struct Input {
  std::uint64_t records;
  bool windows = false;  // in some jobs: what another stage has in memory there is less
  bool sliding = false;
  bool one_split = false;
};
Input input_of(Random& random) {
  Input input{.records = 20 + random.below(200), .windows = random.chance(0.5)};
  input.one_split = input.windows && random.chance(0.5);
  input.sliding = input.windows && random.chance(0.5);
  return input;
}

/// What a record gives out follows from how many of its key came before, so neither splits nor shards matter. Values
/// own memory, some of them.
Dataflow flow_of(const Input& input) {
  Dataflow flow{"counts"};
  auto readings = flow.from(Readings{.split_count = input.one_split ? 1U : 3U, .count = input.records})
                      .named("readings")
                      .event_time(&Reading::at, bounded_disorder(input.one_split ? 1s : 3s));
  if (input.windows) add_windows(readings, input.one_split);
  if (input.sliding) add_sliding_windows(readings, input.one_split);
  auto counts = readings.key_by([](const Reading& r) { return r.value % kKeys; })
                    .aggregate(count())
                    .named("counts")
                    .map([](const auto& r) { return Row{r.key, r.value, "count", {}}; });
  counts.to(file::sink<Row>({.directory = "out/count"})).named("count files");
  // Behind it, by another key: batches that wait for one stage's keys, and barriers behind them, come to a second one.
  counts.key_by([](const Row& r) { return std::to_string(r.sensor % 31) + " is a key that owns memory"; })
      .reduce([](const Row& so_far, const Row&) {
        const std::int64_t n = so_far.sum + 1;
        return Row{0, n, std::string(static_cast<std::size_t>(n * 7 % 90), 'x'), {}};
      })
      .named("reduced")
      .filter([](const Row& r) { return !r.what.empty() && r.what != "count"; })
      .to(file::sink<Row>({.directory = "out/reduced"}))
      .named("reduced files");
  if (!input.one_split) add_sessions(readings);
  readings.key_by([](const Reading& r) { return r.value % kKeys; })
      .process(Remembering{})
      .named("remembering")
      .to(file::sink<Row>({.directory = "out/process"}))
      .named("remembering files");
  return flow;
}

struct Life {
  std::uint64_t seed;
  bool dies;
  bool spills = true;
  std::uint64_t spilled_bytes = 0;
};

kit::SimulationResult live(const Dataflow& flow, kit::MemoryFileSystem& files, Random& random, Timestamp now,
                           Life& life) {
  const std::uint64_t at_step = random.below(kStepsOfAJob);
  constexpr std::size_t kMemory[] = {1, 300, 2'000, 6'000, 20'000};
  return kit::Simulator{
      {.seed = life.seed,
       .shards = 1 + static_cast<std::uint32_t>(random.below(8)),
       .batch = random.chance(0.5) ? 1024U : 3U,
       .exchange_slots = 1 + random.below(4),
       .saved_per_step = random.chance(0.5) ? 1 + static_cast<std::uint32_t>(random.below(20)) : kSavedPerStep,
       .chunk_bytes = random.chance(0.5) ? 1 + random.below(200) : kChunkBytes,
       .coordinator_chance = random.chance(0.3) ? 0.01 : 0.2,
       .now = now,
       .step_time_max = Duration{random.chance(0.5) ? 500 : 0},
       .before_step =
           [&life, &files, at_step](kit::Simulation& job) {
             life.spilled_bytes = job.status().spilled_bytes;
             if (!life.dies || job.steps() < at_step) return;
             files.stop_at(1);
             job.crash();
           },
       .file_system = &files,
       .state_dir = "state",
       .state = life.spills ? rocksdb({.memory_bytes = kMemory[random.below(std::size(kMemory))]}) : in_memory(),
       .checkpoint = {.interval = random.chance(0.8) ? 20ms : 10s,
                      .timeout = life.dies && random.chance(0.2) ? 1ms * random.between(1, 30) : 60s,
                      .rebase_bytes = random.chance(0.5) ? 0U : 20'000U,
                      .tolerated_failures = 1000}}}
      .run(flow);
}

std::vector<std::string> undisturbed_lines(const Dataflow& flow) {
  ManualClock clock{Timestamp{0s}};
  kit::MemoryFileSystem files{clock};
  static_cast<void>(kit::Simulator({.file_system = &files}).run(flow));
  return lines_seen(files);
}

}  // namespace

std::string spill_and_compare(std::uint64_t seed, std::uint64_t& spilled_bytes) {
  Random random{seed, 0x434f'4c44};
  const Input input = input_of(random);
  const std::vector<std::string> expected = undisturbed_lines(flow_of(input));
  if (expected.empty()) return "the undisturbed job gives out nothing";
  ManualClock clock{Timestamp{0s}};
  kit::MemoryFileSystem files{clock};
  const int crashes = static_cast<int>(random.below(5));
  Timestamp now{};
  for (int number = 0;; ++number) {
    Life life{.seed = random(), .dies = number < crashes, .spills = random.chance(0.85)};
    if (life.dies && random.chance(0.2)) files.stop_at(1 + random.below(600));
    if (life.dies && random.chance(0.4)) files.fail_at(1 + random.below(600));
    if (life.dies && random.chance(0.3)) {
      files.fail_randomly(random(), {.write = 0.01, .no_space = random.chance(0.5) ? 0.003 : 0, .under = "state"});
    }
    const auto result = live(flow_of(input), files, random, now, life);
    now = result.ended_at;
    spilled_bytes += life.spilled_bytes;
    const std::string where = "life " + std::to_string(number) + ": ";
    if (const std::string more = test::lines_beyond(lines_seen(files), expected); !more.empty())
      return where + "too much\n" + more;
    if (result.ok()) {
      for (const std::string& path : files.files()) {
        if (life.spills && !life.dies && result.steps > 0 && path.starts_with("state/cold/"))
          return where + "left behind: " + path;
      }
      break;
    }
    if (!life.dies) return where + result.status.to_string();
    files.restart(kit::Crash::kProcess, random);
  }
  const std::string missing = test::lines_beyond(expected, lines_seen(files));
  return missing.empty() ? "" : "missing\n" + missing;
}

std::string fail_ahead_of_time(std::uint64_t seed) {
  const Dataflow flow = flow_of({.records = 200});
  const std::vector<std::string> expected = undisturbed_lines(flow);
  ManualClock clock{Timestamp{0s}};
  kit::MemoryFileSystem files{clock};
  constexpr std::uint64_t kFailures = 3;
  files.fail_randomly(seed, {.write = 1, .under = "state/0"});
  JobStatus status;
  const auto result = kit::Simulator{{.seed = seed,
                                      .before_step =
                                          [&](kit::Simulation& job) {
                                            status = job.status();
                                            if (status.checkpoints_failed >= kFailures) files.fail_randomly(seed, 0.0);
                                          },
                                      .file_system = &files,
                                      .state_dir = "state",
                                      .state = rocksdb({.memory_bytes = 6'000}),
                                      .checkpoint = {.interval = 1h, .tolerated_failures = 0}}}
                          .run(flow);
  if (!result.ok()) return result.status.to_string();
  if (status.checkpoints_failed != kFailures) return "not all failed that were to";
  if (status.checkpoints < 2) return "none was taken ahead of its time";
  return lines_seen(files) == expected ? "" : "it gives out something else";
}

}  // namespace millstream::spilling
