// How the ends of sinks, and marks that reach windows by way of a side output, show in a job as a whole.
#include <gtest/gtest.h>

#include "millstream/millstream.hpp"
#include "millstream/runtime/engine.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

/// A tick at each of `count` full seconds of the wall clock.
struct SecondsSource {
  std::int64_t count = 1;
  std::int64_t next = 0;
  Clock* clock = nullptr;
  Timestamp began{};
  void open(SplitContext& context) {
    clock = &context.clock();
    began = clock->now();
  }
  Poll poll(SourceOutput<Tick>& out) {
    const Timestamp due = began + next * 1s;
    if (clock->now() < due) return Poll::idle_until(due);
    out.emit(Tick{next, next, due});
    return ++next < count ? Poll::more() : Poll::done();
  }
};
struct FlushedSink {
  SharedCounts counts;
  void write(const Tick&) { counts->taken.fetch_add(1); }
  void flush() { counts->emitted.fetch_add(1); }
};

// A sink that has ended has nothing to flush any more, so its shard is not kept busy by it.
TEST(SinkEnd, ASinkMayEndLongBeforeTheOthersOfItsShard) {
  Dataflow flow{"two sources"};
  const SharedCounts early = make_counts();
  const SharedCounts late = make_counts();
  flow.from(SecondsSource{3}).named("early").to(FlushedSink{early}).named("early-sink");
  flow.from(SecondsSource{60}).named("late").to(FlushedSink{late}).named("late-sink");
  const auto result = testing::Simulator{{.seed = 3, .shards = 1}}.run(flow);
  EXPECT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_EQ(early->taken, 3U);
  EXPECT_EQ(late->taken, 60U);
  EXPECT_LE(early->emitted, 10U);
}

// What a mark fires behind a side output is as old as the record that made the mark, not as the machine.
TEST(SinkEnd, LatencyBehindABranchCountsFromTheRecord) {
  Dataflow flow{"branch"};
  auto split = flow.from(SecondsSource{20}).event_time(&Tick::at, monotonic()).split({{"all", [](const Tick&) {
                                                                                         return true;
                                                                                       }}});
  auto out = memory::sink<WindowResult<std::int64_t, std::int64_t>>();
  split.branch("all")
      .key_by([](const Tick& tick) { return tick.key % 2; })
      .window(tumbling(5s))
      .aggregate(count())
      .to(out);
  const auto result = testing::Simulator{{.seed = 4, .shards = 2, .now = Timestamp{10h}}}.run(flow);
  EXPECT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_GT(out.size(), 4U);
  EXPECT_LT(result.metrics.latency.max(), 10min);
}

struct Named {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Named, (), (name))

class NoSignal final : public ShardSignal {
  void wake() noexcept override {}
};

// Nobody has to state a budget for a machine with many cores.
TEST(SinkEnd, TheDefaultBudgetHoldsTheQueuesOfManyShards) {
  Dataflow flow{"names"};
  flow.from(memory::source(std::vector<Named>{}))
      .key_by(&Named::name)
      .aggregate(count())
      .to(memory::sink<KeyedResult<std::string, std::int64_t>>());
  const auto engine =
      Engine::build(flow.graph(), quiet(64), [](std::uint32_t) { return std::make_shared<NoSignal>(); });
  EXPECT_TRUE(engine.has_value()) << engine.error().to_string();
}

}  // namespace
}  // namespace millstream::test
