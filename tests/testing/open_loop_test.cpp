// OpenLoop and LatencyRecorder: the schedule holds whatever the consumer does, and every stall shows.
#include "millstream/testing/open_loop.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "connectors/drive.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/latency_recorder.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

struct Ping {
  std::uint64_t number = 0;
  std::int64_t due_ns = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Ping, (), (number, due_ns, at))

Ping make_ping(const kit::Arrival& a) { return {a.number, a.due_ns, a.event_time()}; }

TEST(ArrivalSchedule, CountsWhatIsDueExactly) {
  Random random{7};
  for (const double rate : {0.3, 1.0, 7.0, 1000.0, 99'999.5, 1e6, 3e8, 1e9}) {
    const kit::ArrivalSchedule schedule{rate};
    EXPECT_EQ(schedule.due_by(-1), 0U);
    EXPECT_EQ(schedule.due_by(0), 1U);  // record 0 is due at the start
    for (int i = 0; i < 1000; ++i) {
      const auto elapsed = static_cast<std::int64_t>(random.below(100'000'000'000));
      const std::uint64_t due = schedule.due_by(elapsed);
      ASSERT_LE(schedule.offset_ns(due - 1), elapsed) << rate;
      ASSERT_GT(schedule.offset_ns(due), elapsed) << rate;
    }
  }
  EXPECT_EQ(kit::ArrivalSchedule{1000}.offset_ns(3), 3'000'000);
}

TEST(OpenLoop, PacesByTheClockAndNotByWhoAsks) {
  ManualClock clock;
  const kit::OpenLoop load{{.rate = 1000, .duration = 90ms, .warmup = 10ms}};
  EXPECT_EQ(load.records(), 100U);
  EXPECT_EQ(load.due_ns(0), kNeverNs);
  const auto source = load.source(make_ping);
  clock.advance(5s);  // the schedule begins when the split is opened
  kit::SourceRun run{source, posix_file_system(), clock};
  kit::SplitReader<Ping, std::decay_t<decltype(source)>> reader{source, run.splits->front(), run.context};
  ASSERT_TRUE(reader.opened.ok());
  ASSERT_TRUE(reader.drain());
  ASSERT_EQ(reader.records.size(), 1U);
  EXPECT_EQ(reader.records[0].due_ns, clock.monotonic_ns());
  EXPECT_EQ(load.due_ns(50), reader.records[0].due_ns + 50'000'000);
  EXPECT_EQ(load.due_ns(100), kNeverNs);
  // Nobody asks for 50 ms: all that fell due comes at once, with the times at which it was due.
  clock.advance(50ms);
  Result<Poll> result = reader.drain(7);
  ASSERT_TRUE(result);
  ASSERT_EQ(reader.records.size(), 51U);
  for (std::size_t i = 0; i < 51; ++i) {
    EXPECT_EQ(reader.records[i].number, i);
    EXPECT_EQ(reader.records[i].due_ns, load.due_ns(i));
    EXPECT_EQ(reader.records[i].at, Timestamp{std::chrono::milliseconds{i}});
  }
  EXPECT_EQ(reader.position().offset, 51U);
  EXPECT_EQ(reader.poll()->retry_at, clock.now() + 1ms);
  clock.advance(1h);
  EXPECT_EQ(reader.drain()->kind, Poll::Kind::kDone);
  EXPECT_EQ(reader.records.size(), 100U);
}

TEST(OpenLoop, AClockThatStandsStillGetsToTheNextRecord) {
  ManualClock clock;
  const kit::OpenLoop load{{.rate = 3e6, .duration = 1ms, .warmup = 0s}};  // a third of the clock's step
  const auto source = load.source(make_ping);
  kit::SourceRun run{source, posix_file_system(), clock};
  kit::SplitReader<Ping, std::decay_t<decltype(source)>> reader{source, run.splits->front(), run.context};
  Result<Poll> poll = reader.poll();
  for (int i = 0; i < 10'000 && poll->kind != Poll::Kind::kDone; ++i) {
    if (poll->kind == Poll::Kind::kIdle) clock.advance_to(poll->retry_at);
    poll = reader.poll();
  }
  EXPECT_EQ(poll->kind, Poll::Kind::kDone);
  EXPECT_EQ(reader.records.size(), 3000U);
}

// What is taken back to a checkpoint goes on in the old schedule, and the time in which the job was down shows.
TEST(OpenLoop, GoesOnInTheOldScheduleWhenItIsRestored) {
  ManualClock clock;
  const kit::OpenLoop load{{.rate = 1000, .duration = 1s, .warmup = 0s}};
  const auto source = load.source(make_ping);
  using Reader = kit::SplitReader<Ping, std::decay_t<decltype(source)>>;
  kit::SourceRun first{source, posix_file_system(), clock};
  Reader before{source, first.splits->front(), first.context};
  clock.advance(10ms);
  ASSERT_TRUE(before.drain());
  const std::int64_t due_ns = load.due_ns(11);
  clock.advance(20ms);
  SourceContext context{"source", &posix_file_system(), &clock, 1, true};
  ASSERT_TRUE(source.splits(context));
  Reader after{source, {"0", before.position()}, context};
  ASSERT_TRUE(after.drain());
  ASSERT_EQ(after.records.size(), 20U);
  EXPECT_EQ(after.records[0].number, 11U);
  EXPECT_EQ(after.records[0].due_ns, due_ns);
  // In a process that is started again the record at which the job goes on is due at once.
  const kit::OpenLoop anew{{.rate = 1000, .duration = 1s, .warmup = 0s}};
  const auto other = anew.source(make_ping);
  SourceContext fresh{"source", &posix_file_system(), &clock, 1, true};
  ASSERT_TRUE(other.splits(fresh));
  Reader restarted{other, {"0", {500, {}}}, fresh};
  ASSERT_TRUE(restarted.drain());
  ASSERT_EQ(restarted.records.size(), 1U);
  EXPECT_EQ(restarted.records[0].number, 500U);
  EXPECT_EQ(restarted.records[0].due_ns, clock.monotonic_ns());
}

// Takes everything at once, but for one stall of a second when a second has passed; then passes it on.
struct StallingSink {
  kit::LatencyLane lane;
  SinkContext* context = nullptr;
  bool stalled = false;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Ping> pings) {
    if (!stalled && context->clock().now() >= Timestamp{1s}) {
      stalled = true;
      context->retry_at(context->clock().now() + 1s);
      return 0;
    }
    for (const Ping& ping : pings) lane.record(ping.due_ns, lane.now_ns());
    return pings.size();
  }
};

// A thousand records fall due in the stall; a closed loop would have sent one. Each is late by what was left of it.
TEST(LatencyRecorder, AStallShowsInAllThatFellDueInIt) {
  const kit::OpenLoop load{{.rate = 1000, .duration = 3s, .warmup = 0s}};
  const kit::LatencyRecorder latency{load};
  Dataflow flow{"stalled"};
  flow.from(load.source(make_ping)).to(StallingSink{latency.lane()});
  const auto result = kit::Simulator{{.seed = 1, .shards = 1}}.run(flow);
  ASSERT_TRUE(result.ok()) << result.status.to_string();
  const LatencyHistogram seen = latency.histogram();
  EXPECT_EQ(seen.count(), 3000U);
  EXPECT_EQ(seen.max(), 1s);
  EXPECT_EQ(seen.quantile(2000.0 / 3000), 0ns);
  for (const int ms : {1, 250, 500, 999}) {
    const double above = ms / 3000.0 + 2000.0 / 3000;
    EXPECT_NEAR(static_cast<double>(seen.quantile(above).count()), ms * 1e6, 2e6) << ms;
  }
}

TEST(LatencyRecorder, TheWarmupDoesNotCount) {
  const kit::OpenLoop load{{.rate = 1000, .duration = 1s, .warmup = 2s}};
  EXPECT_EQ(load.records(), 3000U);
  const kit::LatencyRecorder latency{load};
  Dataflow flow{"warm"};
  flow.from(load.source(make_ping)).to(StallingSink{latency.lane()});  // the stall ends with the warm-up
  ASSERT_TRUE((kit::Simulator{{.seed = 1, .shards = 1}}.run(flow).ok()));
  EXPECT_EQ(latency.histogram().count(), 1000U);
  EXPECT_EQ(latency.histogram().max(), 0ns);
}

// Several shards, splits and an exchange, simulated: every record once, on one schedule, and latencies of both shards.
TEST(LatencyRecorder, SplitsKeepOneSchedule) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const kit::OpenLoop load{{.rate = 1000, .duration = 500ms, .warmup = 500ms, .splits = 3}};
    const kit::LatencyRecorder latency{load};
    auto pings = memory::sink<Ping>();
    Dataflow flow{"splits"};
    const Stream<Ping> counted =
        flow.from(load.source(make_ping)).key_by(&Ping::number).reduce([](auto, auto next) { return next; });
    counted.to(pings);
    counted.to(latency.sink(&Ping::due_ns));
    ASSERT_TRUE((kit::Simulator{{.seed = seed, .shards = 3}}.run(flow).ok()));
    std::vector<Ping> all = pings.records();
    std::ranges::sort(all, {}, &Ping::number);
    ASSERT_EQ(all.size(), 1000U);
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i].number, i);
      ASSERT_EQ(all[i].due_ns - all[0].due_ns, static_cast<std::int64_t>(i) * 1'000'000);
    }
    ASSERT_EQ(latency.histogram().count(), 500U);
    ASSERT_EQ(latency.histogram().max(), 0ns);  // time passes only while all shards wait
  }
}

TEST(LatencyRecorder, AWindowCountsFromTheRecordThatClosedIt) {
  const kit::OpenLoop load{{.rate = 1000, .duration = 1s, .warmup = 0s}};
  EXPECT_EQ(load.first_at(Timestamp{-1us}), 0U);
  EXPECT_EQ(load.first_at(Timestamp{0us}), 0U);
  EXPECT_EQ(load.first_at(Timestamp{1us}), 1U);
  EXPECT_EQ(load.first_at(Timestamp{100ms}), 100U);
  EXPECT_EQ(load.first_at(Timestamp{100'001us}), 101U);
  const kit::LatencyRecorder latency{load};
  Dataflow flow{"windows"};
  using Total = WindowResult<std::uint64_t, std::int64_t>;
  flow.from(load.source(make_ping))
      .event_time(&Ping::at, monotonic())
      .key_by([](const Ping& ping) { return ping.number % 10; })
      .window(tumbling(100ms))
      .aggregate(count())
      .peek(latency.probe([load](const Total& total) { return load.due_ns(load.first_at(total.window_end)); }))
      .to(memory::sink<Total>());
  ASSERT_TRUE((kit::Simulator{{.seed = 3, .shards = 2}}.run(flow).ok()));
  // Ten keys in ten windows; the last one is closed by the end of the input, and by no record.
  EXPECT_EQ(latency.histogram().count(), 90U);
  EXPECT_EQ(latency.histogram().max(), 0ns);
}

// On threads, where either the shards pace themselves or a thread does.
TEST(OpenLoop, PacesAJobOnThreads) {
  for (const kit::Pacing pacing : {kit::Pacing::kShard, kit::Pacing::kThread}) {
    for (const IdleStrategy idle : {IdleStrategy::kPark, IdleStrategy::kSpin}) {
      const kit::OpenLoop load{{.rate = 20'000, .duration = 50ms, .warmup = 50ms, .splits = 2, .pacing = pacing}};
      const kit::LatencyRecorder latency{load};
      auto pings = memory::sink<Ping>();
      Dataflow flow{"threads"};
      const Stream<Ping> sent = flow.from(load.source(make_ping));
      sent.to(latency.sink(&Ping::due_ns));
      sent.to(pings);
      for (int run = 1; run <= 2; ++run) {  // each run begins the schedule anew
        const std::int64_t before_ns = system_clock().monotonic_ns();
        ASSERT_TRUE((millstream::run(flow, {.shards = 2, .idle = idle, .log = nullptr}).ok()));
        EXPECT_GE(load.due_ns(0), before_ns);
        EXPECT_GE(system_clock().monotonic_ns(), load.due_ns(load.records() - 1));
        EXPECT_EQ(latency.histogram().count(), 1000U * static_cast<unsigned>(run));
        EXPECT_EQ(pings.take().size(), 2000U);
      }
      EXPECT_EQ(load.pacing_cpu_time() > 0ns, pacing == kit::Pacing::kThread);
    }
  }
}

TEST(OpenLoop, APacingThreadEndsWithAJobThatIsCancelled) {
  const kit::OpenLoop load{{.rate = 1000, .duration = 1h, .pacing = kit::Pacing::kThread}};
  Dataflow flow{"cancelled"};
  flow.from(load.source(make_ping)).to(memory::sink<Ping>());
  Job job = start(flow, {.shards = 1, .log = nullptr});
  while (job.status().records_in == 0) std::this_thread::yield();
  job.cancel();
  EXPECT_EQ(job.wait().state, JobState::kCancelled);
}

TEST(OpenLoop, RefusesWrongOptions) {
  const auto refused = [](const kit::OpenLoopOptions& options) {
    return list_splits(kit::OpenLoop{options}.source(make_ping)).error().message();
  };
  EXPECT_THAT(refused({}), ::testing::HasSubstr(".rate"));
  EXPECT_THAT(refused({.rate = -1}), ::testing::HasSubstr(".rate"));
  EXPECT_THAT(refused({.rate = std::numeric_limits<double>::infinity()}), ::testing::HasSubstr(".rate"));
  EXPECT_THAT(refused({.rate = 1, .duration = 0s}), ::testing::HasSubstr(".duration"));
  EXPECT_THAT(refused({.rate = 1, .warmup = -1s}), ::testing::HasSubstr(".warmup"));
  EXPECT_THAT(refused({.rate = 1, .splits = 0}), ::testing::HasSubstr(".splits"));
}

}  // namespace
}  // namespace millstream
