// What a measurement comes to: a row for the JSON, and a table to read.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "latency/settings.hpp"

namespace latency {

/// Microseconds. The rarest percentile is only there where at least ten samples lie beyond it.
struct Percentiles {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double p99_9 = 0;
  std::optional<double> p99_99 = {};
  double max = 0;
  BOOST_DESCRIBE_CLASS(Percentiles, (), (p50, p90, p99, p99_9, p99_99, max), (), ())
};
[[nodiscard]] Percentiles percentiles_of(const millstream::LatencyHistogram& histogram);

/// A part of the way of the samples, microseconds.
struct Part {
  std::string name = {};
  double mean = 0;
  double p50 = 0;
  double p99 = 0;
  double mean_of_slowest = 0;  // over the slowest 1 % of all samples, by their whole time
  BOOST_DESCRIBE_CLASS(Part, (), (name, mean, p50, p99, mean_of_slowest), (), ())
};

/// One element an interval, microseconds; and when checkpoints were under way. Seconds count measured time alone, in
/// which each round begins where the one before ended.
struct OverTime {
  double interval_seconds = 0;
  std::vector<std::uint64_t> results = {};  // that were due in it; the others are 0 where there are none
  std::vector<double> p50_us = {};          // at most 3.2 % too long
  std::vector<double> p99_us = {};          // likewise
  std::vector<double> max_us = {};
  std::vector<double> checkpoint_begin_seconds = {};
  std::vector<double> checkpoint_end_seconds = {};
  BOOST_DESCRIBE_CLASS(OverTime, (),
                       (interval_seconds, results, p50_us, p99_us, max_us, checkpoint_begin_seconds,
                        checkpoint_end_seconds),
                       (), ())
};
[[nodiscard]] OverTime over_time_of(const Settings& settings, const std::vector<Round>& rounds);

struct Row {
  std::string name = {};
  double rate = 0;
  std::optional<double> load = {};  // share of the sustainable throughput
  double seconds = 0;               // measured, all rounds together
  std::uint32_t shards = 0;
  std::string idle = {};
  double checkpoint_seconds = 0;  // 0 = off
  std::uint64_t checkpoints = 0;
  bool generator_core = false;  // the generator had a core of its own
  std::uint64_t records = 0;    // sent, warm-up included
  std::uint64_t measured = 0;   // results whose latency was recorded
  Percentiles latency_us = {};
  Percentiles floor_us = {};
  // One value a round.
  std::vector<double> p50_us = {};
  std::vector<double> p99_us = {};
  std::vector<double> p99_9_us = {};
  double job_cores = 0;
  double generator_cores = 0;
  double cpu_seconds_per_million = 0;  // of the job
  double peak_rss_mb = 0;
  std::uint64_t samples = 0;
  std::vector<Part> parts = {};
  std::optional<OverTime> over_time = {};
  bool equal = false;
  BOOST_DESCRIBE_CLASS(Row, (),
                       (name, rate, load, seconds, shards, idle, checkpoint_seconds, checkpoints, generator_core,
                        records, measured, latency_us, floor_us, p50_us, p99_us, p99_9_us, job_cores, generator_cores,
                        cpu_seconds_per_million, peak_rss_mb, samples, parts, over_time, equal),
                       (), ())
};

/// Runs the rounds of a measurement.
[[nodiscard]] std::vector<Round> measure(const Settings& settings);
[[nodiscard]] Row summarize(const std::string& name, const Settings& settings, const std::vector<Round>& rounds);
void print(const Row& row, int rounds);
/// All rounds together, as HdrHistogram's tools read it.
[[nodiscard]] std::string hgrm(const std::vector<Round>& rounds);

}  // namespace latency
