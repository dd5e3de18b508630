// Rounds of both sides are interleaved, so that a noisy machine disturbs both; medians are reported. First both run as
// fast as they can (throughput kept), then both at half the speed of the slower one (latencies).
#include "state/checkpoint_rows.hpp"

#include <algorithm>
#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compare/statistics.hpp"
#include "cost/event.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/millstream.hpp"
#include "state/rows_end.hpp"

namespace state {
namespace {

namespace ms = millstream;
using cost::Event;

constexpr std::uint64_t kKeys = 1'000'000;

struct Row {
  const char* name;
  std::chrono::milliseconds interval;
  bool skewed;          // nine records in ten go to one key in a hundred
  bool spills = false;  // a tenth of the state may be in memory
};
constexpr Row kRows[] = {{"checkpoint_1s", std::chrono::milliseconds{1000}, false},
                         {"checkpoint_100ms", std::chrono::milliseconds{100}, false},
                         {"checkpoint_1s_skewed", std::chrono::milliseconds{1000}, true},
                         {"checkpoint_100ms_skewed", std::chrono::milliseconds{100}, true},
                         {"spill_10x", std::chrono::milliseconds{1000}, false, true},
                         {"spill_10x_skewed", std::chrono::milliseconds{1000}, true, true}};

constexpr std::size_t kSpillBytes = kKeys * 45 / 10;  // 45 bytes an entry

struct Line {
  std::string name = {};
  std::uint64_t records = 0;
  double seconds = 0;
  double plain_seconds = 0;
  double kept = 0;  // of the throughput without checkpoints
  std::uint64_t checkpoints = 0;
  double megabytes_a_checkpoint = 0;
  std::vector<double> latency_us = {};  // p50, p99, p99.9, longest; at half load
  std::vector<double> plain_latency_us = {};
  bool equal = true;
  BOOST_DESCRIBE_CLASS(Line, (),
                       (name, records, seconds, plain_seconds, kept, checkpoints, megabytes_a_checkpoint, latency_us,
                        plain_latency_us, equal),
                       (), ())
};

struct Outcome {
  double seconds = 0;
  std::int64_t digest = 0;
  std::uint64_t checkpoints = 0;
  double megabytes_written = 0;
  std::vector<double> latency_us;
};

double median(std::vector<double> values) { return compare::median_of(std::move(values)).value; }

// What this process has given to write calls.
double megabytes_written() {
  std::ifstream io{"/proc/self/io"};
  std::string name = {};
  for (double bytes = 0; io >> name >> bytes;) {
    if (name == "wchar:") return bytes / 1e6;
  }
  return 0;
}

struct Taken {
  std::int64_t digest = 0;
  std::chrono::steady_clock::time_point last = {};
};

// Folds what it gets, so that both sides can be compared. What it has taken is no state: a job must run to its end.
struct FoldingSink {
  std::shared_ptr<Taken> taken;
  std::size_t write(std::span<Event> events) {
    for (const Event& event : events) taken->digest += event.value ^ static_cast<std::int64_t>(event.key);
    taken->last = std::chrono::steady_clock::now();
    return events.size();
  }
};

Outcome run(const Row& row, std::uint64_t records, double rate, const std::string& folder) {
  const auto taken = std::make_shared<Taken>();
  const bool skewed = row.skewed;
  ms::Dataflow flow{"sums"};
  flow.from(ms::generator::source<Event>({.make =
                                              [skewed](std::uint64_t i) {
                                                const std::uint64_t bits = cost::random_bits(i);
                                                const std::uint64_t keys =
                                                    skewed && bits % 10 != 0 ? kKeys / 100 : kKeys;
                                                return Event{
                                                    (bits >> 32) % keys, static_cast<std::int64_t>(bits & 0xff), {}};
                                              },
                                          .count = records,
                                          .rate = rate}))
      .key_by(&Event::key)
      .reduce([](const Event& sum, const Event& next) { return Event{sum.key, sum.value + next.value, next.at}; })
      .to(FoldingSink{taken});
  if (!folder.empty()) std::filesystem::remove_all(folder);
  const double written = megabytes_written();
  const auto began = std::chrono::steady_clock::now();
  ms::RunOptions options{.shards = 1, .state_dir = folder, .checkpoint = {.interval = row.interval}, .log = nullptr};
  if (row.spills && !folder.empty()) options.state = ms::rocksdb({.memory_bytes = kSpillBytes});
  ms::Job job = ms::start(flow, options);
  const ms::JobResult result = job.wait();
  if (!result.ok()) throw std::runtime_error{result.status.to_string()};
  Outcome outcome;
  // Up to the last record: what the last checkpoint takes behind it is no matter of throughput.
  outcome.seconds = std::chrono::duration<double>(taken->last - began).count();
  outcome.digest = taken->digest;
  outcome.checkpoints = job.status().checkpoints;
  outcome.megabytes_written = megabytes_written() - written;
  const ms::LatencyHistogram latency = job.metrics().latency;
  for (const double quantile : {0.5, 0.99, 0.999, 1.0}) {
    outcome.latency_us.push_back(static_cast<double>(latency.quantile(quantile).count()) / 1e3);
  }
  return outcome;
}

Line measure(const Row& row, std::uint64_t records, int rounds, const std::string& folder) {
  Line line{.name = row.name, .records = records};
  std::vector<double> seconds, plain_seconds, megabytes;
  for (int round = 0; round < rounds; ++round) {
    const Outcome plain = run(row, records, 0, {});
    const Outcome with = run(row, records, 0, folder);
    line.equal = line.equal && plain.digest == with.digest;
    seconds.push_back(with.seconds);
    plain_seconds.push_back(plain.seconds);
    megabytes.push_back(with.megabytes_written / static_cast<double>(std::max<std::uint64_t>(with.checkpoints, 1)));
    line.checkpoints = with.checkpoints;
  }
  line.seconds = median(seconds);
  line.plain_seconds = median(plain_seconds);
  line.kept = line.plain_seconds / line.seconds;
  line.megabytes_a_checkpoint = median(megabytes);
  const double half = static_cast<double>(records) / line.seconds / 2;
  std::vector<std::vector<double>> with(4), plain(4);
  for (int round = 0; round < rounds; ++round) {
    const Outcome without_any = run(row, records / 2, half, {});
    const Outcome checkpointed = run(row, records / 2, half, folder);
    for (std::size_t i = 0; i < 4; ++i) {
      plain[i].push_back(without_any.latency_us[i]);
      with[i].push_back(checkpointed.latency_us[i]);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    line.latency_us.push_back(median(with[i]));
    line.plain_latency_us.push_back(median(plain[i]));
  }
  return line;
}

}  // namespace

int run_checkpoint_rows(const CheckpointRows& options) {
  std::printf("%-24s %6s %12s %7s %34s   %s\n", "row", "kept", "checkpoints", "MB/each", "p50/p99/p99.9/longest us",
              "without checkpoints");
  std::vector<Line> lines;
  for (const Row& row : kRows) {
    if (std::string_view{row.name}.find(options.filter) == std::string_view::npos) continue;
    const Line& line = lines.emplace_back(measure(row, options.records, options.rounds, options.folder));
    const auto latencies = [](const std::vector<double>& us) {
      char text[64];
      std::snprintf(text, sizeof text, "%.0f/%.0f/%.0f/%.0f", us[0], us[1], us[2], us[3]);
      return std::string{text};
    };
    std::printf("%-24s %6.3f %12llu %7.1f %34s   %s%s\n", row.name, line.kept,
                static_cast<unsigned long long>(line.checkpoints), line.megabytes_a_checkpoint,
                latencies(line.latency_us).c_str(), latencies(line.plain_latency_us).c_str(),
                line.equal ? "" : "  RESULTS DIFFER");
    std::fflush(stdout);
  }
  std::filesystem::remove_all(options.folder);
  return end_rows(lines, options.filter, options.json);
}

}  // namespace state
