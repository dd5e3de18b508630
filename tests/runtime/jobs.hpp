// Sources and sinks with which the tests of jobs show what they want: endless, silent, failing, slow.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"

namespace millstream::test {

using namespace std::chrono_literals;

/// What the copies of a source or sink count together.
struct Counts {
  std::atomic<std::uint64_t> emitted{0};
  std::atomic<std::uint64_t> taken{0};
  std::atomic<int> closed_finished{0};
  std::atomic<int> closed_aborted{0};
};
using SharedCounts = std::shared_ptr<Counts>;
inline SharedCounts make_counts() { return std::make_shared<Counts>(); }

struct Tick {
  std::int64_t number = 0;
  std::int64_t key = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Tick, (), (number, key, at))

/// Ticks without end from `splits` splits, as many as there is room for; one millisecond of event time apart.
struct EndlessSource {
  SharedCounts counts;
  std::uint32_t splits_count = 1;
  std::int64_t next = 0;
  std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (std::uint32_t i = 0; i < splits_count; ++i) all.push_back({"split-" + std::to_string(i)});
    return all;
  }
  Poll poll(SourceOutput<Tick>& out) {
    std::uint64_t emitted = 0;
    for (; out.room() > 0; ++emitted) {
      out.emit(Tick{next, next % 7, Timestamp{next * 1ms}});
      ++next;
    }
    counts->emitted.fetch_add(emitted);
    return Poll::more();
  }
};

/// Says nothing and does not end; with `wakes` it asks to be polled again and again.
struct SilentSource {
  std::uint32_t splits_count = 2;
  bool polled = false;
  std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (std::uint32_t i = 0; i < splits_count; ++i) all.push_back({std::to_string(i)});
    return all;
  }
  Poll poll(SourceOutput<Tick>&) { return polled ? Poll::idle() : Poll::waiting(); }
};

/// Counts what it takes; `pause` after each record.
struct CountingSink {
  SharedCounts counts;
  std::chrono::microseconds pause{0};
  void write(const Tick&) {
    counts->taken.fetch_add(1);
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
  void close(SinkEnd end) {
    (end == SinkEnd::kFinished ? counts->closed_finished : counts->closed_aborted).fetch_add(1);
  }
};

/// Takes one record each `pause` and never blocks its shard.
struct DripSink {
  SharedCounts counts;
  Duration pause{1ms};
  SinkContext* context = nullptr;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Tick> ticks) {
    if (context->clock().now() < context->retry_at()) return 0;
    context->retry_at(context->clock().now() + pause);
    if (ticks.empty()) return 0;
    counts->taken.fetch_add(1);
    return 1;
  }
  void close(SinkEnd end) {
    (end == SinkEnd::kFinished ? counts->closed_finished : counts->closed_aborted).fetch_add(1);
  }
};

inline RunOptions quiet(std::uint32_t shards) {
  RunOptions options;
  options.shards = shards;
  options.log = nullptr;
  return options;
}

}  // namespace millstream::test
