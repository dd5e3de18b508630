// Slow sinks behind fast sources: what is in flight stays bounded, nothing is dropped, nothing hangs, and the job still
// answers. And what an idle job costs.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

enum class Shape { kLine, kExchange, kDiamond, kBroadcast };

// Small queues, so that what is in flight is taken within the test's time.
RunOptions small(std::uint32_t shards) {
  RunOptions options = quiet(shards);
  options.batch = 8;
  options.exchange_slots = 2;
  return options;
}

template <class Snk>
void declare(Dataflow& flow, Shape shape, const SharedCounts& counts, Snk sink) {
  const auto ticks = flow.from(EndlessSource{counts, 2});
  const auto moved = [](const Stream<Tick>& stream) {
    return stream.key_by(&Tick::key).reduce([](const Tick&, const Tick& b) { return b; });
  };
  switch (shape) {
    case Shape::kLine:
      ticks.map([](const Tick& t) { return t; }).to(sink);
      return;
    case Shape::kExchange:
      moved(ticks).to(sink);
      return;
    case Shape::kDiamond:
      moved(ticks.filter([](const Tick& t) { return t.number % 2 == 0; }).rebalance().merge(ticks)).to(sink);
      return;
    case Shape::kBroadcast:
      ticks.broadcast().to(sink);
      return;
  }
}
// Records that reach sinks for those that were read.
std::uint64_t expected(Shape shape, std::uint64_t emitted, std::uint32_t shards) {
  if (shape == Shape::kBroadcast) return emitted * shards;
  return emitted;  // a diamond: at least
}

// A job that finishes what is in flight says how far it is: what the sinks have taken grows from look to look.
void expect_progress_until_the_end(Job& job, JobState ending) {
  const std::uint64_t first = job.status().records_out;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  std::uint64_t shown = first;
  std::uint64_t looks = 0;
  while (!job.wait_for(2ms) && std::chrono::steady_clock::now() < deadline) {
    const JobStatus now = job.status();
    if (now.state == ending) {
      EXPECT_LE(now.batches_queued, now.queue_slots);
    }
    EXPECT_GE(now.records_out, shown);
    looks += now.records_out > shown ? 1 : 0;
    shown = now.records_out;
  }
  // A sink takes at most a hundred records between two looks, were they ten times as far apart as they should be.
  EXPECT_GE(looks + 1, (job.status().records_out - first) / 100);
}

template <class Snk>
void press(Shape shape, const std::function<Snk(const SharedCounts&)>& make) {
  for (const bool drain : {false, true}) {
    const SharedCounts counts = make_counts();
    Dataflow flow{"pressed"};
    declare(flow, shape, counts, make(counts));
    Job job = start(flow, small(2));
    ASSERT_TRUE(eventually([&] { return counts->taken > 50; }));
    std::this_thread::sleep_for(100ms);
    const std::uint64_t early = counts->emitted;
    const std::uint64_t taken_early = counts->taken;
    std::this_thread::sleep_for(400ms);
    const std::uint64_t grown = counts->emitted - early;
    const std::uint64_t taken = counts->taken - taken_early;
    // The source gives what the sinks take, and no more than the queues hold.
    EXPECT_LE(grown, taken + 300) << "in " << early;
    EXPECT_LE(early, taken_early + 1'500);

    const auto before_status = std::chrono::steady_clock::now();
    const JobStatus status = job.status();
    EXPECT_EQ(status.state, JobState::kRunning);
    EXPECT_LT(std::chrono::steady_clock::now() - before_status, 2s);
    drain ? job.drain() : job.stop();
    EXPECT_TRUE(eventually([&] { return job.status().state != JobState::kRunning; }, 2s));
    expect_progress_until_the_end(job, drain ? JobState::kDraining : JobState::kStopping);
    ASSERT_TRUE(job.wait_for(0s)) << "in flight " << counts->emitted - counts->taken;
    EXPECT_TRUE(job.wait().ok());
    EXPECT_EQ(job.status().records_out, counts->taken);
    EXPECT_EQ(job.status().batches_queued, 0U);
    if (shape == Shape::kDiamond) {
      EXPECT_GE(counts->taken, expected(shape, counts->emitted, 2));
      EXPECT_EQ(counts->taken, job.metrics().stage("source/filter/rebalance/merge")->records_in);
    } else {
      EXPECT_EQ(counts->taken, expected(shape, counts->emitted, 2));
    }
  }
  // A cancel does not wait for the sink.
  const SharedCounts counts = make_counts();
  Dataflow flow{"cancelled"};
  declare(flow, shape, counts, make(counts));
  Job job = start(flow, small(2));
  ASSERT_TRUE(eventually([&] { return counts->taken > 20; }));
  job.cancel();
  EXPECT_TRUE(job.wait_for(2s));
}

TEST(Backpressure, ASlowSinkBehindALine) {
  press<CountingSink>(Shape::kLine, [](const auto& counts) { return CountingSink{counts, 1ms}; });
}
TEST(Backpressure, ASlowSinkBehindAnExchange) {
  press<CountingSink>(Shape::kExchange, [](const auto& counts) { return CountingSink{counts, 1ms}; });
}
TEST(Backpressure, ASlowSinkBehindADiamond) {
  press<CountingSink>(Shape::kDiamond, [](const auto& counts) { return CountingSink{counts, 1ms}; });
}
TEST(Backpressure, ASlowSinkBehindABroadcast) {
  press<CountingSink>(Shape::kBroadcast, [](const auto& counts) { return CountingSink{counts, 1ms}; });
}
TEST(Backpressure, ASinkThatTakesOneAtATime) {
  for (const Shape shape : {Shape::kLine, Shape::kExchange, Shape::kDiamond, Shape::kBroadcast}) {
    press<DripSink>(shape, [](const auto& counts) { return DripSink{counts}; });
  }
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // has memory of its own
#else
constexpr bool kSanitized = false;
#endif

// Of this process, in main memory.
std::int64_t resident_bytes() {
  std::int64_t pages = 0;
  std::int64_t resident = 0;
  std::ifstream{"/proc/self/statm"} >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// With the queues of a job by default memory is flat too: in records, and as the system sees it.
TEST(Backpressure, MemoryIsFlatWithDefaultQueues) {
  for (const Shape shape : {Shape::kExchange, Shape::kDiamond, Shape::kBroadcast}) {
    SCOPED_TRACE(static_cast<int>(shape));
    const SharedCounts counts = make_counts();
    Dataflow flow{"default"};
    declare(flow, shape, counts, CountingSink{counts, 1ms});
    Job job = start(flow, quiet(2));
    ASSERT_TRUE(eventually([&] { return counts->taken > 10; }));
    std::this_thread::sleep_for(500ms);
    const std::uint64_t early = counts->emitted;
    const std::int64_t before = resident_bytes();
    std::this_thread::sleep_for(2s);
    const std::int64_t grown = resident_bytes() - before;
    std::printf("[ memory   ] %.1f MB, %+.2f MB in two seconds\n", static_cast<double>(before) * 1e-6,
                static_cast<double>(grown) * 1e-6);
    if (!kSanitized) {
      EXPECT_LT(grown, 4'000'000);
    }
    EXPECT_LE(counts->emitted - early, 40'000U);  // whole batches, in step with the sinks
    EXPECT_LE(early, 400'000U);                   // two exchanges of four rings
    job.cancel();
    EXPECT_TRUE(job.wait_for(2s));
  }
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

constexpr double kIdleMax = kSanitized ? 0.05 : 0.01;  // what a sanitizer adds is not ours

TEST(IdleJob, CostsUnderOnePercentOfACore) {
  for (const bool polled : {false, true}) {
    const SharedCounts counts = make_counts();
    Dataflow flow{"idle"};
    flow.from(SilentSource{2, polled})
        .event_time(&Tick::at, monotonic().idle_after(100ms))
        .key_by(&Tick::key)
        .window(tumbling(1s))
        .aggregate(count())
        .map([](const WindowResult<std::int64_t, std::int64_t>& r) { return Tick{r.value}; })
        .to(CountingSink{counts});
    Job job = start(flow, quiet(2));
    std::this_thread::sleep_for(300ms);
    // The least of some: what else the machine does can only add.
    double used = 1;
    for (int round = 0; round < 4; ++round) {
      const double before = cpu_seconds();
      std::this_thread::sleep_for(1s);
      used = std::min(used, cpu_seconds() - before);
    }
    std::printf("[ idle     ] %s: %.2f %% of a core\n", polled ? "polled" : "waiting", used * 100);
    // A source that must be asked again and again costs fifty polls a second, and that is under one percent too.
    EXPECT_LT(used, kIdleMax);
    job.stop();
    EXPECT_TRUE(job.wait_for(5s));
  }
}

}  // namespace
}  // namespace millstream::test
