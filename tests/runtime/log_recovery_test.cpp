// What a job with transactional output makes of what it finds: offsets that were reset, have expired or are another
// job's, partitions that came, checkpoints that were given up, savepoints. It goes on exactly, or halts with the facts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/log_job.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;
using logjob::kGroup;
using logjob::World;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A life that dies when some checkpoints are decided.
void live_a_while(World& world) {
  std::uint64_t decided = 0;
  bool enough = false;
  const auto result = world.live({.before_step = [&](kit::Simulation& job) { enough ? job.crash() : void(); },
                                  .on_point =
                                      [&](kit::LogPoint point) {
                                        decided += point == kit::LogPoint::kEnded;
                                        enough = decided >= 3;
                                      }});
  ASSERT_EQ(result.status.code(), ErrorCode::kCancelled) << result.status.to_string();
  world.broker.settle();
}

kit::LogOffset offset_of(World& world, const kit::LogPartition& partition) {
  world.broker.settle();
  kit::LogOffsets offsets;
  while (world.broker.offsets(kGroup, true, offsets) != kit::LogReply::kOk) world.broker.wait(5ms);
  return offsets.at(partition);
}

void expect_halt(World& world, const std::string& with) {
  const auto result = world.live();
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData) << result.status.to_string();
  EXPECT_THAT(result.status.message(), HasSubstr(with));
  EXPECT_THAT(result.status.message(), HasSubstr("nothing was changed"));
  EXPECT_EQ(world.compare(false), "");
}

TEST(LogRecovery, HaltsWhereAnOffsetWasSet) {
  World world{1};
  live_a_while(world);
  kit::LogOffset offset = offset_of(world, {"in", 1});
  ++offset.offset;
  world.broker.set_offset(kGroup, {"in", 1}, offset);
  expect_halt(world, "with another position of the split 'in/1'");
}

TEST(LogRecovery, HaltsAtOffsetsThatAreNoDecision) {
  World world{2};
  live_a_while(world);
  world.broker.set_offset(kGroup, {"in", 0}, kit::LogOffset{3, ""});
  expect_halt(world, "somebody else has set it");
}

TEST(LogRecovery, HaltsAtTheOffsetsOfAnotherJob) {
  World world{3};
  live_a_while(world);
  for (std::uint32_t i = 0; i < logjob::kPartitions; ++i) {
    world.broker.set_offset(kGroup, {"in", i}, kit::LogOffset{3, "ms1;c=4;n=1f;j=others"});
  }
  expect_halt(world, "is of the job 'others': give each job its own group");
}

// It dies between its first decision and the marker, and is started again when the group's offsets have expired.
TEST(LogRecovery, HaltsWhereTheFirstDecisionMayHaveBeenForgotten) {
  World world{19};
  world.with_files = false;
  ASSERT_FALSE(world.live({.death = {.at_point = kit::LogPoint::kEndPrepared}}).ok());
  ASSERT_EQ(world.decided(), 1U);
  for (std::uint32_t i = 0; i < logjob::kPartitions; ++i) world.broker.set_offset(kGroup, {"in", i}, std::nullopt);
  world.stand_still(25h);
  expect_halt(world, "nothing here says whether the sink's transaction decided it");
  expect_halt(world, "accept_checkpoint = 1 goes on from there");
}

TEST(LogRecovery, HaltsWhereTheNonceIsAnotherOne) {
  World world{4};
  live_a_while(world);
  for (std::uint32_t i = 0; i < logjob::kPartitions; ++i) {
    kit::LogOffset offset = offset_of(world, {"in", i});
    offset.metadata.replace(offset.metadata.find("n=") + 2, 1, "0");
    world.broker.set_offset(kGroup, {"in", i}, offset);
  }
  expect_halt(world, "and the one here is");
}

TEST(LogRecovery, OffsetsThatHaveExpiredAreNoFreshStart) {
  World world{5};
  live_a_while(world);
  for (std::uint32_t i = 0; i < logjob::kPartitions; ++i) world.broker.set_offset(kGroup, {"in", i}, std::nullopt);
  expect_halt(world, "they have expired or were reset");
}

TEST(LogRecovery, LooksTwiceBeforeItBelievesThatThereAreNoOffsets) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed};
    live_a_while(world);
    world.broker.set_faults({.offsets_missing = 0.4});
    const auto result = world.live({.seed = seed});
    // Twice in a row it is believed, and contradicts the marker.
    EXPECT_TRUE(result.ok() || result.status.code() == ErrorCode::kInvalidData) << result.status.to_string();
    EXPECT_EQ(world.compare(result.ok()), "");
  }
}

TEST(LogRecovery, GoesOnWithPartitionsThatCame) {
  World world{6};
  live_a_while(world);
  world.broker.grow_topic("in", logjob::kPartitions + 2);
  const auto result = world.live();
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(world.compare(), "");
}

TEST(LogRecovery, EveryPartitionIsCommittedAtEachCheckpoint) {
  World world{7};
  world.broker.grow_topic("in", logjob::kPartitions + 1);  // one that nobody writes to
  EXPECT_TRUE(world.live().ok());
  const std::string newest = offset_of(world, {"in", 0}).metadata;
  EXPECT_THAT(newest, HasSubstr(";j=totals"));
  for (std::uint32_t i = 0; i <= logjob::kPartitions; ++i) EXPECT_EQ(offset_of(world, {"in", i}).metadata, newest);
}

TEST(LogRecovery, HaltsWhereTheLogHasLostWhatWasRead) {
  World world{8};
  live_a_while(world);
  for (std::uint32_t i = 0; i < logjob::kPartitions; ++i) world.broker.truncate({"in", i}, 0);
  const auto result = world.live();
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(result.status.message(), HasSubstr("has no offset"));
}

TEST(LogRecovery, AnIdentityOfBeforeIsFenced) {
  World world{9};
  ASSERT_FALSE(world.live({.death = {.at_point = kit::LogPoint::kAppended, .times = 30}}).ok());
  world.sink.transactional_id = "totals-new";
  const auto result = world.live({.seed = 2});
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(world.compare(), "");
}

// Sources elsewhere: the offset is the number of the checkpoint.
TEST(LogRecovery, DecidesWithoutThePositionsOfTheSource) {
  for (std::uint64_t times = 1; times < 6; ++times) {
    World world{times};
    world.sink.source_stage = world.sink.source_topic = "";
    ASSERT_FALSE(world.live({.seed = times, .death = {.at_point = kit::LogPoint::kEndPrepared, .times = times}}).ok());
    EXPECT_EQ(offset_of(world, {"out", 0}).offset, world.decided());
    const auto result = world.live({.seed = times + 1, .shards = 3});
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(world.compare(), "");
  }
}

// The transaction stays open, what was held back goes into it, and the next checkpoint decides all of it.
TEST(LogRecovery, CheckpointsThatAreGivenUpLoseNothing) {
  std::uint64_t given_up = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    World world{seed};
    logjob::LifeOptions life{.seed = seed, .shards = 3};
    life.checkpoint = {.interval = 10ms, .timeout = 3ms, .tolerated_failures = 1000};
    life.before_step = [&](kit::Simulation& job) { given_up = std::max(given_up, job.status().checkpoints_failed); };
    const auto result = world.live(life);
    if (result.ok()) {
      EXPECT_EQ(world.compare(), "") << "seed " << seed;
    } else {
      // Its last one was given up, too.
      EXPECT_EQ(result.status.code(), ErrorCode::kUnavailable) << result.status.to_string();
      EXPECT_EQ(world.compare(false), "") << "seed " << seed;
    }
  }
  EXPECT_GT(given_up, 0U);
}

TEST(LogRecovery, ARecordThatDidNotArriveRewindsTheState) {
  World world{10};
  world.broker.set_faults({.delivery_failed = 0.2});
  const auto failed = world.live();
  EXPECT_EQ(failed.status.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(failed.status.message(), HasSubstr("a record did not arrive"));
  EXPECT_EQ(world.compare(false), "");
  world.broker.set_faults({});
  EXPECT_TRUE(world.live().ok());
  EXPECT_EQ(world.compare(), "");
}

// On threads: each rewind is a restart in the process, by the same way.
TEST(LogRecovery, AJobOnThreadsGoesBackByItself) {
  World world{20};
  world.broker.set_faults({.request_lost = 0.02, .reply_lost = 0.02, .request_late = 0.05, .delivery_failed = 0.1});
  const JobResult result =
      run(world.flow(), {.shards = 2,
                         .state_dir = logjob::kStateDir,
                         .checkpoint = {.interval = 5ms},
                         .restart = {.max_restarts = 1000, .initial_backoff = 1ms, .max_backoff = 1ms},
                         .log = nullptr,
                         .file_system = &world.files});
  EXPECT_EQ(result.exit_code(), 0) << result.status.to_string();
  EXPECT_GT(result.metrics.restarts, 0U);
  EXPECT_EQ(world.compare(), "");
}

TEST(LogRecovery, AFullBufferHoldsItsInputBackAndKeepsItsOrder) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{seed, 200};
    world.sink.buffer = {.records = 1, .bytes = 1};
    world.broker.set_faults({.progress = 0.02});  // transactions take long to end
    logjob::LifeOptions life{.seed = seed, .shards = 3};
    life.checkpoint.interval = 5ms;
    const auto result = world.live(life);
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(world.compare(), "") << "seed " << seed;
  }
}

/// A life that stops with a savepoint in "saved".
void stop_with_savepoint(World& world) {
  bool asked = false;
  Status made{ErrorCode::kUnavailable, "nobody was asked"};
  const auto stopped = world.live({.before_step = [&](kit::Simulation& job) {
    if (job.status().records_in < 20 || std::exchange(asked, true)) return;
    job.stop_with_savepoint("saved", [&](const Status& status) { made = status; });
  }});
  ASSERT_TRUE(stopped.ok() && made.ok()) << stopped.status.to_string() << made.to_string();
}

/// A new job begins from there, on a disk where there is nothing else.
kit::SimulationResult begin_from_savepoint(World& world, Timestamp now = Timestamp{1h}) {
  kit::MemoryFileSystem files{world.clock};
  for (const std::string& path : world.files.files()) {
    if (path.starts_with("saved/")) files.write_file(path, world.files.read_file(path));
  }
  return kit::Simulator{{.now = now,
                         .file_system = &files,
                         .state_dir = "other",
                         .checkpoint = {.interval = 20ms},
                         .from_savepoint = "saved"}}
      .run(world.flow());
}

TEST(LogRecovery, ASavepointOfTheNewestDecisionGoesOnExactly) {
  World world{11};
  world.with_files = false;
  stop_with_savepoint(world);
  const auto result = begin_from_savepoint(world);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(world.compare(), "");
  // It has gone on since then, so from there all of that would come again.
  const auto refused = begin_from_savepoint(world);
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(refused.status.message(), HasSubstr("set accept_checkpoint = "));
}

// Whatever the decider's identity: what the group says of them may be another one's decision.
TEST(LogRecovery, ADeciderIsToldOfTheSplitsOfASavepoint) {
  World world{11};
  world.with_files = false;
  stop_with_savepoint(world);
  world.told->clear();
  ASSERT_TRUE(begin_from_savepoint(world).ok());
  ASSERT_EQ(world.told->size(), 1U);
  EXPECT_THAT(world.told->front().splits, ElementsAre("in/0", "in/1", "in/2"));
  EXPECT_THAT(world.told->front().first_named, IsEmpty()) << "no checkpoint of the new folder names them";
}

TEST(LogRecovery, SaysWhatToDoWhereASavepointMeetsOffsetsThatAreNoDecision) {
  World world{12};
  world.with_files = false;
  stop_with_savepoint(world);
  world.broker.settle();
  world.broker.set_offset(kGroup, {"in", 0}, kit::LogOffset{3, ""});
  const auto refused = begin_from_savepoint(world);
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(refused.status.message(), HasSubstr("somebody else has set it"));
  EXPECT_THAT(refused.status.message(), HasSubstr("reset its group"));
}

/// A life that makes a savepoint, goes on, and dies with the next transaction open; when.
Timestamp die_behind_savepoint(World& world) {
  bool asked = false;
  bool saved = false;
  std::uint64_t appended = 0;
  Timestamp now;
  const auto died = world.live(
      {.before_step =
           [&](kit::Simulation& job) {
             now = job.now();
             if (appended > 0) job.crash();
             if (job.status().records_in < 20 || std::exchange(asked, true)) return;
             job.savepoint("saved", [&](const Status& made) { saved = made.ok(); });
           },
       .on_point = [&](kit::LogPoint point) { appended += saved && point == kit::LogPoint::kAppended ? 1 : 0; }});
  EXPECT_EQ(died.status.code(), ErrorCode::kCancelled) << died.status.to_string();
  return now;
}

// The job that made it had another identity, and asks for its next commit when the new one has read the decision for
// the first time, or for the last.
TEST(LogRecovery, TheJobOfASavepointIsFencedWhereItDecidesInTheSamePlace) {
  for (const int at : {1, 2}) {
    World world{13};
    world.with_files = false;
    const Timestamp now = die_behind_savepoint(world);
    int reads = 0;
    world.behind_read = [&] {
      if (++reads != at) return;
      const kit::LogProducer before{"totals-0", 1};
      kit::LogOffsets offsets;
      for (std::uint32_t i = 0; i < logjob::kPartitions; ++i) offsets[{"in", i}] = {9, "ms1;c=99;n=1;j=totals"};
      static_cast<void>(world.broker.add_offsets(before, kGroup, offsets));
      static_cast<void>(world.broker.end(before, true));
    };
    world.sink.transactional_id = "totals-new";
    const auto result = begin_from_savepoint(world, now);
    EXPECT_EQ(reads, 2);
    EXPECT_EQ(world.compare(at == 2), "") << at;
    if (at == 2) {
      EXPECT_TRUE(result.ok()) << result.status.to_string();
    } else {
      EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData);
      EXPECT_THAT(result.status.message(), HasSubstr("is not the newest that the sink has decided"));
    }
  }
}

TEST(LogRecovery, TheJobOfASavepointGoesOnBesideACopyThatDecidesElsewhere) {
  World world{14};
  world.with_files = false;
  world.broker.create_topic("copy", logjob::kPartitions);
  std::optional<kit::SimulationResult> copy;
  bool asked = false;
  bool saved = false;
  const kit::LogSinkOptions original = world.sink;
  const auto result = world.live({.before_step = [&](kit::Simulation& job) {
    if (job.status().records_in >= 20 && !std::exchange(asked, true)) {
      job.savepoint("saved", [&](const Status& made) { saved = made.ok(); });
    }
    if (!saved || copy) return;
    copy.emplace();
    world.sink.topic = world.sink.group = world.sink.transactional_id = "copy";
    *copy = begin_from_savepoint(world, job.now());
    world.sink = original;
  }});
  ASSERT_TRUE(copy);
  EXPECT_TRUE(copy->ok()) << copy->status.to_string();
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(world.compare(), "");
}

}  // namespace
}  // namespace millstream
