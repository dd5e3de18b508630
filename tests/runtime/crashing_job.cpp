// The job, its crashes, and the comparison with what it gives out undisturbed.
#include "runtime/crashing_job.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "checkpoint/segment_layout.hpp"
#include "core/kill_points.hpp"
#include "millstream/checkpoint/manifest.hpp"
#include "millstream/codec/bytes.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/lines_beyond.hpp"

namespace millstream::crashing {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

std::vector<Split> Readings::splits(SourceContext&) const {
  std::vector<Split> all;
  for (std::uint32_t i = 0; i < split_count; ++i) all.push_back({"split" + std::to_string(i)});
  return all;
}
void Readings::open(SplitContext& c) {
  context = &c;
  next = c.split().start.offset;
}
Poll Readings::poll(SourceOutput<Reading>& out) {
  for (int i = 0; i < 4 && next < count && out.room() > 0; ++i, ++next) {
    Random random{seed + context->split_number(), next};
    // Most are late for no window, some for their window, none so late that a timer behind it could have fired before.
    const std::uint64_t back = random.chance(0.1) ? 2900 : 1500;
    const auto at = static_cast<std::int64_t>(next) * 100 - static_cast<std::int64_t>(random.below(back));
    out.emit(Reading{static_cast<std::int64_t>(random.below(12)), static_cast<std::int64_t>(random.below(1000)),
                     Timestamp{std::chrono::milliseconds{at}}});
  }
  if (next == count) return Poll::done();
  return Poll::idle_until(context->clock().now() + 3ms);
}

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

namespace {

// Below a folder that is new, too: both names must get to the disk.
constexpr const char* kStateDir = "jobs/state";

constexpr std::uint64_t kRebaseRarely = 20'000;   // bytes: a few times in the life of a job
constexpr std::uint64_t kStepsOfAJob = 800;       // about
constexpr std::uint64_t kStepsBetweenLooks = 32;  // at the ids in use: fewer than from one checkpoint to the next

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

Result<std::vector<std::string>> undisturbed_lines(const Dataflow& flow, std::uint64_t seed, Clock& clock) {
  kit::MemoryFileSystem calm{clock};
  const auto undisturbed =
      kit::Simulator{{.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3), .file_system = &calm}}.run(
          flow);
  if (!undisturbed.ok()) return undisturbed.status;
  return lines_seen(calm);
}

/// Which attempt had which id, over all lives of a job: no id is ever given twice.
class IdsSeen {
 public:
  /// Of what a life leaves; empty, or what two attempts share.
  std::string note(const kit::MemoryFileSystem& files) {
    std::string twice;
    for (const std::string& path : files.files()) {
      if (!path.starts_with(kStateDir)) continue;
      const std::optional<CheckpointId> found = id_in(path, files.read_file(path));
      if (!found) continue;
      const auto [known, is_new] = nonces_.emplace(found->id, found->nonce);
      if (known->second != found->nonce) twice += "checkpoint id " + std::to_string(found->id) + " was used twice\n";
    }
    return twice;
  }

 private:
  static std::optional<CheckpointId> id_in(const std::string& path, const std::string& bytes) {
    if (path.ends_with(".manifest")) {
      const Result<Manifest> manifest = decode_manifest(bytes, path);
      return manifest ? std::optional{manifest->checkpoint} : std::nullopt;
    }
    if (!path.ends_with(".segment") || bytes.size() < kSegmentHeadBytes) return std::nullopt;
    ByteReader in{std::string_view{bytes}.substr(kSegmentMagic.size())};
    std::uint32_t version = 0;
    CheckpointId id;
    return in.read_fixed(version) && in.read_fixed(id.id) && in.read_fixed(id.nonce) ? std::optional{id} : std::nullopt;
  }

  std::map<std::uint64_t, std::uint64_t> nonces_;
};

/// Disks either refuse an operation at times or lose power. With both, output can be lost whose folder failed to sync:
/// started again, the job is told that all is well (see "What it does not do yet" in docs/guarantees.md).
bool refuses(std::uint64_t seed) { return seed / 2 % 2 == 0; }

#ifdef MILLSTREAM_TEST_SWITCHES
/// The program dies when it has come to some kill point some times: at the few places between two operations of the
/// disk where a random operation would seldom stop it.
class DeathAtKillPoint {
 public:
  DeathAtKillPoint(kit::MemoryFileSystem& files, KillPoint where, std::uint64_t times)
      : DeathAtKillPoint{files, where.number(), times} {}
  DeathAtKillPoint(kit::MemoryFileSystem& files, std::size_t number, std::uint64_t times)
      : number_{number}, times_left_{times} {
    set_kill_point_hook([this, &files](std::size_t here) {
      if (here == number_ && --times_left_ == 0) files.stop_at(1);
    });
  }
  DeathAtKillPoint(const DeathAtKillPoint&) = delete;
  DeathAtKillPoint& operator=(const DeathAtKillPoint&) = delete;
  ~DeathAtKillPoint() { set_kill_point_hook(nullptr); }

 private:
  std::size_t number_;
  std::uint64_t times_left_;
};
#endif

/// What goes wrong in the lives of a job, and how each ends.
class Faults {
 public:
  Faults(std::uint64_t seed, int crashes, kit::MemoryFileSystem& files, Random& random)
      : refuses_{refuses(seed)}, files_{files}, random_{random} {
    if (!refuses_ && random.chance(0.3))
      unconfirmed_ = static_cast<int>(random.below(static_cast<std::uint64_t>(crashes)));
  }

  void begin([[maybe_unused]] int life) {
#ifdef MILLSTREAM_TEST_SWITCHES
    if (life == unconfirmed_) {
      death_.emplace(files_, KillPoint{"decision.after_rename"}, 1 + random_.below(4));
      return;
    }
    if (life == unconfirmed_ + 1) {
      death_.emplace(files_, KillPoint{"recovery.behind_sinks"}, 1);
      return;
    }
    if (random_.chance(0.6)) death_.emplace(files_, random_.below(std::size(kKillPoints)), 1 + random_.below(4));
#endif
    if (random_.chance(0.3)) files_.stop_at(1 + random_.below(600));
    // Once: the life ends by that, or goes on without a checkpoint, or it was of no matter.
    if (refuses_ && random_.chance(0.5)) files_.fail_at(1 + random_.below(600));
    if (random_.chance(0.2)) {
      files_.fail_randomly(random_(), {.bit_flip = 0.004});
    } else if (refuses_ && random_.chance(0.6)) {
      // Checkpoints fail now and then, each at another place, and the life goes on. One makes some dozens of calls.
      files_.fail_randomly(random_(), {.any = random_.chance(0.3) ? 0.003 : 0,
                                       .write = random_.chance(0.5) ? 0.003 : 0.03,
                                       .no_space = random_.chance(0.5) ? 0.003 : 0,
                                       .under = kStateDir});
    }
  }
  void end(int life) {
#ifdef MILLSTREAM_TEST_SWITCHES
    death_.reset();
#endif
    const bool powered = refuses_ || (life != unconfirmed_ + 1 && random_.chance(life == unconfirmed_ ? 0.5 : 0.3));
    files_.restart(powered ? kit::Crash::kProcess : kit::Crash::kPower, random_);
  }

 private:
  bool refuses_;
  kit::MemoryFileSystem& files_;
  Random& random_;
  // The life that dies with a decision that is not yet on the disk. Where it loses power, the decision may stay without
  // what it names; where it does not, the next life acts on it and loses power: only together they show whether
  // recovery confirms it first.
  int unconfirmed_ = -2;
#ifdef MILLSTREAM_TEST_SWITCHES
  std::optional<DeathAtKillPoint> death_;
#endif
};

/// From start to end, with some crashes before; what is seen at any time is among the expected.
std::string live_and_die(std::uint64_t seed, kit::MemoryFileSystem& files, Random& random, const std::string& savepoint,
                         const std::vector<std::string>& expected) {
  const int crashes = 1 + static_cast<int>(random.below(8));
  Timestamp now{};
  IdsSeen ids;
  std::string twice;
  Faults faults{seed, crashes, files, random};
  for (int life = 0;; ++life) {
    const Dataflow flow = flow_of(seed);  // a program that starts knows nothing of the one before
    const bool dies = life < crashes;
    const std::uint64_t at_step = random.below(kStepsOfAJob);
    // Of some jobs state leaves memory, in some of their lives. Without the help of `random`: what else happens is the
    // same.
    const bool spills = seed % 5 == 0 && life % 3 != 1;
    if (dies) faults.begin(life);
    const auto result = kit::Simulator{
        {.seed = random(),
         .shards = 1 + static_cast<std::uint32_t>(random.below(4)),
         .batch = random.chance(0.5) ? 1024U : 3U,
         .exchange_slots = 1 + random.below(4),
         .saved_per_step = random.chance(0.5) ? 1 + static_cast<std::uint32_t>(random.below(20)) : kSavedPerStep,
         .chunk_bytes = random.chance(0.8) ? 1 + random.below(random.chance(0.5) ? 8 : 200) : kChunkBytes,
         .coordinator_chance = random.chance(0.3) ? 0.01 : 0.2,
         .now = now,
         .step_time_max = Duration{random.chance(0.5) ? 500 : 0},
         .before_step =
             [&](kit::Simulation& job) {
               if (job.steps() % kStepsBetweenLooks == 0) twice += ids.note(files);
               if (!dies || job.steps() < at_step) return;
               files.stop_at(1);
               job.crash();
             },
         .file_system = &files,
         .state_dir = kStateDir,
         .state = spills ? rocksdb({.memory_bytes = 1 + seed % 7 * 100}) : in_memory(),
         .checkpoint = {.interval = 20ms,
                        .timeout = dies && random.chance(0.3) ? 1ms * random.between(1, 30) : 10s,
                        .rebase_bytes = random.chance(0.5) ? 0 : kRebaseRarely,
                        .tolerated_failures = dies ? 1000U : 10U},
         .from_savepoint =
             savepoint}}.run(flow);
    now = result.ended_at;
    const std::string in_life = "life " + std::to_string(life) + ": ";
    if (const std::string more = test::lines_beyond(lines_seen(files), expected); !more.empty())
      return in_life + "too much\n" + more;
    if (twice += ids.note(files); !twice.empty()) return in_life + twice;
    if (result.ok()) break;
    if (!dies) return in_life + result.status.to_string();
    faults.end(life);
  }
  if (const std::string missing = test::lines_beyond(expected, lines_seen(files)); !missing.empty())
    return "missing\n" + missing;
  for (const std::string& path : files.files()) {
    if (path.find(".inprogress") != path.npos) return "left behind: " + path;
  }
  return {};
}

}  // namespace

std::string kill_and_compare(std::uint64_t seed) {
  Random random{seed, 0x4b49'4c4c};
  ManualClock clock{Timestamp{0s}};
  const Dataflow flow = flow_of(seed);
  const auto expected = undisturbed_lines(flow, seed, clock);
  if (!expected) return expected.error().to_string();
  if (expected->empty()) return "the undisturbed job gives out nothing";
  kit::MemoryFileSystem files{clock};
  if (std::string wrong = live_and_die(seed, files, random, "", *expected); !wrong.empty()) return wrong;

  // Once more on what has ended, also where the machine lost power behind the end: at once, and nothing is written.
  files.restart(refuses(seed) ? kit::Crash::kProcess : kit::Crash::kPower, random);
  const auto again = kit::Simulator{{.seed = seed, .file_system = &files, .state_dir = kStateDir}}.run(flow);
  if (!again.ok()) return "once more: " + again.status.to_string();
  if (again.steps != 0) return "once more: it does " + std::to_string(again.steps) + " steps";
  return lines_seen(files) == *expected ? "" : "once more: other lines are seen";
}

std::string start_from_savepoint_and_compare(std::uint64_t seed, bool& made) {
  Random random{seed, 0x5341'5645};
  ManualClock clock{Timestamp{0s}};
  const Dataflow flow = flow_of(seed);
  const auto expected = undisturbed_lines(flow, seed, clock);
  if (!expected) return expected.error().to_string();
  kit::MemoryFileSystem files{clock};
  const bool stops = random.chance(0.5);
  const std::uint64_t at_step = random.below(3000);
  const std::uint64_t dies_later = random.below(2000);
  bool asked = false;
  std::uint64_t made_at = ~std::uint64_t{0};
  std::uint64_t steps = 0;
  std::vector<std::string> until_then;
  const auto note = [&](const Status& status) {
    if (!status.ok()) return;
    made_at = steps;
    until_then = lines_seen(files);
  };
  const auto first = kit::Simulator{{.seed = random(),
                                     .shards = 1 + static_cast<std::uint32_t>(random.below(4)),
                                     .batch = random.chance(0.5) ? 1024U : 3U,
                                     .exchange_slots = 1 + random.below(4),
                                     .chunk_bytes = 1 + random.below(200),
                                     .before_step =
                                         [&](kit::Simulation& job) {
                                           steps = job.steps();
                                           if (steps >= at_step && !std::exchange(asked, true)) {
                                             if (stops) job.stop_with_savepoint("saved", note);
                                             if (!stops) job.savepoint("saved", note);
                                           }
                                           if (!stops && steps >= dies_later && steps - dies_later > made_at) {
                                             job.crash();
                                           }
                                         },
                                     .file_system = &files,
                                     .state_dir = kStateDir,
                                     .checkpoint = {.interval = 20ms}}}
                         .run(flow);
  made = made_at != ~std::uint64_t{0};
  if (!made) return lines_seen(files) == *expected ? "" : "without a savepoint other lines are seen";
  if (stops && !first.ok()) return "stopping: " + first.status.to_string();
  if (stops && lines_seen(files) != until_then) return "more was published behind the savepoint";
  // On another machine, where nothing of the old job is but its savepoint, and that as its disk has kept it.
  files.restart(kit::Crash::kPower, random);
  kit::MemoryFileSystem other{clock};
  for (const std::string& path : files.files()) {
    if (path.starts_with("saved/")) other.write_file(path, files.read_file(path));
  }
  std::vector<std::string> rest;
  std::set_difference(expected->begin(), expected->end(), until_then.begin(), until_then.end(),
                      std::back_inserter(rest));
  if (const std::string more = test::lines_beyond(until_then, *expected); !more.empty()) return "too much\n" + more;
  return live_and_die(seed, other, random, "saved", rest);
}

}  // namespace millstream::crashing
