// In steady state a record costs no allocation: counted by an operator new that counts, while jobs run.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "runtime/jobs.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

}  // namespace

// Not inlined: the compiler would see free() and new side by side and take them for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, std::max(static_cast<std::size_t>(alignment), alignof(std::max_align_t)));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace millstream::test {
namespace {

constexpr std::int64_t kRecords = 3'000'000;

// Ticks one microsecond apart; notes how many allocations there were after a third and at the end.
struct CountedSource {
  std::shared_ptr<std::pair<std::uint64_t, std::uint64_t>> seen;
  std::int64_t keys = 10'000;
  std::int64_t next = 0;
  Poll poll(SourceOutput<Tick>& out) {
    if (next >= kRecords / 3 && seen->first == 0) seen->first = allocations.load();
    for (; out.room() > 0 && next < kRecords; ++next) out.emit(Tick{next, next % keys, Timestamp{Duration{next}}});
    if (next < kRecords) return Poll::more();
    seen->second = allocations.load();
    return Poll::done();
  }
};

// Allocations per record in the last two thirds.
template <class Declare>
double measure(const char* name, const RunOptions& options, Declare&& declare) {
  auto seen = std::make_shared<std::pair<std::uint64_t, std::uint64_t>>();
  Dataflow flow{name};
  declare(flow.from(CountedSource{seen}));
  EXPECT_TRUE(run(flow, options).ok());
  const std::uint64_t count = seen->second - seen->first;
  std::printf("[ counted  ] %s: %llu allocations for %lld records\n", name, static_cast<unsigned long long>(count),
              static_cast<long long>(kRecords / 3 * 2));
  return static_cast<double>(count) / static_cast<double>(kRecords / 3 * 2);
}

template <class T>
struct Drop {
  void write(const T&) {}
};
using Result = WindowResult<std::int64_t, std::int64_t>;

TEST(Allocations, NoneInAChainOfMapAndFilter) {
  RunOptions options = quiet(1);
  options.calling_thread = true;
  EXPECT_EQ(measure("map and filter", options,
                    [](const Stream<Tick>& ticks) {
                      ticks.map([](const Tick& t) { return Tick{t.number + 1, t.key, t.at}; })
                          .filter([](const Tick& t) { return t.number % 3 != 0; })
                          .flat_map<std::int64_t>([](const Tick& t, Collector<std::int64_t>& out) {
                            out.emit(t.number);
                            if (t.key == 0) out.emit(-t.number);
                          })
                          .to(Drop<std::int64_t>{});
                    }),
            0);
}

TEST(Allocations, NoneInReduce) {
  EXPECT_EQ(measure("reduce", quiet(1),
                    [](const Stream<Tick>& ticks) {
                      ticks.key_by(&Tick::key).reduce([](const Tick&, const Tick& b) { return b; }).to(Drop<Tick>{});
                    }),
            0);
}

// A window that opens costs a few, however many records it gets.
TEST(Allocations, OnlyForNewWindows) {
  const double tumbled = measure("tumbling", quiet(1), [](const Stream<Tick>& ticks) {
    ticks.event_time(&Tick::at, monotonic())
        .key_by(&Tick::key)
        .window(tumbling(100ms))
        .aggregate(count())
        .to(Drop<Result>{});
  });
  EXPECT_LT(tumbled, 0.001);
  const double slid = measure("sliding", quiet(1), [](const Stream<Tick>& ticks) {
    ticks.event_time(&Tick::at, monotonic())
        .key_by(&Tick::key)
        .window(sliding(1s, 100ms))
        .aggregate(count())
        .to(Drop<Result>{});
  });
  EXPECT_LT(slid, 0.001);
}

// Between shards batches go back the way they came. How many are under way at most depends on the scheduler.
TEST(Allocations, NoneBetweenShards) {
  const double crossed = measure("exchange", quiet(2), [](const Stream<Tick>& ticks) {
    ticks.rebalance().map([](const Tick& t) { return t.number; }).to(Drop<std::int64_t>{});
  });
  EXPECT_LT(crossed, 0.0005);
}

Stream<Tick> timed(const Stream<Tick>& ticks) { return ticks.event_time(&Tick::at, bounded_disorder(1ms)); }

// A key comes every 10 ms: with a gap of 5 ms each record begins a session and closes one, with 500 ms each is kept.
TEST(Allocations, NoneForSessions) {
  for (const auto gap : {5ms, 500ms}) {
    const double used =
        measure(gap == 5ms ? "sessions that close" : "sessions that grow", quiet(1), [gap](const Stream<Tick>& ticks) {
          timed(ticks).key_by(&Tick::key).window(session(gap)).aggregate(count()).to(Drop<Result>{});
        });
    EXPECT_LT(used, 0.00002);
  }
}

TEST(Allocations, NoneForCountWindows) {
  for (const std::uint64_t slide : {10U, 2U}) {
    EXPECT_EQ(measure(slide == 10 ? "count windows" : "sliding count windows", quiet(1),
                      [slide](const Stream<Tick>& ticks) {
                        ticks.key_by(&Tick::key).window(count_window(10, slide)).aggregate(count()).to(Drop<Result>{});
                      }),
              0);
  }
}

TEST(Allocations, OnlyForNewWindowsWithATrigger) {
  const double used = measure("early results", quiet(1), [](const Stream<Tick>& ticks) {
    timed(ticks)
        .key_by(&Tick::key)
        .window(tumbling(100ms))
        .trigger(early_every(5))
        .aggregate(count())
        .to(Drop<Result>{});
  });
  EXPECT_LT(used, 0.001);
}

struct CountWithTimers {
  ValueState<std::int64_t> seen;
  MapState<std::int64_t, std::int64_t> last;
  void open(OperatorContext& context) {
    seen = context.value_state<std::int64_t>("seen");
    last = context.map_state<std::int64_t, std::int64_t>("last");
  }
  void process(const Tick& tick, Collector<Tick>& out, OperatorContext& context) {
    context.timers().register_event_time(tick.at + 5ms);
    seen.set(seen.value_or(0) + 1);
    last.put(tick.number % 4, tick.number);
    out.emit(tick);
  }
  void on_timer(const Timer&, Collector<Tick>&, OperatorContext&) {}
};

TEST(Allocations, NoneForStateAndTimers) {
  const double used = measure("state and timers", quiet(1), [](const Stream<Tick>& ticks) {
    timed(ticks).key_by(&Tick::key).process(CountWithTimers{}).to(Drop<Tick>{});
  });
  EXPECT_LT(used, 0.00002);
}

TEST(Allocations, NoneBetweenShardsByKey) {
  const double reduced = measure("exchange by key", quiet(2), [](const Stream<Tick>& ticks) {
    ticks.key_by(&Tick::key).reduce([](const Tick&, const Tick& b) { return b; }).to(Drop<Tick>{});
  });
  EXPECT_LT(reduced, 0.0005);
  const double windowed = measure("windows on two shards", quiet(2), [](const Stream<Tick>& ticks) {
    timed(ticks).key_by(&Tick::key).window(tumbling(100ms)).aggregate(count()).to(Drop<Result>{});
  });
  EXPECT_LT(windowed, 0.001);
}

TEST(Allocations, NoneForBroadcastAndSplit) {
  const double sent = measure("broadcast", quiet(2), [](const Stream<Tick>& ticks) {
    ticks.broadcast().map([](const Tick& t) { return t.number; }).to(Drop<std::int64_t>{});
  });
  EXPECT_LT(sent, 0.0005);
  EXPECT_EQ(measure("split", quiet(1),
                    [](const Stream<Tick>& ticks) {
                      const auto parts = ticks.split({{"even", [](const Tick& t) { return t.number % 2 == 0; }}});
                      parts.branch("even").to(Drop<Tick>{});
                      parts.rest().to(Drop<Tick>{});
                    }),
            0);
}

}  // namespace
}  // namespace millstream::test
