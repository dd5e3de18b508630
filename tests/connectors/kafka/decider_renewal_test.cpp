// When a KafkaDecider goes on with a new client: behind every request that may be under way still. And whom the next
// run takes for fenced.
#include <gmock/gmock.h>

#include <algorithm>

#include "connectors/kafka/decider_run.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
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

// Late, they would take the place of those of the checkpoint that the transaction is committed with.
TEST(KafkaDeciderRenewal, OffsetsOfAGivenUpCheckpointThatMayComeLateEndTheTransaction) {
  for (const bool lost : {true, false}) {
    DeciderRun run;
    run.begin();
    if (lost) {
      run.script->lost_in = "offsets";
      ASSERT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kDone);
    } else {
      run.script->answers["offsets"] = {Outcome::kRetriable};
      ASSERT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kPending);
    }
    run.decider->give_up();
    run.script->calls.clear();
    const DecisionStep step = run.decider->prepare(DeciderRun::draft(2));
    EXPECT_EQ(step.outcome, Step::kAborted);
    EXPECT_EQ(step.status.code(), ErrorCode::kUnavailable) << "a restart heals it";
    EXPECT_THAT(step.status.message(), AllOf(HasSubstr("topic 'out'"), HasSubstr("given up"), HasSubstr("'ms-job-0'")));
    EXPECT_EQ(run.decider->decide(DeciderRun::draft(2)).outcome, Step::kInDoubt) << "nor is it decided";
    EXPECT_THAT(run.script->take_calls(), IsEmpty());
    run.decider->close();
    EXPECT_THAT(run.script->calls, ElementsAre("abort"));
  }
}

TEST(KafkaDeciderRenewal, SoDoTheyWhereTheConnectionIsSeenToBeBrokenOnlyByTheNextCheckpoint) {
  DeciderRun run;
  run.add_source("in", {});
  run.begin();
  ASSERT_EQ(run.decider->prepare(DeciderRun::draft(1, {DeciderRun::position("in", "t/0", 1)})).outcome, Step::kDone);
  run.decider->give_up();
  run.script->lost_in = "offsets";
  EXPECT_EQ(run.decider->prepare(DeciderRun::draft(2, {DeciderRun::position("in", "t/0", 2)})).outcome, Step::kAborted);
}

TEST(KafkaDeciderRenewal, OffsetsThatMayComeLateAreNoHarmWhereTheyWereNeverSentForAnother) {
  DeciderRun run;
  run.begin();
  // The same checkpoint again, one that was given up before anything was sent, and one behind a new client.
  run.decider->give_up();
  run.script->answers["offsets"] = {Outcome::kRetriable};
  ASSERT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kPending);
  ASSERT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_EQ(run.decide(DeciderRun::draft(2)).outcome, Step::kDone);
  run.decider->give_up();
  run.script->lost_in = "offsets";
  EXPECT_EQ(run.decide(DeciderRun::draft(3)).outcome, Step::kDone);
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

// The client tells of it when it is served next, which may be behind the answer to the commit.
TEST(KafkaDeciderRenewal, AConnectionThatIsSeenToBeBrokenWhenTheNextTransactionBeginsIsOne) {
  DeciderRun run;
  run.begin();
  run.script->lost_in = "begin";
  const auto before = run.decider->connection()->producer();
  EXPECT_EQ(run.decide(DeciderRun::draft(4)).outcome, Step::kDone);
  EXPECT_THAT(run.script->take_calls(),
              ElementsAre("offsets ms.checkpoint-job-0 out/0=4", "commit", "begin", "read ms.checkpoint-job-0 out/0",
                          "init ms-job-0", "read ms.checkpoint-job-0 out/0", "begin"));
  EXPECT_NE(run.decider->connection()->producer(), before);
  EXPECT_EQ(run.decider->passes()->newest(), 1U);
  EXPECT_EQ(run.decide(DeciderRun::draft(5)).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls, Not(Contains("init ms-job-0")));
}

TEST(KafkaDeciderRenewal, WhichMayTakeSomeCalls) {
  DeciderRun run;
  run.begin();
  run.script->lost_in = "begin";
  run.script->answers["init"] = {Outcome::kRetriable};
  const DecisionDraft draft = DeciderRun::draft(4);
  EXPECT_EQ(run.decide(draft).outcome, Step::kPending);
  EXPECT_EQ(run.decider->passes()->newest(), 0U);
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kDone);
  EXPECT_EQ(run.decider->passes()->newest(), 1U);
}

// Of a client that was only initialised no request can end a transaction: it is not replaced at once, but behind its
// first commit.
TEST(KafkaDeciderRenewal, OneNewClientIsEnoughHoweverOftenConnectionsBreak) {
  DeciderRun run;
  run.script->lost_in = "begin";
  run.begin();
  run.script->on_call = [&](const std::string& call) {
    if (call == "begin") run.script->lost_in = "begin";
  };
  for (std::uint64_t id = 1; id < 4; ++id) {
    EXPECT_EQ(run.decide(DeciderRun::draft(id)).outcome, Step::kDone);
    const std::vector<std::string> calls = run.script->take_calls();
    EXPECT_EQ(std::count(calls.begin(), calls.end(), "init ms-job-0"), 1) << id;
  }
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
