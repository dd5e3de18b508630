// Topics that get partitions while a job reads them, and patterns that get topics: the job takes them up as it runs.
#include <gmock/gmock.h>

#include "connectors/kafka/totals_job.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using testing::kPartitions;
using testing::Logged;
using testing::LogWriter;
using testing::model;
using testing::Payment;
using testing::payments;
using testing::RunningTotal;
using testing::Total;
using testing::Totals;
using namespace std::chrono_literals;

class KafkaGrowth : public testing::KafkaExactlyOnce {
 protected:
  Dataflow growing(kafka::SourceOptions from) const {
    from.brokers = broker->brokers();
    from.partition_discovery_interval = 100ms;
    Dataflow flow{name};
    flow.from(kafka::source<Payment>(std::move(from)))
        .named("in")
        .key_by(&Payment::card)
        .process(RunningTotal{})
        .named("totals")
        .to(kafka::sink<Total>(sink_options()))
        .named("out");
    return flow;
  }
  /// Payments of a card that is in this partition alone, and in `expected` the totals of all of them so far.
  static std::vector<Logged> payments_in(std::int32_t partition, int from, int to, Totals& expected) {
    const std::string card = "card-of-partition-" + std::to_string(partition);
    std::vector<Logged> all;
    for (int i = from; i < to; ++i) {
      Logged& logged = all.emplace_back(Logged{.partition = partition});
      encode_json(Payment{card, i}, logged.value);
      std::vector<Total>& totals = expected[card];
      totals.push_back({card, i + 1, (totals.empty() ? 0 : totals.back().cents) + i});
    }
    return all;
  }
  static bool reads(const Job& job, const std::string& split) {
    const std::vector<SplitStatus> splits = job.status().splits;
    return std::any_of(splits.begin(), splits.end(), [&](const SplitStatus& each) { return each.split == split; });
  }

  static constexpr int kRecords = 1'000;
};

TEST_F(KafkaGrowth, PartitionsThatComeAreReadWhileTheJobRunsAndOnceWhateverEndsIt) {
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords));
  Totals expected = model(kRecords);
  std::size_t written = kRecords;
  const auto count_is = [&](std::size_t count) {
    return test::eventually([&] { return count_results() == count; }, 30s);
  };
  {
    const Dataflow flow = growing({.topic = in});
    Job job = start(flow, options(3));
    EXPECT_TRUE(count_is(written));
    for (std::int32_t partition = kPartitions; partition < kPartitions + 3; ++partition) {
      broker->grow_topic(in, static_cast<std::size_t>(partition) + 1);
      LogWriter{broker->brokers()}.write(in, payments_in(partition, 0, 100, expected));
      EXPECT_TRUE(count_is(written += 100)) << partition;
    }
    EXPECT_TRUE(reads(job, in + "/" + std::to_string(kPartitions + 2)));
    EXPECT_EQ(job.status().restarts, 0U);
    job.cancel();
    EXPECT_EQ(job.wait().state, JobState::kCancelled) << job.status().error.to_string();
  }
  for (std::int32_t partition = kPartitions; partition < kPartitions + 3; ++partition) {
    LogWriter{broker->brokers()}.write(in, payments_in(partition, 100, 200, expected));
  }
  const Dataflow flow = growing({.topic = in, .stop_at_end = true});
  const JobResult result = run(flow, options());
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(results(), expected);
}

TEST_F(KafkaGrowth, TopicsThatAPatternComesToMatchAreReadWhileTheJobRuns) {
  LogWriter writer{broker->brokers()};
  writer.write(in, payments(0, kRecords));
  RunOptions without_state = options();
  without_state.state_dir.clear();
  const Dataflow flow = growing({.pattern = in + ".*"});
  Job job = start(flow, without_state);
  EXPECT_TRUE(test::eventually([&] { return count_results() == kRecords; }, 30s));
  const std::string more = broker->make_topic(in + "-more", 2);
  Totals expected = model(kRecords);
  LogWriter{broker->brokers()}.write(more, payments_in(1, 0, 100, expected));
  EXPECT_TRUE(test::eventually([&] { return count_results() == kRecords + 100; }, 30s));
  job.stop();
  EXPECT_EQ(job.wait().state, JobState::kFinished) << job.status().error.to_string();
  EXPECT_EQ(results(), expected);
}

}  // namespace
}  // namespace millstream::inline v0
