// Whole jobs from Kafka to Kafka on a real broker: stopped and started again, killed brokers, and what a model says.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "connectors/kafka/real_broker.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using testing::Logged;
using testing::LogWriter;
using testing::read_log;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

struct Payment {
  std::string card;
  std::int64_t cents = 0;
  Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (card, cents, at))
using Spend = WindowResult<std::string, std::int64_t>;

constexpr int kPartitions = 4;

Payment payment(int i) { return {"card-" + std::to_string(i % 50), i % 97, Timestamp{i * 10ms}}; }

std::vector<Logged> payments(int from, int to) {
  std::vector<Logged> all;
  for (int i = from; i < to; ++i) {
    Logged& logged = all.emplace_back(Logged{.partition = i % kPartitions});
    encode_json(payment(i), logged.value);
  }
  return all;
}

using Totals = std::map<std::pair<std::string, Timestamp>, std::int64_t>;

Totals model(int records) {
  Totals totals;
  for (int i = 0; i < records; ++i) {
    const Payment p = payment(i);
    totals[{p.card, Timestamp{std::chrono::floor<std::chrono::seconds>(p.at.time_since_epoch())}}] += p.cents;
  }
  return totals;
}

class KafkaJob : public testing::OnBroker {
 protected:
  void SetUp() override {
    OnBroker::SetUp();
    if (broker == nullptr) return;
    in = broker->make_topic("payments", kPartitions);
    out = broker->make_topic("spend", 3);
  }
  Dataflow dataflow(bool stop_at_end) const {
    Dataflow flow{"card-spend"};
    flow.from(kafka::source<Payment>({.brokers = broker->brokers(), .topic = in, .stop_at_end = stop_at_end}))
        .event_time(&Payment::at, bounded_disorder(100ms))
        .key_by(&Payment::card)
        .window(tumbling(1s))
        .aggregate(sum(&Payment::cents))
        .to(kafka::sink<Spend>(
            {.brokers = broker->brokers(), .topic = out, .key = [](const Spend& s) { return s.key; }}));
    return flow;
  }
  RunOptions options() const {
    return {.shards = 2, .state_dir = state / "state", .checkpoint = {.interval = 50ms}, .log = {}};
  }
  /// The results in the topic. Where a window is there several times, all times say the same; `repeated` counts them.
  Totals results(int* repeated = nullptr) const {
    Totals totals;
    JsonDecoder<Spend> decoder;
    for (const Logged& logged : read_log(broker->brokers(), out, 3)) {
      Spend spend;
      DecodeError error;
      EXPECT_TRUE(decoder.decode(logged.value, spend, error)) << logged.value;
      EXPECT_EQ(logged.key, spend.key);
      const auto [at, first] = totals.try_emplace({spend.key, spend.window_start}, spend.value);
      EXPECT_EQ(at->second, spend.value) << logged.value;
      if (!first && repeated != nullptr) ++*repeated;
    }
    return totals;
  }

  TemporaryFolder state;
  std::string in;
  std::string out;
};

TEST_F(KafkaJob, StoppedAndStartedAgainItGivesTheResultsOfTheModelOnce) {
  LogWriter writer{broker->brokers()};
  constexpr int kRecords = 20'000;
  constexpr int kLives = 4;
  for (int life = 0; life < kLives; ++life) {
    const int from = life * kRecords / kLives;
    const int to = (life + 1) * kRecords / kLives;
    writer.write(in, payments(from, to));
    const Dataflow flow = dataflow(life + 1 == kLives);
    Job job = start(flow, options());
    if (life + 1 < kLives) {
      EXPECT_TRUE(test::eventually([&] { return job.status().records_in > 1000; }));
      job.stop();
    }
    const JobResult result = job.wait();
    ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  }
  int repeated = 0;
  EXPECT_EQ(results(&repeated), model(kRecords));
  EXPECT_EQ(repeated, 0);
}

TEST_F(KafkaJob, CutOffAndStartedAgainItLosesNothing) {
  constexpr int kRecords = 20'000;
  LogWriter{broker->brokers()}.write(in, payments(0, kRecords));
  for (int life = 0; life < 3; ++life) {
    const Dataflow flow = dataflow(false);
    Job job = start(flow, options());
    EXPECT_TRUE(test::eventually([&] { return job.status().checkpoints > 0; }));
    job.cancel();
    EXPECT_EQ(job.wait().state, JobState::kCancelled);
  }
  const JobResult result = run(dataflow(true), options());
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
}

TEST_F(KafkaJob, ABrokerThatIsKilledIsWaitedForAndNothingIsLost) {
  if (!broker->owned()) GTEST_SKIP() << "the user's own broker is not killed";
  constexpr int kRecords = 20'000;
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords / 2));
  const Dataflow flow = dataflow(false);
  Job job = start(flow, options());
  EXPECT_TRUE(test::eventually([&] { return job.status().records_in > 0; }));
  broker->kill();
  broker->restart();
  writer.write(in, payments(kRecords / 2, kRecords));
  EXPECT_TRUE(test::eventually([&] { return job.status().records_in == kRecords; }, 60s))
      << job.status().records_in << " " << job.status().error.to_string();
  EXPECT_TRUE(test::eventually([&] {
    const std::vector<SplitStatus> splits = job.status().splits;
    return std::all_of(splits.begin(), splits.end(), [](const SplitStatus& split) { return split.lag_records == 0U; });
  })) << "a lag is left where everything was read";
  job.stop();
  JobResult result = job.wait();
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  result = run(dataflow(true), options());
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), model(kRecords));
}

TEST_F(KafkaJob, OneOfSeveralProcessesHaltsWhenItsTopicGrowsAndStaysSo) {
  LogWriter{broker->brokers()}.write(in, payments(0, 1000));
  Dataflow flow{"card-spend"};
  flow.from(kafka::source<Payment>(
                {.brokers = broker->brokers(), .topic = in, .instances = 2, .partition_discovery_interval = 100ms}))
      .event_time(&Payment::at, bounded_disorder(100ms))
      .key_by(&Payment::card)
      .keyed_by_partition()
      .window(tumbling(1s))
      .aggregate(sum(&Payment::cents))
      .to(kafka::sink<Spend>({.brokers = broker->brokers(), .topic = out}));
  const auto expect_halted = [](const JobResult& result) {
    EXPECT_EQ(result.state, JobState::kFailed);
    EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData) << result.status.to_string();
    EXPECT_NE(result.status.message().find("has 5 partitions and had 4"), std::string::npos)
        << result.status.to_string();
  };
  RunOptions with = options();
  with.restart = {.max_restarts = 3, .initial_backoff = 1ms};
  {
    Job job = start(flow, with);
    EXPECT_TRUE(test::eventually([&] { return job.status().records_in > 0 && job.status().checkpoints > 1; }));
    broker->grow_topic(in, kPartitions + 1);
    expect_halted(job.wait());
  }
  // Partition 4 is this process's, 0 and 2 it had before.
  expect_halted(run(flow, with));
}

}  // namespace
}  // namespace millstream::inline v0
