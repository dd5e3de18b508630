// Splits that have their records at stated wall-clock times, counted in windows: what a test of idle, aligned or
// arriving splits looks at is when results come, and what is late.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/millstream.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream::test {

using namespace std::chrono_literals;

struct Reading {
  std::int64_t value = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Reading, (), (value, at))
using Count = WindowResult<std::int64_t, std::int64_t>;

inline Timestamp at(Duration since) { return Timestamp{since}; }

/// A record and the wall-clock time at which its split has it.
struct Scripted {
  Duration when;
  Reading reading;
};

/// One reading a second, event time as the wall clock.
inline std::vector<Scripted> every_second(int from, int to) {
  std::vector<Scripted> all;
  for (int s = from; s < to; ++s) all.push_back({s * 1s, {s, at(s * 1s)}});
  return all;
}

/// Results with the wall-clock time at which they came.
struct TimedSink {
  std::shared_ptr<std::vector<std::pair<Timestamp, Count>>> results =
      std::make_shared<std::vector<std::pair<Timestamp, Count>>>();
  SinkContext* context = nullptr;
  void open(SinkContext& c) { context = &c; }
  void write(const Count& c) { results->emplace_back(context->clock().now(), c); }
};

struct Outcome {
  std::vector<std::pair<Timestamp, Count>> results;  ///< in the order in which they came
  std::vector<Late<Reading>> late;
};

/// Counts in windows of 10 s, under several seeds and numbers of shards.
template <class Source>
void play(const Source& source, const WatermarkStrategy& strategy, const std::function<void(const Outcome&)>& check,
          const std::function<void(testing::Simulation&)>& watch = nullptr) {
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
    testing::SimulatorOptions options{.seed = seed, .shards = shards, .batch = 4, .exchange_slots = 2};
    options.before_step = watch;
    const auto result = testing::Simulator{options}.run(flow);
    ASSERT_TRUE(result.ok()) << result.status.to_string();
    std::sort(sink.results->begin(), sink.results->end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    check(Outcome{*sink.results, late.records()});
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace millstream::test
