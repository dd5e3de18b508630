// The source on a real broker: what librdkafka's mock does not know (transactions, timestamps, groups, deleted
// records).
#include <gmock/gmock.h>

#include <chrono>
#include <map>

#include "connectors/drive.hpp"
#include "connectors/kafka/real_broker.hpp"
#include "millstream/connectors/kafka/source.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::SourceOptions;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::list_splits;
using testing::LogWriter;
using ::testing::Not;
using testing::SourceRun;
using testing::SplitReader;

class KafkaSource : public testing::OnBroker {
 protected:
  /// All of partition 0 from where `options` say, to its end.
  std::vector<std::string> read(SourceOptions options, Result<Poll>* end = nullptr) const {
    options.brokers = broker->brokers();
    options.stop_at_end = true;
    const auto source = kafka::source<std::string>(options);
    const SourceRun run{source};
    EXPECT_TRUE(run.splits) << run.splits.error().to_string();
    if (!run.splits) return {};
    SplitReader<std::string, kafka::Source<std::string>> reader{source, run.splits->front(), run.context};
    EXPECT_TRUE(reader.opened.ok()) << reader.opened.to_string();
    Result<Poll> last = Poll::more();
    EXPECT_TRUE(test::eventually([&] {
      last = reader.poll();
      return !last || last->kind == Poll::Kind::kDone;
    }));
    if (end != nullptr) *end = last;
    return reader.records;
  }
};

TEST_F(KafkaSource, ReadsWhatIsCommittedAndEndsBehindTheMarksOfTransactions) {
  const std::string topic = broker->make_topic("transactions", 1);
  LogWriter writer{broker->brokers(), topic};
  writer.begin();
  writer.write(topic, {{.value = "a"}, {.value = "b"}});
  writer.commit();
  writer.begin();
  writer.write(topic, {{.value = "never"}});
  writer.abort();
  writer.begin();
  writer.write(topic, {{.value = "c"}});
  writer.commit();
  EXPECT_THAT(read({.topic = topic}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read({.topic = topic, .read_uncommitted = true}), ElementsAre("a", "b", "never", "c"));
}

TEST_F(KafkaSource, StartsAtATimestampOrWhereAGroupHasCommitted) {
  const std::string topic = broker->make_topic("starts", 1);
  LogWriter{broker->brokers()}.write(topic, {{.value = "a", .timestamp_ms = 1000},
                                             {.value = "b", .timestamp_ms = 2000},
                                             {.value = "c", .timestamp_ms = 3000}});
  const auto at = [](int seconds) { return kafka::start_at(Timestamp{std::chrono::seconds{seconds}}); };
  EXPECT_THAT(read({.topic = topic, .start = at(2)}), ElementsAre("b", "c"));
  EXPECT_THAT(read({.topic = topic, .start = at(4)}), IsEmpty());
  EXPECT_THAT(read({.topic = topic, .start = at(-1)}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read({.topic = topic, .start = kafka::start_at_latest()}), IsEmpty());
  EXPECT_THAT(read({.topic = topic, .start = kafka::start_at_committed(), .group = topic}), ElementsAre("a", "b", "c"));
  broker->commit_offset(topic, topic, 2);
  EXPECT_THAT(read({.topic = topic, .start = kafka::start_at_committed(), .group = topic}), ElementsAre("c"));
}

TEST_F(KafkaSource, DeletedRecordsFailTheJobOrAreLeftOutAsTheOptionsSay) {
  const std::string topic = broker->make_topic("deleted", 1);
  LogWriter{broker->brokers()}.write(topic, {{.value = "a"}, {.value = "b"}, {.value = "c"}});
  broker->delete_records(topic, 0, 2);
  const auto at_0 = kafka::start_at_offsets({{topic, 0, 0}});
  Result<Poll> end = Poll::more();
  EXPECT_THAT(read({.topic = topic, .start = at_0}, &end), IsEmpty());
  EXPECT_EQ(end.error().code(), ErrorCode::kInvalidData);
  EXPECT_THAT(end.error().message(), HasSubstr("retention has deleted"));
  EXPECT_THAT(read({.topic = topic, .start = at_0, .on_out_of_range = kafka::OutOfRange::kEarliest}), ElementsAre("c"));
  EXPECT_THAT(read({.topic = topic}), ElementsAre("c"));
}

TEST_F(KafkaSource, MarksOfTransactionsThatRetentionDeletesAreNothingToMiss) {
  const std::string topic = broker->make_topic("marks", 1);
  LogWriter writer{broker->brokers(), topic};
  writer.begin();
  writer.write(topic, {{.value = "a"}, {.value = "b"}});
  writer.commit();
  const auto source = kafka::source<std::string>({.brokers = broker->brokers(), .topic = topic});
  Split split{topic + "/0", {}};
  {
    const SourceRun run{source};
    ASSERT_TRUE(run.splits) << run.splits.error().to_string();
    SplitReader<std::string, kafka::Source<std::string>> reader{source, split, run.context};
    EXPECT_TRUE(test::eventually([&] {
      EXPECT_TRUE(reader.poll());
      return reader.position().offset == 3;
    })) << "the mark at offset 2 is read, too";
    split.start = reader.position();
  }
  broker->delete_records(topic, 0, -1);
  writer.begin();
  writer.write(topic, {{.value = "c"}});
  writer.commit();
  const SourceRun run{source};
  ASSERT_TRUE(run.splits);
  SplitReader<std::string, kafka::Source<std::string>> reader{source, split, run.context};
  EXPECT_TRUE(test::eventually([&] {
    const Result<Poll> poll = reader.poll();
    EXPECT_TRUE(poll) << poll.error().to_string();
    return !poll || !reader.records.empty();
  }));
  EXPECT_THAT(reader.records, ElementsAre("c"));
}

TEST_F(KafkaSource, ATopicThatDoesNotExistIsSaid) {
  const auto missing =
      list_splits(kafka::source<std::string>({.brokers = broker->brokers(), .topic = "no-such-topic"}));
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), AllOf(HasSubstr("'no-such-topic'"), HasSubstr("create it")));
}

TEST_F(KafkaSource, ATopicThatIsDeletedWhileItIsReadIsSaid) {
  const std::string topic = broker->make_topic("short-lived", 1);
  LogWriter{broker->brokers()}.write(topic, {{.value = "a"}});
  const auto source = kafka::source<std::string>({.brokers = broker->brokers(), .topic = topic});
  const SourceRun run{source};
  ASSERT_TRUE(run.splits) << run.splits.error().to_string();
  SplitReader<std::string, kafka::Source<std::string>> reader{source, run.splits->front(), run.context};
  Result<Poll> last = Poll::more();
  EXPECT_TRUE(test::eventually([&] {
    last = reader.poll();
    return !last || !reader.records.empty();
  }));
  broker->delete_topic(topic);
  EXPECT_TRUE(test::eventually([&] {
    last = reader.poll();
    return !last;
  }));
  EXPECT_EQ(last.error().code(), ErrorCode::kNotFound) << last.error().to_string();
}

TEST_F(KafkaSource, WrongCredentialsAreSaidAtOnceAndRightOnesWork) {
  if (!broker->owned()) GTEST_SKIP() << "the user's own broker has no such listener";
  const std::string topic = broker->make_topic("secret", 1);
  const auto with = [&](const std::string& mechanism, const std::string& user, const std::string& password) {
    return list_splits(kafka::source<std::string>({.brokers = broker->sasl_brokers(),
                                                   .topic = topic,
                                                   .connect_timeout = std::chrono::seconds{60},
                                                   .properties = {{"security.protocol", "SASL_PLAINTEXT"},
                                                                  {"sasl.mechanism", mechanism},
                                                                  {"sasl.username", user},
                                                                  {"sasl.password", password}}}));
  };
  const std::map<std::string, std::string> passwords{
      {"PLAIN", "secret"}, {"SCRAM-SHA-256", "secret256"}, {"SCRAM-SHA-512", "secret512"}};
  for (const auto& [mechanism, password] : passwords) {
    SCOPED_TRACE(mechanism);
    const auto right = with(mechanism, "ann", password);
    EXPECT_TRUE(right) << right.error().to_string();
    const auto begin = std::chrono::steady_clock::now();
    const auto wrong = with(mechanism, "ann", "guess");
    const auto unknown = with(mechanism, "nobody", password);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20}) << "it waited for connect_timeout";
    for (const auto& refused : {wrong, unknown}) {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
      EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("refuses the credentials"), HasSubstr("sasl.password"),
                                                   Not(HasSubstr("guess")), Not(HasSubstr(password))));
    }
  }
}

TEST_F(KafkaSource, AnUnknownCertificateIsSaidAtOnceAndAKnownOneWorks) {
  if (!broker->owned()) GTEST_SKIP() << "the user's own broker has no such listener";
  const std::string topic = broker->make_topic("private", 1);
  const auto with = [&](kafka::Properties properties) {
    properties["security.protocol"] = "ssl";
    return list_splits(kafka::source<std::string>(
        {.brokers = broker->ssl_brokers(), .topic = topic, .properties = std::move(properties)}));
  };
  const auto known = with({{"ssl.ca.location", broker->ca_file()}});
  EXPECT_TRUE(known) << known.error().to_string();
  const auto unknown = with({});
  EXPECT_EQ(unknown.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(unknown.error().message(), AllOf(HasSubstr("certificate"), HasSubstr("ssl.ca.location")));
}

TEST_F(KafkaSource, ATopicThatGrowsHaltsAJobThatIsKeyedByPartition) {
  const std::string topic = broker->make_topic("grows", 2);
  const auto source = kafka::source<std::string>({.brokers = broker->brokers(),
                                                  .topic = topic,
                                                  .instance = 1,
                                                  .instances = 2,
                                                  .partition_discovery_interval = std::chrono::milliseconds{100}});
  using Reader = SplitReader<std::string, kafka::Source<std::string>>;
  SourceContext keyed{"source", &posix_file_system(), &system_clock(), 1};
  keyed.keyed_by_partition = true;
  Position position;
  {
    SourceRun run{source, keyed};
    ASSERT_TRUE(run.splits) << run.splits.error().to_string();
    Reader reader{source, run.splits->front(), std::move(run.context)};
    EXPECT_TRUE(test::eventually([&] { return reader.poll() && reader.position().offset == 0; }));
    position = reader.position();
    // Of the new partitions none is for this process, whose old ones lose keys all the same.
    broker->grow_topic(topic, 3);
    Result<Poll> last = Poll::more();
    EXPECT_TRUE(test::eventually([&] { return !(last = reader.poll()); }));
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code(), ErrorCode::kInvalidData);
    EXPECT_THAT(last.error().message(), HasSubstr("has 3 partitions and had 2"));
  }
  SourceRun again{source, keyed};
  ASSERT_TRUE(again.splits) << again.splits.error().to_string();
  Reader restarted{source, Split{topic + "/1", position}, std::move(again.context)};
  EXPECT_EQ(restarted.opened.code(), ErrorCode::kInvalidData) << restarted.opened.to_string();
}

TEST_F(KafkaSource, TopicsAreFoundByPattern) {
  const std::string first = broker->make_topic("found-by-pattern", 1);
  const std::string second = broker->make_topic("found-by-pattern", 2);
  const auto splits = list_splits(kafka::source<std::string>({.brokers = broker->brokers(), .pattern = "found-by-.*"}));
  ASSERT_TRUE(splits) << splits.error().to_string();
  std::vector<std::string> ids;
  for (const Split& split : *splits) ids.push_back(split.id);
  EXPECT_THAT(ids, AllOf(Contains(first + "/0"), Contains(second + "/0"), Contains(second + "/1")));
}

}  // namespace
}  // namespace millstream::inline v0
