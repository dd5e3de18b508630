// Summing up rounds, and printing what they came to.
#include "latency/report.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

namespace latency {
namespace {

using millstream::LatencyHistogram;

double micros(std::chrono::nanoseconds ns) { return std::chrono::duration<double, std::micro>(ns).count(); }
double micros(std::int64_t ns) { return micros(std::chrono::nanoseconds{ns}); }

double peak_rss_mb() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

Part part_of(const char* name, std::vector<Sample>& by_total, std::int64_t (*time_of)(const Sample&)) {
  std::vector<std::int64_t> times;
  double sum = 0;
  double slowest = 0;
  const std::size_t slow = std::max<std::size_t>(by_total.size() / 100, 1);
  for (std::size_t i = 0; i < by_total.size(); ++i) {
    times.push_back(time_of(by_total[i]));
    sum += micros(times.back());
    if (i + slow >= by_total.size()) slowest += micros(times.back());
  }
  std::sort(times.begin(), times.end());
  return {name, sum / static_cast<double>(times.size()), micros(times[times.size() / 2]),
          micros(times[times.size() * 99 / 100]), slowest / static_cast<double>(slow)};
}

std::vector<Part> parts_of(std::vector<Sample>& samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.total() < b.total(); });
  return {part_of("source wait", samples, [](const Sample& s) { return s.source_wait; }),
          part_of("exchange", samples, [](const Sample& s) { return s.exchange; }),
          part_of("operators", samples, [](const Sample& s) { return s.operators; }),
          part_of("sink", samples, [](const Sample& s) { return s.sink; }),
          part_of("all", samples, [](const Sample& s) { return s.total(); })};
}

void print_percentiles(const char* what, const Percentiles& p) {
  std::printf("  %-16s %10.2f %10.2f %10.2f %10.2f ", what, p.p50, p.p90, p.p99, p.p99_9);
  if (p.p99_99) {
    std::printf("%10.2f", *p.p99_99);
  } else {
    std::printf("%10s", "-");
  }
  std::printf(" %10.2f\n", p.max);
}

void print_rounds(const char* what, const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  std::printf("  %s %.2f to %.2f", what, *least, *most);
}

}  // namespace

Percentiles percentiles_of(const LatencyHistogram& histogram) {
  const auto at = [&](double q) { return micros(histogram.quantile(q)); };
  Percentiles p{at(0.5), at(0.9), at(0.99), at(0.999), std::nullopt, micros(histogram.max())};
  if (histogram.count() >= 100'000) p.p99_99 = at(0.9999);
  return p;
}

OverTime over_time_of(const Settings& settings, const std::vector<Round>& rounds) {
  OverTime all{.interval_seconds = std::chrono::duration<double>(interval_of(settings)).count()};
  const double duration = std::chrono::duration<double>(settings.duration).count();
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    for (const IntervalHistogram& interval : rounds[i].over_time) {
      all.results.push_back(interval.count());
      all.p50_us.push_back(micros(interval.quantile(0.5)));
      all.p99_us.push_back(micros(interval.quantile(0.99)));
      all.max_us.push_back(micros(interval.max()));
    }
    for (const Span& span : rounds[i].checkpoint_spans) {
      all.checkpoint_begin_seconds.push_back(span.begin + duration * static_cast<double>(i));
      all.checkpoint_end_seconds.push_back(span.end + duration * static_cast<double>(i));
    }
  }
  return all;
}

std::vector<Round> measure(const Settings& settings) {
  std::vector<Round> rounds;
  for (int i = 0; i < settings.rounds; ++i) rounds.push_back(run_round(settings, true));
  return rounds;
}

Row summarize(const std::string& name, const Settings& settings, const std::vector<Round>& rounds) {
  Row row{.name = name, .rate = settings.rate};
  row.seconds = std::chrono::duration<double>(settings.duration).count() * static_cast<double>(rounds.size());
  row.shards = settings.shards;
  row.idle = settings.idle == millstream::IdleStrategy::kSpin ? "spin" : "park";
  row.checkpoint_seconds = std::chrono::duration<double>(settings.checkpoint_interval).count();
  row.generator_core = settings.generator_core;
  row.equal = true;
  LatencyHistogram latency;
  LatencyHistogram floor;
  std::vector<Sample> samples;
  double seconds = 0;
  double job_cpu = 0;
  double generator_cpu = 0;
  for (const Round& round : rounds) {
    latency.merge(round.latency);
    floor.merge(round.floor);
    samples.insert(samples.end(), round.samples.begin(), round.samples.end());
    row.p50_us.push_back(micros(round.latency.quantile(0.5)));
    row.p99_us.push_back(micros(round.latency.quantile(0.99)));
    row.p99_9_us.push_back(micros(round.latency.quantile(0.999)));
    row.records += round.records;
    row.checkpoints += round.checkpoints;
    row.equal &= round.equal;
    seconds += round.seconds;
    job_cpu += round.job_cpu_seconds;
    generator_cpu += round.generator_cpu_seconds;
  }
  row.measured = latency.count();
  row.latency_us = percentiles_of(latency);
  row.floor_us = percentiles_of(floor);
  row.job_cores = job_cpu / seconds;
  row.generator_cores = generator_cpu / seconds;
  row.cpu_seconds_per_million = job_cpu / (static_cast<double>(row.records) / 1e6);
  row.peak_rss_mb = peak_rss_mb();
  row.samples = samples.size();
  row.parts = parts_of(samples);
  if (settings.intervals > 0) row.over_time = over_time_of(settings, rounds);
  return row;
}

void print(const Row& row, int rounds) {
  std::printf("%s: %.0f records/s, %u shard%s, idle: %s, checkpoints: ", row.name.c_str(), row.rate, row.shards,
              row.shards == 1 ? "" : "s", row.idle.c_str());
  if (row.checkpoint_seconds > 0) {
    std::printf("each %g s (%llu)", row.checkpoint_seconds, static_cast<unsigned long long>(row.checkpoints));
  } else {
    std::printf("off");
  }
  std::printf("; %g s in %d round%s\n", row.seconds, rounds, rounds == 1 ? "" : "s");
  std::printf("  generator: %s\n", row.generator_core ? "a thread with a core of its own, which wakes the shards"
                                                      : "no core of its own: the shards that read pace themselves");
  std::printf("  %-16s %10s %10s %10s %10s %10s %10s  us\n", "", "p50", "p90", "p99", "p99.9", "p99.99", "max");
  print_percentiles("latency", row.latency_us);
  print_percentiles("floor", row.floor_us);
  const Percentiles& l = row.latency_us;
  const Percentiles& f = row.floor_us;
  Percentiles above{l.p50 - f.p50, l.p90 - f.p90, l.p99 - f.p99, l.p99_9 - f.p99_9, std::nullopt, l.max - f.max};
  if (l.p99_99 && f.p99_99) above.p99_99 = *l.p99_99 - *f.p99_99;
  print_percentiles("above the floor", above);
  std::printf("  by round:");
  print_rounds(" p50", row.p50_us);
  print_rounds(" p99", row.p99_us);
  print_rounds(" p99.9", row.p99_9_us);
  std::printf("\n  cores used: job %.2f%s", row.job_cores, row.generator_core ? "" : " (with its pacing)");
  if (row.generator_core) std::printf(", generator %.2f", row.generator_cores);
  std::printf("; %.2f CPU s a million records; peak RSS %.0f MB\n", row.cpu_seconds_per_million, row.peak_rss_mb);
  if (!row.parts.empty()) {
    std::printf("  %-16s %10s %10s %10s %21s   us, 1 record in %llu: %llu\n", "parts", "mean", "p50", "p99",
                "mean of slowest 1 %", static_cast<unsigned long long>(kSampledEvery),
                static_cast<unsigned long long>(row.samples));
    for (const Part& part : row.parts) {
      std::printf("    %-14s %10.2f %10.2f %10.2f %21.2f\n", part.name.c_str(), part.mean, part.p50, part.p99,
                  part.mean_of_slowest);
    }
  }
  std::printf("  results: %s (%llu records sent, %llu latencies)\n", row.equal ? "equal" : "DIFFERENT",
              static_cast<unsigned long long>(row.records), static_cast<unsigned long long>(row.measured));
  std::fflush(stdout);
}

std::string hgrm(const std::vector<Round>& rounds) {
  LatencyHistogram all;
  for (const Round& round : rounds) all.merge(round.latency);
  return all.hgrm();
}

}  // namespace latency
