// The job, its input, and what it should give out.
#include "runtime/log_job.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "core/kill_points.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/connectors/file.hpp"
#include "runtime/running_total.hpp"

namespace millstream::logjob {

using namespace std::chrono_literals;
namespace kit = millstream::testing;
using test::RunningTotal;
using test::Total;

namespace {

constexpr std::uint64_t kKeys = 7;

struct Payment {
  std::string card;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents))

/// Tells when it has read the decision.
class WatchedDecider final : public Decider {
 public:
  WatchedDecider(kit::LogSinkOptions options, std::function<void()> behind_read,
                 std::shared_ptr<std::vector<DecisionSource>> told)
      : log{std::make_shared<kit::LogDecider>(std::move(options))},
        behind_read_{std::move(behind_read)},
        told_{std::move(told)} {}
  std::string why_not_joined(const Decider& other) const override {
    return log->why_not_joined(*static_cast<const WatchedDecider&>(other).log);
  }
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
  broker.create_topic("copies", kPartitions);
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
      payments_[card].push_back(std::to_string(cents));
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
      payments_[card].push_back(std::to_string(cents));
    }
    while (broker.end(writer, true) != kit::LogReply::kOk) {
    }
  }
  broker.on_point = on_point;
}

Dataflow World::flow() {
  Dataflow flow{"totals"};
  auto payments = flow.from(kit::LogSource{.broker = &broker, .topic = "in", .fetch_records_max = 2, .pause = 12ms})
                      .named("in")
                      .map([](const kit::LogRecord& r) { return Payment{r.key, std::stoll(r.value)}; });
  // On the shards that read, where its copies come to barriers at other times than those behind the exchange.
  if (with_second) {
    kit::LogSinkOptions second = sink;
    second.topic = "copies";
    payments.map([](const Payment& p) { return kit::LogRecord{p.card, std::to_string(p.cents)}; })
        .to(WatchedSink{second, behind_read, told})
        .named("copies");
  }
  auto totals = payments.key_by(&Payment::card).process(RunningTotal<Payment>{}).named("totals");
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

std::string World::compare_topic(const std::string& topic,
                                 const std::map<std::string, std::vector<std::string>>& expected, bool all) {
  std::map<std::string, std::vector<std::string>> seen;
  for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
    for (const kit::LogRecord& record : broker.committed({topic, partition})) seen[record.key].push_back(record.value);
  }
  for (const auto& [card, values] : seen) {
    const auto found = expected.find(card);
    if (found == expected.end()) return topic + ": nothing was wanted of " + card;
    const std::vector<std::string>& wanted = found->second;
    const bool begins = values.size() <= wanted.size() && std::equal(values.begin(), values.end(), wanted.begin());
    if (begins && (!all || values.size() == wanted.size())) continue;
    std::string text = topic + ", " + card + ": there is";
    for (const std::string& value : values) text += " " + value;
    text += ", and wanted was";
    for (const std::string& value : wanted) text += " " + value;
    return text;
  }
  return all && seen.size() != expected.size() ? topic + ": cards are missing" : "";
}

std::string World::compare(bool all) {
  if (std::string wrong = compare_topic("out", expected_, all); !wrong.empty()) return wrong;
  if (with_second) {
    if (std::string wrong = compare_topic("copies", payments_, all); !wrong.empty()) return wrong;
  }
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

}  // namespace millstream::logjob
