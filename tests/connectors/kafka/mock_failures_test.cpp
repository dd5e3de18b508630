// The source when brokers fail, against librdkafka's mock brokers: what it waits out, what it says, and what ends it.
#include <gmock/gmock.h>

#include <algorithm>

#include "connectors/kafka/mock_source.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::SourceOptions;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::list_splits;
using testing::LogWriter;
using testing::MockCluster;
using testing::numbers;
using testing::read_until;
using testing::texts;
using namespace std::chrono_literals;

class KafkaMockFailures : public testing::KafkaMockSource {};

TEST_F(KafkaMockFailures, AnOffsetThatIsNotThereFailsOrMovesAsTheOptionsSay) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 10));
  const auto at_99 = kafka::start_at_offsets({{"numbers", 0, 99}});
  auto fails = open(kafka::source<std::string>(options({.start = at_99})));
  const Result<Poll> failed = read_until(fails, 1);
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalidData);
  EXPECT_THAT(failed.error().message(), AllOf(HasSubstr("offset 99"), HasSubstr(".on_out_of_range")));
  auto moves =
      open(kafka::source<std::string>(options({.start = at_99, .on_out_of_range = kafka::OutOfRange::kEarliest})));
  ASSERT_TRUE(read_until(moves, 10));
  EXPECT_EQ(moves.records, texts(0, 10));
  EXPECT_THAT(moves.logged, Contains(AllOf(HasSubstr("offset 99"), HasSubstr("going on at the earliest"))));
}

TEST_F(KafkaMockFailures, ABrokerThatComesBackIsReadOn) {
  cluster.create("numbers", 1);
  LogWriter writer{cluster.brokers()};
  writer.write("numbers", numbers(0, 10));
  auto reader = open(kafka::source<std::string>(options()));
  ASSERT_TRUE(read_until(reader, 10));
  cluster.down();
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_TRUE(reader.poll());
    return std::any_of(reader.logged.begin(), reader.logged.end(),
                       [](const std::string& line) { return line.find("the client goes on trying") != line.npos; });
  })) << "the loss of the broker is not told";
  cluster.up();
  writer.write("numbers", numbers(10, 20));
  ASSERT_TRUE(read_until(reader, 20));
  EXPECT_EQ(reader.records, texts(0, 20));
}

TEST_F(KafkaMockFailures, ErrorsThatHealAreTriedAgainAndTold) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 10));
  cluster.push_errors(MockCluster::kListOffsets, {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE});
  cluster.push_errors(MockCluster::kFetch,
                      {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR__TRANSPORT,
                       RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  auto reader = open(kafka::source<std::string>(options()));
  ASSERT_TRUE(read_until(reader, 10));
  EXPECT_EQ(reader.records, texts(0, 10));
  EXPECT_THAT(reader.logged, Contains(AllOf(HasSubstr("numbers/0: "), HasSubstr("the client goes on trying"))));
}

// The client drops a batch whose checksum is wrong, or whose form it does not know, and reads on behind it.
TEST_F(KafkaMockFailures, ErrorsThatMayStandForMessagesFailTheJob) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 10));
  for (const rd_kafka_resp_err_t error :
       {RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
        RD_KAFKA_RESP_ERR_INVALID_MSG, RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT}) {
    cluster.push_errors(MockCluster::kFetch, {error});
    auto reader = open(kafka::source<std::string>(options()));
    const Result<Poll> last = read_until(reader, 10);
    ASSERT_FALSE(last) << rd_kafka_err2name(error);
    EXPECT_THAT(last.error().message(), HasSubstr(rd_kafka_err2name(error)));
    const bool data = error != RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    EXPECT_EQ(last.error().code(), data ? ErrorCode::kInvalidData : ErrorCode::kUnavailable)
        << last.error().to_string();
  }
}

TEST_F(KafkaMockFailures, ATopicThatIsDeletedWhileItIsReadIsSaid) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 10));
  auto reader = open(kafka::source<std::string>(options()));
  ASSERT_TRUE(read_until(reader, 10));
  cluster.set_topic_error("numbers", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  cluster.push_errors(MockCluster::kFetch, {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART});
  const Result<Poll> last = read_until(reader, 11);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), ErrorCode::kNotFound) << last.error().to_string();
}

TEST_F(KafkaMockFailures, APartitionThatMovesToAnotherBrokerIsReadOn) {
  MockCluster three{3};
  three.create("numbers", 1);
  three.move("numbers", 0, 1);
  LogWriter writer{three.brokers()};
  writer.write("numbers", numbers(0, 10));
  SourceOptions there = options();
  there.brokers = three.brokers();
  auto reader = open(kafka::source<std::string>(there));
  ASSERT_TRUE(read_until(reader, 10));
  for (std::int32_t broker = 2; broker <= 3; ++broker) {
    three.move("numbers", 0, broker);
    const int from = (broker - 1) * 10;
    writer.write("numbers", numbers(from, from + 10));
    ASSERT_TRUE(read_until(reader, static_cast<std::size_t>(from) + 10));
  }
  EXPECT_EQ(reader.records, texts(0, 30));
}

TEST_F(KafkaMockFailures, ASlowLinkIsWaitedFor) {
  cluster.create("numbers", 1);
  cluster.set_round_trip(300);
  const auto splits = list_splits(kafka::source<std::string>(options()));
  EXPECT_TRUE(splits) << splits.error().to_string();
}

TEST_F(KafkaMockFailures, APatternWaitsForTopicsThatAreNotReady) {
  cluster.create("orders-a", 1);
  cluster.create("orders-b", 1);
  cluster.set_topic_error("orders-b", RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
  EXPECT_THAT(first_mistake(options({.pattern = "orders-.*", .connect_timeout = 500ms})), HasSubstr("unavailable"))
      << "it would read fewer topics than match";
  EXPECT_TRUE(list_splits(kafka::source<std::string>(options({.pattern = ".*-a"}))));
}

TEST_F(KafkaMockFailures, WhatIsWrongIsSaidInSeconds) {
  cluster.set_topic_error("numbers", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  EXPECT_THAT(first_mistake(options()),
              AllOf(HasSubstr("not_found"), HasSubstr("topic 'numbers'"), HasSubstr("create it")));
  // The mock lists partitions beside a topic's error, as no broker does, and clients of 2.8 fall over them.
  constexpr int k2_6 = 0x02060000;
  constexpr int k2_9 = 0x02090000;
  if (rd_kafka_version() < k2_6 || rd_kafka_version() >= k2_9) {
    cluster.set_topic_error("numbers", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    EXPECT_THAT(first_mistake(options()), AllOf(HasSubstr("unavailable"), HasSubstr("ask for the access right")));
  }
  EXPECT_THAT(first_mistake(options({.pattern = "no-such-.*"})), HasSubstr("no topic matches"));
  EXPECT_THAT(first_mistake(options({.pattern = "("})), HasSubstr("no regular expression"));
  EXPECT_THAT(first_mistake(options({.properties = {{"no.such.property", "1"}, {"fetch.wait.max.ms", "x"}}})),
              AllOf(HasSubstr("no.such.property"), HasSubstr("fetch.wait.max.ms")));
  EXPECT_THAT(first_mistake(options({.format = kafka::Format::kCsv})), HasSubstr("does not fit CSV"));
  cluster.down();
  EXPECT_THAT(first_mistake(options({.connect_timeout = 500ms})),
              AllOf(HasSubstr("unavailable"), HasSubstr("no answer from the brokers"), HasSubstr(cluster.brokers())));
}

}  // namespace
}  // namespace millstream::inline v0
