// The ring that shards exchange batches by, beside Boost.Lockfree's queue for one producer and one consumer: pointers
// through a queue of 16 slots, as an exchange has them.
#include "millstream/channel/ring.hpp"

#include <benchmark/benchmark.h>

#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <thread>

#include "millstream/channel/exchange.hpp"

namespace {

using millstream::kExchangeSlots;

struct OurRing {
  millstream::Ring<std::uintptr_t> ring{kExchangeSlots};
  bool push(std::uintptr_t value) { return ring.push(value); }
  bool pop(std::uintptr_t& value) { return ring.pop(value); }
};
struct LockfreeQueue {
  boost::lockfree::spsc_queue<std::uintptr_t, boost::lockfree::capacity<kExchangeSlots>> queue;
  bool push(std::uintptr_t value) { return queue.push(value); }
  bool pop(std::uintptr_t& value) { return queue.pop(value); }
};

// Both sides on one thread: what the instructions cost.
template <class Queue>
void push_and_pop(benchmark::State& state) {
  Queue queue;
  std::uintptr_t value = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (std::uintptr_t i = 0; i < kExchangeSlots; ++i) benchmark::DoNotOptimize(queue.push(i));
    for (std::uintptr_t i = 0; i < kExchangeSlots; ++i) benchmark::DoNotOptimize(queue.pop(value));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kExchangeSlots));
}
BENCHMARK(push_and_pop<OurRing>)->Name("ring/one_thread/millstream");
BENCHMARK(push_and_pop<LockfreeQueue>)->Name("ring/one_thread/boost_lockfree");

// From one core to another.
template <class Queue>
void across(benchmark::State& state) {
  Queue queue;
  std::atomic<bool> ended{false};
  std::jthread producer{[&] {
    std::uintptr_t next = 0;
    while (!ended.load(std::memory_order_relaxed)) {
      // A machine with one free core must come to the other side, too.
      if (queue.push(next)) {
        ++next;
      } else {
        std::this_thread::yield();
      }
    }
  }};
  std::uintptr_t expected = 0;
  std::uintptr_t value = 0;
  for ([[maybe_unused]] auto _ : state) {
    while (!queue.pop(value)) std::this_thread::yield();
    if (value != expected++) state.SkipWithError("a value was lost, doubled or overtaken");
  }
  ended = true;
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(across<OurRing>)->Name("ring/two_threads/millstream")->UseRealTime();
BENCHMARK(across<LockfreeQueue>)->Name("ring/two_threads/boost_lockfree")->UseRealTime();

}  // namespace
