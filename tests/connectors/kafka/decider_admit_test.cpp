// What a run may begin at its start: no partition that other instances of the job, or other jobs, have read. And the
// names of groups, by which that is told.
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
using namespace std::chrono_literals;

constexpr const char* kPointerGroup = "ms.checkpoint-job-0";

/// As the engine does when the sources have listed what they read.
Status admit(DeciderRun& run) {
  for (;;) {
    const Result<bool> admitted = run.decider->admit(run.context);
    if (!admitted) return admitted.error();
    if (*admitted) return {};
    run.clock.advance(1s);
  }
}

// Three instances were two: this one, with an empty state folder or its own, reads what another one has read.
TEST(KafkaDeciderAdmits, NoPartitionThatAnotherInstanceHasReadBegins) {
  for (const bool has_checkpoint : {false, true}) {
    DeciderRun run;
    run.add_source("in", {});
    run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}, {"t/2", {30, DeciderRun::metadata(9)}}};
    if (has_checkpoint) {
      run.context.sources.front().splits = {"t/0"};
      run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
    }
    run.begin();
    run.context.sources.front().new_splits = {"t/1", "t/2"};
    const Status refused = admit(run);
    EXPECT_EQ(refused.code(), ErrorCode::kInvalidData);
    EXPECT_THAT(refused.message(),
                AllOf(HasSubstr("the partition t/2"), HasSubstr("the group 'ms-job'"), HasSubstr("the offset 30"),
                      HasSubstr("checkpoint 9"), HasSubstr("this job"), HasSubstr("as many .instances as there were")));
  }
}

// What it read until a time ago: its own state of it is older than what was published.
TEST(KafkaDeciderAdmits, NeitherOneThatItHasReadItselfAndGivenAway) {
  DeciderRun run;
  run.add_source("in", {"t/0"});
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}, {"t/1", {3, DeciderRun::metadata(2)}}};
  run.begin();
  run.context.sources.front().new_splits = {"t/1"};
  EXPECT_THAT(admit(run).message(), HasSubstr("checkpoint 2"));
}

TEST(KafkaDeciderAdmits, PartitionsThatNobodyHasReadBegin) {
  DeciderRun run;
  run.add_source("in", {"t/0"});
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}};
  run.begin();
  run.context.sources.front().new_splits = {"t/1"};
  EXPECT_TRUE(admit(run).ok());
  EXPECT_THAT(run.script->calls, ElementsAre("read ms-job t/1 t/0")) << "one look: that of t/0 says the group is there";
}

TEST(KafkaDeciderAdmits, OffsetsThatAreNoDecisionsOfAnyJobDoNotCount) {
  DeciderRun run{{.group = "taken-over"}};
  run.add_source("in", {});
  run.script->groups["taken-over"] = {{"t/0", {10, ""}}, {"t/1", {20, "of some other client"}}};
  run.begin();
  run.context.sources.front().new_splits = {"t/0", "t/1"};
  EXPECT_TRUE(admit(run).ok());
}

TEST(KafkaDeciderAdmits, ThoseOfAnotherJobDo) {
  DeciderRun run{{.group = "shared"}};
  run.add_source("in", {});
  run.script->groups["shared"]["t/0"] = {10, DeciderRun::metadata(5, "other")};
  run.begin();
  run.context.sources.front().new_splits = {"t/0"};
  EXPECT_THAT(admit(run).message(), AllOf(HasSubstr("the job 'other'"), HasSubstr("its own name and .group")));
}

TEST(KafkaDeciderAdmits, AnotherSourceOfTheSamePartitionMayBegin) {
  DeciderRun run;
  run.add_source("in", {"t/0"});
  run.add_source("in again", {});
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}};
  run.begin();
  run.context.sources.back().new_splits = {"t/0"};
  EXPECT_TRUE(admit(run).ok());
  run.context.sources.front().new_splits = {"t/0"};
  EXPECT_EQ(admit(run).code(), ErrorCode::kInvalidData) << "no source goes on with it";
}

TEST(KafkaDeciderAdmits, OtherClustersAreNotAsked) {
  DeciderRun run;
  run.context.sources.push_back({"elsewhere", "kafka:c:1", {}, {"t/0"}});
  run.context.sources.push_back({"files", "", {}, {"t/1"}});
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}};
  run.begin();
  EXPECT_TRUE(admit(run).ok());
  EXPECT_THAT(run.script->calls, IsEmpty());
}

// Other brokers of the cluster, or others of their names: they say which cluster they are.
TEST(KafkaDeciderAdmits, ASourceThatSpellsTheClusterDifferentlyIsOnIt) {
  DeciderRun run;
  run.script->cluster_ids["b.other.name:1,b2:1"] = "one";
  run.context.sources.push_back({"in", "kafka:b.other.name:1,b2:1", {"t/0"}});
  run.context.sources.push_back({"elsewhere", "kafka:c:1", {"t/1"}});
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}, {"t/2", {30, DeciderRun::metadata(9)}}};
  ASSERT_TRUE(run.fence().ok());
  const Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_THAT(found->positions, ElementsAre(DeciderRun::position("in", "t/0", 10)));
  run.context.sources.front().new_splits = {"t/2"};
  EXPECT_THAT(admit(run).message(), HasSubstr("the partition t/2"));
  run.script->calls.clear();
  DecisionDraft draft = DeciderRun::draft(6);
  draft.positions = {DeciderRun::position("elsewhere", "t/1", 3), DeciderRun::position("in", "t/0", 12)};
  EXPECT_EQ(run.decide(draft).outcome, DecisionStep::Outcome::kDone);
  EXPECT_THAT(run.script->calls, Contains("offsets ms-job t/0=12"));
}

TEST(KafkaDeciderAdmits, BrokersThatDoNotSayWhichClusterTheyAreCountAsAnotherOne) {
  DeciderRun run;
  run.context.sources.push_back({"in", "kafka:unknown:1", {}, {"t/0"}});
  run.script->groups["ms-job"] = {{"t/0", {10, DeciderRun::metadata(5)}}};
  run.begin();
  EXPECT_THAT(run.logged, Contains(AllOf(HasSubstr("warning: "), HasSubstr("the source 'in'"),
                                         HasSubstr("no answer from unknown:1"))));
  EXPECT_TRUE(admit(run).ok());
}

// As with decisions: a coordinator that has not read its log yet knows of no offsets.
TEST(KafkaDeciderAdmits, AGroupWithoutOffsetsIsBelievedTwoSecondsBehindTheFirstLook) {
  DeciderRun fresh;
  fresh.add_source("in", {});
  fresh.begin();  // which took the two seconds
  fresh.context.sources.front().new_splits = {"t/0"};
  const Result<bool> at_once = fresh.decider->admit(fresh.context);
  EXPECT_TRUE(at_once && *at_once);

  DeciderRun run;
  run.add_source("in", {});
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.begin();
  run.context.sources.front().new_splits = {"t/0"};
  const Result<bool> first = run.decider->admit(run.context);
  EXPECT_TRUE(first && !*first);
  run.script->groups["ms-job"]["t/0"] = {10, DeciderRun::metadata(5)};
  run.clock.advance(2s);
  EXPECT_EQ(admit(run).code(), ErrorCode::kInvalidData);
}

TEST(KafkaDeciderAdmits, BrokersThatDoNotAnswerFailTheRun) {
  DeciderRun run;
  run.add_source("in", {});
  run.begin();
  run.context.sources.front().new_splits = {"t/0"};
  run.script->read_failures = {{ErrorCode::kUnavailable, "no answer"}};
  EXPECT_EQ(admit(run).code(), ErrorCode::kUnavailable);
}

// A job takes over the group of what it replaces. Its first checkpoint was written, and it was killed before it was
// decided: the state folder names the partitions, and the group has what was committed before the job.
TEST(KafkaDeciderStart, OffsetsOfAGroupThatIsTakenOverAreNoDecisionBeforeTheFirst) {
  DeciderRun run{{.group = "taken-over"}};
  run.add_source("in", {"t/0", "t/1"});
  run.script->groups["taken-over"] = {{"t/0", {10, ""}}, {"t/1", {20, "of some other client"}}};
  ASSERT_TRUE(run.fence().ok());
  Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kNone) << found->facts;
  EXPECT_THAT(run.script->calls, Contains("read taken-over t/0 t/1"));

  // From the first decision on they are somebody's who has set them.
  for (const bool pointer : {true, false}) {
    run.script->groups["taken-over"]["t/0"] = {12, DeciderRun::metadata(1)};
    if (pointer) run.script->groups[kPointerGroup]["out/0"] = {1, DeciderRun::metadata(1)};
    run.next_run();
    ASSERT_TRUE(run.fence().ok());
    found = run.read();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Kind::kConflict);
    EXPECT_THAT(found->facts, HasSubstr("for t/1"));
    run.script->groups.erase(kPointerGroup);
  }
}

// "ms-a-1" would be both: the offsets of the job "a-1", and the pointer of instance 1 of the job "a".
TEST(KafkaDecisionGroups, NoJobsPointerIsWhereAnotherKeepsOffsets) {
  std::vector<std::string> groups;
  for (const char* job : {"a", "a-1", "a-1-1", "checkpoint-a-1", ".checkpoint-a-1"}) {
    groups.push_back("ms-" + std::string{job});
    for (const std::uint32_t instance : {0U, 1U, 11U}) {
      groups.push_back(kafka::detail::DecisionOffsets{job, groups.back(), instance, {"t"}, "", {}}.pointer_group());
    }
  }
  std::sort(groups.begin(), groups.end());
  EXPECT_EQ(std::adjacent_find(groups.begin(), groups.end()), groups.end());
  DeciderRun run{{.group = "ms.checkpoint-a-1"}};
  const Status refused = run.fence();
  EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr(".group"), HasSubstr("'ms.checkpoint-'")));
  EXPECT_THAT(run.script->calls, IsEmpty());
}

}  // namespace
}  // namespace millstream::inline v0
