// The job, its input, and its lives.
#include "runtime/log_job.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "core/kill_points.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/connectors/file.hpp"

namespace millstream::logjob {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

namespace {

constexpr std::uint64_t kKeys = 7;
constexpr std::uint64_t kStepsOfALife = 1500;  // about
constexpr int kLivesMax = 60;                  // a life also ends where the broker drops its transaction

struct Payment {
  std::string card;
  std::int64_t cents = 0;
};
struct Total {
  std::string card;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents))
BOOST_DESCRIBE_STRUCT(Total, (), (card, cents))

/// For each payment the sum so far: a lost, doubled or reordered one shows in all that follow.
struct RunningTotal {
  ValueState<std::int64_t> sum;
  void open(OperatorContext& c) { sum = c.value_state<std::int64_t>("sum"); }
  void process(const Payment& payment, Collector<Total>& out) {
    const std::int64_t now = sum.value_or(0) + payment.cents;
    sum.set(now);
    out.emit({payment.card, now});
  }
};

/// Tells when it has read the decision.
class WatchedDecider final : public Decider {
 public:
  WatchedDecider(kit::LogSinkOptions options, std::function<void()> behind_read,
                 std::shared_ptr<std::vector<DecisionSource>> told)
      : log{std::make_shared<kit::LogDecider>(std::move(options))},
        behind_read_{std::move(behind_read)},
        told_{std::move(told)} {}
  Result<bool> fence(const DeciderContext& context) override { return log->fence(context); }
  Result<std::optional<Decision>> read(const DeciderContext& context) override {
    *told_ = context.sources;
    Result<std::optional<Decision>> decision = log->read(context);
    if (decision && *decision && behind_read_) behind_read_();
    return decision;
  }
  DecisionStep prepare(const DecisionDraft& draft) override { return log->prepare(draft); }
  DecisionStep decide(const DecisionDraft& draft) override { return log->decide(draft); }
  void give_up() override { log->give_up(); }
  void close() override { log->close(); }

  std::shared_ptr<kit::LogDecider> log;

 private:
  std::function<void()> behind_read_;
  std::shared_ptr<std::vector<DecisionSource>> told_;
};

struct WatchedSink {
  kit::LogSinkOptions options;
  std::function<void()> behind_read;
  std::shared_ptr<std::vector<DecisionSource>> told;
  kit::LogSink log{options};

  [[nodiscard]] std::shared_ptr<WatchedDecider> make_decider() const {
    return std::make_shared<WatchedDecider>(options, behind_read, told);
  }
  void decide_by(const std::shared_ptr<WatchedDecider>& decider) { log.decide_by(decider->log); }
  void open(SinkContext& context) { log.open(context); }
  Result<std::size_t> write(std::span<kit::LogRecord> records) { return log.write(records); }
  Result<bool> drain() { return log.drain(); }
  std::string prepare() { return log.prepare(); }
  void commit(const std::string& handle) { log.commit(handle); }
};

// How a life may end that dies, or whose broker does what brokers do.
bool may_be(const Status& status) {
  return status.code() == ErrorCode::kCancelled || status.code() == ErrorCode::kUnavailable ||
         status.code() == ErrorCode::kIo;
}

std::string metadata_of(CheckpointId checkpoint) {
  const std::string text = checkpoint.to_string();  // "7 (nonce 00000000075bcd15)"
  return "ms1;c=" + std::to_string(checkpoint.id) + ";n=" + text.substr(text.find("nonce ") + 6, 16) + ";j=totals";
}

}  // namespace

World::World(std::uint64_t seed, std::uint64_t records, bool ends) : broker{seed}, random_{seed, 0x574f'524c} {
  sink = {.broker = &broker,
          .topic = "out",
          .group = kGroup,
          .transactional_id = "totals-0",
          .source_stage = "in",
          .source_topic = "in"};
  broker.create_topic("in", kPartitions);
  broker.create_topic("out", kPartitions);
  // Somebody writes it in transactions, of which some are aborted. A key is in one partition.
  std::map<std::string, std::int64_t> sums;
  std::uint64_t written = 0;
  while (written < records) {
    kit::LogProducer writer;
    while (broker.init("writer", 1min, writer) != kit::LogReply::kOk) {
    }
    const bool commits = random_.chance(0.8);
    for (std::uint64_t left = 1 + random_.below(6); left > 0; --left, ++written) {
      const std::uint64_t key = random_.below(kKeys);
      const std::string card = "card" + std::to_string(key);
      const auto cents = static_cast<std::int64_t>(1 + random_.below(100));
      const kit::LogPartition to{"in", static_cast<std::uint32_t>(key % kPartitions)};
      while (broker.append(writer, to, {card, std::to_string(cents)}) != kit::LogReply::kOk) {
      }
      if (!commits) continue;
      sums[card] += cents;
      expected_[card].push_back(std::to_string(sums[card]));
    }
    while (broker.end(writer, commits) != kit::LogReply::kOk) {
    }
    broker.settle();
  }
  if (ends) broker.end_topic("in");
}

void World::grow() {
  const auto on_point = std::exchange(broker.on_point, nullptr);
  const std::uint32_t partition = broker.partitions("in");
  const std::string card = "card-of-" + std::to_string(partition);
  kit::LogProducer writer;
  kit::LogReply reply = kit::LogReply::kTimedOut;
  while (reply != kit::LogReply::kOk && reply != kit::LogReply::kCutOff) reply = broker.init("writer", 1min, writer);
  if (reply == kit::LogReply::kOk) {
    broker.grow_topic("in", partition + 1);
    std::int64_t sum = 0;
    for (std::uint64_t left = 1 + random_.below(20); left > 0; --left) {
      const auto cents = static_cast<std::int64_t>(1 + random_.below(100));
      while (broker.append(writer, {"in", partition}, {card, std::to_string(cents)}) != kit::LogReply::kOk) {
      }
      expected_[card].push_back(std::to_string(sum += cents));
    }
    while (broker.end(writer, true) != kit::LogReply::kOk) {
    }
  }
  broker.on_point = on_point;
}

Dataflow World::flow() {
  Dataflow flow{"totals"};
  auto totals = flow.from(kit::LogSource{.broker = &broker, .topic = "in", .fetch_records_max = 2, .pause = 12ms})
                    .named("in")
                    .map([](const kit::LogRecord& r) { return Payment{r.key, std::stoll(r.value)}; })
                    .key_by(&Payment::card)
                    .process(RunningTotal{})
                    .named("totals");
  totals.map([](const Total& t) { return kit::LogRecord{t.card, std::to_string(t.cents)}; })
      .to(WatchedSink{sink, behind_read, told})
      .named("out");
  if (with_files) totals.to(file::sink<Total>({.directory = "out"})).named("files");
  return flow;
}

kit::SimulationResult World::live(const LifeOptions& options) {
  const Death& death = options.death;
  bool dead = false;
  std::uint64_t left = death.times;
  const auto die = [&] {
    dead = true;
    broker.cut_off();
    files.stop_at(1);
  };
  broker.connect();
  broker.on_point = [&](kit::LogPoint point) {
    if (options.on_point) options.on_point(point);
    if (!dead && death.at_point == point && --left == 0) die();
  };
#ifdef MILLSTREAM_TEST_SWITCHES
  set_kill_point_hook([&](std::size_t here) {
    if (!dead && kKillPoints[here] == death.at_kill_point && --left == 0) die();
  });
#endif
  const auto result = kit::Simulator{{.seed = options.seed,
                                      .shards = options.shards,
                                      .batch = options.batch,
                                      .exchange_slots = 1 + random_.below(4),
                                      .now = now_,
                                      .step_time_max = Duration{300},
                                      .before_step =
                                          [&](kit::Simulation& job) {
                                            if (options.before_step) options.before_step(job);
                                            if (!dead && death.at_step && job.steps() >= *death.at_step) die();
                                            if (dead) job.crash();
                                          },
                                      .file_system = &files,
                                      .state_dir = kStateDir,
                                      .checkpoint = options.checkpoint,
                                      .from_savepoint = options.from_savepoint}}
                          .run(flow());
#ifdef MILLSTREAM_TEST_SWITCHES
  set_kill_point_hook(nullptr);
#endif
  broker.on_point = nullptr;
  broker.connect();
  now_ = std::max(now_, result.ended_at) + 1ms;
  // It may die behind everything that counts.
  if (dead || !result.ok()) files.restart(death.crash, random_);
  return result;
}

std::uint64_t World::decided() {
  broker.settle();
  kit::LogOffsets offsets;
  while (broker.offsets(kGroup, true, offsets) != kit::LogReply::kOk) broker.wait(5ms);
  const std::string head = "ms1;c=";
  return offsets.empty() ? 0 : std::stoull(offsets.begin()->second.metadata.substr(head.size()));
}

Manifest World::newest_manifest() {
  Manifest newest;
  for (const std::string& path : files.files()) {
    if (!path.ends_with(".manifest")) continue;
    Result<Manifest> manifest = decode_manifest(files.read_file(path), path);
    if (manifest && manifest->checkpoint.id > newest.checkpoint.id) newest = *std::move(manifest);
  }
  return newest;
}

std::string World::compare(bool all) {
  std::map<std::string, std::vector<std::string>> seen;
  for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
    for (const kit::LogRecord& record : broker.committed({"out", partition})) seen[record.key].push_back(record.value);
  }
  for (const auto& [card, values] : seen) {
    const std::vector<std::string>& wanted = expected_[card];
    const bool begins = values.size() <= wanted.size() && std::equal(values.begin(), values.end(), wanted.begin());
    if (begins && (!all || values.size() == wanted.size())) continue;
    std::string text = card + ": there is";
    for (const std::string& value : values) text += " " + value;
    text += ", and wanted was";
    for (const std::string& value : wanted) text += " " + value;
    return text;
  }
  if (all && seen.size() != expected_.size()) return "cards are missing";
  if (!all || !with_files) return {};
  std::map<std::string, std::size_t> lines;
  for (const std::string& path : files.files()) {
    if (path.find("out/") == path.npos || path.find("/.") != path.npos) continue;
    std::istringstream in{files.read_file(path)};
    for (std::string line; std::getline(in, line);) ++lines[line];
  }
  std::size_t wanted = 0;
  for (const auto& [card, values] : expected_) {
    wanted += values.size();
    for (const std::string& value : values) {
      const std::string line = "{\"card\":\"" + card + "\",\"cents\":" + value + "}";
      if (lines[line] != 1) return "in files: " + std::to_string(lines[line]) + " times " + line;
    }
  }
  return lines.size() == wanted ? "" : "in files there are other lines";
}

std::string kill_and_compare(std::uint64_t seed) {
  Random random{seed, 0x4c4f'474a};
  World world{seed};
  const auto sometimes = [&](double chance) { return random.chance(0.4) ? chance : 0; };
  world.broker.set_faults({.request_lost = sometimes(0.05),
                           .reply_lost = sometimes(0.05),
                           .request_late = sometimes(0.1),
                           .coordinator_away = sometimes(0.02),
                           .leader_away = sometimes(0.02),
                           .delivery_failed = sometimes(0.001),
                           .duplicate_fetch = sometimes(0.2),
                           .offsets_missing = 0,
                           .progress = random.chance(0.5) ? 0.7 : 0.05});
  if (random.chance(0.2)) world.sink.transaction_timeout = 100ms;
  if (random.chance(0.3)) world.sink.buffer = {.records = 1 + random.below(4), .bytes = 1000};
  const int crashes = 1 + static_cast<int>(random.below(8));
  for (int life = 0; life < kLivesMax; ++life) {
    LifeOptions options{.seed = random(),
                        .shards = 1 + static_cast<std::uint32_t>(random.below(4)),
                        .batch = random.chance(0.5) ? 1024U : 3U};
    options.checkpoint.rebase_bytes = random.chance(0.5) ? 0 : 20'000;
    if (life < crashes) {
      Death& death = options.death;
      const std::uint64_t how = random.below(3);
      death.times = 1 + random.below(5);
      if (how == 0) death.at_step = random.below(kStepsOfALife);
      if (how == 1) death.at_point = static_cast<kit::LogPoint>(random.below(8));
      if (how == 2) death.at_kill_point = kKillPoints[random.below(std::size(kKillPoints))];
      death.crash = random.chance(0.3) ? kit::Crash::kPower : kit::Crash::kProcess;
      if (random.chance(0.2)) options.checkpoint.timeout = 5ms;  // some are given up
    }
    if (life > kLivesMax / 2) world.broker.set_faults({});
    if (life > kLivesMax / 2) world.sink.transaction_timeout = 1min;
    const auto result = world.live(options);
    const std::string in_life = "life " + std::to_string(life) + ": ";
    if (std::string wrong = world.compare(false); !wrong.empty()) return in_life + wrong;
    if (result.ok()) break;
    if (!may_be(result.status)) return in_life + result.status.to_string();
    if (life + 1 == kLivesMax) return "it does not come to its end: " + result.status.to_string();
  }
  if (std::string wrong = world.compare(); !wrong.empty()) return wrong;
  const auto again = world.live();
  if (!again.ok()) return "once more: " + again.status.to_string();
  return again.steps == 0 ? "" : "once more: it does " + std::to_string(again.steps) + " steps";
}

std::string grow_and_compare(std::uint64_t seed) {
  Random random{seed, 0x4752'4f57};
  World world{seed, 60, false};
  const kit::LogFaults faults{.reply_lost = random.chance(0.3) ? 0.05 : 0,
                              .request_late = random.chance(0.3) ? 0.1 : 0};
  std::uint64_t partitions_left = 1 + random.below(3);
  std::uint64_t until_next = random.below(kStepsOfALife);
  const auto grow = [&](kit::Simulation&) {
    if (partitions_left == 0 || until_next-- > 0) return;
    world.broker.set_faults({});
    world.grow();
    if (--partitions_left == 0) world.broker.end_topic("in");
    world.broker.set_faults(faults);
    until_next = random.below(kStepsOfALife / 3);
  };
  const int crashes = static_cast<int>(random.below(6));
  for (int life = 0; life < kLivesMax; ++life) {
    LifeOptions options{
        .seed = random(), .shards = 1 + static_cast<std::uint32_t>(random.below(4)), .before_step = grow};
    if (life < crashes) {
      options.death = {.at_step = random.below(kStepsOfALife),
                       .crash = random.chance(0.3) ? kit::Crash::kPower : kit::Crash::kProcess};
      if (random.chance(0.5)) options.death = {.at_kill_point = kKillPoints[random.below(std::size(kKillPoints))]};
    }
    const auto result = world.live(options);
    const std::string in_life = "life " + std::to_string(life) + ": ";
    if (std::string wrong = world.compare(false); !wrong.empty()) return in_life + wrong;
    if (result.ok()) break;
    if (!may_be(result.status)) return in_life + result.status.to_string();
  }
  return partitions_left > 0 ? "it has ended before its input" : world.compare();
}

std::string interfere_and_compare(std::uint64_t seed) {
  enum Interference { kOffsetSet, kOtherNonce, kExpired, kLateRequests };
  const auto what = static_cast<Interference>(seed % 4);
  World world{seed};
  world.with_files = false;
  const Death death{.at_kill_point = what == kLateRequests ? "decision.before" : "sinks.before_commit", .times = 3};
  if (world.live({.seed = seed, .shards = 1, .death = death}).ok()) return {};
  const Manifest newest = world.newest_manifest();
  if (what != kLateRequests) world.broker.settle();
  kit::LogOffsets offsets;
  for (const SplitPosition& split : newest.positions) {
    Position position;
    if (!decode_value(split.position, position)) return "a position cannot be read";
    offsets[{"in", static_cast<std::uint32_t>(split.split.back() - '0')}] = {position.offset,
                                                                             metadata_of(newest.checkpoint)};
  }
  for (auto& [partition, offset] : offsets) {
    if (what == kOffsetSet)
      world.broker.set_offset(kGroup, partition, kit::LogOffset{offset.offset + 1, offset.metadata});
    if (what == kOtherNonce) {
      const CheckpointId other{newest.checkpoint.id, newest.checkpoint.nonce + 1};
      world.broker.set_offset(kGroup, partition, kit::LogOffset{offset.offset, metadata_of(other)});
    }
    if (what == kExpired) world.broker.set_offset(kGroup, partition, std::nullopt);
  }
  if (what == kLateRequests) {
    // What the dead life had sent last arrives now. It is the first one of its id.
    world.behind_read = [&] {
      const kit::LogProducer dead{world.sink.transactional_id, 1};
      static_cast<void>(world.broker.add_offsets(dead, kGroup, offsets));
      static_cast<void>(world.broker.end(dead, true));
    };
  }
  const auto next = world.live({.seed = seed + 1});
  if (std::string wrong = world.compare(what == kLateRequests); !wrong.empty()) return wrong;
  if (what == kLateRequests) return next.ok() ? "" : next.status.to_string();
  return next.status.code() == ErrorCode::kInvalidData ? "" : "it does not halt: " + next.status.to_string();
}

}  // namespace millstream::logjob
