// What a job that is exactly once on a real broker begins from: savepoints that are not the newest of what was decided,
// and checkpoints with new topics that were not.
#include <gmock/gmock.h>

#include <mutex>

#include "connectors/kafka/totals_job.hpp"
#include "core/kill_points.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::kPartitions;
using testing::LogWriter;
using testing::model;
using testing::Payment;
using testing::payments;
using testing::RunningTotal;
using testing::Total;
using namespace std::chrono_literals;

class KafkaRecovery : public testing::KafkaExactlyOnce {
 protected:
  /// A life of `kRecords` payments that ends with a savepoint, or goes on behind it.
  void make_savepoint(bool goes_on) {
    LogWriter writer{broker->brokers()};
    writer.write(in, payments(0, kRecords / 2));
    const Dataflow flow = dataflow(false);
    Job job = start(flow, options());
    EXPECT_TRUE(test::eventually([&] { return job.status().records_in == kRecords / 2; }, 20s));
    const Status saved = goes_on ? job.savepoint(state / "saved") : job.stop_with_savepoint(state / "saved");
    ASSERT_TRUE(saved.ok()) << saved.to_string();
    writer.write(in, payments(kRecords / 2, kRecords));
    if (!goes_on) return;
    EXPECT_TRUE(test::eventually([&] { return count_results() == kRecords; }, 20s));
    job.stop();
    ASSERT_EQ(job.wait().state, JobState::kFinished);
  }
  RunOptions from_savepoint(const std::string& folder) const {
    RunOptions with = options_in(folder);
    with.from_savepoint = state / "saved";
    return with;
  }

  static constexpr int kRecords = 2'000;
};

TEST_F(KafkaRecovery, AnotherInstanceDoesNotBeginFromASavepointBehindWhichThereIsOutput) {
  make_savepoint(true);
  kafka::SinkOptions<Total> to = sink_options();
  to.group = "ms-" + name;
  to.instance = 1;
  Dataflow flow{name};
  flow.from(kafka::source<Payment>({.brokers = broker->brokers(), .topic = in, .stop_at_end = true}))
      .named("in")
      .key_by(&Payment::card)
      .process(RunningTotal{})
      .named("totals")
      .to(kafka::sink<Total>(to))
      .named("out");
  RunOptions with = from_savepoint("new");
  const JobResult halted = run(flow, with);
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData) << halted.status.to_string();
  EXPECT_THAT(halted.status.message(), AllOf(HasSubstr("is not the newest that the sink has decided"),
                                             HasSubstr("would come twice"), HasSubstr("accept_checkpoint = ")));
  EXPECT_EQ(results(), model(kRecords));
}

TEST_F(KafkaRecovery, AnotherInstanceBeginsFromASavepointThatIsTheNewestDecision) {
  make_savepoint(false);
  kafka::SinkOptions<Total> to = sink_options();
  to.instance = 1;
  Dataflow flow{name};
  flow.from(kafka::source<Payment>({.brokers = broker->brokers(), .topic = in, .stop_at_end = true}))
      .named("in")
      .key_by(&Payment::card)
      .process(RunningTotal{})
      .named("totals")
      .to(kafka::sink<Total>(to))
      .named("out");
  for (int life = 0; life < 2; ++life) {
    const JobResult result = run(flow, from_savepoint("new"));
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
    EXPECT_EQ(results(), model(kRecords));
  }
}

TEST_F(KafkaRecovery, AJobThatIsGivenTheGroupOfAnotherHaltsAlsoFromASavepoint) {
  make_savepoint(false);
  kafka::SinkOptions<Total> to = sink_options();
  to.group = "ms-" + name;
  name += "-renamed";
  const JobResult halted = run(dataflow(true, to), from_savepoint("new"));
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData) << halted.status.to_string();
  EXPECT_THAT(halted.status.message(), HasSubstr("give each job its own name and .group"));
  EXPECT_EQ(results(), model(kRecords / 2));
}

#ifdef MILLSTREAM_TEST_SWITCHES
// The group has offsets of both topics from before the job, which reads the second one later; and the first checkpoint
// with that is written, but not decided: another process has taken the id.
TEST_F(KafkaRecovery, AJobThatReadsMoreTopicsMayFailAtItsFirstCheckpointWithThem) {
  const std::string more = broker->make_topic("more-payments", kPartitions);
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords / 2));
  kafka::SinkOptions<Total> to = sink_options();
  to.group = "of-" + name;
  broker->commit_offset(to.group, in, 0);
  broker->commit_offset(to.group, more, 0);
  const auto flow_of = [&](std::vector<std::string> topics, bool stop_at_end) {
    Dataflow flow{name};
    flow.from(kafka::source<Payment>(
                  {.brokers = broker->brokers(), .topics = std::move(topics), .stop_at_end = stop_at_end}))
        .named("in")
        .key_by(&Payment::card)
        .process(RunningTotal{})
        .named("totals")
        .to(kafka::sink<Total>(to))
        .named("out");
    return flow;
  };
  {
    const Dataflow flow = flow_of({in}, false);
    Job job = start(flow, options());
    EXPECT_TRUE(test::eventually([&] { return job.status().records_in == kRecords / 2; }, 20s));
    job.stop();
    ASSERT_EQ(job.wait().state, JobState::kFinished);
  }
  writer.write(more, payments(kRecords / 2, kRecords));
  {
    std::once_flag once;
    set_kill_point_hook([&](std::size_t here) {
      if (kKillPoints[here] != "manifest.after_rename") return;
      std::call_once(once, [&] { LogWriter{broker->brokers(), "ms-" + name + "-0"}; });
    });
    const Dataflow flow = flow_of({in, more}, false);
    Job job = start(flow, options());
    const JobResult fenced = job.wait();
    set_kill_point_hook(nullptr);
    ASSERT_EQ(fenced.state, JobState::kFailed);
    ASSERT_THAT(fenced.status.message(), HasSubstr("another instance"));
  }
  const JobResult result = run(flow_of({in, more}, true), options());
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
}
#endif

}  // namespace
}  // namespace millstream::inline v0
