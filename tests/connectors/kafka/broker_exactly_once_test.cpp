// Jobs from Kafka to Kafka on a real broker, exactly once: cut off and started again, fenced, with offsets that
// somebody has set. A client of its own reads what is committed, and a model says what it must be.
#include <gmock/gmock.h>

#include "connectors/kafka/totals_job.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::KafkaExactlyOnce;
using testing::kPartitions;
using testing::LogWriter;
using testing::model;
using testing::Payment;
using testing::payment;
using testing::payments;
using testing::RunningTotal;
using testing::Total;
using namespace std::chrono_literals;

TEST_F(KafkaExactlyOnce, CutOffAndStartedAgainEveryResultIsThereOnce) {
  constexpr int kRecords = 20'000;
  constexpr int kLives = 5;
  LogWriter writer{broker->brokers()};
  for (int life = 0; life < kLives; ++life) {
    writer.write(in, payments(life * kRecords / kLives, (life + 1) * kRecords / kLives));
    const Dataflow flow = dataflow(false);
    Job job = start(flow, options(1 + static_cast<std::uint32_t>(life) % 3));
    EXPECT_TRUE(
        test::eventually([&] { return job.status().checkpoints > 1 || job.status().state == JobState::kFailed; }, 20s));
    job.cancel();
    EXPECT_EQ(job.wait().state, JobState::kCancelled) << job.status().error.to_string();
  }
  const JobResult result = run(dataflow(true), options());
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
  const JobResult again = run(dataflow(true), options());
  EXPECT_EQ(again.state, JobState::kFinished) << again.status.to_string();
  EXPECT_EQ(results(), model(kRecords)) << "a job that is done writes nothing";
}

TEST_F(KafkaExactlyOnce, StoppedAndStartedAgainTheGroupHasTheOffsetsOfTheSource) {
  constexpr int kRecords = 4'000;
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords));
  const Dataflow flow = dataflow(false);
  Job job = start(flow, options());
  EXPECT_TRUE(test::eventually([&] { return job.status().records_in == kRecords; }, 20s));
  job.stop();
  const JobResult result = job.wait();
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
  std::int64_t committed = 0;
  for (const auto& [partition, offset] : broker->committed("ms-" + name, in, kPartitions)) committed += offset;
  EXPECT_EQ(committed, kRecords);
  EXPECT_EQ(broker->committed("ms.checkpoint-" + name + "-0", out, 1).size(), 1U);
}

// As a process that is stopped and goes on when another has taken its place: the transactional.id is what counts.
TEST_F(KafkaExactlyOnce, AnotherInstanceEndsTheFirst) {
  constexpr int kRecords = 10'000;
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords / 2));
  const Dataflow flow = dataflow(false);
  Job first = start(flow, options());
  EXPECT_TRUE(test::eventually([&] { return first.status().checkpoints > 2; }, 20s));
  {
    const LogWriter other{broker->brokers(), "ms-" + name + "-0"};
    writer.write(in, payments(kRecords / 2, kRecords));
    const JobResult ended = first.wait();
    EXPECT_EQ(ended.state, JobState::kFailed);
    EXPECT_EQ(ended.status.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(ended.status.message(), AllOf(HasSubstr("another instance"), HasSubstr(".instance")));
  }
  const JobResult result = run(dataflow(true), options());
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
}

TEST_F(KafkaExactlyOnce, AFencedJobWithARestartPolicyGoesOnFromItsDecision) {
  constexpr int kRecords = 10'000;
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords / 2));
  RunOptions with_restarts = options();
  with_restarts.restart = {.max_restarts = 5, .initial_backoff = 10ms};
  const Dataflow flow = dataflow(false);
  Job job = start(flow, with_restarts);
  EXPECT_TRUE(test::eventually([&] { return job.status().checkpoints > 2; }, 20s));
  {
    const LogWriter other{broker->brokers(), "ms-" + name + "-0"};
  }
  writer.write(in, payments(kRecords / 2, kRecords));
  EXPECT_TRUE(test::eventually([&] { return job.status().restarts > 0; }, 20s));
  EXPECT_TRUE(test::eventually([&] { return count_results() == kRecords; }, 40s));
  job.stop();
  const JobResult result = job.wait();
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
}

TEST_F(KafkaExactlyOnce, ABrokerThatIsKilledIsWaitedFor) {
  if (!broker->owned()) GTEST_SKIP() << "the user's own broker is not killed";
  constexpr int kRecords = 20'000;
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords / 2));
  RunOptions with_restarts = options();
  with_restarts.restart = {.max_restarts = 10, .initial_backoff = 100ms};
  const Dataflow flow = dataflow(false);
  Job job = start(flow, with_restarts);
  EXPECT_TRUE(test::eventually([&] { return job.status().checkpoints > 0; }, 20s));
  broker->kill();
  broker->restart();
  writer.write(in, payments(kRecords / 2, kRecords));
  EXPECT_TRUE(
      test::eventually([&] { return count_results() == kRecords || job.status().state == JobState::kFailed; }, 90s));
  job.stop();
  const JobResult result = job.wait();
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
}

TEST_F(KafkaExactlyOnce, OffsetsThatSomebodyHasSetHaltTheJob) {
  LogWriter{broker->brokers()}.write(in, payments(0, 1'000));
  ASSERT_EQ(run(dataflow(true), options()).state, JobState::kFinished);
  broker->commit_offset("ms-" + name, in, 3);
  const JobResult halted = run(dataflow(true), options());
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(halted.status.message(),
              AllOf(HasSubstr("somebody else has set it"), HasSubstr("accept_checkpoint"), HasSubstr("ms-" + name)));
  EXPECT_EQ(results(), model(1'000));
}

TEST_F(KafkaExactlyOnce, AStateFolderThatIsLostHaltsTheJob) {
  LogWriter{broker->brokers()}.write(in, payments(0, 1'000));
  ASSERT_EQ(run(dataflow(true), options()).state, JobState::kFinished);
  RunOptions elsewhere = options();
  elsewhere.state_dir = state / "other";
  const JobResult halted = run(dataflow(true), elsewhere);
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(halted.status.message(), HasSubstr("which is not here or not intact"));
  EXPECT_EQ(results(), model(1'000));
}

// The state of a partition stays with the instance that has read it. Of three processes two read what others had, and
// so does one alone; whoever reads what it did goes on.
TEST_F(KafkaExactlyOnce, AChangeOfInstancesHaltsWhoeverWouldBeginAnew) {
  constexpr int kRecords = 1'000;
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords));
  for (const std::uint32_t instance : {0U, 1U}) {
    const Dataflow flow = instance_of(2, instance, false);
    Job job = start(flow, options_in("state" + std::to_string(instance)));
    EXPECT_TRUE(test::eventually([&] { return job.status().records_in == kRecords / 2; }, 20s));
    job.stop();
    const JobResult result = job.wait();
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  }
  ASSERT_TRUE(results() == model(kRecords));
  writer.write(in, payments(kRecords, 2 * kRecords));
  const auto halts = [&](std::uint32_t instances, std::uint32_t instance, const char* folder, const char* says) {
    const JobResult halted = run(instance_of(instances, instance, true), options_in(folder));
    EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData) << halted.status.to_string();
    EXPECT_THAT(halted.status.message(),
                AllOf(HasSubstr("would be read from its start"), HasSubstr("ms-" + name), HasSubstr(says)));
  };
  halts(1, 0, "state0", "accept_checkpoint = ");
  halts(3, 2, "new", "reset its groups");
  EXPECT_TRUE(results() == model(kRecords)) << "nothing twice";
  for (const std::uint32_t instance : {0U, 1U}) {
    const JobResult result = run(instance_of(2, instance, true), options_in("state" + std::to_string(instance)));
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  }
  EXPECT_TRUE(results() == model(2 * kRecords));
}

TEST_F(KafkaExactlyOnce, ATopicThatIsDeletedFailsTheJobWithItsName) {
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, 1'000));
  const Dataflow flow = dataflow(false);
  Job job = start(flow, options());
  EXPECT_TRUE(test::eventually([&] { return job.status().records_in == 1'000; }, 20s));
  broker->delete_topic(out);
  writer.write(in, payments(1'000, 2'000));
  ASSERT_TRUE(job.wait_for(60s));
  const JobResult failed = job.wait();
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_THAT(failed.status.message(), HasSubstr(out));
}

TEST_F(KafkaExactlyOnce, ASourceThatIsNotKafkaIsDecidedByThePointerAlone) {
  constexpr int kRecords = 3'000;
  std::vector<Payment> all;
  for (int i = 0; i < kRecords; ++i) all.push_back(payment(i));
  Dataflow flow{name};
  flow.from(memory::source(all))
      .key_by(&Payment::card)
      .process(RunningTotal{})
      .named("totals")
      .to(kafka::sink<Total>(sink_options()));
  for (int life = 0; life < 2; ++life) {
    const JobResult result = run(flow, options());
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
    EXPECT_EQ(results(), model(kRecords));
  }
}

TEST_F(KafkaExactlyOnce, SinksOnTwoClustersAreRefusedWithTheNextStep) {
  Dataflow flow{name};
  auto totals = flow.from(kafka::source<Payment>({.brokers = broker->brokers(), .topic = in, .stop_at_end = true}))
                    .key_by(&Payment::card)
                    .process(RunningTotal{})
                    .named("totals");
  totals.to(kafka::sink<Total>(sink_options())).named("first");
  totals.to(kafka::sink({.brokers = "elsewhere:9092", .topic = in})).named("second");
  const JobResult refused = run(flow, options());
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.status.message(),
              AllOf(HasSubstr("'first'"), HasSubstr("'second'"), HasSubstr(out), HasSubstr("Guarantee::kAtLeastOnce")));
}

}  // namespace
}  // namespace millstream::inline v0
