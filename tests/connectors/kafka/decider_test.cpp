// What a KafkaDecider makes of every reply to a transaction's calls.
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
using namespace std::chrono_literals;

TEST(KafkaDecider, ATransactionCarriesOffsetsAndTheNameOfTheCheckpoint) {
  DeciderRun run;
  run.add_source("in", {});
  run.begin();
  const DecisionDraft draft =
      DeciderRun::draft(7, {DeciderRun::position("files", "t/5", 99), DeciderRun::position("in", "t/0", 10),
                            DeciderRun::position("in", "t/1", 0)});
  EXPECT_EQ(run.decide(draft).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls,
              ElementsAre("offsets ms.checkpoint-job-0 out/0=7", "offsets ms-job t/0=10 t/1=0", "commit", "begin"));
  EXPECT_EQ(run.script->groups["ms.checkpoint-job-0"]["out/0"].metadata, "ms1;c=7;n=0000000000000070;j=job");
  EXPECT_EQ(run.script->groups["ms-job"]["t/1"].metadata, "ms1;c=7;n=0000000000000070;j=job");
  EXPECT_EQ(run.decider->passes()->newest(), 1U);

  run.next_run();
  run.context.sources.front().splits = {"t/0", "t/1"};
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->checkpoint, draft.checkpoint);
  EXPECT_THAT(found->positions, ElementsAre(draft.positions[1], draft.positions[2]));
}

TEST(KafkaDecider, AnEpochWithoutOutputIsCommittedToo) {
  DeciderRun run;
  run.begin();
  for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(run.decide(DeciderRun::draft(id)).outcome, Step::kDone);
  EXPECT_EQ(run.script->groups["ms.checkpoint-job-0"]["out/0"].offset, 3);
}

/// One reply, and what the decider says to it.
struct Row {
  const char* name;
  const char* call;
  Outcome reply;
  Step step;
};
class KafkaDeciderErrors : public ::testing::TestWithParam<Row> {};

TEST_P(KafkaDeciderErrors, HaveTheirActions) {
  DeciderRun run;
  run.begin();
  run.script->answers[GetParam().call] = {GetParam().reply};
  const DecisionDraft draft = DeciderRun::draft(1);
  const DecisionStep step = run.decide(draft);
  EXPECT_EQ(step.outcome, GetParam().step) << step.status.to_string();
  if (step.outcome == Step::kPending) return;
  EXPECT_THAT(step.status.message(), HasSubstr("topic 'out'"));
  EXPECT_THAT(step.status.message(), HasSubstr("the transaction 'ms-job-0'"));
  EXPECT_EQ(run.decider->passes()->newest(), 0U);
  // From then on this run decides nothing.
  run.script->calls.clear();
  EXPECT_EQ(run.decider->prepare(draft).outcome, Step::kAborted);
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kInDoubt);
  run.decider->give_up();
  EXPECT_EQ(run.decider->passes()->newest(), 0U);
  EXPECT_THAT(run.script->calls, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, KafkaDeciderErrors,
                         ::testing::Values(Row{"OffsetsRetriable", "offsets", Outcome::kRetriable, Step::kPending},
                                           Row{"OffsetsAbortable", "offsets", Outcome::kAbortable, Step::kAborted},
                                           Row{"OffsetsFenced", "offsets", Outcome::kFenced, Step::kAborted},
                                           Row{"OffsetsFatal", "offsets", Outcome::kFatal, Step::kAborted},
                                           Row{"CommitRetriable", "commit", Outcome::kRetriable, Step::kPending},
                                           Row{"CommitAbortable", "commit", Outcome::kAbortable, Step::kAborted},
                                           Row{"CommitFenced", "commit", Outcome::kFenced, Step::kInDoubt},
                                           Row{"CommitFatal", "commit", Outcome::kFatal, Step::kInDoubt}),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(KafkaDecider, WhatIsRetriableIsTheSameCallAgain) {
  DeciderRun run;
  run.add_source("in", {});
  run.begin();
  const DecisionDraft draft = DeciderRun::draft(1, {DeciderRun::position("in", "t/0", 10)});
  run.script->answers["offsets"] = {Outcome::kOk, Outcome::kRetriable, Outcome::kOk};
  EXPECT_EQ(run.decider->prepare(draft).outcome, Step::kPending);
  EXPECT_EQ(run.decider->prepare(draft).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls,
              ElementsAre("offsets ms.checkpoint-job-0 out/0=1", "offsets ms-job t/0=10", "offsets ms-job t/0=10"));
}

TEST(KafkaDecider, OffsetsThatCannotBeSentAbortWhenTheTransactionIsTooOld) {
  DeciderRun run;
  run.begin();
  run.script->answers["offsets"] = {Outcome::kRetriable, Outcome::kRetriable};
  EXPECT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kPending);
  run.clock.advance(3min);
  EXPECT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kAborted);
}

// The request may still be on its way, and would end the next transaction of the same client.
TEST(KafkaDecider, BehindAnUnansweredCommitComesANewClientThatReadsFirst) {
  DeciderRun run;
  run.begin();
  const DecisionDraft draft = DeciderRun::draft(4);
  run.script->answers["commit"] = {Outcome::kRetriable};
  run.script->answers["init"] = {Outcome::kRetriable};
  const auto before = run.decider->connection()->producer();
  EXPECT_EQ(run.decide(draft).outcome, Step::kPending);
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kPending) << "it is committed, and the fence is not up";
  EXPECT_EQ(run.decider->passes()->newest(), 0U);
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls,
              ElementsAre("offsets ms.checkpoint-job-0 out/0=4", "commit", "commit", "read ms.checkpoint-job-0 out/0",
                          "init ms-job-0", "init ms-job-0", "read ms.checkpoint-job-0 out/0", "begin"));
  EXPECT_EQ(run.decider->passes()->newest(), 1U);
  EXPECT_NE(run.decider->connection()->producer(), before);
}

TEST(KafkaDecider, AClientThatWasReplacedGoesWhenNobodyUsesIt) {
  DeciderRun run;
  run.begin();
  auto used = run.decider->connection()->producer();
  run.script->answers["commit"] = {Outcome::kRetriable};
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kPending);
  EXPECT_EQ(run.decider->decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_EQ(run.decide(DeciderRun::draft(2)).outcome, Step::kDone);
  EXPECT_EQ(run.script->clients, 2) << "a shard is serving it";
  used.reset();
  EXPECT_EQ(run.decide(DeciderRun::draft(3)).outcome, Step::kDone);
  EXPECT_EQ(run.script->clients, 1);
}

// A process that was stopped in its commit, and goes on when its successor has begun.
TEST(KafkaDecider, ANewClientThatFindsANewerDecisionGivesWay) {
  DeciderRun run;
  run.begin();
  const DecisionDraft draft = DeciderRun::draft(4);
  run.script->answers["commit"] = {Outcome::kRetriable};
  EXPECT_EQ(run.decide(draft).outcome, Step::kPending);
  run.script->on_call = [&](const std::string& call) {
    if (call == "init ms-job-0") run.script->groups["ms.checkpoint-job-0"]["out/0"] = {5, DeciderRun::metadata(5)};
  };
  const DecisionStep step = run.decider->decide(draft);
  EXPECT_EQ(step.outcome, Step::kInDoubt);
  EXPECT_THAT(step.status.message(), HasSubstr("another instance"));
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kInDoubt) << "and it stays so";
  EXPECT_EQ(run.decider->passes()->newest(), 0U);
  EXPECT_THAT(run.script->take_calls(), Not(Contains("begin")));
}

TEST(KafkaDecider, ANewClientDoesNotFenceWhoeverHasDecidedSince) {
  DeciderRun run;
  run.begin();
  run.script->answers["commit"] = {Outcome::kRetriable};
  EXPECT_EQ(run.decide(DeciderRun::draft(4)).outcome, Step::kPending);
  // While the first look has no answer.
  run.script->on_call = [&](const std::string& call) {
    if (call.starts_with("read")) run.script->groups["ms.checkpoint-job-0"]["out/0"] = {5, DeciderRun::metadata(5)};
  };
  run.script->read_failures = {{ErrorCode::kUnavailable, "no answer"}};
  EXPECT_EQ(run.decider->decide(DeciderRun::draft(4)).outcome, Step::kPending);
  const DecisionStep step = run.decider->decide(DeciderRun::draft(4));
  EXPECT_EQ(step.outcome, Step::kInDoubt);
  EXPECT_THAT(step.status.message(), HasSubstr("another instance of the job has taken over"));
  EXPECT_THAT(run.script->take_calls(), Not(Contains("init ms-job-0")));
}

TEST(KafkaDecider, AFailureIsNeverFollowedByANewClient) {
  DeciderRun run;
  run.begin();
  const DecisionDraft draft = DeciderRun::draft(4);
  run.script->answers["commit"] = {Outcome::kRetriable, Outcome::kFenced};
  EXPECT_EQ(run.decide(draft).outcome, Step::kPending);
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kInDoubt);
  run.script->calls.clear();
  EXPECT_EQ(run.decider->decide(draft).outcome, Step::kInDoubt);
  EXPECT_THAT(run.script->calls, IsEmpty());
}

TEST(KafkaDecider, BehindAnUnansweredRequestNothingIsSaidToBeUndecided) {
  for (const Outcome reply : {Outcome::kAbortable, Outcome::kFenced, Outcome::kFatal}) {
    DeciderRun run;
    run.begin();
    run.script->answers["commit"] = {Outcome::kRetriable, reply};
    EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kPending);
    EXPECT_EQ(run.decider->decide(DeciderRun::draft(1)).outcome, Step::kInDoubt);
    run.script->calls.clear();
    run.decider->close();
    EXPECT_THAT(run.script->calls, IsEmpty()) << "an abort could come behind the commit";
  }
}

TEST(KafkaDecider, ACommitThatIsNeverAnsweredIsLeftInDoubt) {
  DeciderRun run;
  run.begin();
  run.script->answers["commit"] = {Outcome::kRetriable, Outcome::kRetriable};
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kPending);
  run.clock.advance(3min);
  EXPECT_EQ(run.decider->decide(DeciderRun::draft(1)).outcome, Step::kInDoubt);
}

TEST(KafkaDecider, BrokersThatAreAwayWhileAClientIsReplacedAreWaitedFor) {
  DeciderRun run;
  run.begin();
  run.script->answers["commit"] = {Outcome::kRetriable};
  run.script->read_failures = {{ErrorCode::kUnavailable, "no answer"}, {ErrorCode::kUnavailable, "no answer"}};
  DecisionStep step = run.decide(DeciderRun::draft(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(step.outcome, Step::kPending);
    step = run.decider->decide(DeciderRun::draft(1));
  }
  EXPECT_EQ(step.outcome, Step::kDone) << step.status.to_string();
}

TEST(KafkaDecider, ACheckpointThatIsGivenUpLeavesItsTransactionToTheNext) {
  DeciderRun run;
  run.begin();
  run.script->written = {"a"};
  EXPECT_EQ(run.decider->prepare(DeciderRun::draft(1)).outcome, Step::kDone);
  run.decider->give_up();
  EXPECT_EQ(run.decider->passes()->newest(), 1U);
  run.script->written.push_back("b");
  EXPECT_EQ(run.decide(DeciderRun::draft(2)).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls, ElementsAre("offsets ms.checkpoint-job-0 out/0=1",
                                             "offsets ms.checkpoint-job-0 out/0=2", "commit", "begin"));
  EXPECT_THAT(run.script->committed, ElementsAre("a", "b"));
  EXPECT_EQ(run.script->groups["ms.checkpoint-job-0"]["out/0"].offset, 2);
}

TEST(KafkaDecider, WhatIsOpenAtTheEndIsAborted) {
  DeciderRun run;
  run.begin();
  run.script->written = {"a"};
  run.script->answers["abort"] = {Outcome::kRetriable};
  run.decider->close();
  EXPECT_THAT(run.script->calls, ElementsAre("abort", "abort"));
  EXPECT_THAT(run.script->written, IsEmpty());
}

TEST(KafkaDecider, WhatNobodyBeganIsNotAborted) {
  DeciderRun run;
  run.decider->close();
  ASSERT_TRUE(run.fence().ok());
  run.script->calls.clear();
  run.decider->close();
  EXPECT_THAT(run.script->calls, IsEmpty());
}

}  // namespace
}  // namespace millstream::inline v0
