// examples/kafka_card_totals on a real broker, with faults that are no plain crash: a process that is taken for dead
// and comes back, a broker that dies or pauses, and messages that are no payments.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>

#include "connectors/kafka/card_totals/pipeline.hpp"
#include "core/kill_points.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

namespace fs = std::filesystem;
using crash::Child;
using ::testing::HasSubstr;
using testing::Life;
using ::testing::Not;
using testing::Pipeline;
using testing::SteadyInput;
using namespace std::chrono_literals;

class KafkaFaults : public testing::OnBroker {
 protected:
  static void end_by_signal(Child& child, const Pipeline& pipeline, const std::string& state = "state") {
    child.send(SIGTERM);
    const auto ended = child.wait_for(Pipeline::kPatience);
    ASSERT_TRUE(ended) << "SIGTERM does not end it\n" << pipeline.log(state);
    EXPECT_TRUE(ended->exit_code == 0 && ended->signal == 0) << pipeline.log(state);
  }
  [[nodiscard]] SteadyInput::Options plain() const { return {}; }
  [[nodiscard]] SteadyInput::Options with_bad(int per_thousand) const { return {.bad_per_thousand = per_thousand}; }

  /// `zombie` is stopped. Another machine takes over from a copy of its state, and then it comes back.
  void replace(Child& zombie, const Pipeline& pipeline, SteadyInput& input) const {
    Child locked_out = pipeline.start({.shards = 1});
    const auto refused = locked_out.wait_for(Pipeline::kPatience);
    ASSERT_TRUE(refused && refused->exit_code == 1) << pipeline.log();
    EXPECT_THAT(pipeline.log(), HasSubstr("holds it"));

    fs::copy(pipeline.path("state"), pipeline.path("successor"), fs::copy_options::recursive);
    Child successor = pipeline.start({.shards = 3, .state = "successor"});
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(pipeline.commits(successor, "successor")) << pipeline.log("successor");
    zombie.send(SIGCONT);
    const auto ended = zombie.wait_for(Pipeline::kPatience);
    ASSERT_TRUE(ended) << "the zombie runs on\n" << pipeline.log();
    EXPECT_TRUE(ended->exit_code == 1 && ended->signal == 0) << pipeline.log();
    EXPECT_THAT(pipeline.log(), HasSubstr("fenced"));
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(pipeline.commits(successor, "successor")) << "the zombie:\n"
                                                            << pipeline.log() << "the successor:\n"
                                                            << pipeline.log("successor");
    }
    input.stop();
    ASSERT_NO_FATAL_FAILURE(end_by_signal(successor, pipeline, "successor"));
    ASSERT_TRUE(pipeline.run_to_end(2, "successor"));
    const std::string wrong = pipeline.wrong();
    EXPECT_TRUE(wrong.empty()) << wrong << "the zombie:\n"
                               << pipeline.log() << "the successor:\n"
                               << pipeline.log("successor");
  }
};

TEST_F(KafkaFaults, AProcessThatComesBackWhenItWasReplacedIsFencedAndWritesNothing) {
  const Pipeline pipeline{*broker};
  SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, plain()};
  Child zombie = pipeline.start({});
  ASSERT_TRUE(pipeline.commits(zombie)) << pipeline.log();
  zombie.send(SIGSTOP);
  ASSERT_TRUE(zombie.wait_until_stopped(Pipeline::kPatience));
  replace(zombie, pipeline, input);
}

TEST_F(KafkaFaults, AProcessThatComesBackAndMayRestartDoesNotTakeItsPlaceBack) {
  // The commit is not sent; or brokers have answered it, and nobody has heard.
  for (const std::string point : {"decision.before", "decision.before_rename"}) {
    SCOPED_TRACE(point);
    const Pipeline pipeline{*broker};
    SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, plain()};
    Life life{.restarts = 5};
    if (kHasKillPoints) life.variables = {"MILLSTREAM_STOP_AT=" + point + ":5"};
    Child zombie = pipeline.start(life);
    if (!kHasKillPoints) {
      ASSERT_TRUE(pipeline.commits(zombie)) << pipeline.log();
      zombie.send(SIGSTOP);
    }
    ASSERT_TRUE(zombie.wait_until_stopped(Pipeline::kPatience)) << pipeline.log();
    ASSERT_NO_FATAL_FAILURE(replace(zombie, pipeline, input));
    EXPECT_THAT(pipeline.log(), HasSubstr("another instance of the job has taken over"));
    EXPECT_THAT(pipeline.log("successor"), Not(HasSubstr("fenced")));
  }
}

TEST_F(KafkaFaults, AProcessThatComesBackInTheMiddleOfACheckpointIsFencedAndWritesNothing) {
  if (!kHasKillPoints) GTEST_SKIP() << "this build has no places to stop at";
  // The manifest is on the disk, and the commit is not sent; it is there, and the marker in the folder is not.
  for (const std::string point : {"decision.before", "decision.before_rename"}) {
    SCOPED_TRACE(point);
    const Pipeline pipeline{*broker};
    SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, plain()};
    Child zombie = pipeline.start({.variables = {"MILLSTREAM_STOP_AT=" + point + ":5"}});
    ASSERT_TRUE(zombie.wait_until_stopped(Pipeline::kPatience)) << pipeline.log();
    ASSERT_NO_FATAL_FAILURE(replace(zombie, pipeline, input));
  }
}

TEST_F(KafkaFaults, ABrokerThatIsKilledOrPausesIsWaitedFor) {
  if (!broker->owned()) GTEST_SKIP() << "the user's own broker is not killed";
  const Pipeline pipeline{*broker};
  SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, plain()};
  auto child = std::unique_ptr<Child>{new Child(pipeline.start({}))};
  const auto goes_on = [&] {
    if (pipeline.commits(*child)) return true;
    if (!child->wait_for(0ms)) return false;
    child.reset(new Child(pipeline.start({})));  // it has failed: whoever runs it starts it again
    return pipeline.commits(*child);
  };
  ASSERT_TRUE(goes_on()) << pipeline.log();
  broker->pause();
  static_cast<void>(child->wait_for(4s));
  broker->resume();
  ASSERT_TRUE(goes_on()) << "after a pause\n" << pipeline.log();
  broker->kill();
  broker->restart();
  ASSERT_TRUE(goes_on()) << "after a kill\n" << pipeline.log();
  input.stop();
  ASSERT_NO_FATAL_FAILURE(end_by_signal(*child, pipeline));
  ASSERT_TRUE(pipeline.run_to_end(1));
  const std::string wrong = pipeline.wrong();
  EXPECT_TRUE(wrong.empty()) << wrong << pipeline.log();
}

TEST_F(KafkaFaults, MessagesThatAreNoPaymentsAreDeadLettersAndTheTotalsOfTheOthersExactWhateverIsKilled) {
  const Pipeline pipeline{*broker, true};
  SteadyInput input{broker->brokers(), pipeline.input_topic(), Pipeline::kInputPartitions, with_bad(20)};
  for (std::uint32_t life = 0; life < 3; ++life) {
    Child child = pipeline.start({.shards = 1 + life});
    ASSERT_TRUE(pipeline.commits(child)) << pipeline.log();
    EXPECT_FALSE(child.wait_for(150ms)) << pipeline.log();
    child.kill();
  }
  input.stop();
  ASSERT_TRUE(pipeline.run_to_end(2));
  const std::string wrong = pipeline.wrong();
  EXPECT_TRUE(wrong.empty()) << wrong << pipeline.log();
}

TEST_F(KafkaFaults, WithoutADeadLetterTopicAMessageThatIsNoPaymentStopsItWithItsPlace) {
  const Pipeline pipeline{*broker};
  testing::LogWriter{broker->brokers()}.write(
      pipeline.input_topic(), {{.value = testing::payment_text(1, 5), .partition = 1}, {.value = "{", .partition = 1}});
  Child child = pipeline.start({});
  const auto ended = child.wait_for(Pipeline::kPatience);
  ASSERT_TRUE(ended && ended->exit_code == 1) << pipeline.log();
  EXPECT_THAT(pipeline.log(), HasSubstr(pipeline.input_topic() + "/1@1"));
}

}  // namespace
}  // namespace millstream::inline v0
