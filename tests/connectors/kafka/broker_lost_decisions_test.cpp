// A job that stood still for longer than brokers keep the offsets of a group, or whose groups somebody has deleted:
// what it has decided cannot be read any more.
#include <gmock/gmock.h>

#include "connectors/kafka/real_broker.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Logged;
using testing::LogWriter;
using testing::read_log;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

class KafkaLostDecisions : public testing::OnBroker {
 protected:
  void SetUp() override {
    OnBroker::SetUp();
    if (broker == nullptr) return;
    in = broker->make_topic("words", 1);
    out = broker->make_topic("again", 1);
    name = "job-of-" + in;
    write();
    const JobResult first = read_all();
    ASSERT_EQ(first.state, JobState::kFinished) << first.status.to_string();
    ASSERT_EQ(results(), kWords);
  }
  void write() const { LogWriter{broker->brokers()}.write(in, std::vector<Logged>(kWords, Logged{.value = "word"})); }
  /// Runs the job until it has read what was written last, or fails.
  [[nodiscard]] JobResult read_all(std::optional<std::uint64_t> accept = {}) const {
    Dataflow flow{name};
    flow.from(kafka::source<std::string>({.brokers = broker->brokers(), .topic = in}))
        .named("in")
        .to(kafka::sink({.brokers = broker->brokers(), .topic = out}))
        .named("out");
    Job job = start(flow, {.shards = 1,
                           .state_dir = state / "state",
                           .checkpoint = {.interval = 50ms},
                           .accept_checkpoint = accept,
                           .log = {}});
    EXPECT_TRUE(test::eventually(
        [&] { return job.status().records_in == kWords || job.status().state == JobState::kFailed; }, 20s));
    job.stop();
    return job.wait();
  }
  [[nodiscard]] std::size_t results() const { return read_log(broker->brokers(), out, 1).size(); }

  static constexpr std::size_t kWords = 500;
  TemporaryFolder state;
  std::string in;
  std::string out;
  std::string name;
};

TEST_F(KafkaLostDecisions, HaltTheJobWithTheFactsAndTheNextStep) {
  broker->delete_group("ms-" + name);
  broker->delete_group("ms.checkpoint-" + name + "-0");
  write();
  const JobResult halted = read_all();
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData);
  const std::string says = halted.status.message();
  EXPECT_THAT(says,
              AllOf(HasSubstr("the decision names no checkpoint"), HasSubstr("committed"), HasSubstr("have expired"),
                    HasSubstr("'ms-" + name + "'"), HasSubstr("'ms.checkpoint-" + name + "-0'"),
                    HasSubstr("offsets.retention.minutes"), HasSubstr("accept_checkpoint = ")));
  EXPECT_EQ(results(), kWords) << "nothing is changed";
  // What the message says, and nothing was published behind that checkpoint.
  const std::uint64_t offered = std::stoull(says.substr(says.find("accept_checkpoint = ") + 20));
  const JobResult accepted = read_all(offered);
  EXPECT_EQ(accepted.state, JobState::kFinished) << accepted.status.to_string();
  EXPECT_EQ(results(), 2 * kWords);
  write();
  EXPECT_EQ(read_all().state, JobState::kFinished) << "it has decisions again";
  EXPECT_EQ(results(), 3 * kWords);
}

TEST_F(KafkaLostDecisions, OfOneGroupAloneTheOtherHas) {
  for (const std::string& group : {"ms-" + name, "ms.checkpoint-" + name + "-0"}) {
    SCOPED_TRACE(group);
    broker->delete_group(group);
    const std::size_t before = results();
    write();
    const JobResult result = read_all();
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
    EXPECT_EQ(results(), before + kWords);
  }
}

}  // namespace
}  // namespace millstream::inline v0
