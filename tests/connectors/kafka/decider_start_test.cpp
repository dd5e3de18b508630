// How a run of a job that decides by Kafka's transactions begins: whom it fences, in which order, and what it reads.
#include <gmock/gmock.h>

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
using Kind = Decision::Kind;
using Outcome = DeciderRun::Outcome;
using namespace std::chrono_literals;

TEST(KafkaDeciderStart, FencesEveryIdentityOnceAndItsOwnLastBeforeItReads) {
  DeciderRun run;
  run.context.participants = {"", "ms-job-0", "ms-older-0"};
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {7, DeciderRun::metadata(7)};
  run.begin();
  run.next_run();
  ASSERT_TRUE(run.fence().ok());
  ASSERT_TRUE(run.read());
  EXPECT_THAT(run.script->calls,
              ElementsAre("init ms-older-0", "init ms-job-0", "read ms.checkpoint-job-0 out/0", "begin"));
  EXPECT_EQ(run.script->configuration.properties.at("transactional.id"), "ms-job-0");
}

// Decisions of before the number of instances changed, of whichever instance, are none any more.
TEST(KafkaDeciderStart, WhatIsSettledIsNoDecision) {
  DeciderRun run;
  run.add_source("in", {"t/0", "t/1"});
  run.context.settled = 17;
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {7, DeciderRun::metadata(7)};
  run.script->groups["ms-job"]["t/0"] = {5, DeciderRun::metadata(17)};
  run.script->groups["ms-job"]["t/1"] = {6, DeciderRun::metadata(12)};
  ASSERT_TRUE(run.fence().ok());
  Result<Decision> found = run.read();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->kind, Kind::kNone);

  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {18, DeciderRun::metadata(18)};
  run.script->groups["ms-job"]["t/0"] = {8, DeciderRun::metadata(18)};
  run.next_run();
  ASSERT_TRUE(run.fence().ok());
  found = run.read();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->kind, Kind::kDecided);
  EXPECT_EQ(found->checkpoint.id, 18U);

  // Of another job it is a conflict all the same.
  run.script->groups["ms-job"]["t/1"] = {6, DeciderRun::metadata(12, "other")};
  run.next_run();
  ASSERT_TRUE(run.fence().ok());
  found = run.read();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->kind, Kind::kConflict);
}

TEST(KafkaDeciderStart, FencesAndReadsForAnotherInstance) {
  DeciderRun run;
  run.add_source("in", {"t/2"});
  run.script->groups["ms.checkpoint-job-2"]["out/0"] = {9, DeciderRun::metadata(9)};
  run.script->groups["ms-job"]["t/2"] = {5, DeciderRun::metadata(9)};
  const std::shared_ptr<Decider> other = run.decider->of_instance(2);
  ASSERT_NE(other, nullptr);
  const Result<bool> fenced = other->fence(run.context);
  ASSERT_TRUE(fenced && *fenced);
  const Result<std::optional<Decision>> found = other->read(run.context);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->kind, Kind::kDecided);
  EXPECT_EQ((*found)->checkpoint.id, 9U);
  other->close();
  EXPECT_THAT(run.script->calls,
              ElementsAre("init ms-job-2", "read ms.checkpoint-job-2 out/0", "read ms-job t/2", "begin", "abort"));
  EXPECT_FALSE(run.hub->must_look());
}

TEST(KafkaDeciderStart, WaitsForWhatIsBeingEndedButNotForEver) {
  DeciderRun run;
  run.script->answers["init"] = {Outcome::kRetriable, Outcome::kRetriable};
  EXPECT_TRUE(run.fence().ok());
  run.next_run();
  run.script->answers["init"].assign(10'000, Outcome::kRetriable);
  run.clock.advance(1h);
  const std::size_t before = run.script->calls.size();
  // Each try here sleeps some milliseconds; the clock of the job says when it is over.
  Result<bool> fenced = run.decider->fence(run.context);
  ASSERT_TRUE(fenced && !*fenced);
  run.clock.advance(3min);
  fenced = run.decider->fence(run.context);
  ASSERT_FALSE(fenced);
  EXPECT_THAT(fenced.error().message(), HasSubstr("initialising the transactional.id 'ms-job-0'"));
  EXPECT_EQ(run.script->calls.size(), before + 2);
}

TEST(KafkaDeciderStart, AClientThatCannotBeInitialisedFailsTheRun) {
  for (const Outcome outcome : {Outcome::kFatal, Outcome::kFenced, Outcome::kAbortable}) {
    DeciderRun run;
    run.script->answers["init"] = {outcome};
    EXPECT_EQ(run.fence().code(), ErrorCode::kUnavailable);
  }
}

TEST(KafkaDeciderStart, AGroupWithoutOffsetsIsLookedAtAgain) {
  DeciderRun run;
  ASSERT_TRUE(run.fence().ok());
  const auto first = run.decider->read(run.context);
  ASSERT_TRUE(first && !*first);
  run.clock.advance(1s);
  EXPECT_FALSE(*run.decider->read(run.context));
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {
      3, DeciderRun::metadata(3)};  // a coordinator that has read its log
  run.clock.advance(1s);
  const auto second = run.decider->read(run.context);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->kind, Kind::kDecided);
  EXPECT_EQ((*second)->checkpoint, (CheckpointId{3, 48}));

  DeciderRun none;
  ASSERT_TRUE(none.fence().ok());
  const Result<Decision> found = none.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kNone);
  EXPECT_THAT(none.script->calls, ElementsAre("init ms-job-0", "read ms.checkpoint-job-0 out/0",
                                              "read ms.checkpoint-job-0 out/0", "begin"));
}

TEST(KafkaDeciderStart, BrokersThatDoNotSayWhatIsCommittedFailTheRun) {
  DeciderRun run;
  run.script->read_failures = {{ErrorCode::kUnavailable, "no answer"}};
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message(), AllOf(HasSubstr("group 'ms.checkpoint-job-0'"), HasSubstr("no answer")));
}

TEST(KafkaDeciderStart, ADecisionHasThePositionsOfSourcesOnTheSameCluster) {
  DeciderRun run;
  run.add_source("in", {"t/0", "t/1", "gone/0"});
  run.context.sources.push_back({"files", "", {"t/2"}});
  run.context.sources.push_back({"elsewhere", "kafka:c:1", {"t/3"}});
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}},
                                  {"t/1", {11, DeciderRun::metadata(5)}},
                                  {"gone/0", {3, DeciderRun::metadata(2)}}};  // not read any more since checkpoint 2
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kDecided) << found->facts;
  EXPECT_THAT(found->positions,
              ElementsAre(DeciderRun::position("in", "t/0", 10), DeciderRun::position("in", "t/1", 11)));
  EXPECT_THAT(run.script->calls, Contains("read ms-job t/0 t/1 gone/0"));
}

// A process dies between the manifest of the first checkpoint with new partitions and its decision. What the group says
// of them is from before the job, or of another instance.
TEST(KafkaDeciderStart, OffsetsOfPartitionsThatOnlyUndecidedCheckpointsNameDoNotCount) {
  for (const std::string& metadata : {std::string{}, DeciderRun::metadata(9), DeciderRun::metadata(9, "other")}) {
    DeciderRun run;
    run.add_source("in", {"t/0", "t/1"});
    run.context.sources.front().first_named = {{"t/0", 4}, {"t/1", 6}};
    run.script->groups["ms.checkpoint-job-0"]["out/0"] = {5, DeciderRun::metadata(5)};
    run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}, {"t/1", {20, metadata}}};
    ASSERT_TRUE(run.fence().ok());
    const Result<Decision> found = run.read();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Kind::kDecided) << found->facts;
    EXPECT_THAT(found->positions, ElementsAre(DeciderRun::position("in", "t/0", 10)));

    run.context.sources.front().first_named["t/1"] = 5;
    run.next_run();
    ASSERT_TRUE(run.fence().ok());
    EXPECT_EQ(run.read()->kind, Kind::kConflict) << "the decided checkpoint names it";
  }
}

TEST(KafkaDeciderStart, AnOffsetIsNotThatOfASourceWhichOnlyUndecidedCheckpointsName) {
  DeciderRun run;
  run.add_source("added", {"t/0"});
  run.add_source("in", {"t/0"});
  run.context.sources.front().first_named = {{"t/0", 6}};
  run.context.sources.back().first_named = {{"t/0", 1}};
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}};
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kDecided) << found->facts;
  EXPECT_THAT(found->positions, ElementsAre(DeciderRun::position("in", "t/0", 10)));
}

TEST(KafkaDeciderStart, OffsetsOfSourcesDecideWhereTheSinksTopicWasMadeAnew) {
  DeciderRun run;
  run.add_source("in", {"t/0"});
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}};
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->checkpoint, (CheckpointId{5, 80}));
  EXPECT_THAT(found->facts, AllOf(HasSubstr("the offset 10 of the group 'ms-job' for t/0"), HasSubstr("names none"),
                                  HasSubstr("run as many .instances as there were")));
}

struct Contradiction {
  const char* name;
  kafka::detail::CommittedOffset pointer;
  kafka::detail::CommittedOffset source;
  const char* facts;
};
class KafkaDeciderConflict : public ::testing::TestWithParam<Contradiction> {};

TEST_P(KafkaDeciderConflict, IsToldWithItsFacts) {
  DeciderRun run;
  run.add_source("in", {"t/0"});
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = GetParam().pointer;
  run.script->groups["ms-job"]["t/0"] = GetParam().source;
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kConflict);
  EXPECT_THAT(found->facts, HasSubstr(GetParam().facts));
}

INSTANTIATE_TEST_SUITE_P(
    All, KafkaDeciderConflict,
    ::testing::Values(
        Contradiction{"PointerOfAnotherJob",
                      {5, DeciderRun::metadata(5, "other")},
                      {1, DeciderRun::metadata(5)},
                      "decision of the job 'other'"},
        Contradiction{
            "PointerSet", {4, DeciderRun::metadata(5)}, {1, DeciderRun::metadata(5)}, "somebody else has set"},
        Contradiction{"PointerReset", {4, ""}, {1, DeciderRun::metadata(5)}, "group 'ms.checkpoint-job-0' for out/0"},
        Contradiction{"SourceReset", {5, DeciderRun::metadata(5)}, {0, ""}, "group 'ms-job' for t/0"},
        Contradiction{
            "SourceOfAnotherJob", {5, DeciderRun::metadata(5)}, {1, DeciderRun::metadata(5, "other")}, "job 'other'"},
        Contradiction{"SourceIsOfAnotherAttempt",
                      {5, DeciderRun::metadata(5)},
                      {1, "ms1;c=5;n=0000000000000001;j=job"},
                      "and the newest decision is"},
        Contradiction{"SourceIsOfAnotherInstance",
                      {5, DeciderRun::metadata(5)},
                      {1, "ms1;c=5;n=0000000000000002;j=job"},
                      "another instance of the job reads the partition, too"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(KafkaDeciderStart, OptionsNameGroupAndInstance) {
  DeciderRun run{{.group = "mine", .instance = 2, .transaction_timeout = 5s}};
  run.begin();
  EXPECT_EQ(run.decider->transactional_id(), "ms-job-2");
  ASSERT_EQ(run.decide(DeciderRun::draft(1)).outcome, DecisionStep::Outcome::kDone);
  EXPECT_THAT(run.script->calls, Contains("offsets ms.checkpoint-job-2 out/0=1"));
  EXPECT_EQ(run.script->configuration.properties.at("transaction.timeout.ms"), "5000");
  EXPECT_THAT(run.logged, Contains(HasSubstr("transaction.timeout.ms=5000")));
  EXPECT_THAT(run.logged, Contains(AllOf(HasSubstr("warning: "), HasSubstr("checkpoint.timeout together"))));
  EXPECT_THAT(run.decider->describe(), AllOf(HasSubstr("'out'"), HasSubstr("b:1")));
}

TEST(KafkaDeciderStart, ATransactionMayTakeAsLongAsCheckpointsDo) {
  using kafka::detail::transaction_timeout;
  EXPECT_EQ(transaction_timeout(0ms, 100ms, 10s), 1min);
  EXPECT_EQ(transaction_timeout(0ms, 10s, 10min), 640s);
  EXPECT_EQ(transaction_timeout(0ms, 1h, std::chrono::nanoseconds::max()), 15min);
  EXPECT_EQ(transaction_timeout(20min, 10s, 10min), 20min);
  DeciderRun run;
  run.begin();
  EXPECT_THAT(run.logged, Not(Contains(HasSubstr("warning: "))));
}

TEST(KafkaDeciderStart, FencedTwiceWithinAMinuteItDoesNotFenceBack) {
  DeciderRun run;
  for (int life = 0; life < 2; ++life) {
    run.begin();
    run.script->answers["offsets"] = {Outcome::kFenced};
    EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, DecisionStep::Outcome::kAborted);
    run.decider->close();
    run.next_run();
  }
  run.script->calls.clear();
  const Status refused = run.fence();
  EXPECT_EQ(refused.code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("'ms-job-0'"), HasSubstr(".instance")));
  EXPECT_THAT(run.script->calls, IsEmpty());
  run.clock.advance(2min);
  EXPECT_TRUE(run.fence().ok());
}

/// A run that knows checkpoint 1 as decided and was fenced while it added the offsets of 2.
void be_fenced(DeciderRun& run) {
  run.begin();
  ASSERT_EQ(run.decide(DeciderRun::draft(1)).outcome, DecisionStep::Outcome::kDone);
  run.script->answers["offsets"] = {Outcome::kFenced};
  ASSERT_EQ(run.decide(DeciderRun::draft(2)).outcome, DecisionStep::Outcome::kAborted);
  run.decider->close();
  run.next_run();
  run.script->calls.clear();
}

// It was stopped, another machine goes on with the job, and a RestartPolicy starts it again.
TEST(KafkaDeciderStart, AFencedProcessDoesNotTakeTheIdFromWhoeverHasDecidedSince) {
  DeciderRun run;
  ASSERT_NO_FATAL_FAILURE(be_fenced(run));
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {3, DeciderRun::metadata(3)};
  const Status refused = run.fence();
  EXPECT_EQ(refused.code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(refused.message(),
              AllOf(HasSubstr("another instance of the job has taken over"), HasSubstr("'ms-job-0'")));
  EXPECT_THAT(run.script->calls, ElementsAre("read ms.checkpoint-job-0 out/0"));
  run.next_run();
  EXPECT_TRUE(run.fence().ok()) << "who starts it again means it";
}

TEST(KafkaDeciderStart, NeitherWhereTheDecisionsAreSomebodyElsesOrGone) {
  DeciderRun changed;
  ASSERT_NO_FATAL_FAILURE(be_fenced(changed));
  changed.script->groups["ms.checkpoint-job-0"]["out/0"] = {1, DeciderRun::metadata(1, "other")};
  EXPECT_EQ(changed.fence().code(), ErrorCode::kAlreadyExists);
  DeciderRun gone;
  ASSERT_NO_FATAL_FAILURE(be_fenced(gone));
  gone.script->groups.clear();
  EXPECT_EQ(gone.fence().code(), ErrorCode::kAlreadyExists);
}

// As behind a transaction that was open for too long: brokers answer that in the same way.
TEST(KafkaDeciderStart, AFencedProcessWhoseDecisionIsTheNewestGoesOn) {
  DeciderRun run;
  ASSERT_NO_FATAL_FAILURE(be_fenced(run));
  run.script->read_failures = {{ErrorCode::kUnavailable, "somebody commits"}};
  ASSERT_TRUE(run.fence().ok());
  EXPECT_THAT(run.script->calls,
              ElementsAre("read ms.checkpoint-job-0 out/0", "read ms.checkpoint-job-0 out/0", "init ms-job-0"));
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->checkpoint, DeciderRun::draft(1).checkpoint);
}

TEST(KafkaDeciderStart, AFencedProcessMayHaveDecidedWhatItHasNotHeardOf) {
  DeciderRun run;
  run.begin();
  run.script->answers["commit"] = {Outcome::kRetriable, Outcome::kFenced};
  ASSERT_EQ(run.decide(DeciderRun::draft(2)).outcome, DecisionStep::Outcome::kPending);
  ASSERT_EQ(run.decider->decide(DeciderRun::draft(2)).outcome, DecisionStep::Outcome::kInDoubt);
  run.decider->close();
  run.next_run();
  run.script->groups["ms.checkpoint-job-0"]["out/0"] = {2, DeciderRun::metadata(2)};
  EXPECT_TRUE(run.fence().ok());
}

TEST(KafkaDeciderStart, OtherGuaranteesLeaveTheDecisionToTheEngine) {
  using kafka::Guarantee;
  const auto decides = [](std::optional<Guarantee> guarantee) {
    const auto hub = kafka::detail::make_sink_hub({.brokers = "b:1", .topic = "out", .guarantee = guarantee},
                                                  std::make_shared<testing::ScriptedTransactions>());
    return kafka::detail::make_decider(hub) != nullptr;
  };
  EXPECT_TRUE(decides({}));
  EXPECT_TRUE(decides(Guarantee::kExactlyOnce));
  EXPECT_FALSE(decides(Guarantee::kAtLeastOnce));
  EXPECT_FALSE(decides(Guarantee::kNone));
}

}  // namespace
}  // namespace millstream::inline v0
