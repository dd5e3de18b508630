// What of a checkpoint waits in memory: so many chunks of a shard and no more, within the job's memory budget; a shard
// that has to wait for the disk goes on with its records, and makes up for nothing afterwards.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "millstream/runtime/engine.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/decision_runner.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kKeys = 100'000;
constexpr std::size_t kChunk = 4096;
constexpr std::size_t kUnwrittenMax = kUnwrittenChunks * kChunk;
constexpr std::size_t kEntryBytes = 64;  // more than one takes in a chunk

class NoSignal final : public ShardSignal {
 public:
  int woken = 0;

 private:
  void wake() noexcept override { ++woken; }
};

/// All keys once, then, when it is told to, others.
struct KeysSource {
  std::shared_ptr<std::int64_t> limit;
  std::int64_t next = 0;
  SplitContext* context = nullptr;
  void open(SplitContext& c) { context = &c; }
  Poll poll(SourceOutput<Tick>& out) {
    for (; out.room() > 0 && next < *limit; ++next) out.emit(Tick{next, next % (2 * kKeys), {}});
    return next < *limit ? Poll::more() : Poll::idle_until(context->clock().now() + 1ms);
  }
  [[nodiscard]] Position position() const { return {static_cast<std::uint64_t>(next), {}}; }
};

class UnwrittenState : public ::testing::Test {
 protected:
  UnwrittenState() {
    Dataflow flow{"unwritten"};
    flow.from(KeysSource{limit_})
        .key_by(&Tick::key)
        .reduce([](const Tick&, const Tick& next) { return next; })
        .to(CountingSink{counts_});
    RunOptions options = quiet(1);
    options.state_dir = "state";
    options.file_system = &files_;
    options.clock = &clock_;
    options.memory = memory_;
    options.chunk_bytes = kChunk;
    options.checkpoint.interval = 1h;
    auto engine = Engine::build(flow.graph(), options, [&](std::uint32_t) { return signal_; });
    EXPECT_TRUE(engine) << engine.error().to_string();
    engine_ = *std::move(engine);
    EXPECT_TRUE(engine_->shard(0).open());
    steps_until([&] { return counts_->taken == static_cast<std::uint64_t>(kKeys); });
    idle_bytes_ = memory_->used_bytes();
    clock_.advance(1h);
    engine_->checkpointer()->step();
  }
  template <class Done>
  void steps_until(Done done) {
    for (int steps = 0; !done(); ++steps) {
      ASSERT_LT(steps, 1'000'000);
      clock_.advance(10us);
      static_cast<void>(engine_->step(0));
    }
  }
  [[nodiscard]] std::size_t unwritten() const { return memory_->used_bytes() - idle_bytes_; }
  // Until the shard waits for the disk.
  void fill_up() {
    steps_until([&] { return engine_->checkpointer()->unwritten_bytes(0) + kChunk > kUnwrittenMax; });
    static_cast<void>(engine_->step(0));
  }
  void write_all() {
    while (engine_->checkpointer()->deadline_ns() == 0) engine_->checkpointer()->step();
  }

  std::shared_ptr<std::int64_t> limit_ = std::make_shared<std::int64_t>(kKeys);
  SharedCounts counts_ = make_counts();
  ManualClock clock_{Timestamp{0s}};
  testing::MemoryFileSystem files_{clock_};
  std::shared_ptr<MemoryBudget> memory_ = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  std::shared_ptr<NoSignal> signal_ = std::make_shared<NoSignal>();
  std::unique_ptr<Engine> engine_;
  std::size_t idle_bytes_ = 0;
};

TEST_F(UnwrittenState, IsBoundedWhateverTheStateHas) {
  std::size_t most = 0;
  for (int steps = 0; steps < 1000; ++steps) {
    clock_.advance(10us);
    static_cast<void>(engine_->step(0));
    most = std::max(most, unwritten());
  }
  EXPECT_GT(most, kUnwrittenMax / 2);
  // Looked at every 64 entries.
  EXPECT_LT(most, kUnwrittenMax + kChunk + 64 * kEntryBytes);
  // Nothing is left to be done until some of it is written.
  signal_->prepare_to_park();
  EXPECT_EQ(engine_->step(0), Progress::kIdle);
  EXPECT_EQ(signal_->woken, 0);
  engine_->checkpointer()->step();
  EXPECT_EQ(signal_->woken, 1);
  EXPECT_EQ(engine_->step(0), Progress::kAdvanced);
}

TEST_F(UnwrittenState, ComesToItsEndAndTheMemoryIsGivenBack) {
  for (int rounds = 0; engine_->status().checkpoints == 0 && rounds < 10'000; ++rounds) {
    clock_.advance(10us);
    static_cast<void>(engine_->step(0));
    write_all();
    engine_->decision_runner()->step();
    engine_->checkpointer()->step();
  }
  EXPECT_EQ(engine_->status().checkpoints, 1U);
  static_cast<void>(engine_->step(0));
  EXPECT_EQ(unwritten(), 0U);
}

TEST_F(UnwrittenState, DoesNotKeepAShardFromItsRecords) {
  fill_up();
  const std::uint64_t before = counts_->taken;
  *limit_ = kKeys + 5000;
  steps_until([&] { return counts_->taken == before + 5000; });
  // These keys are new: there was nothing to give out before they changed.
  EXPECT_LT(engine_->checkpointer()->unwritten_bytes(0), kUnwrittenMax + 2 * kChunk);
  // Those that are not given out yet are, whatever room there is.
  *limit_ = 3 * kKeys;
  steps_until([&] { return counts_->taken == 3U * kKeys; });
  EXPECT_GT(engine_->checkpointer()->unwritten_bytes(0), std::size_t{1} << 20);
}

TEST_F(UnwrittenState, IsNotMadeUpForInOneStep) {
  *limit_ = 2 * kKeys;  // busy all the time
  for (const bool sleeps : {true, false}) {
    fill_up();
    if (sleeps) {
      clock_.advance(10s);
    } else {
      for (int steps = 0; steps < 10; ++steps) {
        clock_.advance(1s);
        static_cast<void>(engine_->step(0));
      }
    }
    write_all();
    EXPECT_EQ(engine_->step(0), Progress::kAdvanced);
    EXPECT_LT(engine_->checkpointer()->unwritten_bytes(0), kSavedPerStep * kEntryBytes / 4);
  }
}

}  // namespace
}  // namespace millstream::test
