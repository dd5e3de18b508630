// From options to settings of librdkafka.
#include "connectors/kafka/configuration.hpp"

#include <gmock/gmock.h>

#include <map>

#include "millstream/connectors/kafka/client.hpp"
#include "millstream/connectors/kafka/source.hpp"

namespace millstream::inline v0::kafka::detail {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

constexpr std::uint32_t kOldClient = 0x020002ff;
constexpr std::uint32_t kNewClient = 0x020800ff;

std::map<std::string, std::string> reading(SourceOptions options, std::size_t partitions = 1,
                                           std::uint32_t version = kNewClient) {
  if (options.brokers.empty()) options.brokers = "b:1";
  if (options.topic.empty()) options.topic = "t";
  const Result<Configuration> made = consumer_configuration(options, partitions, version);
  EXPECT_TRUE(made) << made.error().to_string();
  return made ? made->properties : std::map<std::string, std::string>{};
}

WriterOptions writer(WriterOptions options) {
  options.brokers = "b:1";
  options.topic = "t";
  options.buffer_bytes_max = kBufferBytesMin;
  options.connect_timeout = std::chrono::seconds{1};
  return options;
}

std::map<std::string, std::string> writing(const WriterOptions& options) {
  const Result<Configuration> made = producer_configuration(writer(options));
  EXPECT_TRUE(made) << made.error().to_string();
  return made ? made->properties : std::map<std::string, std::string>{};
}

TEST(KafkaConfiguration, TheSourceOwnsItsPlaceAndReadsWhatIsCommitted) {
  EXPECT_THAT(reading(SourceOptions{}),
              AllOf(Contains(Pair("bootstrap.servers", "b:1")), Contains(Pair("isolation.level", "read_committed")),
                    Contains(Pair("enable.auto.commit", "false")), Contains(Pair("auto.offset.reset", "error")),
                    Contains(Pair("reconnect.backoff.max.ms", "500")), Not(Contains(Key("group.id")))));
  EXPECT_THAT(reading({.group = "g", .read_uncommitted = true}),
              AllOf(Contains(Pair("isolation.level", "read_uncommitted")), Contains(Pair("group.id", "g"))));
}

TEST(KafkaConfiguration, PropertiesGoBeforePresets) {
  EXPECT_EQ(reading({.preset = Preset::kThroughput})["fetch.min.bytes"], "65536");
  EXPECT_EQ(reading({.preset = Preset::kThroughput, .properties = {{"fetch.min.bytes", "9"}}})["fetch.min.bytes"], "9");
  EXPECT_EQ(writing(WriterOptions{.preset = Preset::kLatency})["linger.ms"], "0");
  EXPECT_EQ(writing(WriterOptions{.preset = Preset::kDurable})["message.timeout.ms"], "3600000");
  EXPECT_EQ(writing(WriterOptions{.preset = Preset::kLatency, .properties = {{"linger.ms", "3"}}})["linger.ms"], "3");
}

TEST(KafkaConfiguration, APropertyByItsOtherNameReplacesTheDefault) {
  const auto made =
      writing(WriterOptions{.properties = {{"delivery.timeout.ms", "9000"}, {"compression.codec", "zstd"}}});
  EXPECT_THAT(made, AllOf(Not(Contains(Key("message.timeout.ms"))), Not(Contains(Key("compression.type"))),
                          Contains(Pair("delivery.timeout.ms", "9000"))));
}

TEST(KafkaConfiguration, FetchMemoryIsSharedByThePartitions) {
  EXPECT_EQ(reading({.fetch_bytes_max = std::size_t{64} << 20}, 4)["queued.max.messages.kbytes"], "16384");
  EXPECT_EQ(reading({.fetch_bytes_max = std::size_t{64} << 20}, 1000)["queued.max.messages.kbytes"], "1024");
}

TEST(KafkaConfiguration, ThePauseAfterAReachedLimitIsShortWhereTheClientCanBeTold) {
  EXPECT_EQ(reading(SourceOptions{}, 1, kNewClient)["fetch.queue.backoff.ms"], "10");
  EXPECT_THAT(reading(SourceOptions{}, 1, kOldClient), Not(Contains(Key("fetch.queue.backoff.ms"))));
}

TEST(KafkaConfiguration, DeliveriesAreWaitedForUnlessNothingIsPromised) {
  EXPECT_THAT(writing(WriterOptions{}),
              AllOf(Contains(Pair("acks", "all")), Contains(Pair("enable.idempotence", "true")),
                    Contains(Pair("partitioner", "murmur2_random"))));
  EXPECT_THAT(writing(WriterOptions{}), Contains(Pair("allow.auto.create.topics", "false"))) << "the topic must exist";
  EXPECT_THAT(writing(WriterOptions{.guarantee = Guarantee::kNone}),
              AllOf(Contains(Pair("acks", "1")), Not(Contains(Key("enable.idempotence")))));
}

TEST(KafkaConfiguration, ATransactionHasItsIdAndItsTimeout) {
  const auto made = [](WriterOptions options) {
    options.brokers = "b:1";
    options.topic = "t";
    options.buffer_bytes_max = kBufferBytesMin;
    options.connect_timeout = std::chrono::seconds{1};
    const Result<Configuration> configuration =
        transaction_configuration(std::move(options), "ms-job-0", std::chrono::minutes{2});
    EXPECT_TRUE(configuration) << configuration.error().to_string();
    return configuration ? configuration->properties : std::map<std::string, std::string>{};
  };
  EXPECT_THAT(made({}),
              AllOf(Contains(Pair("transactional.id", "ms-job-0")), Contains(Pair("transaction.timeout.ms", "120000")),
                    Contains(Pair("acks", "all")), Not(Contains(Key("message.timeout.ms")))))
      << "messages have as long as their transaction";
  EXPECT_THAT(made({.preset = Preset::kDurable}), Not(Contains(Key("message.timeout.ms"))));
  EXPECT_THAT(made({.properties = {{"message.timeout.ms", "5000"}}}), Contains(Pair("message.timeout.ms", "5000")));
}

TEST(KafkaConfiguration, WhoReadsAGroupConnectsAsTheSinkDoes) {
  const Configuration made = group_configuration(
      {.brokers = "b:1",
       .properties = {{"sasl.username", "ann"}, {"security.protocol", "SASL_SSL"}, {"linger.ms", "7"}}},
      "g");
  EXPECT_THAT(
      made.properties,
      AllOf(Contains(Pair("sasl.username", "ann")), Contains(Pair("security.protocol", "SASL_SSL")),
            Not(Contains(Key("linger.ms"))), Contains(Pair("group.id", "g")),
            Contains(Pair("isolation.level", "read_committed")), Contains(Pair("enable.auto.commit", "false"))));
}

TEST(KafkaConfiguration, AClusterIsNamedByItsBrokersInAnyOrder) {
  EXPECT_EQ(cluster_name("b:1, a:2"), cluster_name("a:2,b:1,"));
  EXPECT_EQ(cluster_name("a:2,b:1"), "kafka:a:2,b:1");
  EXPECT_NE(cluster_name("a:2"), cluster_name("a:1"));
}

TEST(KafkaConfiguration, AllMistakesAreReportedAtOnce) {
  const Result<Configuration> made =
      consumer_configuration({.topic = "a",
                              .topics = {std::string(250, 'x')},
                              .pattern = "b",
                              .start = start_at_committed(),
                              .instance = 2,
                              .instances = 2,
                              .properties = {{"group.id", "x"}, {"isolation.level", "x"}, {"transactional.id", "x"}}},
                             1, kNewClient);
  EXPECT_EQ(made.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(made.error().message(),
              AllOf(HasSubstr(".brokers is empty"), HasSubstr("one of .topic, .topics and .pattern"),
                    HasSubstr("has 250 characters: Kafka allows 249"), HasSubstr(".instance is 2 of 2"),
                    HasSubstr("needs the .group"), HasSubstr("group.id cannot be set: it is .group"),
                    HasSubstr("isolation.level cannot be set"), HasSubstr("transactional.id cannot be set")));
  const Result<Configuration> sink = producer_configuration(
      {.buffer_bytes_max = std::size_t{2} << 30, .properties = {{"acks", "0"}, {"queue.buffering.max.messages", "1"}}});
  EXPECT_THAT(sink.error().message(), AllOf(HasSubstr(".topic is empty"), HasSubstr("acks=0"),
                                            HasSubstr(".buffer_bytes_max is 2147483648: give 1048576 to 1073741824"),
                                            HasSubstr("queue.buffering.max.messages cannot be set")));
}

TEST(KafkaConfiguration, SecretsAreNotInItsText) {
  const Configuration configuration{{{"sasl.password", "s3cret"},
                                     {"ssl.key.pem", "s3cret"},
                                     {"ssl.keystore.password", "s3cret"},
                                     {"sasl.oauthbearer.client.secret", "s3cret"},
                                     {"ssl.key.password", "s3cret"},
                                     {"sasl.oauthbearer.config", "s3cret"},
                                     {"sasl.oauthbearer.extensions", "s3cret"},
                                     {"sasl.oauthbearer.assertion.private.key.pem", "s3cret"},
                                     {"sasl.oauthbearer.assertion.private.key.passphrase", "s3cret"},
                                     {"sasl.what.a.newer.client.has", "s3cret"},
                                     {"ssl.ca.location", "/ca"},
                                     {"fetch.min.bytes", "9"},
                                     {"sasl.username", "ann"}}};
  EXPECT_THAT(configuration.text(),
              AllOf(Not(HasSubstr("s3cret")), HasSubstr("sasl.password=***"), HasSubstr("sasl.username=ann"),
                    HasSubstr("ssl.ca.location=/ca"), HasSubstr("fetch.min.bytes=9")));
}

}  // namespace
}  // namespace millstream::inline v0::kafka::detail
