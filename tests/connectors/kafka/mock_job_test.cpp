// Whole jobs on librdkafka's mock brokers: what several runs and stages of one source have to do with each other.
#include <gmock/gmock.h>

#include <atomic>

#include "connectors/kafka/mock_cluster.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Logged;
using testing::LogWriter;
using testing::MockCluster;
using ::testing::SizeIs;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

struct CountingSink {
  std::shared_ptr<std::atomic<int>> taken;
  void write(const std::string&) { ++*taken; }
};

class KafkaMockJob : public ::testing::Test {
 protected:
  KafkaMockJob() {
    cluster.create("numbers", kPartitions);
    std::vector<Logged> all;
    for (int i = 0; i < kRecords; ++i) all.push_back({.value = std::to_string(i), .partition = i % kPartitions});
    LogWriter{cluster.brokers()}.write("numbers", all);
  }
  static constexpr int kRecords = 200;
  static constexpr int kPartitions = 2;
  MockCluster cluster;
  std::shared_ptr<std::atomic<int>> taken = std::make_shared<std::atomic<int>>(0);
};

TEST_F(KafkaMockJob, EveryRunAndEveryStageOfASourceReadsByItself) {
  const auto source =
      kafka::source<std::string>({.brokers = cluster.brokers(), .topic = "numbers", .stop_at_end = true});
  Dataflow flow{"twice"};
  flow.from(source).named("first").to(CountingSink{taken});
  flow.from(source).named("second").to(CountingSink{taken});
  Job one = start(flow, {.shards = 2, .log = {}});
  Job other = start(flow, {.shards = 2, .log = {}});
  for (Job* job : {&one, &other}) {
    const JobResult result = job->wait();
    EXPECT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  }
  EXPECT_EQ(*taken, 4 * kRecords);
}

TEST_F(KafkaMockJob, ARestartWithMoreInstancesHalts) {
  const TemporaryFolder state;
  const auto run_as = [&](std::uint32_t instances) {
    Dataflow flow{"shared"};
    flow.from(kafka::source<std::string>({.brokers = cluster.brokers(), .topic = "numbers", .instances = instances}))
        .to(CountingSink{taken});
    Job job = start(flow, {.shards = 1, .state_dir = state / "state", .log = {}});
    EXPECT_TRUE(test::eventually([&] { return *taken == kRecords || job.status().state == JobState::kFailed; }));
    job.stop();
    return job.wait();
  };
  const JobResult alone = run_as(1);
  ASSERT_EQ(alone.state, JobState::kFinished) << alone.status.to_string();
  taken->store(0);
  const JobResult shared = run_as(2);
  EXPECT_EQ(shared.state, JobState::kFailed);
  EXPECT_THAT(shared.status.message(), HasSubstr("the split 'numbers/1'"));
}

struct Number {
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Number, (), (number))

struct IgnoringSink {
  void write(const Number&) {}
};

/// A message that is none of a number, so large that its letter is larger than what a client takes by default (1 MB).
class KafkaLargeLetter : public ::testing::Test {
 protected:
  KafkaLargeLetter() {
    cluster.create("numbers", 1);
    cluster.create("letters", 1);
    LogWriter{cluster.brokers()}.write("numbers", {{.value = std::string(kBytes, 'x')}, {.value = "{\"number\":1}"}});
  }
  [[nodiscard]] JobResult run_job(kafka::Properties properties, const std::string& state_dir = {}) const {
    Dataflow flow{"letters"};
    auto numbers = flow.from(kafka::source<Number>({.brokers = cluster.brokers(),
                                                    .topic = "numbers",
                                                    .stop_at_end = true,
                                                    .on_bad_record = OnError::kDeadLetter}));
    numbers.side_output(dead_letters)
        .to(kafka::sink({.brokers = cluster.brokers(), .topic = "letters", .properties = std::move(properties)}));
    numbers.to(IgnoringSink{});
    return run(flow, {.shards = 1, .state_dir = state_dir, .log = {}});
  }
  static constexpr std::size_t kBytes = 999'900;
  MockCluster cluster;
};

TEST_F(KafkaLargeLetter, ThatTheClientDoesNotTakeFailsTheRunAndSaysWhatToRaise) {
  const TemporaryFolder folder;
  for (const std::string& state_dir : {std::string{}, folder / "state"}) {
    const JobResult refused = run_job({}, state_dir);
    EXPECT_EQ(refused.state, JobState::kFailed);
    EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData) << refused.status.to_string();
    EXPECT_THAT(refused.status.message(), AllOf(HasSubstr("topic 'letters'"), HasSubstr("message.max.bytes")));
  }
  const JobResult raised = run_job({{"message.max.bytes", "1010000"}});
  EXPECT_EQ(raised.state, JobState::kFinished) << raised.status.to_string();
  EXPECT_THAT(testing::read_log(cluster.brokers(), "letters", 1), SizeIs(1)) << "nothing is lost meanwhile";
}

TEST_F(KafkaLargeLetter, ThatTheBrokerDoesNotTakeLikewise) {
  cluster.push_errors(MockCluster::kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  const JobResult refused = run_job({{"message.max.bytes", "1010000"}});
  EXPECT_EQ(refused.status.code(), ErrorCode::kInvalidData) << refused.status.to_string();
  EXPECT_THAT(refused.status.message(), AllOf(HasSubstr("topic 'letters'"), HasSubstr("max.message.bytes")));
}

}  // namespace
}  // namespace millstream::inline v0
