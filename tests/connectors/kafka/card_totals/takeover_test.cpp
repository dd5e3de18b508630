// examples/kafka_card_totals goes on where another consumer group stood, and is killed around its first decision: from
// that on the group's offsets are its own.
#include <gmock/gmock.h>
#include <signal.h>

#include "connectors/kafka/card_totals/pipeline.hpp"
#include "core/kill_points.hpp"

namespace millstream::inline v0 {
namespace {

using crash::Child;
using testing::Pipeline;
using testing::SteadyInput;

class KafkaTakeover : public testing::OnBroker {};

TEST_F(KafkaTakeover, AJobThatTakesAGroupOverMayBeKilledAtItsFirstCheckpoint) {
  if (!kHasKillPoints) GTEST_SKIP() << "this build has no places to be killed at";
  // The manifest is on the disk and nothing decided; and it is decided, and only brokers know.
  for (const std::string point : {"decision.before", "decision.before_rename"}) {
    SCOPED_TRACE(point);
    const Pipeline pipeline{*broker};
    const std::string group = "of-" + pipeline.input_topic();
    broker->commit_offset(group, pipeline.input_topic(), 0);
    SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, {}};
    for (int life = 0; life < 2; ++life) {
      Child child = pipeline.start({.variables = {"MILLSTREAM_KILL_AT=" + point + ":1"}, .group = group});
      const auto ended = child.wait_for(Pipeline::kPatience);
      ASSERT_TRUE(ended && ended->signal == SIGKILL) << "the kill point is not reached\n" << pipeline.log();
    }
    input.stop();
    ASSERT_TRUE(pipeline.run_to_end({.group = group}));
    const std::string wrong = pipeline.wrong();
    EXPECT_TRUE(wrong.empty()) << wrong << pipeline.log();
  }
}

}  // namespace
}  // namespace millstream::inline v0
