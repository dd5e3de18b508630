// The source against librdkafka's mock brokers: what it reads, and where it begins and goes on.
#include <gmock/gmock.h>

#include "connectors/kafka/librdkafka_client.hpp"
#include "connectors/kafka/mock_source.hpp"
#include "connectors/kafka/payments.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::Message;
using kafka::SourceOptions;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::KafkaMockSource;
using testing::list_splits;
using testing::Logged;
using testing::LogWriter;
using testing::MockCluster;
using testing::numbers;
using testing::Payment;
using testing::read_until;
using testing::Reader;
using testing::SourceRun;
using testing::texts;
using namespace std::chrono_literals;

TEST_F(KafkaMockSource, ReadsAPartitionFromItsStartAndWaits) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 500));
  auto reader = open(kafka::source<std::string>(options()));
  ASSERT_TRUE(reader.opened.ok()) << reader.opened.to_string();
  ASSERT_TRUE(read_until(reader, 500));
  EXPECT_EQ(reader.records, texts(0, 500));
  EXPECT_EQ(reader.position(), (Position{500, "partitions=1"}));
  EXPECT_TRUE(test::eventually([&] {
    const Result<Poll> poll = reader.poll();
    return poll && poll->kind == Poll::Kind::kIdle && poll->retry_at == kTimestampMax;
  })) << "it does not wait for its waker";
  EXPECT_THAT(reader.logged,
              Contains(AllOf(HasSubstr("reads Kafka with"), HasSubstr("isolation.level=read_committed"))));
}

TEST_F(KafkaMockSource, WhatComesLaterWakesTheShard) {
  cluster.create("numbers", 1);
  const auto source = kafka::source<std::string>(options());
  const SourceRun run{source};
  ASSERT_TRUE(run.splits);
  std::atomic<int> woken{0};
  SplitContext context{run.context, run.splits->front(), 0, {}, Waker{[&] { ++woken; }}};
  kafka::Source<std::string> reader = source;
  ASSERT_TRUE(reader.open(context).ok());
  Batch<std::string> batch{100};
  std::vector<DeadLetter> bad;
  // Asked only when it is woken, as by a shard that sleeps.
  const auto poll_when_woken = [&] {
    if (woken.exchange(0) == 0) return;
    for (;;) {
      SourceOutput<std::string> out{batch, 100, bad};
      const Result<Poll> poll = reader.poll(out);
      ASSERT_TRUE(poll) << poll.error().to_string();
      if (poll->kind == Poll::Kind::kIdle) return;
    }
  };
  woken = 1;
  poll_when_woken();
  LogWriter writer{cluster.brokers()};
  for (std::uint32_t i = 0; i < 5; ++i) {
    writer.write("numbers", numbers(static_cast<int>(i), static_cast<int>(i) + 1));
    EXPECT_TRUE(test::eventually([&] {
      poll_when_woken();
      return batch.size() == i + 1;
    })) << i;
  }
  reader.close();
}

TEST_F(KafkaMockSource, TheLagIsWhatIsNotReadYet) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 100));
  const auto source = kafka::source<std::string>(options());
  const SourceRun run{source};
  ASSERT_TRUE(run.splits);
  const auto progress = std::make_shared<SplitProgress>(std::vector<std::string>{run.splits->front().id});
  SplitContext context{run.context, run.splits->front(), 0, {}, Waker{}, progress};
  kafka::Source<std::string> reader = source;
  ASSERT_TRUE(reader.open(context).ok());
  EXPECT_EQ(progress->lag_records(0), -1) << "it cannot know yet";
  std::vector<DeadLetter> bad;
  std::int64_t first = -1;
  EXPECT_TRUE(test::eventually([&] {
    Batch<std::string> batch{100};
    SourceOutput<std::string> out{batch, 10, bad};
    EXPECT_TRUE(reader.poll(out));
    if (first < 0) first = progress->lag_records(0);
    return progress->lag_records(0) == 0;
  }));
  EXPECT_EQ(first, 100);
  reader.close();
}

TEST_F(KafkaMockSource, ARestartGoesOnBehindTheLastRecord) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 120));
  const auto source = kafka::source<std::string>(options({.stop_at_end = true}));
  Split split{"numbers/0", {}};
  std::vector<std::string> all;
  Random random{5};
  for (bool done = false; !done;) {
    const SourceRun run{source};
    ASSERT_TRUE(run.splits);
    Reader<std::string> reader{source, split, run.context};
    ASSERT_TRUE(reader.opened.ok()) << reader.opened.to_string();
    const Result<Poll> last =
        read_until(reader, 1 + random.below(30), static_cast<std::uint32_t>(random.below(20) + 1));
    ASSERT_TRUE(last) << last.error().to_string();
    done = last->kind == Poll::Kind::kDone;
    all.insert(all.end(), reader.records.begin(), reader.records.end());
    split.start = reader.position();
  }
  EXPECT_EQ(all, texts(0, 120));
}

TEST_F(KafkaMockSource, EndsWhereTheTopicEndedAtTheStart) {
  cluster.create("numbers", 2);
  LogWriter writer{cluster.brokers()};
  writer.write("numbers", numbers(0, 10));
  const auto source = kafka::source<std::string>(options({.stop_at_end = true}));
  const SourceRun run{source};
  ASSERT_TRUE(run.splits);
  writer.write("numbers", numbers(10, 20));
  Reader<std::string> first{source, run.splits->at(0), run.context};
  Reader<std::string> empty{source, run.splits->at(1), run.context};
  EXPECT_EQ(read_until(first, 100)->kind, Poll::Kind::kDone);
  EXPECT_EQ(read_until(empty, 100)->kind, Poll::Kind::kDone);
  EXPECT_EQ(first.records, texts(0, 10));
  EXPECT_TRUE(empty.records.empty());
}

TEST_F(KafkaMockSource, StartsAtTheLatestOrAtGivenOffsets) {
  cluster.create("numbers", 2);
  LogWriter writer{cluster.brokers()};
  writer.write("numbers", numbers(0, 10));
  const auto starts = [&](kafka::Start start) {
    std::vector<std::uint64_t> offsets;
    const auto splits = list_splits(kafka::source<std::string>(options({.start = std::move(start)})));
    EXPECT_TRUE(splits) << splits.error().to_string();
    for (const Split& split : *splits) offsets.push_back(split.start.offset);
    return offsets;
  };
  EXPECT_THAT(starts(kafka::start_at_earliest()), ElementsAre(0, 0));
  EXPECT_THAT(starts(kafka::start_at_latest()), ElementsAre(10, 0));
  EXPECT_THAT(starts(kafka::start_at_offsets({{"numbers", 0, 7}})), ElementsAre(7, 0));
}

TEST_F(KafkaMockSource, NewPartitionsBeginAtTheirStartWhateverTheOptionsSay) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write("numbers", numbers(0, 10));
  const auto source = kafka::source<std::string>(options({.start = kafka::start_at_latest()}));
  SourceContext context{"source", &posix_file_system(), &system_clock(), 1, true};
  const Result<std::vector<Split>> splits = source.splits(context);
  ASSERT_TRUE(splits) << splits.error().to_string();
  EXPECT_EQ(splits->front().start.offset, 0U);
}

TEST_F(KafkaMockSource, InstancesShareTheTopicsByPartition) {
  cluster.create("orders-a", 3);
  cluster.create("orders-b", 2);
  cluster.create("other", 1);
  const auto ids = [&](std::uint32_t instance) {
    std::vector<std::string> all;
    const auto splits = list_splits(
        kafka::source<std::string>(options({.pattern = "orders-.*", .instance = instance, .instances = 2})));
    EXPECT_TRUE(splits) << splits.error().to_string();
    for (const Split& split : *splits) all.push_back(split.id);
    return all;
  };
  EXPECT_THAT(ids(0), ElementsAre("orders-a/0", "orders-a/2", "orders-b/0"));
  EXPECT_THAT(ids(1), ElementsAre("orders-a/1", "orders-b/1"));
  EXPECT_THAT(first_mistake(options({.topics = {"orders-a", "other"}, .instance = 4, .instances = 5})),
              HasSubstr("no partition for instance 4 of 5"));
}

TEST_F(KafkaMockSource, AMessageComesWithItsCircumstances) {
  cluster.create("numbers", 2);
  LogWriter{cluster.brokers()}.write("numbers", {{.value = R"({"card":"a","cents":7})",
                                                  .key = "k",
                                                  .partition = 1,
                                                  .timestamp_ms = 1700000000123,
                                                  .headers = {{"trace", "t1"}}},
                                                 {.key = "", .partition = 1, .has_value = false}});
  auto reader = open(kafka::source<Message<std::optional<Payment>>>(options()), 1);
  ASSERT_TRUE(read_until(reader, 2));
  ASSERT_EQ(reader.records.size(), 2U);
  EXPECT_EQ(reader.records[0], (Message<std::optional<Payment>>{.value = Payment{"a", 7},
                                                                .key = "k",
                                                                .headers = {{"trace", "t1"}},
                                                                .timestamp = Timestamp{1700000000123ms},
                                                                .topic = "numbers",
                                                                .partition = 1,
                                                                .offset = 0}));
  EXPECT_EQ(reader.records[1].value, std::nullopt);
  EXPECT_EQ(reader.records[1].key, "");
  EXPECT_EQ(reader.times[0], Timestamp{1700000000123ms});
}

TEST_F(KafkaMockSource, ABadRecordIsToldWithItsPlace) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write(
      "numbers", {{.value = R"({"card":"a","cents":"x"})"}, {.value = R"({"card":"b","cents":2})"}});
  auto reader = open(kafka::source<Payment>(options()));
  ASSERT_TRUE(read_until(reader, 1));
  EXPECT_THAT(reader.records, ElementsAre(Payment{"b", 2}));
  ASSERT_EQ(reader.bad.size(), 1U);
  EXPECT_EQ(reader.bad[0].source, "numbers/0@0");
  EXPECT_EQ(reader.bad[0].field, "cents");
  EXPECT_EQ(reader.bad[0].bytes, R"({"card":"a","cents":"x"})");
}

TEST_F(KafkaMockSource, ReadingSlowlyFetchesLittleAndLosesNothing) {
  cluster.create("numbers", 1);
  constexpr int kRecords = 400;  // of 10 kB; the least that may be fetched ahead is 1 MiB
  std::vector<Logged> large = numbers(0, kRecords);
  for (Logged& each : large) each.value.resize(10'000, ' ');
  LogWriter writer{cluster.brokers()};
  // Brokers do not divide batches: each is far smaller than the limit.
  for (int i = 0; i < kRecords; i += 10) writer.write("numbers", {large.begin() + i, large.begin() + i + 10});
  auto slow = open(kafka::source<std::string>(options({.fetch_bytes_max = 1})));
  ASSERT_TRUE(read_until(slow, 1, 1));
  // When another has read all, this one would have fetched all, too, were there no limit.
  auto fast = open(kafka::source<std::string>(options()));
  ASSERT_TRUE(read_until(fast, kRecords));
  cluster.down();
  // What it has without a broker was fetched; it is all there when the loss is told.
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_TRUE(slow.poll());
    return std::any_of(slow.logged.begin(), slow.logged.end(),
                       [](const std::string& line) { return line.find("the client goes on trying") != line.npos; });
  }));
  ASSERT_TRUE(slow.drain());
  EXPECT_LT(slow.records.size(), 250U);
  cluster.up();
  ASSERT_TRUE(read_until(slow, kRecords, 7));
  ASSERT_EQ(slow.records.size(), static_cast<std::size_t>(kRecords));
  for (int i = 0; i < kRecords; ++i) EXPECT_EQ(std::stoi(slow.records[static_cast<std::size_t>(i)]), i);
}

TEST(KafkaMockCluster, IsTheSameHoweverItIsSpelled) {
  const MockCluster one;
  const MockCluster other;
  const auto id_of = [](const std::string& brokers) {
    const kafka::detail::WriterOptions options{.brokers = brokers, .topic = "t"};
    const auto consumer = kafka::detail::librdkafka_consumer(kafka::detail::group_configuration(options, "g"));
    EXPECT_TRUE(consumer) << consumer.error().to_string();
    const Result<std::string> id = (*consumer)->cluster_id(10s);
    EXPECT_TRUE(id) << id.error().to_string();
    return id ? *id : "";
  };
  std::string by_name = one.brokers();
  by_name.replace(by_name.find("127.0.0.1"), 9, "localhost");
  EXPECT_NE(id_of(one.brokers()), "");
  EXPECT_EQ(id_of(by_name), id_of(one.brokers()));
  EXPECT_NE(id_of(other.brokers()), id_of(one.brokers()));
}

}  // namespace
}  // namespace millstream::inline v0
