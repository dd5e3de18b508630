// What a measurement of the latency benchmark is asked to do, and what it found.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "latency/timeline.hpp"
#include "millstream/core/histogram.hpp"
#include "millstream/runtime/options.hpp"

namespace latency {

enum class Pipeline { kMap, kKeyed, kWindow, kExchange };

struct Settings {
  Pipeline pipeline = Pipeline::kKeyed;
  double rate = 100'000;                 // records a second
  std::chrono::nanoseconds duration{0};  // measured in each round
  std::chrono::nanoseconds warmup{0};    // ahead of each round
  int rounds = 5;
  std::uint32_t shards = 1;
  millstream::IdleStrategy idle = millstream::IdleStrategy::kPark;
  bool generator_core = false;  // the generator is a thread with a core of its own; else the shards pace themselves
  std::chrono::nanoseconds checkpoint_interval{0};  // 0 = no checkpoints
  std::size_t intervals = 0;  // of a round whose latencies are kept apart; 0 = none, which costs less a record
};
/// How long one of the intervals is: they divide the measured time.
[[nodiscard]] std::chrono::nanoseconds interval_of(const Settings& settings);

/// Splits of the source: one for each shard; of the exchange one, so that every record can change shards.
[[nodiscard]] std::uint32_t load_splits(const Settings& settings);
/// Cores that this process may use.
[[nodiscard]] std::uint32_t cores();

/// Where the time of one record in kSampledEvery went; nanoseconds.
struct Sample {
  std::int64_t source_wait = 0;  // from when it was due until the source made it
  std::int64_t exchange = 0;     // until the operator had it: key_by, the exchange, what of the batch was ahead of it
  std::int64_t operators = 0;    // until the operator had given out its batch
  std::int64_t sink = 0;         // until the sink had it
  [[nodiscard]] std::int64_t total() const { return source_wait + exchange + operators + sink; }
};
inline constexpr std::uint64_t kSampledEvery = 1024;

/// Seconds behind the start of what is measured.
struct Span {
  double begin = 0;
  double end = 0;
};

/// One round: a run of the job, and ahead of it the floor.
struct Round {
  millstream::LatencyHistogram latency;
  millstream::LatencyHistogram floor;
  std::vector<Sample> samples;  // none for windows
  std::vector<IntervalHistogram> over_time;
  std::vector<Span> checkpoint_spans;  // within what is measured
  std::uint64_t records = 0;           // sent
  std::uint64_t checkpoints = 0;
  double seconds = 0;                  // that the job ran
  double job_cpu_seconds = 0;          // without the generator's where that has a thread of its own
  double generator_cpu_seconds = 0;    // 0 where it has none
  std::chrono::nanoseconds behind{0};  // how late the last record, or what it closed, was at the sink
  bool equal = false;                  // the results are those of a plain loop
};

/// Runs one round. Throws std::runtime_error where the job fails.
[[nodiscard]] Round run_round(const Settings& settings, bool with_floor);

/// How late a loop that does nothing but wait for the instants of the schedule sees them: what the machine itself adds.
[[nodiscard]] millstream::LatencyHistogram measure_floor(const Settings& settings);

}  // namespace latency
