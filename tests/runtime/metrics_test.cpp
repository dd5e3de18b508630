// What a job says about itself: where the time of its shards goes, queues, watermarks, skew.
#include "millstream/runtime/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "millstream/runtime/activity.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

TEST(ShardActivity, TheRunningIntervalCounts) {
  using Kind = ShardActivity::Kind;
  ShardActivity activity;
  EXPECT_EQ(activity.read(1'000), (ShardActivity::Times{0, 0, 0}));
  activity.begin(1'000, Kind::kBusy);
  EXPECT_EQ(activity.read(1'500), (ShardActivity::Times{500, 0, 0}));
  activity.turn(2'000, Kind::kBlocked, Kind::kBusy);  // the step found no room
  EXPECT_EQ(activity.read(2'000), (ShardActivity::Times{0, 0, 1'000}));
  activity.expect(Kind::kBlocked);
  EXPECT_EQ(activity.read(9'000), (ShardActivity::Times{0, 0, 8'000}));
  activity.turn(10'000, Kind::kBlocked, Kind::kIdle);
  EXPECT_EQ(activity.read(10'500), (ShardActivity::Times{0, 500, 9'000}));
}

TEST(ShardActivity, ReadersSeeWholeTurns) {
  using Kind = ShardActivity::Kind;
  ShardActivity activity;
  activity.begin(0, Kind::kBusy);
  std::atomic<bool> done{false};
  std::thread writer{[&] {
    for (std::int64_t now = 1; now <= 200'000; ++now) {
      activity.turn(now, static_cast<Kind>(now % 3), static_cast<Kind>((now + 1) % 3));
    }
    done = true;
  }};
  while (!done) {
    const ShardActivity::Times times = activity.read(1'000'000);
    ASSERT_EQ(times[0] + times[1] + times[2], 1'000'000);
  }
  writer.join();
}

// A sink that takes nothing: sooner or later its source's shard sleeps, blocked, and must be seen so while it sleeps.
struct ShutSink {
  SinkContext* context = nullptr;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Tick>) {
    context->retry_at(saturating_add(context->clock().now(), 1h));
    return 0;
  }
};

TEST(Metrics, AShardThatSleepsBlockedIsSeenBlocked) {
  Dataflow flow{"shut"};
  flow.from(EndlessSource{make_counts(), 2}).rebalance().to(ShutSink{});
  RunOptions options = quiet(2);
  options.exchange_slots = 2;
  Job job = start(flow, options);
  std::this_thread::sleep_for(300ms);
  const JobMetrics before = job.metrics();
  std::this_thread::sleep_for(500ms);
  const JobMetrics after = job.metrics();
  const auto passed = after.elapsed - before.elapsed;
  for (std::size_t i = 0; i < 2; ++i) {
    const ShardReport& shard = after.shards[i];
    EXPECT_GT(shard.blocked - before.shards[i].blocked, passed * 9 / 10) << i;
    const auto sum = shard.busy + shard.idle + shard.blocked;
    EXPECT_LE(sum, after.elapsed);
    EXPECT_GT(sum, after.elapsed * 9 / 10);
  }
  const StageReport* exchange = after.stage("source/rebalance");
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(exchange->queue_slots, 2U * 2 * 2);
  EXPECT_GE(exchange->batches_queued, exchange->queue_slots / 2);
  EXPECT_LE(exchange->batches_queued, exchange->queue_slots);
  EXPECT_EQ(job.status().queue_slots, exchange->queue_slots);
  EXPECT_EQ(after.stage("source")->queue_slots, 0U);
  job.cancel();
  ASSERT_TRUE(job.wait_for(5s));
  const JobMetrics end = job.metrics();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(job.metrics().elapsed, end.elapsed);
  EXPECT_EQ(job.wait().metrics.elapsed, end.elapsed);
}

TEST(Metrics, WithoutEventTimeThereIsNoWatermark) {
  auto out = memory::sink<int>();
  Dataflow flow{"timeless"};
  flow.from(memory::source<int>({1, 2})).map([](int i) { return i; }).rebalance().to(out);
  const JobResult result = run(flow, quiet(2));
  ASSERT_TRUE(result.ok());
  for (const StageReport& stage : result.metrics.stages) {
    if (stage.watermark == kTimestampMax) continue;  // has seen the end
    EXPECT_EQ(stage.watermark, kTimestampMin) << stage.name;
  }
}

TEST(Metrics, LatenciesAreKnownByShard) {
  Dataflow flow{"latencies"};
  std::vector<Tick> ticks;
  for (int i = 0; i < 10'000; ++i) ticks.push_back({i, i % 100, Timestamp{Duration{i}}});
  auto out = memory::sink<Tick>();
  flow.from(memory::source(ticks)).rebalance().to(out);
  const JobResult result = run(flow, quiet(3));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result.metrics.shards.size(), 3U);
  LatencyHistogram merged;
  for (std::size_t i = 0; i < 3; ++i) {
    const LatencyHistogram& latency = result.metrics.shards[i].latency;
    EXPECT_GT(latency.count(), 0U) << i;
    EXPECT_LE(latency.max(), result.metrics.elapsed) << i;
    merged.merge(latency);
  }
  EXPECT_EQ(merged.count(), 10'000U);
  EXPECT_EQ(merged.count(), result.metrics.latency.count());
  for (const double q : {0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    EXPECT_EQ(merged.quantile(q), result.metrics.latency.quantile(q)) << q;
  }
}

TEST(Metrics, AShardWhoseSinksTakeNothingHasNoLatencies) {
  Dataflow flow{"one key"};
  std::vector<Tick> ticks;
  for (int i = 0; i < 100; ++i) ticks.push_back({i, 7, Timestamp{Duration{i}}});
  auto out = memory::sink<Tick>();
  flow.from(memory::source(ticks))
      .key_by(&Tick::key)
      .reduce([](const Tick&, const Tick& next) { return next; })
      .to(out);
  const JobResult result = run(flow, quiet(3));
  ASSERT_TRUE(result.ok());
  int with = 0;
  for (const ShardReport& shard : result.metrics.shards) with += shard.latency.count() > 0 ? 1 : 0;
  EXPECT_EQ(with, 1);
}

TEST(Metrics, SkewShowsByShard) {
  Dataflow flow{"skewed"};
  std::vector<Tick> ticks;
  for (int i = 0; i < 1'000; ++i) ticks.push_back({i, 7, Timestamp{Duration{i}}});
  auto out = memory::sink<WindowResult<std::int64_t, std::int64_t>>();
  flow.from(memory::source(ticks))
      .event_time(&Tick::at, monotonic())
      .key_by(&Tick::key)
      .window(tumbling(100us))
      .aggregate(count())
      .named("counts")
      .to(out);
  const JobResult result = run(flow, quiet(3));
  ASSERT_TRUE(result.ok());
  const StageReport* counts = result.metrics.stage("counts");
  ASSERT_NE(counts, nullptr);
  ASSERT_EQ(counts->shards.size(), 3U);
  EXPECT_EQ(counts->records_in, 1'000U);
  EXPECT_EQ(std::count_if(counts->shards.begin(), counts->shards.end(),
                          [](const StageCounts& each) { return each.records_in == 1'000 && each.records_out == 10; }),
            1);
  for (const StageCounts& each : counts->shards) EXPECT_EQ(each.watermark, kTimestampMax);
}

}  // namespace
}  // namespace millstream::test
