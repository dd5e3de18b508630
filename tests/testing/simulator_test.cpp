// The simulator itself: it finds what hangs, says which seed and where, and its clock is the job's clock.
#include "millstream/testing/simulator.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(Simulator, RunsADataflowToItsEnd) {
  auto out = memory::sink<int>();
  Dataflow flow{"numbers"};
  flow.from(memory::split_source<int>({numbers(1'000), numbers(500)})).rebalance().to(out);
  const auto result = kit::Simulator{{.seed = 3, .shards = 4, .batch = 3, .exchange_slots = 1}}.run(flow);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(out.size(), 1'500U);
  EXPECT_EQ(result.metrics.records_out, 1'500U);
  EXPECT_GT(result.steps, 100U);
}

TEST(Simulator, OtherSeedsMakeOtherSchedules) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Dataflow flow{"numbers"};
    flow.from(memory::source(numbers(300))).rebalance().to(memory::sink<int>());
    hashes.push_back(kit::Simulator{{.seed = seed, .batch = 3}}.run(flow).trace_hash);
  }
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

// Waits for a waker that nobody calls.
struct ForgottenSource {
  Poll poll(SourceOutput<int>&) { return Poll::waiting(); }
};
// Asks again and again, and never has anything.
struct BarrenSource {
  bool at_once = false;
  Poll poll(SourceOutput<int>&) { return at_once ? Poll::more() : Poll::idle(); }
};
struct FullSink {
  std::size_t write(std::span<int>) { return 0; }
};

TEST(Simulator, FindsWhatHangsAndSaysWhere) {
  const auto hangs = [](const auto& source, const auto& sink, const char* how) {
    Dataflow flow{"hanging"};
    flow.from(source).named("the source").rebalance().to(sink).named("the sink");
    const auto result = kit::Simulator{{.seed = 77}}.run(flow);
    EXPECT_EQ(result.state, JobState::kFailed);
    for (const char* part : {"seed 77", "the sink", how}) {
      EXPECT_NE(result.status.message().find(part), std::string::npos) << result.status.message();
    }
  };
  hangs(ForgottenSource{}, memory::sink<int>(), "nothing will wake it");
  hangs(BarrenSource{}, memory::sink<int>(), "time passes");
  hangs(BarrenSource{true}, memory::sink<int>(), "busy");
  hangs(memory::source(numbers(10)), FullSink{}, "time passes");
}

TEST(Simulator, AMistakeInTheGraphIsAFailure) {
  Dataflow flow{"empty"};
  EXPECT_EQ(kit::Simulator{}.run(flow).status.code(), ErrorCode::kInvalidArgument);
}

// Gives one record each hour of the virtual clock.
struct HourlySource {
  int next = 0;
  SplitContext* context = nullptr;
  Timestamp due{};
  void open(SplitContext& c) {
    context = &c;
    due = c.clock().now();
  }
  Poll poll(SourceOutput<int>& out) {
    if (context->clock().now() >= due) {
      out.emit(next++);
      due += 1h;
    }
    return next == 1'000 ? Poll::done() : Poll::idle_until(due);
  }
};

TEST(Simulator, TimePassesOnlyWhereNobodyHasAnythingToDo) {
  auto out = memory::sink<int>();
  Dataflow flow{"hourly"};
  flow.from(HourlySource{}).to(out);
  const auto result = kit::Simulator{{.now = Timestamp{24h}}}.run(flow);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(out.size(), 1'000U);
  EXPECT_EQ(result.ended_at, Timestamp{24h + 999h});
  const auto slow = kit::Simulator{{.step_time_max = 10ms}}.run(flow);
  EXPECT_GE(slow.ended_at, Timestamp{999h});
}

// What goes on from a crash goes on with its clock, and so it does behind a job that was refused.
TEST(Simulator, TimeIsKnownHoweverItEnds) {
  auto out = memory::sink<int>();
  Dataflow flow{"hourly"};
  flow.from(HourlySource{}).to(out);
  const auto result = kit::Simulator{
      {.now = Timestamp{24h}, .before_step = [](kit::Simulation& job) {
         if (job.now() >= Timestamp{30h}) job.crash();
       }}}.run(flow);
  EXPECT_EQ(result.state, JobState::kCancelled);
  EXPECT_GE(result.ended_at, Timestamp{30h});
  EXPECT_EQ(kit::Simulator{{.now = Timestamp{24h}}}.run(Dataflow{"empty"}).ended_at, Timestamp{24h});
}

TEST(Simulator, StopsDrainsAndCancelsBetweenSteps) {
  for (const int how : {0, 1, 2}) {
    auto out = memory::sink<int>();
    Dataflow flow{"stopped"};
    flow.from(memory::source(numbers(10'000))).to(out);
    const auto at_step = [how](kit::Simulation& job) {
      if (job.steps() != 50) return;
      EXPECT_GT(job.status().records_in, 0U);
      if (how == 0) job.stop();
      if (how == 1) job.drain();
      if (how == 2) job.cancel();
    };
    const auto result = kit::Simulator{{.batch = 2, .before_step = at_step}}.run(flow);
    EXPECT_EQ(result.state, how == 2 ? JobState::kCancelled : JobState::kFinished);
    EXPECT_LT(out.size(), 10'000U);
    EXPECT_TRUE(how == 2 || out.size() == result.metrics.records_in);
  }
}

}  // namespace
}  // namespace millstream
