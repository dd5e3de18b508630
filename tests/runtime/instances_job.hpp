// A job of several instances from a log to a log under the simulator, on one shared state folder, for the tests that
// change their number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "millstream/millstream.hpp"
#include "millstream/testing/log_connector.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/running_total.hpp"

namespace millstream::instances {

namespace kit = millstream::testing;
using namespace std::chrono_literals;
using test::RunningTotal;
using test::Total;

constexpr std::uint32_t kPartitions = 6;
constexpr std::uint64_t kCards = 20;
constexpr std::uint32_t kInstancesMax = 4;

struct Payment {
  std::string card;
  std::int64_t cents = 0;
  std::int32_t partition = 0;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents, partition))

struct Life {
  InstanceShare share;
  std::uint64_t seed = 1;
  std::uint32_t shards = 2;
  std::optional<std::uint64_t> dies_at_step = std::nullopt;
  std::optional<std::uint64_t> dies_at_disk = std::nullopt;  ///< operation
  std::optional<kit::LogPoint> dies_at_point = std::nullopt;
  std::uint64_t times = 1;
  kit::Crash crash = kit::Crash::kProcess;
  std::function<void(kit::Simulation&)> before_step = nullptr;
  FileSystem* files = nullptr;  ///< null = the world's
  StateBackend state = in_memory();
  std::string state_dir = "state";
  std::string from_savepoint = {};
};

/// A broker with input, and the disk that all instances share.
class World {
 public:
  /// Without records the input is somebody else's, and its end, too.
  explicit World(std::uint64_t seed, std::uint64_t records = 300) : broker{seed}, random_{seed, 0x494e'5354} {
    broker.create_topic("in", kPartitions);
    broker.create_topic("out", 3);
    std::map<std::string, std::int64_t> sums;
    for (std::uint64_t i = 0; i < records; ++i) {
      const std::uint64_t number = random_.below(kCards);
      const std::string card = "card" + std::to_string(number);
      const auto cents = static_cast<std::int64_t>(1 + random_.below(100));
      const kit::LogPartition to{"in", static_cast<std::uint32_t>(number % kPartitions)};
      while (broker.append(to, {card, std::to_string(cents)}) != kit::LogReply::kOk) {
      }
      sums[card] += cents;
      std::vector<std::string>& of_card = expected_["sum of " + card];
      of_card.push_back(std::to_string(sums[card]));
      expected_["number of " + card].push_back(std::to_string(of_card.size()));
    }
    if (records > 0) broker.end_topic("in");
  }

  Dataflow flow(const InstanceShare& share) {
    Dataflow flow{"totals"};
    auto by_card =
        flow.from(
                kit::LogSource{.broker = &broker, .topic = "in", .fetch_records_max = 2, .pause = 12ms, .share = share})
            .named("in")
            .map([](const kit::LogRecord& r) {
              return Payment{r.key, std::stoll(r.value), static_cast<std::int32_t>(r.partition)};
            })
            .key_by([](const Payment& p) { return PartitionKey{p.card, p.partition}; });
    auto sums = by_card.process(RunningTotal<Payment>{}).named("sums").map([](const Total& t) {
      return kit::LogRecord{"sum of " + t.card, std::to_string(t.cents)};
    });
    auto counts = by_card.aggregate(count()).named("counts").map(
        [](const auto& r) { return kit::LogRecord{"number of " + r.key.key, std::to_string(r.value)}; });
    sums.merge(counts)
        .to(kit::LogSink{{.broker = &broker,
                          .topic = "out",
                          .group = "totals-group",
                          .transactional_id = "totals-" + std::to_string(share.instance),
                          .instance = share.instance,
                          .source_stage = "in",
                          .source_topic = "in"}})
        .named("out");
    return flow;
  }

  /// Of a process that nothing kills.
  kit::SimulationResult simulate(const Life& life) {
    const auto result = kit::Simulator{{.seed = life.seed,
                                        .shards = life.shards,
                                        .exchange_slots = 1 + random_.below(4),
                                        .now = now_,
                                        .step_time_max = Duration{300},
                                        .before_step = life.before_step,
                                        .file_system = life.files != nullptr ? life.files : &files,
                                        .state_dir = life.state_dir,
                                        .state = life.state,
                                        .checkpoint = {.interval = 20ms, .timeout = 10s},
                                        .from_savepoint = life.from_savepoint}}
                            .run(other_flow ? other_flow(life.share) : flow(life.share));
    now_ = std::max(now_, result.ended_at) + 1ms;
    return result;
  }
  kit::SimulationResult live(const Life& life) {
    bool dead = false;
    std::uint64_t left = life.times;
    const auto die = [&] {
      dead = true;
      broker.cut_off();
      files.stop_at(1);
    };
    broker.connect();
    if (life.dies_at_disk) files.stop_at(1 + *life.dies_at_disk);
    broker.on_point = [&](kit::LogPoint point) {
      if (!dead && life.dies_at_point == point && --left == 0) die();
    };
    Life watched = life;
    watched.before_step = [&](kit::Simulation& job) {
      if (life.before_step) life.before_step(job);
      if (!dead && life.dies_at_step && job.steps() >= *life.dies_at_step) die();
      if (!dead && files.stopped()) die();
      if (dead) job.crash();
    };
    const auto result = simulate(watched);
    broker.on_point = nullptr;
    broker.connect();
    if (dead || files.stopped() || !result.ok()) files.restart(life.crash, random_);
    return result;
  }

  /// As long nobody does anything.
  void stand_still(Duration duration) { now_ += duration; }

  /// What is wrong with what readers of committed records see. `all`: nothing may be missing.
  std::string compare(bool all) {
    std::map<std::string, std::vector<std::string>> seen;
    for (std::uint32_t partition = 0; partition < 3; ++partition) {
      for (const kit::LogRecord& r : broker.committed({"out", partition})) seen[r.key].push_back(r.value);
    }
    for (const auto& [what, values] : seen) {
      const std::vector<std::string>& wanted = expected_[what];
      const bool begins = values.size() <= wanted.size() && std::equal(values.begin(), values.end(), wanted.begin());
      if (begins && (!all || values.size() == wanted.size())) continue;
      std::string text = what + ": there is";
      for (const std::string& value : values) text += " " + value;
      text += ", and wanted was";
      for (const std::string& value : wanted) text += " " + value;
      return text;
    }
    return all && seen.size() != expected_.size() ? "cards are missing" : "";
  }

  std::function<Dataflow(const InstanceShare&)> other_flow;  ///< instead of flow()
  ManualClock clock{Timestamp{Duration{0}}};
  kit::MemoryFileSystem files{clock};
  kit::LogBroker broker;

 private:
  Random random_;
  Timestamp now_{};
  std::map<std::string, std::vector<std::string>> expected_;
};

inline bool may_be(const Status& status) {
  return status.code() == ErrorCode::kCancelled || status.code() == ErrorCode::kUnavailable ||
         status.code() == ErrorCode::kIo;
}

/// Instances run one after the other, and die or stop somewhere within some `steps`, while their number changes; then
/// all come to their ends. compare(whether they have) says what is wrong behind each; so is what is returned.
inline std::string live_and_die(World& world, Random& random, std::uint64_t steps,
                                const std::function<std::string(bool)>& compare) {
  const auto any_number = [&] { return 1 + static_cast<std::uint32_t>(random.below(kInstancesMax)); };
  std::uint32_t instances = any_number();
  const std::uint64_t lives = 4 + random.below(12);
  for (std::uint64_t i = 0; i < lives; ++i) {
    if (random.chance(0.5)) instances = any_number();
    Life life{.share = {static_cast<std::uint32_t>(random.below(instances)), instances},
              .seed = random(),
              .shards = 1 + static_cast<std::uint32_t>(random.below(3)),
              .times = 1 + random.below(4),
              .crash = random.chance(0.3) ? kit::Crash::kPower : kit::Crash::kProcess,
              .state = random.chance(0.3) ? rocksdb({.memory_bytes = 6'000}) : in_memory()};
    switch (random.below(4)) {
      case 0:
        life.dies_at_step = random.below(steps);
        break;
      case 1:
        life.dies_at_disk = random.below(400);
        break;
      case 2:
        life.dies_at_point = static_cast<kit::LogPoint>(random.below(8));
        break;
      default: {
        // It is stopped, and makes a last checkpoint.
        const std::uint64_t at = random.below(steps * 3 / 4);
        life.before_step = [at](kit::Simulation& job) {
          if (job.steps() == at) job.stop();
        };
      }
    }
    const auto result = world.live(life);
    std::string in_life = "life " + std::to_string(i) + " (";
    in_life += std::to_string(life.share.instance) + " of " + std::to_string(instances) + "): ";
    if (std::string wrong = compare(false); !wrong.empty()) return in_life + wrong;
    if (!result.ok() && !may_be(result.status)) return in_life + result.status.to_string();
  }
  world.broker.set_faults({});
  for (int round = 0; round < 2; ++round) {
    instances = any_number();
    for (std::uint32_t i = 0; i < instances; ++i) {
      for (int tries = 0;; ++tries) {
        const auto result = world.live({.share = {i, instances}, .seed = random()});
        if (result.ok()) break;
        if (!may_be(result.status) || tries == 20) return "at last: " + result.status.to_string();
      }
    }
    if (std::string wrong = compare(true); !wrong.empty()) return "at last: " + wrong;
  }
  return {};
}

}  // namespace millstream::instances
