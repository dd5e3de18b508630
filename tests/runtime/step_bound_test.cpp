// One step of a shard is a bounded piece of work, however many keys a window has: counted, not timed, in calls of the
// user's aggregate and key. How long the longest step takes is for benchmarks/step_time.
#include <gtest/gtest.h>

#include <algorithm>

#include "millstream/runtime/engine.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

constexpr std::int64_t kKeys = 200'000;

// What the user's functions were called, in this step or in all.
struct Calls {
  std::uint64_t created = 0;
  std::uint64_t added = 0;
  std::uint64_t merged = 0;
  std::uint64_t results = 0;
  std::uint64_t compared = 0;  // keys
};
Calls calls;

struct CountedKey {
  std::int64_t value = 0;
  bool operator==(const CountedKey& other) const {
    ++calls.compared;
    return value == other.value;
  }
};
BOOST_DESCRIBE_STRUCT(CountedKey, (), (value))

struct CountedAcc {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(CountedAcc, (), (count))

struct CountedAggregate {
  CountedAcc create() const {
    ++calls.created;
    return {};
  }
  void add(CountedAcc& acc, const Tick&) const {
    ++calls.added;
    ++acc.count;
  }
  void merge(CountedAcc& acc, const CountedAcc& later) const {
    ++calls.merged;
    acc.count += later.count;
  }
  std::int64_t result(const CountedAcc& acc) const {
    ++calls.results;
    return acc.count;
  }
};

class NoSignal final : public ShardSignal {
  void wake() noexcept override {}
};

// Every key once in each of two rounds, one microsecond apart.
struct KeysSource {
  std::int64_t next = 0;
  Poll poll(SourceOutput<Tick>& out) {
    for (; out.room() > 0 && next < 2 * kKeys; ++next) {
      out.emit(Tick{next, next % kKeys, Timestamp{Duration{next}}});
    }
    return next < 2 * kKeys ? Poll::more() : Poll::done();
  }
};
struct DropResults {
  void write(const WindowResult<CountedKey, std::int64_t>&) {}
};

struct Bounds {
  Calls longest;  // most calls of each kind in one step
  Calls all;
  std::uint64_t steps = 0;
};

template <class Window>
Bounds run_with(Window window) {
  Dataflow flow{"bounded"};
  flow.from(KeysSource{})
      .event_time(&Tick::at, monotonic())
      .key_by([](const Tick& t) { return CountedKey{t.key}; })
      .window(std::move(window))
      .aggregate(CountedAggregate{})
      .to(DropResults{});
  auto engine = Engine::build(flow.graph(), quiet(1), [](std::uint32_t) { return std::make_shared<NoSignal>(); });
  EXPECT_TRUE(engine.has_value()) << engine.error().to_string();
  EXPECT_TRUE((*engine)->shard(0).open());
  Bounds bounds;
  const auto count = [&](std::uint64_t Calls::* kind) {
    bounds.longest.*kind = std::max(bounds.longest.*kind, calls.*kind);
    bounds.all.*kind += calls.*kind;
  };
  for (Progress progress = Progress::kIdle; progress != Progress::kDone; ++bounds.steps) {
    calls = {};
    progress = (*engine)->step(0);
    for (auto kind : {&Calls::created, &Calls::added, &Calls::merged, &Calls::results, &Calls::compared}) count(kind);
  }
  EXPECT_TRUE((*engine)->failure().ok());
  (*engine)->shard(0).close(true);
  return bounds;
}

// A step takes in a batch and gives out a batch, or does a limited amount of work that gives out nothing, such as
// merging what a later window will need.
constexpr std::uint64_t kBatch = kBatchRecordsMax;
constexpr std::uint64_t kWork = kBatch;

void expect_bounded(const Bounds& bounds) {
  EXPECT_LE(bounds.longest.added, kBatch);
  EXPECT_LE(bounds.longest.results, kBatch);
  EXPECT_LE(bounds.longest.created, kWork);
  EXPECT_LE(bounds.longest.merged, kWork);
  EXPECT_LE(bounds.longest.compared, kWork);
  EXPECT_EQ(bounds.all.added, 2U * kKeys);
  std::printf(
      "[ longest  ] added %llu, results %llu, created %llu, merged %llu, keys compared %llu; %llu steps\n",
      static_cast<unsigned long long>(bounds.longest.added), static_cast<unsigned long long>(bounds.longest.results),
      static_cast<unsigned long long>(bounds.longest.created), static_cast<unsigned long long>(bounds.longest.merged),
      static_cast<unsigned long long>(bounds.longest.compared), static_cast<unsigned long long>(bounds.steps));
}

TEST(StepBound, TumblingWindow) {
  const Bounds bounds = run_with(tumbling(Duration{kKeys}));
  expect_bounded(bounds);
  EXPECT_EQ(bounds.all.results, 2U * kKeys);
}
TEST(StepBound, OneWindowForBothRounds) {
  const Bounds bounds = run_with(tumbling(Duration{2 * kKeys}));
  expect_bounded(bounds);
  EXPECT_GE(bounds.all.compared, 1U * kKeys);
  EXPECT_EQ(bounds.all.results, 1U * kKeys);
}
TEST(StepBound, SlidingWindow) {
  const Bounds bounds = run_with(sliding(Duration{kKeys}, Duration{kKeys / 4}));
  expect_bounded(bounds);
  EXPECT_GT(bounds.all.results, 5U * kKeys / 2);
  EXPECT_GE(bounds.all.merged, 1U * kKeys / 4);
}
TEST(StepBound, SessionsThatEndOneByOne) {
  const Bounds bounds = run_with(session(Duration{kKeys / 2}));
  expect_bounded(bounds);
  EXPECT_EQ(bounds.all.results, 2U * kKeys);
}
// Every session is extended by the second round, and all end at the end of the input.
TEST(StepBound, SessionsThatEndTogether) {
  const Bounds bounds = run_with(session(Duration{3 * kKeys}));
  expect_bounded(bounds);
  EXPECT_EQ(bounds.all.results, 1U * kKeys);
}

}  // namespace
}  // namespace millstream::test
