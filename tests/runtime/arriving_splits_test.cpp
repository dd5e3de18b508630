// Splits that a source finds while a run is on: they are read where they begin, move no watermark back, and hold it
// where it is until they have passed it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "millstream/millstream.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/eventually.hpp"
#include "runtime/log_job.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

struct Reading {
  std::int64_t value = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Reading, (), (value, at))
using Count = WindowResult<std::int64_t, std::int64_t>;

Timestamp at(Duration since) { return Timestamp{since}; }

/// A record and the wall-clock time at which its split has it.
struct Scripted {
  Duration when;
  Reading reading;
};
struct ScriptedSplit {
  Duration comes{0};
  std::vector<Scripted> records;
};

/// Every split looks for others, and none ends before the last has come.
struct GrowingSource {
  std::vector<ScriptedSplit> script;
  std::size_t next = 0;
  std::size_t mine = 0;
  SplitContext* context = nullptr;

  [[nodiscard]] std::vector<Split> come_by(Timestamp now) const {
    std::vector<Split> all;
    for (std::size_t i = 0; i < script.size(); ++i) {
      if (at(script[i].comes) <= now) all.push_back({std::to_string(i)});
    }
    return all;
  }
  [[nodiscard]] Timestamp next_comes(Timestamp now) const {
    Timestamp next_one = kTimestampMax;
    for (const ScriptedSplit& split : script) {
      if (at(split.comes) > now) next_one = std::min(next_one, at(split.comes));
    }
    return next_one;
  }
  std::vector<Split> splits(SourceContext& c) const { return come_by(c.clock->now()); }
  void open(SplitContext& c) {
    context = &c;
    mine = std::stoul(c.split().id);
  }
  Poll poll(SourceOutput<Reading>& out) {
    const std::vector<Scripted>& records = script[mine].records;
    const Timestamp now = context->clock().now();
    context->arrivals()->add(come_by(now));
    for (; next < records.size() && at(records[next].when) <= now && out.room() > 0; ++next) {
      out.emit(records[next].reading);
    }
    const Timestamp other = next_comes(now);
    if (next == records.size()) return other == kTimestampMax ? Poll::done() : Poll::idle_until(other);
    return at(records[next].when) <= now ? Poll::more() : Poll::idle_until(std::min(at(records[next].when), other));
  }
};

/// Results with the wall-clock time at which they came.
struct TimedSink {
  std::shared_ptr<std::vector<std::pair<Timestamp, Count>>> results =
      std::make_shared<std::vector<std::pair<Timestamp, Count>>>();
  SinkContext* context = nullptr;
  void open(SinkContext& c) { context = &c; }
  void write(const Count& c) { results->emplace_back(context->clock().now(), c); }
};

struct Outcome {
  std::vector<std::pair<Timestamp, Count>> results;
  std::vector<Late<Reading>> late;
};

// Counts in windows of 10 s, under several seeds and numbers of shards.
void play(const GrowingSource& source, const WatermarkStrategy& strategy,
          const std::function<void(const Outcome&)>& check) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto shards = static_cast<std::uint32_t>(1 + seed % 4);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(shards) + " shards");
    Dataflow flow{"readings"};
    TimedSink sink;
    auto late = memory::sink<Late<Reading>>();
    auto counts = flow.from(source)
                      .event_time(&Reading::at, strategy)
                      .key_by([](const Reading&) { return std::int64_t{0}; })
                      .window(tumbling(10s))
                      .aggregate(count());
    counts.to(sink);
    counts.side_output(late_records<Reading>).to(late);
    const auto result = kit::Simulator{{.seed = seed, .shards = shards, .batch = 4, .exchange_slots = 2}}.run(flow);
    ASSERT_TRUE(result.ok()) << result.status.to_string();
    std::sort(sink.results->begin(), sink.results->end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    check(Outcome{*sink.results, late.records()});
    if (::testing::Test::HasFailure()) return;
  }
}

// One reading a second, event time as the wall clock.
std::vector<Scripted> every_second(int from, int to) {
  std::vector<Scripted> all;
  for (int s = from; s < to; ++s) all.push_back({s * 1s, {s, at(s * 1s)}});
  return all;
}

TEST(ArrivingSplits, AreReadFromTheirStartOn) {
  GrowingSource source{{{0s, every_second(0, 100)},
                        {0s, every_second(0, 100)},
                        {50s, every_second(50, 100)},
                        {50s, every_second(52, 100)},
                        {71s, every_second(75, 100)}}};
  play(source, monotonic(), [](const Outcome& outcome) {
    EXPECT_TRUE(outcome.late.empty());
    ASSERT_EQ(outcome.results.size(), 10U);
    std::int64_t counted = 0;
    for (std::size_t i = 0; i < outcome.results.size(); ++i) {
      const auto& [when, count] = outcome.results[i];
      counted += count.value;
      EXPECT_LE(when, at(i * 10s + 16s)) << "nobody is held up longer than by the silence of a new split";
    }
    EXPECT_EQ(counted, 100 + 100 + 50 + 48 + 25);
  });
}

TEST(ArrivingSplits, BeginAtTheWatermarkThatTheOthersHaveReached) {
  GrowingSource source{{{0s, every_second(0, 100)},
                        {0s, every_second(0, 100)},
                        {55s, {{55s, {-1, at(20s)}}, {56s, {-2, at(58s)}}, {99s, {-3, at(99s)}}}}}};
  play(source, monotonic(), [](const Outcome& outcome) {
    ASSERT_EQ(outcome.late.size(), 1U);
    EXPECT_EQ(outcome.late[0].record.value, -1);
    EXPECT_GE(outcome.late[0].late_by, 20s);
    ASSERT_EQ(outcome.results.size(), 10U) << "no window fires twice";
    EXPECT_LE(outcome.results[3].first, at(51s));
    std::int64_t counted = 0;
    for (const auto& [when, count] : outcome.results) counted += count.value;
    EXPECT_EQ(counted, 202);
  });
}

TEST(ArrivingSplits, ThatStaySilentAreIdleAfterTheTimeout) {
  GrowingSource source{{{0s, every_second(0, 100)}, {33s, {{3600s, {1, at(3600s)}}}}}};
  play(source, monotonic().idle_after(5s), [](const Outcome& outcome) {
    EXPECT_TRUE(outcome.late.empty());
    ASSERT_EQ(outcome.results.size(), 11U);
    for (std::size_t i = 0; i < 9; ++i) EXPECT_LE(outcome.results[i].first, at(i * 10s + 16s));
  });
}

/// Each split finds others as it ends, as a folder that is read file by file. Of split n the records are at n times
/// `apart`, and 100 s and 200 s later.
struct ChainedSource {
  std::size_t count = 6;
  std::size_t finds = 1;
  Duration apart = 10s;
  std::size_t mine = 0;
  int polls = 0;
  SplitContext* context = nullptr;

  std::vector<Split> splits(SourceContext&) const { return {split(0)}; }
  static Split split(std::size_t i) { return {.id = std::to_string(i), .bounded = true}; }
  void open(SplitContext& c) {
    context = &c;
    mine = std::stoul(c.split().id);
  }
  Poll poll(SourceOutput<Reading>& out) {
    out.emit(Reading{1, at(static_cast<std::int64_t>(mine) * apart + polls * 100s)});
    if (++polls < 3) return Poll::more();
    for (std::size_t i = mine + 1; i <= mine + finds && i < count; ++i) context->arrivals()->add({split(i)});
    return Poll::done();
  }
};

// The sum of all counts; nothing may be late.
std::int64_t count_all(const ChainedSource& source, const WatermarkStrategy& strategy, std::uint64_t seed) {
  Dataflow flow{"readings"};
  auto found = memory::sink<Count>();
  auto late = memory::sink<Late<Reading>>();
  auto counts = flow.from(source)
                    .event_time(&Reading::at, strategy)
                    .key_by([](const Reading&) { return std::int64_t{0}; })
                    .window(tumbling(10s))
                    .aggregate(count());
  counts.to(found);
  counts.side_output(late_records<Reading>).to(late);
  const auto shards = static_cast<std::uint32_t>(1 + seed % 4);
  const auto result = kit::Simulator{{.seed = seed, .shards = shards, .batch = 4, .exchange_slots = 2}}.run(flow);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_TRUE(late.records().empty()) << "seed " << seed;
  std::int64_t all = 0;
  for (const Count& each : found.records()) all += each.value;
  return all;
}

TEST(ArrivingSplits, MayComeAsTheLastOneEnds) {
  const ChainedSource source{.count = 6, .apart = 300s};
  for (std::uint64_t seed = 1; seed <= 12; ++seed) EXPECT_EQ(count_all(source, monotonic(), seed), 18);
}

// More than a shard has open at once: those that are open do not wait for the others.
TEST(ArrivingSplits, MayBeManyWhereSplitsAreAligned) {
  const ChainedSource source{.count = 101, .finds = 100, .apart = 0s};
  const WatermarkStrategy aligned = bounded_disorder(1h).align_within(20s);
  for (std::uint64_t seed = 1; seed <= 4; ++seed) EXPECT_EQ(count_all(source, aligned, seed), 303);
}

TEST(ArrivingSplits, ASourceWithoutASplitMayHaveEventTimes) {
  Dataflow flow{"readings"};
  auto counts = memory::sink<Count>();
  flow.from(memory::split_source<Reading>({}))
      .event_time(&Reading::at, monotonic())
      .key_by([](const Reading&) { return std::int64_t{0}; })
      .window(tumbling(10s))
      .aggregate(count())
      .to(counts);
  const auto result = kit::Simulator{{.seed = 1, .shards = 2}}.run(flow);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_TRUE(counts.records().empty());
}

/// Each split has ten numbers, and then waits.
struct TenEach {
  std::shared_ptr<std::atomic<SplitArrivals*>> arrivals = std::make_shared<std::atomic<SplitArrivals*>>(nullptr);
  std::int64_t next = 0;
  std::vector<Split> splits(SourceContext& context) const {
    arrivals->store(context.arrivals.get());
    context.shared = context.arrivals;  // as long as a split is open
    return {{"a"}, {"b"}, {"c"}, {"d"}};
  }
  Poll poll(SourceOutput<std::int64_t>& out) {
    for (; next < 10 && out.room() > 0; ++next) out.emit(next);
    return next < 10 ? Poll::more() : Poll::waiting();
  }
};

// On threads: one adds, three read, one looks at the status.
TEST(ArrivingSplits, AreTakenUpByAJobOnThreads) {
  constexpr std::uint64_t kCome = 300;
  const TenEach source;
  auto seen = memory::sink<std::int64_t>();
  Dataflow flow{"growing"};
  flow.from(source).rebalance().to(seen);
  Job job = start(flow, {.shards = 3, .log = nullptr});
  std::jthread adds{[&] {
    for (std::uint64_t i = 0; i < kCome; ++i) source.arrivals->load()->add({{"a"}, {"late-" + std::to_string(i)}});
  }};
  EXPECT_TRUE(test::eventually([&] { return job.status().records_in == 10 * (4 + kCome); }));
  EXPECT_EQ(job.status().splits.size(), 4 + kCome);
  adds.join();
  job.stop();
  EXPECT_EQ(job.wait().exit_code(), 0);
  EXPECT_EQ(seen.records().size(), 10 * (4 + kCome));
}

// To a log, by its transactions, with deaths before and behind: each record of each partition counts once.
TEST(ArrivingSplits, AreInCheckpointsAndAreReadOnceWhateverDies) {
  test::for_all_seeds("runtime_arriving_splits", 1000, logjob::grow_and_compare);
}

}  // namespace
}  // namespace millstream
