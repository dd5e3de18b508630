// The sink against librdkafka's mock brokers: what it writes and where, what it waits for, and what fails it.
#include <gmock/gmock.h>

#include "connectors/drive.hpp"
#include "connectors/kafka/mock_cluster.hpp"
#include "connectors/kafka/payments.hpp"
#include "millstream/connectors/kafka/sink.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::Guarantee;
using kafka::Message;
using kafka::SinkOptions;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Logged;
using testing::MockCluster;
using testing::Payment;
using testing::read_log;
using testing::sink_context;
using namespace std::chrono_literals;

class KafkaMockSink : public ::testing::Test {
 protected:
  template <class T>
  kafka::Sink<T> sink(SinkOptions<T> options = {}) const {
    options.brokers = cluster.brokers();
    if (options.topic.empty()) options.topic = "out";
    return kafka::sink<T>(std::move(options));
  }
  /// Writes all, waiting for room as a shard does.
  template <class T>
  Status write(kafka::Sink<T>& to, std::vector<T> records) {
    std::span<T> left{records};
    Status status;
    test::eventually([&] {
      const Result<std::size_t> taken = to.write(left);
      if (!taken) status = taken.error();
      if (taken) left = left.subspan(*taken);
      return !status.ok() || left.empty();
    });
    return status;
  }
  /// What a shard does at a barrier.
  template <class T>
  Status drain(kafka::Sink<T>& to) {
    Result<bool> drained = false;
    context.set_draining(true);
    EXPECT_TRUE(test::eventually([&] {
      drained = to.drain();
      return !drained || *drained;
    }));
    return drained ? Status{} : drained.error();
  }
  template <class T>
  Status write_and_close(kafka::Sink<T> to, std::vector<T> records) {
    if (Status s = to.open(context); !s.ok()) return s;
    if (Status s = write(to, std::move(records)); !s.ok()) return s;
    return to.close(SinkEnd::kFinished);
  }

  MockCluster cluster;
  SinkContext context = sink_context();
};

TEST_F(KafkaMockSink, WritesWhatARecordSays) {
  cluster.create("out", 3);
  const Status written = write_and_close(
      sink<Payment>({.key = [](const Payment& p) { return p.card; },
                     .headers = [](const Payment& p) -> std::vector<kafka::Header> {
                       return p.cents == 0 ? std::vector<kafka::Header>{}
                                           : std::vector<kafka::Header>{{"cents", std::to_string(p.cents)}};
                     },
                     .timestamp = [](const Payment& p) { return Timestamp{p.cents * 1000ms}; },
                     .partition = [](const Payment& p) { return p.cents == 0 ? 0 : 2; }}),
      {{"a", 7}, {"b", 0}, {"c", 9}});
  ASSERT_TRUE(written.ok()) << written.to_string();
  const std::vector<Logged> log = read_log(cluster.brokers(), "out", 3);
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0].value, R"({"card":"b","cents":0})");
  EXPECT_EQ(log[0].partition, 0);
  EXPECT_TRUE(log[0].headers.empty());
  EXPECT_EQ(log[1].key, "a");
  EXPECT_EQ(log[1].partition, 2);
  EXPECT_EQ(log[1].timestamp_ms, 7000);
  EXPECT_THAT(log[1].headers, ElementsAre(std::pair<std::string, std::string>{"cents", "7"}));
  EXPECT_EQ(log[2].key, "c");
}

TEST_F(KafkaMockSink, AMessageSaysItItself) {
  cluster.create("out", 2);
  using Record = Message<std::optional<std::string>>;
  const Status written = write_and_close(
      sink<Record>(), {{.value = "v", .key = "", .headers = {{"h", "1"}}, .partition = 1},
                       {.value = std::nullopt, .key = "k", .timestamp = Timestamp{5ms}, .partition = 1}});
  ASSERT_TRUE(written.ok()) << written.to_string();
  const std::vector<Logged> log = read_log(cluster.brokers(), "out", 2);
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].value, "v");
  EXPECT_EQ(log[0].key, "");
  EXPECT_EQ(log[0].partition, 1);
  EXPECT_FALSE(log[1].has_value);
  EXPECT_EQ(log[1].timestamp_ms, 5);
}

// Keys and their murmur2 are those of the Java client's own test (org.apache.kafka.common.utils.UtilsTest); it puts a
// key into partition (hash & 0x7fffffff) % partitions.
TEST_F(KafkaMockSink, AKeyGoesWhereTheJavaClientPutsIt) {
  const std::vector<std::pair<std::string, std::int32_t>> hashes{
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  cluster.create("out", 7);
  std::vector<std::string> keys;
  for (const auto& [key, hash] : hashes) keys.push_back(key);
  ASSERT_TRUE(write_and_close(sink<std::string>({.key = [](const std::string& key) { return key; }}), keys).ok());
  std::map<std::string, std::int32_t> found;
  for (const Logged& logged : read_log(cluster.brokers(), "out", 7)) found[logged.value] = logged.partition;
  for (const auto& [key, hash] : hashes) EXPECT_EQ(found[key], (hash & 0x7fffffff) % 7) << key;
}

TEST_F(KafkaMockSink, ACheckpointWaitsForEveryDelivery) {
  cluster.create("out", 2);
  auto to = sink<std::string>({.properties = {{"linger.ms", "60000"}}});
  ASSERT_TRUE(to.open(context).ok());
  ASSERT_TRUE(write(to, std::vector<std::string>(100, "x")).ok());
  cluster.push_errors(MockCluster::kProduce,
                      {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION});
  const Status drained = drain(to);
  ASSERT_TRUE(drained.ok()) << drained.to_string();
  EXPECT_EQ(read_log(cluster.brokers(), "out", 2).size(), 100U);
  EXPECT_TRUE(to.close(SinkEnd::kFinished).ok());
}

TEST_F(KafkaMockSink, ACheckpointThatWaitsHoldsNoShard) {
  cluster.create("out", 1);
  std::atomic<int> woken{0};
  SinkContext waking{"sink", 0, 1, posix_file_system(), system_clock(), {}, Waker{[&] { ++woken; }}};
  auto to = sink<std::string>({.properties = {{"linger.ms", "0"}}});
  ASSERT_TRUE(to.open(waking).ok());
  cluster.down();
  ASSERT_TRUE(write(to, {"x"}).ok());
  const Result<bool> between_barriers = to.drain();
  EXPECT_TRUE(between_barriers && *between_barriers) << "nothing waits in the sink itself";
  waking.set_draining(true);
  for (int i = 0; i < 10; ++i) {
    const Result<bool> drained = to.drain();
    ASSERT_TRUE(drained) << drained.error().to_string();
    EXPECT_FALSE(*drained);
  }
  cluster.up();
  Result<bool> drained = false;
  EXPECT_TRUE(test::eventually([&] {
    if (woken.exchange(0) > 0) drained = to.drain();
    return !drained || *drained;
  })) << "the delivery wakes the shard";
  ASSERT_TRUE(drained) << drained.error().to_string();
  EXPECT_TRUE(to.close(SinkEnd::kFinished).ok());
}

TEST_F(KafkaMockSink, AFullBufferIsNoRoomAndTheShardIsWokenWhenItIsNotAnyMore) {
  cluster.create("out", 1);
  std::atomic<int> woken{0};
  SinkContext waking{"sink", 0, 1, posix_file_system(), system_clock(), {}, Waker{[&] { ++woken; }}};
  auto to = sink<std::string>({.buffer_bytes_max = std::size_t{1} << 20, .properties = {{"linger.ms", "100"}}});
  ASSERT_TRUE(to.open(waking).ok());
  cluster.down();
  std::vector<std::string> records(1000, std::string(10'000, 'x'));
  Result<std::size_t> taken = to.write(records);
  ASSERT_TRUE(taken);
  EXPECT_LT(*taken, 110U);
  EXPECT_EQ(*to.write(std::span{records}.subspan(*taken)), 0U);
  cluster.up();
  std::size_t all = *taken;
  EXPECT_TRUE(test::eventually([&] {
    if (woken.exchange(0) == 0) return false;
    for (taken = 1; taken && *taken > 0 && all < records.size(); all += taken ? *taken : 0) {
      taken = to.write(std::span{records}.subspan(all));
    }
    return !taken || all == records.size();
  }));
  ASSERT_TRUE(taken) << taken.error().to_string();
  EXPECT_TRUE(to.close(SinkEnd::kFinished).ok());
  EXPECT_EQ(read_log(cluster.brokers(), "out", 1).size(), records.size());
}

TEST_F(KafkaMockSink, HeadersTakeRoomUntilTheyAreDelivered) {
  cluster.create("out", 1);
  auto to = sink<std::string>({.headers = [](const std::string&) -> std::vector<kafka::Header> {
                                 return {{"big", std::string(10'000, 'h')}, {"none", std::nullopt}};
                               },
                               .buffer_bytes_max = std::size_t{1} << 20});
  ASSERT_TRUE(to.open(context).ok());
  std::vector<std::string> records(1000, "x");
  std::vector<std::size_t> taken_each;
  for (int round = 0; round < 2; ++round) {
    cluster.down();
    const Result<std::size_t> taken = to.write(records);
    ASSERT_TRUE(taken) << taken.error().to_string();
    EXPECT_LT(*taken, 110U);
    taken_each.push_back(*taken);
    cluster.up();
    ASSERT_TRUE(drain(to).ok());
  }
  EXPECT_EQ(taken_each[1], taken_each[0]) << "what is delivered takes no room any more";
  EXPECT_TRUE(to.close(SinkEnd::kFinished).ok());
}

TEST_F(KafkaMockSink, ATimestampIsNeverTakenForNow) {
  cluster.create("out", 1);
  const auto written = [&](Timestamp time) {
    return write_and_close(sink<std::string>({.timestamp = [time](const std::string&) { return time; }}), {"x"})
        .to_string();
  };
  EXPECT_EQ(written(Timestamp{0ms}), Status{}.to_string());
  const std::vector<Logged> log = read_log(cluster.brokers(), "out", 1);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].timestamp_ms, 1) << "the client has no zero";
  EXPECT_THAT(written(Timestamp{-1us}), AllOf(HasSubstr("invalid_data"), HasSubstr("before 1970")));
}

TEST_F(KafkaMockSink, AFailedDeliveryFailsTheJobWithItsCause) {
  cluster.create("out", 1);
  auto to = sink<std::string>({.properties = {{"message.timeout.ms", "200"}, {"linger.ms", "0"}}});
  ASSERT_TRUE(to.open(context).ok());
  cluster.down();
  ASSERT_TRUE(write(to, {"x"}).ok());
  const Status drained = drain(to);
  EXPECT_EQ(drained.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(drained.message(), AllOf(HasSubstr("a message could not be delivered"), HasSubstr("_MSG_TIMED_OUT")));
  EXPECT_FALSE(to.flush().ok()) << "and it stays failed";
  EXPECT_TRUE(to.close(SinkEnd::kAborted).ok());
}

TEST_F(KafkaMockSink, ARecordThatNoBrokerTakesFailsTheJob) {
  cluster.create("out", 1);
  EXPECT_THAT(write_and_close(sink<std::string>({.properties = {{"message.max.bytes", "1000"}}}),
                              {"small", std::string(5000, 'x')})
                  .to_string(),
              AllOf(HasSubstr("invalid_data"), HasSubstr("message.max.bytes")));
  EXPECT_THAT(
      write_and_close(sink<std::string>({.partition = [](const std::string&) { return 9; }}), {"x"}).to_string(),
      HasSubstr("not_found"));
}

TEST_F(KafkaMockSink, WithoutGuaranteeALossIsLoggedAndNothingWaits) {
  cluster.create("out", 1);
  std::vector<std::string> logged;
  SinkContext logging{"sink",
                      0,
                      1,
                      posix_file_system(),
                      system_clock(),
                      [&](LogLevel, std::string_view line) { logged.emplace_back(line); },
                      Waker{}};
  auto to = sink<std::string>(
      {.guarantee = Guarantee::kNone, .properties = {{"message.timeout.ms", "200"}, {"linger.ms", "0"}}});
  ASSERT_TRUE(to.open(logging).ok());
  cluster.down();
  ASSERT_TRUE(write(to, {"x"}).ok());
  logging.set_draining(true);
  const Result<bool> drained = to.drain();
  EXPECT_TRUE(drained && *drained);
  EXPECT_TRUE(to.close(SinkEnd::kFinished).ok());
  EXPECT_THAT(logged, ::testing::Contains(AllOf(HasSubstr("1 messages were lost"), HasSubstr("_MSG_TIMED_OUT"))));
}

TEST_F(KafkaMockSink, WhatIsWrongIsSaidWhenItIsOpened) {
  const auto mistake = [&](auto to) { return to.open(context).to_string(); };
  cluster.set_topic_error("out", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  EXPECT_THAT(mistake(sink<std::string>()), AllOf(HasSubstr("not_found"), HasSubstr("topic 'out'")));
  EXPECT_THAT(mistake(sink<std::string>({.format = kafka::Format::kCsv})), HasSubstr("does not fit CSV"));
  EXPECT_THAT(mistake(sink<Message<Payment>>({.partition = [](const Message<Payment>&) { return 0; }})),
              HasSubstr("not for records of type Message"));
  EXPECT_THAT(mistake(sink<std::string>({.properties = {{"acks", "1"}}})), HasSubstr("idempotence"));
}

}  // namespace
}  // namespace millstream::inline v0
