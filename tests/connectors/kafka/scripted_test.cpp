// Source and sink against a client that the test scripts: positions at the ends of partitions and after offsets that
// are gone, and what a start costs.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include "connectors/drive.hpp"
#include "connectors/kafka/partition_watch.hpp"
#include "connectors/kafka/scripted_client.hpp"
#include "connectors/kafka/sink_hub.hpp"
#include "millstream/connectors/kafka/sink.hpp"
#include "millstream/connectors/kafka/source.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::NewPartitions;
using kafka::OutOfRange;
using kafka::SourceOptions;
using kafka::detail::Fetched;
using kafka::detail::kEarliestOffset;
using kafka::detail::kLatestOffset;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::list_splits;
using testing::ScriptedClient;
using testing::sink_context;
using testing::SourceRun;
using testing::SplitReader;
using namespace std::chrono_literals;

class KafkaScripted : public ::testing::Test {
 protected:
  using Source = kafka::Source<std::string>;

  Source source(SourceOptions options = {}) const {
    options.brokers = "b:1";
    options.topic = "t";
    return Source{options, script};
  }
  /// A reader of the partition from `offset` on.
  SplitReader<std::string, Source> reader_at(std::uint64_t offset, SourceOptions options = {}) const {
    Source made = source(std::move(options));
    const SourceRun run{made};
    EXPECT_TRUE(run.splits);
    return {made, {"t/0", {offset, {}}}, run.context};
  }
  static Fetched message(std::int64_t offset) { return {.messages = 1, .offset = offset}; }
  static Fetched end(std::int64_t offset) { return {.event = Fetched::Event::kEnd, .offset = offset}; }
  static Fetched out_of_range() {
    return {.event = Fetched::Event::kOutOfRange, .status = {ErrorCode::kInvalidData, "it is not there"}};
  }

  std::shared_ptr<ScriptedClient> script = std::make_shared<ScriptedClient>();
};

TEST_F(KafkaScripted, WhatStandsAtTheEndInsteadOfMessagesIsBehindThePosition) {
  script->fetches = {message(0), message(1), end(3)};
  auto reader = reader_at(0);
  EXPECT_EQ(reader.drain()->retry_at, kTimestampMax);
  EXPECT_EQ(reader.records.size(), 2U);
  EXPECT_EQ(reader.position().offset, 3U);
}

TEST_F(KafkaScripted, AnOffsetThatIsGoneIsThePositionUntilItIsKnownWhereToGoOn) {
  script->fetches = {out_of_range()};
  auto latest = reader_at(7, {.on_out_of_range = OutOfRange::kLatest});
  ASSERT_TRUE(latest.drain());
  EXPECT_EQ(latest.position().offset, 7U) << "a checkpoint now must lead to the same place again";
  EXPECT_THAT(script->read_from, ElementsAre(7, kLatestOffset));
  script->fetches = {end(5)};
  ASSERT_TRUE(latest.drain());
  EXPECT_EQ(latest.position().offset, 5U);

  script->fetches = {out_of_range()};
  auto earliest = reader_at(7, {.on_out_of_range = OutOfRange::kEarliest});
  ASSERT_TRUE(earliest.drain());
  EXPECT_EQ(earliest.position().offset, 7U);
  script->fetches = {message(3)};
  ASSERT_TRUE(earliest.drain());
  EXPECT_EQ(earliest.position().offset, 4U);
}

TEST_F(KafkaScripted, ItFailsWhereItCannotGoOn) {
  script->fetches = {out_of_range()};
  script->restart_status = {ErrorCode::kUnavailable, "no thread"};
  auto reader = reader_at(7, {.on_out_of_range = OutOfRange::kLatest});
  EXPECT_EQ(reader.drain().error().code(), ErrorCode::kUnavailable);
}

TEST_F(KafkaScripted, APositionBehindTheEndIsNotTheEnd) {
  script->offset_for = [](std::int64_t) { return 3; };
  script->fetches = {out_of_range()};
  auto reader = reader_at(10, {.stop_at_end = true});
  const Result<Poll> last = reader.drain();
  ASSERT_FALSE(last) << "it took a topic that was made anew for one that is read";
  EXPECT_EQ(last.error().code(), ErrorCode::kInvalidData);

  script->fetches = {message(12)};
  auto beyond = reader_at(10, {.stop_at_end = true});
  EXPECT_EQ(beyond.drain()->kind, Poll::Kind::kDone);
  EXPECT_EQ(beyond.position().offset, 10U) << "a position never goes back";
  auto at_end = reader_at(3, {.stop_at_end = true});
  EXPECT_EQ(at_end.drain()->kind, Poll::Kind::kDone);
}

// A broker that has not heard yet of the partitions that a checkpoint goes on in.
TEST_F(KafkaScripted, AListThatIsOlderThanTheCheckpointIsAskedForAgainButNotForEver) {
  int asked = 0;
  script->on_call = [&](std::chrono::milliseconds) {
    if (++asked == 3) script->partitions = 2;
  };
  const auto listed = [&](std::vector<std::string> restored, std::chrono::milliseconds timeout) {
    SourceContext context{"source", &posix_file_system(), &system_clock(), 1, true};
    context.restored_splits = std::move(restored);
    asked = 0;
    script->partitions = 1;
    const SourceRun run{source({.connect_timeout = timeout}), context};
    EXPECT_TRUE(run.splits);
    return run.splits ? run.splits->size() : 0;
  };
  EXPECT_EQ(listed({"t/0", "t/1"}, 10s), 2U);
  EXPECT_EQ(listed({"t/0", "other/1"}, 10s), 1U) << "another topic says nothing of this one";
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(listed({"t/7"}, 400ms), 2U) << "that it is gone is for the engine to say";
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 200ms);
}

TEST_F(KafkaScripted, WhatComesWhileItAsksForATimeIsRead) {
  // A message that is late enough, offset 20, comes between the two questions that are asked.
  bool there = false;
  script->offset_for = [&](std::int64_t wanted) -> std::int64_t {
    if (wanted == kEarliestOffset) return 0;
    const bool has_come = std::exchange(there, true);
    if (wanted == kLatestOffset) return has_come ? 21 : 20;
    return has_come ? 20 : kLatestOffset;
  };
  const auto splits = list_splits(source({.start = kafka::start_at(Timestamp{1h})}));
  ASSERT_TRUE(splits) << splits.error().to_string();
  EXPECT_EQ(splits->front().start.offset, 20U);
}

/// A job that says .keyed_by_partition(), whose topic gets partitions.
class KafkaScriptedGrowth : public KafkaScripted {
 protected:
  using Reader = SplitReader<std::string, Source>;

  static SourceContext context(bool keyed_by_partition) {
    SourceContext made{"source", &posix_file_system(), &system_clock(), 1};
    made.keyed_by_partition = keyed_by_partition;
    return made;
  }
  std::unique_ptr<Reader> open(const Position& position, const SourceOptions& options, bool keyed_by_partition) const {
    const Source made = source(options);
    const SourceRun run{made, context(keyed_by_partition)};
    EXPECT_TRUE(run.splits);
    return std::make_unique<Reader>(made, Split{"t/0", position}, run.context);
  }
};

TEST_F(KafkaScriptedGrowth, BetweenRunsHaltsAJobThatIsKeyedByPartition) {
  script->partitions = 2;
  const Position placed = open({7, {}}, {}, true)->position();
  EXPECT_EQ(open({7, {}}, {}, true)->position(), placed);
  script->partitions = 5;
  for (const std::uint32_t instances : {1U, 2U}) {
    const auto halted = open(placed, {.instances = instances}, true);
    EXPECT_EQ(halted->opened.code(), ErrorCode::kInvalidData);
    EXPECT_THAT(halted->opened.message(),
                AllOf(HasSubstr("topic 't' has 5 partitions and had 2"), HasSubstr(".keyed_by_partition()"),
                      HasSubstr("NewPartitions::kTakeUp")));
    EXPECT_TRUE(open(placed, {.instances = instances}, false)->opened.ok()) << "no state is by partition";
  }
  EXPECT_EQ(open(placed, {.on_new_partitions = NewPartitions::kHalt}, false)->opened.code(), ErrorCode::kInvalidData);
  EXPECT_TRUE(open({7, {}}, {}, true)->opened.ok()) << "a position of before, which does not say";
  const auto accepted = open(placed, {.on_new_partitions = NewPartitions::kTakeUp}, true);
  ASSERT_TRUE(accepted->opened.ok());
  EXPECT_TRUE(open(accepted->position(), {}, true)->opened.ok()) << "one run is enough";
}

TEST_F(KafkaScriptedGrowth, HaltsAJobThatIsKeyedByPartitionWhileItRuns) {
  script->partitions = 2;
  auto keyed = open({0, {}}, {.partition_discovery_interval = 5ms}, true);
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(keyed->drain());
  script->partitions = 3;
  Result<Poll> last = Poll::more();
  EXPECT_TRUE(test::eventually([&] { return !(last = keyed->drain()); }));
  EXPECT_EQ(last.error().code(), ErrorCode::kInvalidData);
  EXPECT_THAT(last.error().message(), HasSubstr("topic 't' has 3 partitions and had 2"));
}

TEST_F(KafkaScriptedGrowth, IsTakenUpByOthersEachItsShare) {
  for (const std::uint32_t instance : {0U, 1U}) {
    script->partitions = 2;
    SourceContext about = context(false);
    about.arrivals = std::make_shared<SplitArrivals>();
    const Source made = source({.instance = instance, .instances = 2, .partition_discovery_interval = 5ms});
    const SourceRun run{made, about};
    ASSERT_TRUE(run.splits);
    auto progress = std::make_shared<SplitProgress>(std::vector<std::string>{run.splits->front().id});
    about.arrivals->begin(progress, {{1, Waker{}}});
    Reader reader{made, run.splits->front(), run.context};
    script->offsets_refused = 6;  // at two looks: of both together, and of each alone
    script->offset_for = [](std::int64_t) { return std::int64_t{42}; };
    script->partitions = 6;
    ASSERT_TRUE(test::eventually([&] { return about.arrivals->any(0); }));
    std::vector<Split> came;
    for (SplitArrivals::Arrival& each : about.arrivals->take(0)) came.push_back(std::move(each.split));
    ASSERT_EQ(came.size(), 2U);
    EXPECT_EQ(came[0].id, "t/" + std::to_string(2 + instance));
    EXPECT_EQ(came[1].id, "t/" + std::to_string(4 + instance));
    EXPECT_EQ(came[0].start.offset, 42U);
    const Reader newcomer{made, came[0], run.context};
    EXPECT_TRUE(newcomer.opened.ok());
    EXPECT_EQ(newcomer.position(), (Position{42, "partitions=6"}));
    EXPECT_TRUE(test::eventually([&] {
      return reader.drain() && !reader.logged.empty() &&
             reader.logged.back().find("from their earliest offsets on") != std::string::npos;
    }));
    EXPECT_THAT(reader.logged, Contains(AllOf(HasSubstr("has 6 partitions and had 2"), HasSubstr("no answer"))));
  }
}

TEST_F(KafkaScriptedGrowth, WaitsForNoPartitionWithoutALeaderButAsksForItAgain) {
  script->partitions = 1;
  SourceContext about = context(false);
  about.arrivals = std::make_shared<SplitArrivals>();
  const Source made = source({.partition_discovery_interval = 5ms});
  const SourceRun run{made, about};
  ASSERT_TRUE(run.splits);
  auto progress = std::make_shared<SplitProgress>(std::vector<std::string>{run.splits->front().id});
  about.arrivals->begin(progress, {{1, Waker{}}});
  Reader reader{made, run.splits->front(), run.context};
  script->leaderless = 1;
  script->partitions = 3;
  const auto next = [&] {
    EXPECT_TRUE(test::eventually([&] { return about.arrivals->any(0); }));
    std::vector<std::string> came;
    for (const SplitArrivals::Arrival& each : about.arrivals->take(0)) came.push_back(each.split.id);
    return came;
  };
  EXPECT_THAT(next(), ElementsAre("t/2"));
  EXPECT_TRUE(test::eventually([&] { return reader.drain() && reader.logged.size() > 1; }));
  EXPECT_THAT(reader.logged, Contains(HasSubstr("where some new partitions begin cannot be found yet: no leader")));
  script->leaderless = -1;
  EXPECT_THAT(next(), ElementsAre("t/1")) << "and none twice";
}

TEST_F(KafkaScriptedGrowth, ThatCannotBeLookedForIsSaid) {
  auto reader = open({0, {}}, {.partition_discovery_interval = 5ms}, false);
  script->topics_refused = 3;
  EXPECT_TRUE(test::eventually([&] { return reader->drain() && script->topics_refused == 0; }));
  EXPECT_TRUE(test::eventually([&] { return reader->drain() && !reader->logged.empty(); }));
  EXPECT_THAT(reader->logged, Contains(HasSubstr("whether there are new partitions cannot be found out")).Times(1));
}

// No answer at all: it goes on asking, for as long as a start would, and the end of a run does not wait for that.
TEST_F(KafkaScriptedGrowth, IsLookedForAsLongAsAStartMayTake) {
  std::atomic<bool> silent{false};
  std::atomic<int> asked{0};
  std::atomic<bool> long_ones{false};
  script->on_call = [&](std::chrono::milliseconds timeout) {
    if (!silent) return;
    if (timeout > 2s) long_ones = true;
    ++asked;
    std::this_thread::sleep_for(timeout);
  };
  auto reader = open({0, {}}, {.partition_discovery_interval = 5ms, .connect_timeout = 30s}, false);
  silent = true;
  script->topics_refused = 1000;
  EXPECT_TRUE(test::eventually([&] { return asked >= 2; }));
  const auto begun = std::chrono::steady_clock::now();
  reader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  EXPECT_FALSE(long_ones);
  EXPECT_TRUE(script->topics_refused > 900) << "a slice is waited for";
}

TEST(KafkaPartitionWatch, FewerPartitionsCountWhenTwoLooksInARowFindThem) {
  const kafka::detail::PartitionCounts known{{"t", 6}};
  kafka::detail::PartitionCounts fewer;
  const auto look = [&](std::int32_t partitions) {
    std::vector<kafka::detail::TopicInfo> found{{"t", partitions}, {"new", 1}};
    kafka::detail::doubt_fewer(known, fewer, found);
    return found.front().partitions;
  };
  EXPECT_EQ(look(4), 6) << "a broker that has not heard of the growth";
  EXPECT_EQ(look(6), 6);
  EXPECT_EQ(look(4), 6);
  EXPECT_EQ(look(4), 4);
  EXPECT_EQ(look(7), 7);
}

TEST_F(KafkaScriptedGrowth, IsForTheNextRunWhereNobodyTakesItUp) {
  script->partitions = 2;
  auto alone = open({0, {}}, {.partition_discovery_interval = 5ms}, false);
  script->partitions = 3;
  EXPECT_TRUE(test::eventually([&] {
    return alone->drain() && !alone->logged.empty() &&
           alone->logged.back().find("new partitions are read from the next run on") != std::string::npos;
  }));
}

TEST_F(KafkaScripted, OffsetsOfUnknownPartitionsAreAMistake) {
  const auto mistake = [&](kafka::PartitionOffset named) {
    const auto splits = list_splits(source({.start = kafka::start_at_offsets({std::move(named)})}));
    return splits ? std::to_string(splits->front().start.offset) : splits.error().to_string();
  };
  EXPECT_EQ(mistake({"t", 0, 5}), "5");
  EXPECT_THAT(mistake({"T", 0, 5}), AllOf(HasSubstr("invalid_argument"), HasSubstr("T/0")));
  EXPECT_THAT(mistake({"t", 1, 5}), HasSubstr("t/1"));
}

TEST_F(KafkaScripted, AStartHasOneTimeoutForAllItsQuestions) {
  std::vector<std::chrono::milliseconds> timeouts;
  script->on_call = [&](std::chrono::milliseconds timeout) {
    timeouts.push_back(timeout);
    std::this_thread::sleep_for(10ms);  // as an answer takes
  };
  ASSERT_TRUE(list_splits(source({.start = kafka::start_at(Timestamp{1h}), .stop_at_end = true})));
  ASSERT_EQ(timeouts.size(), 4U);
  for (std::size_t i = 1; i < timeouts.size(); ++i) EXPECT_LE(timeouts[i], timeouts[i - 1] - 10ms) << i;
}

// The thread waits for something: here, a lock.
bool sleeps(int thread) {
  std::ifstream file{"/proc/self/task/" + std::to_string(thread) + "/stat"};
  std::string number;
  std::string name;
  std::string state;
  file >> number >> name >> state;
  return state == "S";
}

// Any writer may serve the failure of another's last message, at any time.
TEST_F(KafkaScripted, WhatIsLostHasNotArrivedThoughAllIsAnswered) {
  kafka::detail::WriterDeliveries deliveries{{.buffer_bytes_max = std::size_t{1} << 20}, 1, Waker{}};
  deliveries.sent(2, 10);
  deliveries.delivered(1, 5);
  Result<bool> arrived = deliveries.all_arrived();
  EXPECT_TRUE(arrived && !*arrived);
  deliveries.failed(5, {ErrorCode::kInvalidData, "too large"});
  arrived = deliveries.all_arrived();
  ASSERT_FALSE(arrived);
  EXPECT_THAT(arrived.error().message(), HasSubstr("too large"));
}

TEST_F(KafkaScripted, ShardsShareAFailureToConnect) {
  constexpr int kShards = 4;
  std::mutex mutex;
  std::vector<int> arrived;  // threads
  int calls = 0;             // one at a time
  script->partitions_call = [&] {
    ++calls;
    const int self = ::gettid();
    EXPECT_TRUE(test::eventually([&] {
      const std::scoped_lock lock{mutex};
      return arrived.size() == kShards &&
             std::all_of(arrived.begin(), arrived.end(), [&](int thread) { return thread == self || sleeps(thread); });
    }));
    return Status{ErrorCode::kUnavailable, "no answer"};
  };
  const kafka::Sink<std::string> sink{{.brokers = "b:1", .topic = "t"}, script};
  {
    std::vector<std::jthread> shards;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      shards.emplace_back([&, shard, copy = sink]() mutable {
        SinkContext context = sink_context(posix_file_system(), system_clock(), shard, kShards);
        {
          const std::scoped_lock lock{mutex};
          arrived.push_back(::gettid());
        }
        EXPECT_EQ(copy.open(context).code(), ErrorCode::kUnavailable);
      });
    }
  }
  EXPECT_EQ(calls, 1);
  script->partitions_call = [] { return Status{}; };
  kafka::Sink<std::string> later = sink;
  SinkContext context = sink_context();
  EXPECT_TRUE(later.open(context).ok()) << "the next run tries again";
}

}  // namespace
}  // namespace millstream::inline v0
