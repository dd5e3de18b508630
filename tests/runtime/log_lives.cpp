// Lives of the job that die, or between which something happens: what they give out together.
#include <iterator>

#include "core/kill_points.hpp"
#include "millstream/codec/codec.hpp"
#include "runtime/log_job.hpp"

namespace millstream::logjob {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

namespace {

constexpr std::uint64_t kStepsOfALife = 1500;  // about
constexpr int kLivesMax = 60;                  // a life also ends where the broker drops its transaction

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
  world.with_second = seed % 3 == 0;
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
  world.with_second = seed % 3 == 0;
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
