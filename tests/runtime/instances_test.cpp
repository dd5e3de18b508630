// Jobs of several instances on one shared state folder, whose number changes between their lives: at any step, at any
// operation of the disk and at any request to the broker they die, and a reader of committed records sees each result
// once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "checkpoint/instance_layout.hpp"
#include "runtime/instances_job.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

using namespace instances;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string change_and_compare(std::uint64_t seed) {
  Random random{seed, 0x4348'4e47};
  World world{seed};
  world.broker.set_faults({.request_lost = random.chance(0.3) ? 0.05 : 0,
                           .reply_lost = random.chance(0.3) ? 0.05 : 0,
                           .request_late = random.chance(0.3) ? 0.1 : 0,
                           .progress = random.chance(0.5) ? 0.7 : 0.05});
  return live_and_die(world, random, 500, [&](bool all) { return world.compare(all); });
}

TEST(Instances, ChangeTheirNumberAndGiveOutEachResultOnceWhateverDies) {
  test::for_all_seeds("runtime_instances", 400, change_and_compare);
}

// So that what the seeds go through is not all refused at its start.
TEST(Instances, GoOnWithTheStateOfTheirPartitions) {
  World world{1, 2000};
  const auto some_steps = [](kit::Simulation& job) {
    if (job.steps() == 100) job.stop();
  };
  for (const std::uint32_t instances : {3U, 2U, 3U, 1U, 4U}) {
    for (std::uint32_t i = 0; i < instances; ++i) {
      const auto result = world.live({.share = {i, instances}, .before_step = some_steps});
      ASSERT_TRUE(result.ok()) << i << " of " << instances << ": " << result.status.to_string();
      EXPECT_GT(result.steps, 100U);
    }
    EXPECT_EQ(world.compare(false), "");
  }
  for (std::uint32_t i = 0; i < 2; ++i) ASSERT_TRUE(world.live({.share = {i, 2}}).ok());
  EXPECT_EQ(world.compare(true), "");
  // Of the folders of all these, only those of the last two are left.
  const auto folders = world.files.list("state");
  ASSERT_TRUE(folders);
  EXPECT_THAT(*folders, ::testing::ElementsAre("INSTANCES", "INSTANCES.lock", "generation-5", "generation-6"));
}

class InstancesRefuse : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t i = 0; i < 3; ++i) {
      const auto result = world.live({.share = {i, 3}, .before_step = [](kit::Simulation& job) {
                                        if (job.steps() == 100) job.stop();
                                      }});
      ASSERT_TRUE(result.ok()) << result.status.to_string();
    }
  }
  void remove(const std::string& folder) {
    const auto names = world.files.list(folder);
    ASSERT_TRUE(names) << names.error().to_string();
    for (const std::string& name : *names) ASSERT_TRUE(world.files.remove(folder + "/" + name).ok());
    ASSERT_TRUE(world.files.remove(folder).ok());
  }
  World world{7};
};

TEST_F(InstancesRefuse, ToChangeWhileAnOldInstanceRuns) {
  bool asked = false;
  const auto result = world.live(
      {.share = {1, 3}, .before_step = [&](kit::Simulation& job) {
         if (job.steps() != 50 || std::exchange(asked, true)) return;
         const auto refused =
             kit::Simulator{{.file_system = &world.files, .state_dir = "state"}}.run(world.flow({0, 2}));
         EXPECT_EQ(refused.status.code(), ErrorCode::kUnavailable);
         EXPECT_THAT(refused.status.message(), AllOf(HasSubstr("cannot change from 3 to 2"),
                                                     HasSubstr("instance 1 of 3"), HasSubstr("it still runs")));
       }});
  EXPECT_TRUE(asked);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  for (std::uint32_t i = 0; i < 2; ++i) ASSERT_TRUE(world.live({.share = {i, 2}}).ok());
  EXPECT_EQ(world.compare(true), "");
}

TEST_F(InstancesRefuse, ToChangeWithoutTheFolderOfAnOldInstance) {
  remove("state/generation-1/instance-2");
  const auto refused = world.live({.share = {0, 2}});
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(refused.status.message(), AllOf(HasSubstr("cannot change from 3 to 2"), HasSubstr("instance 2 of 3"),
                                              HasSubstr("state/generation-1/instance-2 is missing: bring it back")));
}

TEST_F(InstancesRefuse, ToGoOnWithoutTheFolderThatAnInstanceHasItsStateFrom) {
  ASSERT_TRUE(world
                  .live({.share = {0, 2},
                         .before_step =
                             [](kit::Simulation& job) {
                               if (job.steps() == 100) job.stop();
                             }})
                  .ok());
  remove("state/generation-1/instance-1");
  const auto refused = world.live({.share = {1, 2}});
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(refused.status.message(), HasSubstr("instance 1 of 3 before: its state folder "
                                                  "state/generation-1/instance-1 is missing"));
  EXPECT_TRUE(world.live({.share = {0, 2}}).ok());  // it has its own by now
}

// It died between its first decision and the marker, and the group's offsets have expired since.
TEST(InstancesForgotten, AFirstDecisionThatMayHaveBeenForgottenLetsTheNumberBe) {
  World world{7};
  ASSERT_FALSE(world.live({.share = {0, 2}, .dies_at_point = kit::LogPoint::kEndPrepared}).ok());
  world.broker.settle();
  for (std::uint32_t p = 0; p < kPartitions; ++p) world.broker.set_offset("totals-group", {"in", p}, std::nullopt);
  world.stand_still(25h);
  const auto refused = world.live({.share = {0, 3}});
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(refused.status.message(),
              AllOf(HasSubstr("instance 0 of 2: it has to be started once as it was"),
                    HasSubstr("nothing here says whether the sink's transaction decided it")));
}

/// Instances of another state folder, which end with a savepoint each: "saved-0" and so on.
void save_and_stop(World& world, std::uint32_t instances) {
  for (std::uint32_t i = 0; i < instances; ++i) {
    Status made{ErrorCode::kCancelled, "not asked"};
    const auto result = world.live({.share = {i, instances},
                                    .before_step =
                                        [&](kit::Simulation& job) {
                                          if (job.steps() != 100) return;
                                          job.stop_with_savepoint("saved-" + std::to_string(i),
                                                                  [&](const Status& status) { made = status; });
                                        },
                                    .state_dir = "before"});
    ASSERT_TRUE(result.ok() && made.ok()) << result.status.to_string() << made.to_string();
  }
}
void stop_soon(kit::Simulation& job) {
  if (job.steps() == 200) job.stop();
}

// What the job began from stays in its options; by then it is long behind.
TEST(InstancesSavepoint, IsNotUsedAnyMoreWhenTheirNumberHasChanged) {
  World world{8};
  save_and_stop(world, 1);
  ASSERT_TRUE(world.live({.share = {0, 1}, .before_step = stop_soon, .from_savepoint = "saved-0"}).ok());
  ASSERT_TRUE(world.live({.share = {0, 2}, .before_step = stop_soon, .from_savepoint = "saved-0"}).ok());
  for (const std::uint32_t i : {1U, 0U}) {
    const auto result = world.live({.share = {i, 2}, .from_savepoint = "saved-0"});
    ASSERT_TRUE(result.ok()) << result.status.to_string();
  }
  EXPECT_EQ(world.compare(true), "");
}

TEST(InstancesSavepoint, AnInstanceThatHadDecidedNothingBehindItKeepsTheNumber) {
  World world{9};
  save_and_stop(world, 2);
  ASSERT_TRUE(world.live({.share = {0, 2}, .before_step = stop_soon, .from_savepoint = "saved-0"}).ok());
  const auto refused = world.live({.share = {0, 3}, .from_savepoint = "saved-0"});
  EXPECT_EQ(refused.status.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.status.message(), HasSubstr("had decided no checkpoint when their number changed"));
  ASSERT_TRUE(world.live({.share = {1, 2}, .before_step = stop_soon, .from_savepoint = "saved-1"}).ok());
  for (const std::uint32_t i : {0U, 1U, 2U}) {
    const auto result = world.live({.share = {i, 3}, .from_savepoint = "saved-0"});
    ASSERT_TRUE(result.ok()) << result.status.to_string();
  }
  EXPECT_EQ(world.compare(true), "");
}

TEST_F(InstancesRefuse, ADamagedFileOfInstances) {
  ASSERT_TRUE(world.files.remove("state/INSTANCES").ok());
  auto file = world.files.create("state/INSTANCES");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append("millstream instances 1\n").ok());
  file->reset();
  const auto refused = world.live({.share = {0, 3}});
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(refused.status.message(), HasSubstr("state/INSTANCES: "));
}

TEST(InstanceLayout, IsReadAsItWasWritten) {
  const InstanceLayout layout{{{1, 3, 0}, {2, 1024, 17}}, true};
  const std::string text = instances_text(layout);
  EXPECT_EQ(parse_instances(text), layout);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_EQ(parse_instances(other), std::nullopt) << other;
    EXPECT_EQ(parse_instances(text.substr(0, i)), std::nullopt);
  }
}

TEST(PartitionKey, IsInTheGroupOfItsPartitionAlone) {
  std::set<std::uint32_t> groups;
  for (std::uint32_t p = 0; p < kKeyGroups; ++p) {
    const auto hash = hash_key(PartitionKey{std::string{"card"}, static_cast<std::int32_t>(p)});
    EXPECT_EQ(key_group_of(hash), group_of_partition(p));
    EXPECT_EQ(hash << 10, hash_key(std::string{"card"}) << 10);
    groups.insert(key_group_of(hash));
  }
  EXPECT_EQ(groups.size(), kKeyGroups);
}

// An instance of few partitions has work for its shards.
TEST(PartitionKey, PartitionsOfAnInstanceSpreadOverItsShards) {
  for (const std::uint32_t instances : {1U, 2U, 3U, 4U, 8U}) {
    for (const std::uint32_t shards : {2U, 4U}) {
      std::map<std::uint32_t, int> partitions;
      for (std::uint32_t p = 0; p < instances * shards * 4; p += instances) {
        ++partitions[shard_of_group(group_of_partition(p), shards)];
      }
      for (std::uint32_t shard = 0; shard < shards; ++shard) {
        EXPECT_GE(partitions[shard], 1) << instances << " instances, shard " << shard << " of " << shards;
      }
    }
  }
}

}  // namespace
}  // namespace millstream
