// When a KafkaDecider goes on with a new client: behind every request that may be under way still. And whom the next
// run takes for fenced.
#include <gmock/gmock.h>

#include "connectors/kafka/decider_run.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::Contains;
using testing::DeciderRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Outcome = DeciderRun::Outcome;
using Step = DecisionStep::Outcome;

// A late one would give the next transaction of the same client the offsets of this one.
TEST(KafkaDeciderRenewal, BehindOffsetsThatWereNotAnsweredComesANewClient) {
  DeciderRun run;
  run.begin();
  const DecisionDraft draft = DeciderRun::draft(4);
  run.script->answers["offsets"] = {Outcome::kRetriable};
  const auto before = run.decider->connection()->producer();
  ASSERT_EQ(run.decider->prepare(draft).outcome, Step::kPending);
  ASSERT_EQ(run.decide(draft).outcome, Step::kDone);
  EXPECT_THAT(
      run.script->take_calls(),
      ElementsAre("offsets ms.checkpoint-job-0 out/0=4", "offsets ms.checkpoint-job-0 out/0=4", "commit",
                  "read ms.checkpoint-job-0 out/0", "init ms-job-0", "read ms.checkpoint-job-0 out/0", "begin"));
  EXPECT_NE(run.decider->connection()->producer(), before);
  EXPECT_EQ(run.decide(DeciderRun::draft(5)).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls, Not(Contains("init ms-job-0"))) << "that client is as good as any";
}

TEST(KafkaDeciderRenewal, SoItDoesWhereAConnectionBrokeWithinACallThatWasAnswered) {
  for (const char* call : {"offsets", "commit"}) {
    DeciderRun run;
    run.begin();
    run.script->lost_in = call;
    EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
    EXPECT_THAT(run.script->take_calls(), Contains("init ms-job-0")) << call;
    EXPECT_EQ(run.decide(DeciderRun::draft(2)).outcome, Step::kDone);
    EXPECT_THAT(run.script->calls, Not(Contains("init ms-job-0"))) << call;
  }
}

TEST(KafkaDeciderRenewal, ACheckpointThatIsGivenUpLeavesItToTheNext) {
  DeciderRun run;
  run.begin();
  run.script->answers["offsets"] = {Outcome::kRetriable};
  ASSERT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kPending);
  run.decider->give_up();
  EXPECT_THAT(run.script->take_calls(), Not(Contains("init ms-job-0"))) << "the transaction is open";
  ASSERT_EQ(run.decide(DeciderRun::draft(2)).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls, Contains("init ms-job-0"));
}

TEST(KafkaDeciderRenewal, ARefusalBehindABrokenConnectionSaysNothingOfTheFirstRequest) {
  DeciderRun run;
  run.begin();
  run.script->lost_in = "commit";
  run.script->answers["commit"] = {Outcome::kAbortable};
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kInDoubt);
  run.script->calls.clear();
  run.decider->close();
  EXPECT_THAT(run.script->calls, IsEmpty()) << "an abort could come behind the commit";
}

// A message was refused, and the run failed by that before any call of the decider did.
TEST(KafkaDeciderRenewal, AFenceThatOnlyMessagesHaveSeenIsOne) {
  DeciderRun run;
  run.begin();
  ASSERT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_FALSE(run.hub->must_look());
  run.script->fenced = true;
  run.decider->close();
  EXPECT_TRUE(run.hub->must_look());
  run.script->fenced = false;
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {2, DeciderRun::metadata(2)};
  run.script->calls.clear();
  run.next_run();
  const Status refused = run.fence();
  EXPECT_EQ(refused.code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(refused.message(), HasSubstr("another instance of the job has taken over"));
  EXPECT_THAT(run.script->calls, Not(Contains("init ms-job-0")));
}

}  // namespace
}  // namespace millstream::inline v0
