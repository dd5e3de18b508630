// Several processes of examples/kafka_card_totals that share an input with a key: each card's total is right, once.
#include <gmock/gmock.h>

#include <optional>
#include <random>

#include "connectors/kafka/card_totals/pipeline.hpp"

namespace millstream::inline v0 {
namespace {

using crash::Child;
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

}  // namespace
}  // namespace millstream::inline v0
