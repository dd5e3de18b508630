// Several processes of examples/kafka_card_totals that share an input with a key: each card's total is right, once.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/instance_layout.hpp"
#include "connectors/kafka/card_totals/pipeline.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using crash::Child;
using ::testing::HasSubstr;
using testing::Life;
using testing::Pipeline;
using testing::SteadyInput;
using namespace std::chrono_literals;

class KafkaInstances : public testing::OnBroker {
 protected:
  static constexpr int kInstances = 2;
  static Life life(int instance, std::uint32_t shards) {
    return {
        .shards = shards, .state = "state" + std::to_string(instance), .instance = instance, .instances = kInstances};
  }
};

TEST_F(KafkaInstances, TotalsOfAKeyedTopicAreExactWhicheverProcessIsKilled) {
  const Pipeline pipeline{*broker};
  SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, {.keyed = true}};
  std::minstd_rand random{1};
  std::optional<Child> children[kInstances];
  const auto start = [&](int instance, std::uint32_t shards) {
    children[instance].reset();
    children[instance].emplace(pipeline.command(life(instance, shards)));
  };
  for (int i = 0; i < kInstances; ++i) start(i, 1);
  for (int kill = 0; kill < 6; ++kill) {
    const int victim = kill % kInstances;
    Child& child = *children[victim];
    ASSERT_TRUE(pipeline.commits(child, life(victim, 1).state)) << pipeline.log(life(victim, 1).state);
    ASSERT_FALSE(child.wait_for(std::chrono::milliseconds{random() % 300})) << pipeline.log(life(victim, 1).state);
    child.kill();
    start(victim, 1 + static_cast<std::uint32_t>(kill) % 3);
  }
  input.stop();
  for (int i = 0; i < kInstances; ++i) {
    children[i].reset();
    ASSERT_TRUE(pipeline.run_to_end(life(i, 2)));
  }
  const std::string wrong = pipeline.wrong();
  EXPECT_TRUE(wrong.empty()) << wrong << pipeline.log("state0") << pipeline.log("state1");
}

class KafkaInstancesChange : public testing::OnBroker {
 protected:
  static Life life(int instance, int instances, bool stop_at_end = false) {
    return {.shards = 1 + static_cast<std::uint32_t>(instance) % 2,
            .stop_at_end = stop_at_end,
            .instance = instance,
            .instances = instances,
            .keyed = true};
  }
  static std::string logs(const Pipeline& pipeline) {
    std::string all;
    for (int i = 0; i < 3; ++i) all += "\ninstance " + std::to_string(i) + ":\n" + pipeline.log(life(i, 3));
    return all;
  }
  static void kill(std::vector<std::unique_ptr<Child>>& children) {
    for (auto& child : children) child->kill();
    children.clear();
  }
  /// All at once, as an operator does.
  static std::vector<std::unique_ptr<Child>> start_all(const Pipeline& pipeline, int instances) {
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < instances; ++i) {
      children.push_back(std::make_unique<Child>(pipeline.command(life(i, instances))));
    }
    return children;
  }
  /// The number of the generation of so many, when it has begun; 0: it does not.
  static int wait_for_generation(const Pipeline& pipeline, int instances) {
    int generation = 0;
    const auto begun = [&] {
      const auto layout = parse_instances(testing::TemporaryFolder::read(pipeline.path("state/INSTANCES")));
      if (!layout || layout->changing) return false;
      const InstanceGeneration& now = layout->generations.back();
      if (now.instances == static_cast<std::uint32_t>(instances)) generation = static_cast<int>(now.number);
      return generation != 0;
    };
    static_cast<void>(test::eventually(begun, Pipeline::kPatience));
    return generation;
  }
  static void run_all_to_end(const Pipeline& pipeline, int instances) {
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < instances; ++i) {
      children.push_back(std::make_unique<Child>(pipeline.command(life(i, instances, true))));
    }
    for (auto& child : children) {
      const auto ended = child->wait_for(Pipeline::kPatience);
      ASSERT_TRUE(ended && ended->exit_code == 0 && ended->signal == 0) << logs(pipeline);
    }
  }
};

// Three are killed, two go on, are killed, and three go on. Between them others are killed at any time, also while they
// change the number.
TEST_F(KafkaInstancesChange, TheirNumberGoesFromThreeToTwoAndBackAndEachTotalIsExact) {
  const Pipeline pipeline{*broker};
  SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, {.keyed = true}};
  std::minstd_rand random{3};
  for (const int instances : {3, 2, 3, -1, 2, -4, -1, 3}) {
    SCOPED_TRACE(std::to_string(instances) + " instances");
    auto children = start_all(pipeline, std::abs(instances));
    if (instances > 0) {
      const int generation = wait_for_generation(pipeline, instances);
      ASSERT_GT(generation, 0) << logs(pipeline);
      for (int i = 0; i < instances; ++i) {
        ASSERT_TRUE(pipeline.commits(*children[i], life(i, instances), generation)) << logs(pipeline);
      }
    }
    const std::chrono::milliseconds at_work{random() % (instances > 0 ? 300 : 2000)};
    ASSERT_FALSE(children.front()->wait_for(at_work)) << logs(pipeline);
    kill(children);
  }
  input.stop();
  run_all_to_end(pipeline, 2);
  const std::string wrong = pipeline.wrong();
  EXPECT_TRUE(wrong.empty()) << wrong << logs(pipeline);
}

TEST_F(KafkaInstancesChange, IsRefusedWhileAnOldInstanceRunsAndWithoutItsFolder) {
  const Pipeline pipeline{*broker};
  SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, {.keyed = true}};
  auto children = start_all(pipeline, 3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pipeline.commits(*children[i], life(i, 3), 1)) << logs(pipeline);
  }
  children[0]->kill();
  children[1]->kill();
  const auto refused = [&](const Life& new_life) {
    Child child = pipeline.start(new_life);
    const auto ended = child.wait_for(Pipeline::kPatience);
    EXPECT_TRUE(ended && ended->exit_code == 1) << pipeline.log(new_life);
    return pipeline.log(new_life);
  };
  EXPECT_THAT(refused(life(0, 2)), HasSubstr("cannot change from 3 to 2: instance 2 of 3: it still runs"));
  EXPECT_FALSE(children[2]->wait_for(0ms)) << "it has ended";
  children[2]->kill();
  const std::string folder = pipeline.path("state/generation-1/instance-2");
  std::filesystem::rename(folder, folder + "-away");
  EXPECT_THAT(refused(life(0, 2)), HasSubstr("instance-2 is missing: bring it back"));
  // As it is where a disk was lost: brokers know of decisions that the folder does not have.
  std::filesystem::create_directory(folder);
  EXPECT_THAT(refused(life(0, 2)),
              HasSubstr("instance 2 of 3: it has to be started once as it was, for the decision names"));
  std::filesystem::remove_all(folder);
  std::filesystem::rename(folder + "-away", folder);
  input.stop();
  run_all_to_end(pipeline, 2);
  const std::string wrong = pipeline.wrong();
  EXPECT_TRUE(wrong.empty()) << wrong << logs(pipeline);
}

}  // namespace
}  // namespace millstream::inline v0
