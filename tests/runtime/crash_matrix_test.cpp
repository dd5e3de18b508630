// The crash matrix of a job whose decision is a transaction, row by row: where the process dies, what the broker and
// the disk then hold, and that the job goes on from the one checkpoint that was decided. N is the checkpoint under way.
#include <gtest/gtest.h>

#include "runtime/log_job.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;
using logjob::Death;
using logjob::World;

/// What the process leaves behind.
enum class Left {
  kAny,
  kNoManifest,  ///< N has none, or only what came to it: the newest manifest is of the decided checkpoint
  kUndecided,   ///< the manifest of N, and the decision of N-1
  kDecided,     ///< both of N
};

struct Row {
  const char* name;
  Death death;
  Left left = Left::kAny;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

// A crash, then whatever else the machine loses with it; with one and with several shards; at the first and at later
// checkpoints.
class CrashMatrix : public ::testing::TestWithParam<Row> {};

TEST_P(CrashMatrix, GoesOnFromTheDecision) {
  const Row& row = GetParam();
  std::uint64_t deaths = 0;
  for (const kit::Crash crash : {kit::Crash::kProcess, kit::Crash::kPower}) {
    for (std::uint64_t times = 1; times <= 6; ++times) {
      const std::uint64_t seed = 100 * times + (crash == kit::Crash::kPower ? 1 : 0);
      World world{seed};
      Death death = row.death;
      death.times = times;
      death.crash = crash;
      const auto died = world.live({.seed = seed, .shards = 1 + static_cast<std::uint32_t>(times % 3), .death = death});
      if (died.ok()) continue;
      ++deaths;
      const std::uint64_t decided = world.decided();
      if (row.left == Left::kUndecided) {
        EXPECT_GT(world.newest_manifest().checkpoint.id, decided) << "times " << times;
      }
      if (row.left == Left::kDecided || row.left == Left::kNoManifest) {
        EXPECT_EQ(world.newest_manifest().checkpoint.id, decided) << "times " << times;
      }
      EXPECT_EQ(world.compare(false), "");
      const auto next = world.live({.seed = seed + 1, .shards = 1 + static_cast<std::uint32_t>((times + 1) % 3)});
      EXPECT_TRUE(next.ok()) << next.status.to_string() << ", times " << times;
      EXPECT_EQ(world.compare(), "") << "times " << times;
    }
  }
  EXPECT_GT(deaths, 2U);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CrashMatrix,
    ::testing::Values(Row{"C1_MidEpoch", {.at_point = kit::LogPoint::kAppended}, Left::kNoManifest},
                      Row{"C2_SomeShardsSaved", {.at_kill_point = "segment.after_sync"}, Left::kNoManifest},
                      Row{"C3_ManifestWritten", {.at_kill_point = "decision.before"}, Left::kUndecided},
                      Row{"C3_OffsetsPending", {.at_point = kit::LogPoint::kOffsetsAdded}, Left::kUndecided},
                      Row{"C4_EndNeverArrives", {.at_point = kit::LogPoint::kEndRequested}, Left::kUndecided},
                      Row{"C5_CommitPrepared", {.at_point = kit::LogPoint::kEndPrepared}, Left::kDecided},
                      Row{"C5_SomeMarkersWritten", {.at_point = kit::LogPoint::kMarkerWritten}, Left::kDecided},
                      Row{"C6_CommittedUnheard", {.at_point = kit::LogPoint::kEnded}, Left::kAny},
                      Row{"C6_CommittedUnmarked", {.at_kill_point = "decision.after"}, Left::kDecided},
                      Row{"C7_MarkedSinksNotCommitted", {.at_kill_point = "sinks.before_commit"}, Left::kDecided},
                      Row{"C7_SomeSinksCommitted", {.at_kill_point = "sinks.between_commits"}, Left::kDecided},
                      Row{"C8_BeforeRetention", {.at_kill_point = "retention.before"}, Left::kDecided},
                      Row{"C8_ManifestsRemoved", {.at_kill_point = "retention.behind_manifests"}, Left::kDecided}),
    [](const auto& row) { return std::string{row.param.name}; });

// C9: one that dies while it recovers changes nothing for the next.
TEST(CrashMatrix, C9_DuringRecovery) {
  const std::vector<Death> deaths = {
      {.at_point = kit::LogPoint::kFenced},        {.at_point = kit::LogPoint::kOffsetsRead},
      {.at_kill_point = "decision.before_rename"}, {.at_kill_point = "decision.after_rename"},
      {.at_kill_point = "recovery.before_sinks"},  {.at_kill_point = "recovery.between_sinks"},
      {.at_kill_point = "recovery.behind_sinks"},  {.at_kill_point = "recovery.behind_settling"}};
  std::uint64_t seed = 900;
  for (const kit::LogPoint first : {kit::LogPoint::kEndRequested, kit::LogPoint::kEndPrepared}) {
    for (const Death& second : deaths) {
      World world{++seed};
      ASSERT_FALSE(world.live({.seed = seed, .death = {.at_point = first, .times = 2}}).ok());
      for (int again = 0; again < 2; ++again) EXPECT_FALSE(world.live({.seed = seed + 7, .death = second}).ok());
      const auto last = world.live({.seed = seed + 9, .shards = 3});
      EXPECT_TRUE(last.ok()) << last.status.to_string();
      EXPECT_EQ(world.compare(), "") << "seed " << seed;
    }
  }
}

/// Another host with a copy of the disk as it is now.
struct OtherHost {
  explicit OtherHost(World& copied) : world{copied}, files{copied.clock} {
    for (const std::string& path : copied.files.files()) files.write_file(path, copied.files.read_file(path));
  }
  kit::SimulationResult live(Timestamp now) {
    return kit::Simulator{{.seed = 5,
                           .shards = 3,
                           .now = now,
                           .step_time_max = Duration{300},
                           .file_system = &files,
                           .state_dir = logjob::kStateDir,
                           .checkpoint = {.interval = 20ms}}}
        .run(world.flow());
  }
  World& world;
  kit::MemoryFileSystem files;
};

// C10: an instance that was thought dead goes on when another one has begun, at any of its steps.
TEST(CrashMatrix, C10_ZombieGoesOnBehindItsSuccessor) {
  std::uint64_t zombies = 0;
  for (std::uint64_t step = 20; step < 1500; step += 60) {
    World world{step};
    world.with_files = false;
    std::optional<kit::SimulationResult> successor;
    const auto zombie = world.live({.seed = step, .before_step = [&](kit::Simulation& job) {
                                      if (job.steps() < step || successor) return;
                                      successor = OtherHost{world}.live(job.now());
                                    }});
    if (!successor) continue;
    ++zombies;
    EXPECT_TRUE(successor->ok()) << successor->status.to_string();
    EXPECT_EQ(world.compare(), "") << "step " << step;
    if (zombie.ok()) continue;  // it had decided everything
    EXPECT_EQ(zombie.status.code(), ErrorCode::kUnavailable) << zombie.status.to_string();
    EXPECT_NE(zombie.status.message().find("another instance"), std::string::npos) << zombie.status.message();
  }
  EXPECT_GT(zombies, 5U);
}

// C10: the same, and it was stopped in its commit, whose first request nobody had answered: then it needs a new client,
// and the id for it, which its successor has by now.
TEST(CrashMatrix, C10_ZombieThatWasStoppedInItsCommitTakesNothingBack) {
  std::uint64_t stopped = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world{seed};
    world.with_files = false;
    world.broker.set_faults({.request_lost = 0.3});
    std::uint64_t ended = 0;
    std::optional<kit::SimulationResult> successor;
    const auto zombie = world.live({.seed = seed,
                                    .before_step =
                                        [&](kit::Simulation& job) {
                                          if (ended < 1 + seed % 3 || successor) return;
                                          world.broker.set_faults({});
                                          successor = OtherHost{world}.live(job.now());
                                        },
                                    .on_point = [&](kit::LogPoint point) { ended += point == kit::LogPoint::kEnded; }});
    if (!successor) continue;
    stopped += !zombie.ok();
    EXPECT_TRUE(successor->ok()) << successor->status.to_string();
    EXPECT_EQ(world.compare(), "") << "seed " << seed;
  }
  EXPECT_GT(stopped, 20U);
}

// C11: its commit has won. Where the successor has its manifest it goes on from there; where it has not, it halts.
TEST(CrashMatrix, C11_CommitOfTheZombieComesFirst) {
  for (std::uint64_t times = 1; times <= 4; ++times) {
    for (const bool shared : {true, false}) {
      World world{times};
      world.with_files = false;
      std::optional<OtherHost> other;
      std::optional<kit::SimulationResult> successor;
      std::uint64_t prepared = 0;
      const auto zombie =
          world.live({.seed = times,
                      .before_step =
                          [&](kit::Simulation& job) {
                            if (!shared && !other) other.emplace(world);
                            if (prepared < times || successor) return;
                            if (shared) other.emplace(world);
                            successor = other->live(job.now());
                          },
                      .on_point = [&](kit::LogPoint point) { prepared += point == kit::LogPoint::kEndPrepared; }});
      ASSERT_TRUE(successor);
      EXPECT_EQ(world.compare(shared), "");
      if (shared) {
        EXPECT_TRUE(successor->ok()) << successor->status.to_string();
      } else {
        EXPECT_EQ(successor->status.code(), ErrorCode::kInvalidData);
        EXPECT_NE(successor->status.message().find("which is not here"), std::string::npos);
      }
    }
  }
}

// C12: the broker gives up a transaction that is open for too long.
TEST(CrashMatrix, C12_TransactionTimesOut) {
  World world{12};
  world.sink.transaction_timeout = 5ms;
  const auto late = world.live({.seed = 12});
  EXPECT_EQ(late.status.code(), ErrorCode::kUnavailable) << late.status.to_string();
  EXPECT_EQ(world.compare(false), "");
  world.sink.transaction_timeout = 1min;
  EXPECT_TRUE(world.live({.seed = 13}).ok());
  EXPECT_EQ(world.compare(), "");
}

// C14: the decision names what is not here any more.
TEST(CrashMatrix, C14_StateIsLost) {
  World world{14};
  ASSERT_FALSE(world.live({.seed = 14, .death = {.at_kill_point = "decision.after", .times = 2}}).ok());
  kit::MemoryFileSystem empty{world.clock};
  const auto lost = kit::Simulator{{.file_system = &empty, .state_dir = logjob::kStateDir}}.run(world.flow());
  EXPECT_EQ(lost.status.code(), ErrorCode::kInvalidData);
  EXPECT_NE(lost.status.message().find("which is not here or not intact"), std::string::npos);
  EXPECT_NE(lost.status.message().find("nothing was changed"), std::string::npos);
  EXPECT_EQ(world.compare(false), "");
}

}  // namespace
}  // namespace millstream
