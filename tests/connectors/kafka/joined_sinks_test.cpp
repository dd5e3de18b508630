// Several sinks of one job that are exactly once: one transaction carries what all of them were given.
#include <gmock/gmock.h>

#include "connectors/drive.hpp"
#include "connectors/kafka/decider_run.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::detail::WriterOptions;
using ::testing::AllOf;
using ::testing::Contains;
using testing::DeciderRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Kind = Decision::Kind;
using Step = DecisionStep::Outcome;
using namespace std::chrono_literals;

constexpr const char* kPointerGroup = "ms.checkpoint-job-0";

WriterOptions to(const std::string& topic) {
  return {.brokers = "b:1", .topic = topic, .buffer_bytes_max = std::size_t{16} << 20, .connect_timeout = 1s};
}

/// Joins another sink to the run's.
void join(DeciderRun& run, WriterOptions options) {
  const auto hub = kafka::detail::make_sink_hub(std::move(options), run.script);
  const std::shared_ptr<Decider> other = kafka::detail::make_decider(hub);
  EXPECT_EQ(run.decider->why_not_joined(*other), "");
  run.decider->join(*other);
}

template <class S>
bool passes_barrier(S& sink, SinkContext& context) {
  context.set_draining(true);
  const Result<bool> drained = sink.drain();
  context.set_draining(false);
  EXPECT_TRUE(drained) << drained.error().to_string();
  if (!drained || !*drained) return false;
  EXPECT_EQ(sink.prepare(), "ms-job-0");
  return true;
}

TEST(KafkaJoinedSinks, WriteInOneTransactionAndWaitForTheNextTogether) {
  DeciderRun run;
  join(run, to("bad"));
  run.begin();
  SinkContext context = testing::sink_context();
  kafka::Sink<std::string> out{{.brokers = "b:1", .topic = "out"}, run.script};
  kafka::Sink<std::string> bad{{.brokers = "b:1", .topic = "bad"}, run.script};
  for (auto* sink : {&out, &bad}) {
    sink->decide_by(run.decider);
    ASSERT_TRUE(sink->open(context).ok());
  }
  const auto write = [](kafka::Sink<std::string>& sink, std::string record) {
    const Result<std::size_t> taken = sink.write({&record, 1});
    EXPECT_TRUE(taken && *taken == 1);
  };
  write(out, "1");
  write(bad, "2");
  ASSERT_TRUE(passes_barrier(bad, context));
  write(bad, "behind");
  write(out, "3");
  ASSERT_TRUE(passes_barrier(out, context));
  write(out, "behind");
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_THAT(run.script->committed, ElementsAre("1", "bad: 2", "3"));
  EXPECT_THAT(run.script->take_calls(), ElementsAre("offsets ms.checkpoint-job-0 out/0=1 bad/0=1", "commit", "begin"));
  EXPECT_TRUE(*out.drain());
  EXPECT_TRUE(*bad.drain());
  EXPECT_THAT(run.script->written, ElementsAre("behind", "bad: behind"));
}

TEST(KafkaJoinedSinks, OfOneTopicHaveOnePointer) {
  DeciderRun run;
  join(run, to("out"));
  run.begin();
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_THAT(run.script->calls, Contains("offsets ms.checkpoint-job-0 out/0=1"));
}

TEST(KafkaJoinedSinks, ADecisionIsFoundAsLongAsOneOfThemStays) {
  DeciderRun run;
  join(run, to("bad"));
  run.script->groups[kPointerGroup]["bad/0"] = {7, DeciderRun::metadata(7)};
  ASSERT_TRUE(run.fence().ok());
  Result<Decision> found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kDecided) << found->facts;
  EXPECT_EQ(found->checkpoint.id, 7U);
  // The other one was a sink of the job before, was none for a time, and is again.
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.next_run();
  join(run, to("bad"));
  ASSERT_TRUE(run.fence().ok());
  found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kDecided) << found->facts;
  EXPECT_EQ(found->checkpoint.id, 7U);
  run.script->groups[kPointerGroup]["out/0"] = {7, "ms1;c=7;n=0000000000000001;j=job"};
  run.next_run();
  join(run, to("bad"));
  ASSERT_TRUE(run.fence().ok());
  found = run.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kConflict);
  EXPECT_THAT(found->facts, AllOf(HasSubstr("for bad/0"), HasSubstr("another sink's")));
}

// Sinks A and B, then A alone, then B alone: A's pointer is not looked at, and B's is older than what the group has.
TEST(KafkaJoinedSinks, OneThatWasNoneForATimeTakesTheDecisionThatTheGroupNames) {
  DeciderRun run;
  run.add_source("in", {"t/0", "t/1"});
  run.script->groups[kPointerGroup]["out/0"] = {5, DeciderRun::metadata(5)};
  run.script->groups[kPointerGroup]["bad/0"] = {9, DeciderRun::metadata(9)};
  auto& read = run.script->groups["ms-job"];
  read["t/0"] = {90, DeciderRun::metadata(9)};
  read["t/1"] = {91, DeciderRun::metadata(9)};
  const auto found = [&] {
    run.next_run();
    EXPECT_TRUE(run.fence().ok());
    const Result<Decision> decision = run.read();
    EXPECT_TRUE(decision);
    return decision ? *decision : Decision{};
  };
  Decision taken = found();
  EXPECT_EQ(taken.kind, Kind::kDecided) << taken.facts;
  EXPECT_EQ(taken.checkpoint, (CheckpointId{9, 9 * 16}));
  EXPECT_EQ(taken.positions.size(), 2U);
  EXPECT_THAT(taken.facts, AllOf(HasSubstr("the offset 90 of the group 'ms-job' for t/0"),
                                 HasSubstr("group 'ms.checkpoint-job-0' names checkpoint 5"),
                                 HasSubstr("another instance of the job has read the partition")));
  // What the pointer's transaction wrote a newer one would have written, too.
  read["t/1"] = {91, DeciderRun::metadata(5)};
  EXPECT_EQ(found().kind, Kind::kConflict);
  // Two newer ones cannot both be the newest of this job.
  read["t/1"] = {91, DeciderRun::metadata(8)};
  taken = found();
  EXPECT_EQ(taken.kind, Kind::kConflict);
  EXPECT_THAT(taken.facts, HasSubstr("run once with those of then and of now"));
  read["t/1"] = {91, DeciderRun::metadata(9, "other")};
  EXPECT_EQ(found().kind, Kind::kConflict);
}

TEST(KafkaJoinedSinks, HaveOneBufferOfMessagesInTheClient) {
  DeciderRun run;
  WriterOptions large = to("bad");
  large.buffer_bytes_max = std::size_t{1} << 30;
  join(run, large);
  const Status refused = run.fence();
  EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("their .buffer_bytes_max are 1090519040 together: give them up to 10737"));
}

TEST(KafkaJoinedSinks, MistakesInTheOptionsOfAnyFailTheStart) {
  DeciderRun run;
  WriterOptions wrong = to("bad");
  wrong.buffer_bytes_max = 1;
  join(run, wrong);
  const Status refused = run.fence();
  EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr(".buffer_bytes_max"));
  EXPECT_THAT(run.script->calls, IsEmpty());
}

TEST(KafkaJoinedSinks, WhatOneLeavesOutItTakesFromTheOther) {
  DeciderRun run;
  WriterOptions with = to("bad");
  with.group = "g";
  with.transaction_timeout = 5min;
  with.properties = {{"ssl.ca.location", "ca.pem"}};
  join(run, with);
  run.begin();
  const auto& properties = run.script->configuration.properties;
  EXPECT_EQ(properties.at("transaction.timeout.ms"), "300000");
  EXPECT_EQ(properties.at("ssl.ca.location"), "ca.pem");
  run.add_source("in", {"t/0"});
  run.next_run();
  join(run, with);
  ASSERT_TRUE(run.fence().ok());
  ASSERT_TRUE(run.read());
  EXPECT_THAT(run.script->calls, Contains("read g t/0"));
}

TEST(KafkaJoinedSinks, WhatTheyMustAgreeInIsNamed) {
  const auto says = [](
                        void (*change)(WriterOptions&), void (*change_first)(WriterOptions&) = [](WriterOptions&) {}) {
    const auto script = std::make_shared<testing::ScriptedTransactions>();
    WriterOptions first = to("out");
    WriterOptions second = to("bad");
    change_first(first);
    change(second);
    const auto one = kafka::detail::make_decider(kafka::detail::make_sink_hub(first, script));
    const auto other = kafka::detail::make_decider(kafka::detail::make_sink_hub(second, script));
    EXPECT_EQ(one->why_not_joined(*other).empty(), other->why_not_joined(*one).empty());
    return one->why_not_joined(*other);
  };
  EXPECT_EQ(says([](WriterOptions& o) { o.brokers = " b:1,"; }), "");
  EXPECT_EQ(says([](WriterOptions& o) { o.brokers = "c:1, b:1"; }), "") << "a broker is of one cluster only";
  EXPECT_EQ(says([](WriterOptions& o) { o.buffer_bytes_max *= 2; }), "");
  EXPECT_THAT(says([](WriterOptions& o) { o.brokers = "c:1"; }),
              AllOf(HasSubstr("'b:1' and 'c:1'"), HasSubstr("two transactions cannot be committed as one")));
  EXPECT_THAT(says([](WriterOptions& o) { o.instance = 1; }), HasSubstr(".instance, 0 and 1"));
  EXPECT_THAT(says([](WriterOptions& o) { o.preset = kafka::Preset::kLatency; }), HasSubstr(".preset"));
  EXPECT_THAT(says([](WriterOptions& o) { o.group = "a"; }, [](WriterOptions& o) { o.group = "b"; }),
              HasSubstr(".group, 'b' and 'a'"));
  EXPECT_THAT(says([](WriterOptions& o) { o.transaction_timeout = 1min; },
                   [](WriterOptions& o) { o.transaction_timeout = 2min; }),
              HasSubstr(".transaction_timeout"));
  EXPECT_THAT(says([](WriterOptions& o) { o.properties = {{"a", "1"}}; },
                   [](WriterOptions& o) { o.properties = {{"a", "2"}}; }),
              HasSubstr(".properties"));
}

struct Payment {
  std::string card;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card))

TEST(KafkaJoinedSinks, AGraphMayHaveSeveralOnOneCluster) {
  const auto mistakes = [](const std::string& brokers) {
    Dataflow flow{"job"};
    auto payments =
        flow.from(kafka::source<Payment>({.brokers = "b:1", .topic = "in", .on_bad_record = OnError::kDeadLetter}));
    payments.side_output(dead_letters).to(kafka::sink({.brokers = brokers, .topic = "bad"})).named("letters");
    payments.to(kafka::sink({.brokers = "b:1", .topic = "out"})).named("output");
    return flow.graph().mistakes(true);
  };
  EXPECT_THAT(mistakes("b:1"), IsEmpty());
  EXPECT_THAT(mistakes("c:1"), ElementsAre(AllOf(StartsWith("stage 'output': "),
                                                 HasSubstr("'letters' (transactions of Kafka, topic "
                                                           "'bad' at c:1)"),
                                                 HasSubstr("'c:1' and 'b:1'"), HasSubstr("Guarantee::kAtLeastOnce"))));
}

}  // namespace
}  // namespace millstream::inline v0
