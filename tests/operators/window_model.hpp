// What the window stages are compared with: random streams of records and marks of two splits, and the words in which
// stage and model state their results.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "millstream/testing/stage_driver.hpp"
#include "millstream/window/aggregates.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::test {

using namespace std::chrono_literals;

struct Event {
  std::int64_t key = 0;
  std::int64_t value = 0;
  friend bool operator==(const Event&, const Event&) = default;
  BOOST_DESCRIBE_CLASS(Event, (), (key, value), (), ())
};

/// Everything a stage is told, in order: a record, and the watermarks that hold before it.
struct Input {
  Event event;
  Timestamp time;
  Watermarks before;
};

using Values = std::vector<std::int64_t>;
using Out = WindowResult<std::int64_t, Values>;
using Given = testing::Recorder<Out>::Record;
using LateGiven = Late<Event>;

inline Timestamp at(std::int64_t microseconds) { return Timestamp{Duration{microseconds}}; }

struct StreamOptions {
  std::uint64_t seed = 1;
  int records = 600;
  int keys = 4;
  std::int64_t from_us = -2000;
  std::int64_t per_record_us = 7;
  std::int64_t disorder_us = 60;  // how far behind a record may be
  std::int64_t bound_us = 30;     // how far its split's watermark stays behind
  bool splits_differ = true;      // two splits of different progress, else one
};

/// Records that come out of order, some late, with gaps and equal times. Marks are multiples of 5 us, as if that were
/// the job's step.
inline std::vector<Input> random_stream(const StreamOptions& o) {
  std::mt19937_64 random{o.seed};
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1)));
  };
  const std::size_t splits = o.splits_differ ? 2 : 1;
  std::vector<std::int64_t> now(splits, o.from_us);
  std::vector<Timestamp> watermark(splits, kTimestampMin);
  std::vector<Input> inputs;
  for (int n = 0; n < o.records; ++n) {
    const auto s = static_cast<std::size_t>(below(static_cast<std::int64_t>(splits)));
    now[s] += below(2 * o.per_record_us) + (below(40) == 0 ? 300 : 0);
    std::int64_t time = now[s] - (below(3) == 0 ? below(o.disorder_us) : below(o.bound_us));
    if (below(50) == 0) time -= 4 * o.disorder_us;
    const Timestamp merged = *std::min_element(watermark.begin(), watermark.end());
    inputs.push_back({{below(o.keys), n}, at(time), {watermark[s], merged}});
    const std::int64_t mark = (now[s] - o.bound_us) / 5 * 5;
    watermark[s] = std::max(watermark[s], at(mark));
  }
  return inputs;
}

/// The ends of time and what lies near them, in order, with marks in between.
inline std::vector<Input> extreme_stream() {
  std::vector<Input> inputs;
  const Timestamp times[] = {kTimestampMin, kTimestampMin + 1us,  kTimestampMin + 50us, at(-1),       at(0),
                             at(1),         kTimestampMax - 50us, kTimestampMax - 1us,  kTimestampMax};
  Timestamp watermark = kTimestampMin;
  std::int64_t n = 0;
  for (const Timestamp time : times) {
    inputs.push_back({{n % 2, n}, time, {watermark, watermark}});
    ++n;
    inputs.push_back({{n % 2, n}, time, {watermark, watermark}});
    ++n;
    if (time != kTimestampMax) watermark = std::max(watermark, saturating_sub(time, 20us));
  }
  return inputs;
}

template <class Driver>
void feed(Driver& driver, const std::vector<Input>& inputs, bool drain = true) {
  driver.key_by(&Event::key);
  driver.open();
  for (const Input& input : inputs) {
    driver.watermark(input.before);
    driver.push(input.event, input.time);
  }
  if (drain) {
    driver.drain();
  } else {
    driver.end();
  }
  EXPECT_TRUE(driver.context().failure().ok()) << driver.context().failure().to_string();
  EXPECT_TRUE(driver.stage().finished());
  EXPECT_TRUE(driver.output().ended());
}

inline std::string text(const Given& g) {
  std::string values;
  for (const std::int64_t v : g.value.value) values += std::to_string(v) + " ";
  const char* timing = g.value.timing == PaneTiming::late    ? "late"
                       : g.value.timing == PaneTiming::early ? "early"
                                                             : "on_time";
  return std::to_string(g.value.key) + " [" + std::to_string(g.value.window_start.time_since_epoch().count()) + ", " +
         std::to_string(g.value.window_end.time_since_epoch().count()) + ") pane " + std::to_string(g.value.pane) +
         " " + timing + " at " + std::to_string(g.at.merged.time_since_epoch().count()) + " time " +
         std::to_string(g.time ? g.time->time_since_epoch().count() : -1) + ": " + values;
}
inline std::vector<std::string> texts(const std::vector<Given>& all) {
  std::vector<std::string> lines;
  for (const Given& g : all) lines.push_back(text(g));
  return lines;
}
inline std::vector<std::string> texts(const std::vector<LateGiven>& all) {
  std::vector<std::string> lines;
  for (const LateGiven& l : all) {
    lines.push_back(std::to_string(l.record.value) + " late by " + std::to_string(l.late_by.count()));
  }
  return lines;
}

/// Batch sizes and how many results a batch of results holds.
struct Shape {
  std::uint32_t batch;
  std::uint32_t fill;
};
inline constexpr Shape kShapes[] = {{1, 1}, {7, 3}, {1024, 2}, {1024, 1024}};

/// What a model says came out.
struct ModelOutput {
  std::vector<Given> given;
  std::vector<LateGiven> late;
  std::uint64_t behind = 0;  // records behind the watermark that were taken
};

}  // namespace millstream::test
