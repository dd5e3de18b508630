// The sink's copies in a job with checkpoints: what waits for its epoch, what it takes, and that it keeps its order.
#include <gmock/gmock.h>

#include "connectors/drive.hpp"
#include "connectors/kafka/decider_run.hpp"
#include "millstream/connectors/kafka/sink.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::Guarantee;
using ::testing::AllOf;
using testing::DeciderRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScriptedTransactions;
using testing::sink_context;
using Step = DecisionStep::Outcome;

using Sink = kafka::Sink<std::string>;

class KafkaTransactionalWriter : public ::testing::Test {
 protected:
  void SetUp() override {
    run.begin();
    sink = std::make_unique<Sink>(
        kafka::SinkOptions<std::string>{
            .brokers = "b:1",
            .topic = "out",
            .key = [](const std::string& text) { return std::optional{text.substr(0, 1)}; },
            .headers = [](const std::string& text) { return std::vector<kafka::Header>{{"n", text.substr(1)}}; }},
        run.script);
    sink->decide_by(run.decider);
    const Status opened = sink->open(context);
    ASSERT_TRUE(opened.ok()) << opened.to_string();
  }
  std::size_t write(std::vector<std::string> records) {
    const Result<std::size_t> taken = sink->write(records);
    EXPECT_TRUE(taken) << taken.error().to_string();
    return taken ? *taken : 0;
  }
  /// A barrier comes; true: the sink has passed it.
  bool barrier() {
    context.set_draining(true);
    const Result<bool> drained = sink->drain();
    context.set_draining(false);
    EXPECT_TRUE(drained) << drained.error().to_string();
    if (!drained || !*drained) return false;
    EXPECT_EQ(sink->prepare(), "ms-job-0");
    return true;
  }

  DeciderRun run;
  std::atomic<int> woken{0};
  SinkContext context{"sink", 0, 1, posix_file_system(), system_clock(), {}, Waker{[this] { ++woken; }}};
  std::unique_ptr<Sink> sink;
};

TEST_F(KafkaTransactionalWriter, WhatComesBehindABarrierWaitsForTheNextTransaction) {
  EXPECT_EQ(write({"a1"}), 1U);
  EXPECT_THAT(run.script->written, ElementsAre("a=a1 n:1"));
  ASSERT_TRUE(barrier());
  EXPECT_EQ(write({"a2", "b3"}), 2U);
  EXPECT_EQ(write({"a4"}), 1U);
  EXPECT_THAT(run.script->written, ElementsAre("a=a1 n:1"));
  const Result<bool> drained = sink->drain();
  EXPECT_TRUE(drained && !*drained);
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_THAT(run.script->committed, ElementsAre("a=a1 n:1"));
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(*sink->drain());
  EXPECT_EQ(write({"a5"}), 1U);
  EXPECT_THAT(run.script->written, ElementsAre("a=a2 n:2", "b=b3 n:3", "a=a4 n:4", "a=a5 n:5"));
}

TEST_F(KafkaTransactionalWriter, TheNextBarrierWaitsUntilWhatIsBehindTheLastOneIsSafe) {
  ASSERT_TRUE(barrier());
  EXPECT_EQ(write({"a1"}), 1U);
  EXPECT_FALSE(barrier());
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_TRUE(barrier());
  EXPECT_EQ(run.decide(DeciderRun::draft(2)).outcome, Step::kDone);
  EXPECT_THAT(run.script->committed, ElementsAre("a=a1 n:1"));
}

TEST_F(KafkaTransactionalWriter, WhatWaitsIsBoundedAndNothingIsLost) {
  ASSERT_TRUE(barrier());
  const std::vector<std::string> records(1000, "a" + std::string(100'000, 'x'));
  std::vector<std::string> some = records;
  const Result<std::size_t> taken = sink->write(some);
  ASSERT_TRUE(taken);
  EXPECT_GT(*taken, 30U);
  EXPECT_LT(*taken, 4 * 180U) << "four times 16 MiB, and each is there twice: as value and as header";
  EXPECT_GT(*taken, 3 * 80U);
  EXPECT_EQ(write({"a1"}), 0U);
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_TRUE(*sink->drain());
  EXPECT_EQ(run.script->written.size(), *taken);
  EXPECT_EQ(write({"a1"}), 1U) << "there is room again";
}

TEST_F(KafkaTransactionalWriter, WhatHasWaitedIsGivenToTheClientAsItHasRoom) {
  ASSERT_TRUE(barrier());
  std::size_t kept = 0;
  const std::string large(100'000, 'x');
  for (bool more = true; more; kept += more) more = write({"a" + large}) == 1;
  run.script->holds_deliveries = true;
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  EXPECT_FALSE(*sink->drain());
  const std::size_t first = run.script->written.size();
  EXPECT_GT(first, 60U);
  EXPECT_LT(first, 100U) << "16 MiB";
  EXPECT_EQ(write({"a1"}), 0U) << "the rest of what waits comes first";
  int rounds = 0;
  for (bool passed = false; !passed; ++rounds) {
    ASSERT_LT(rounds, 100);
    woken = 0;
    run.script->deliver();
    EXPECT_EQ(woken, 1);
    const Result<bool> drained = sink->drain();
    ASSERT_TRUE(drained);
    passed = *drained;
  }
  EXPECT_EQ(rounds, 3);
  EXPECT_EQ(run.script->written.size(), kept);
}

TEST_F(KafkaTransactionalWriter, ALongQueueIsSentInSteps) {
  ASSERT_TRUE(barrier());
  constexpr std::size_t kRecords = 20'000;
  for (std::size_t i = 0; i < kRecords; ++i) ASSERT_EQ(write({"a" + std::to_string(i)}), 1U);
  EXPECT_EQ(run.decide(DeciderRun::draft(1)).outcome, Step::kDone);
  int steps = 0;
  for (Result<bool> drained = false; !*drained; ++steps) {
    drained = sink->drain();
    ASSERT_TRUE(drained);
    if (!*drained) {
      EXPECT_EQ(context.retry_at(), kTimestampMin) << "there is more to send at once";
    }
  }
  EXPECT_GT(steps, 1);
  ASSERT_EQ(run.script->written.size(), kRecords);
  for (std::size_t i = 0; i < kRecords; ++i) {
    ASSERT_EQ(run.script->written[i], "a=a" + std::to_string(i) + " n:" + std::to_string(i));
  }
}

TEST_F(KafkaTransactionalWriter, AnEpochThatIsGivenUpPassesIntoTheSameTransaction) {
  EXPECT_EQ(write({"a1"}), 1U);
  ASSERT_TRUE(barrier());
  EXPECT_EQ(write({"a2"}), 1U);
  run.decider->give_up();
  EXPECT_TRUE(*sink->drain());
  EXPECT_THAT(run.script->written, ElementsAre("a=a1 n:1", "a=a2 n:2"));
}

TEST(KafkaSinkWithoutCheckpoints, IsAtLeastOnceUnlessItIsToldToBeMore) {
  const auto script = std::make_shared<ScriptedTransactions>();
  SinkContext context = sink_context();
  Sink unset{{.brokers = "b:1", .topic = "out"}, script};
  EXPECT_TRUE(unset.open(context).ok());
  EXPECT_FALSE(script->configuration.properties.contains("transactional.id"));
  EXPECT_EQ(unset.prepare(), "");
  Sink told{{.brokers = "b:1", .topic = "out", .guarantee = Guarantee::kExactlyOnce}, script};
  const Status refused = told.open(context);
  EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("state_dir"), HasSubstr("kExactlyOnce")));
}

}  // namespace
}  // namespace millstream::inline v0
