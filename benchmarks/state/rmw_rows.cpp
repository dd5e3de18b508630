// Count and sum of each key, given out for each record. Both sides have the same bytes of memory: the job in its table
// and its block cache, RocksDB by itself all in the block cache. Both first build the state, which is not timed.
#include "state/rmw_rows.hpp"

#include <algorithm>
#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "compare/statistics.hpp"
#include "cost/row.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/millstream.hpp"
#include "state/keyed_input.hpp"
#include "state/raw_rocks.hpp"
#include "state/rows_end.hpp"

namespace state {
namespace {

namespace ms = millstream;
using Result = ms::KeyedResult<std::uint64_t, std::tuple<std::int64_t, std::int64_t>>;

constexpr std::size_t kEntryBytes = 37;  // of a key in the job's table: key, count, sum, and what finds it
constexpr std::size_t kCacheBytesMin = std::size_t{1} << 20;
constexpr std::uint64_t kTimesWhereItFits =
    8;  // the job has so many times the records, or no checkpoint would be in it

struct Row {
  const char* name;
  bool zipf;
  bool fits;  // in memory, which else is a tenth of the state
  double to_reach;
};
constexpr Row kRows[] = {{"rmw_zipf_fits", true, true, 10},
                         {"rmw_zipf_10x", true, false, 5},
                         {"rmw_uniform_fits", false, true, 10},
                         {"rmw_uniform_10x", false, false, 0.9}};

/// `seconds` are the job's for as many records as RocksDB by itself had.
struct Line {
  std::string name = {};
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t cache_bytes = 0;
  double seconds = 0;
  double hand_seconds = 0;  // of the better one
  double one_by_one_seconds = 0;
  double batched_seconds = 0;
  double ratio = 0;
  double ratio_min = 0;
  double ratio_max = 0;
  double cpu_seconds = 0;
  double hand_cpu_seconds = 0;  // of the one that takes fewer
  double cpu_ratio = 0;
  double to_reach = 0;
  std::vector<double> ratios = {};  // of each round
  std::uint64_t checkpoints = 0;
  std::uint64_t spilled_bytes = 0;
  bool equal = true;
  BOOST_DESCRIBE_CLASS(Line, (),
                       (name, records, keys, memory_bytes, cache_bytes, seconds, hand_seconds, one_by_one_seconds,
                        batched_seconds, ratio, ratio_min, ratio_max, cpu_seconds, hand_cpu_seconds, cpu_ratio,
                        to_reach, ratios, checkpoints, spilled_bytes, equal),
                       (), ())
};

// What the sink has seen: the records behind those that build the state, and of these as many as RocksDB has.
struct Seen {
  std::uint64_t first;
  std::uint64_t compared_end;
  std::uint64_t end;
  std::uint64_t count = 0;
  std::optional<cost::Stopwatch> watch = {};
  cost::Digest digest = {};
  cost::Digest beyond = {};  // of the rest: the same work for each record
  cost::Outcome outcome = {};
};
struct ComparingSink {
  std::shared_ptr<Seen> seen;
  std::size_t write(std::span<Result> results) {
    Seen& s = *seen;
    const std::uint64_t begin = s.count;
    s.count += results.size();
    if (s.count <= s.first) return results.size();
    if (!s.watch) s.watch.emplace();
    for (std::uint64_t n = std::max(begin, s.first); n < s.count; ++n) {
      const Result& result = results[n - begin];
      (n < s.compared_end ? s.digest : s.beyond)
          .fold(result.key, static_cast<std::uint64_t>(std::get<0>(result.value)),
                static_cast<std::uint64_t>(std::get<1>(result.value)));
    }
    if (s.count == s.end) s.outcome = s.watch->stop(s.digest);
    return results.size();
  }
};

struct Memory {
  std::size_t table_bytes;
  std::size_t cache_bytes;
};
struct JobRun {
  cost::Outcome outcome;
  std::uint64_t checkpoints = 0;
  std::uint64_t spilled_bytes = 0;
};

JobRun run_job(const KeyedInput& input, std::uint64_t compared, const Memory& memory, const std::string& folder) {
  const auto seen = std::make_shared<Seen>(input.first(), input.first() + compared, input.end());
  ms::Dataflow flow{"sums"};
  flow.from(
          ms::generator::source<Reading>({.make = [input](std::uint64_t n) { return input(n); }, .count = input.end()}))
      .key_by(&Reading::key)
      .aggregate(ms::all_of(ms::count(), ms::sum(&Reading::value)))
      .to(ComparingSink{seen});
  std::filesystem::remove_all(folder);
  ms::Job job =
      ms::start(flow, {.shards = 1,
                       .state = ms::rocksdb({.memory_bytes = memory.table_bytes, .cache_bytes = memory.cache_bytes}),
                       .state_dir = folder,
                       .checkpoint = {.interval = std::chrono::seconds{1}},
                       .log = nullptr});
  cost::check(job.wait());
  const ms::JobStatus status = job.status();
  std::filesystem::remove_all(folder);
  return {seen->outcome, status.checkpoints, status.spilled_bytes};
}

Line measure(const Row& row, const RmwRows& options) {
  const std::uint64_t times = row.fits ? kTimesWhereItFits : 1;
  const KeyedInput input{options.keys, options.records * times, row.zipf};
  const std::size_t state_bytes = options.keys * kEntryBytes;
  Memory memory{row.fits ? 2 * state_bytes : state_bytes / 10, options.cache_bytes};
  if (memory.cache_bytes == 0) memory.cache_bytes = std::max(memory.table_bytes / 4, kCacheBytesMin);
  Line line{.name = row.name,
            .records = options.records,
            .keys = options.keys,
            .memory_bytes = memory.table_bytes,
            .cache_bytes = memory.cache_bytes,
            .to_reach = row.to_reach};
  RawRocks raw{.folder = options.folder, .cache_bytes = memory.table_bytes + memory.cache_bytes, .batched = false};
  std::vector<double> seconds, cpu, one_by_one, one_by_one_cpu, batched, batched_cpu;
  for (int round = 0; round < options.rounds; ++round) {
    const JobRun ours = run_job(input, options.records, memory, options.folder);
    seconds.push_back(ours.outcome.seconds / static_cast<double>(times));
    cpu.push_back(ours.outcome.cpu_seconds / static_cast<double>(times));
    raw.batched = false;
    const cost::Outcome one = run_raw(raw, input, options.records);
    one_by_one.push_back(one.seconds);
    one_by_one_cpu.push_back(one.cpu_seconds);
    raw.batched = true;
    const cost::Outcome many = run_raw(raw, input, options.records);
    batched.push_back(many.seconds);
    batched_cpu.push_back(many.cpu_seconds);
    line.equal = line.equal && ours.outcome.digest == one.digest && one.digest == many.digest;
    line.ratios.push_back(std::min(one.seconds, many.seconds) / seconds.back());
    line.checkpoints = ours.checkpoints;
    line.spilled_bytes = ours.spilled_bytes;
  }
  const auto median = [](const std::vector<double>& values) { return compare::median_of(values).value; };
  line.seconds = median(seconds);
  line.one_by_one_seconds = median(one_by_one);
  line.batched_seconds = median(batched);
  line.hand_seconds = std::min(line.one_by_one_seconds, line.batched_seconds);
  line.ratio = line.hand_seconds / line.seconds;
  line.ratio_min = *std::min_element(line.ratios.begin(), line.ratios.end());
  line.ratio_max = *std::max_element(line.ratios.begin(), line.ratios.end());
  line.cpu_seconds = median(cpu);
  line.hand_cpu_seconds = std::min(median(one_by_one_cpu), median(batched_cpu));
  line.cpu_ratio = line.hand_cpu_seconds / line.cpu_seconds;
  return line;
}

}  // namespace

int run_rmw_rows(const RmwRows& options) {
  std::printf("%-18s %9s %11s %8s %7s %15s %8s %18s %6s %9s %s\n", "row", "records/s", "one by one", "batched", "ratio",
              "min - max", "to reach", "CPU us a record", "saves", "MB to disk", "results");
  std::vector<Line> lines;
  bool spilled = true;
  for (const Row& row : kRows) {
    if (std::string_view{row.name}.find(options.filter) == std::string_view::npos) continue;
    const Line& line = lines.emplace_back(measure(row, options));
    const auto micros = [&](double seconds) { return seconds * 1e6 / static_cast<double>(line.records); };
    const auto rate = [&](double seconds) { return static_cast<double>(line.records) / seconds; };
    std::printf("%-18s %9.0f %11.0f %8.0f %7.2f %7.2f - %5.2f %8.1f %5.2f, hand %6.2f %6llu %9.1f %s\n", row.name,
                rate(line.seconds), rate(line.one_by_one_seconds), rate(line.batched_seconds), line.ratio,
                line.ratio_min, line.ratio_max, line.to_reach, micros(line.cpu_seconds), micros(line.hand_cpu_seconds),
                static_cast<unsigned long long>(line.checkpoints), static_cast<double>(line.spilled_bytes) / 1e6,
                line.equal ? "equal" : "DIFFERENT");
    std::fflush(stdout);
    if (row.fits || line.spilled_bytes > 0) continue;
    std::fprintf(stderr, "error: %s: nothing has left memory\n", row.name);
    spilled = false;
  }
  std::filesystem::remove_all(options.folder);
  const int ended = end_rows(lines, options.filter, options.json);
  return spilled ? ended : 1;
}

}  // namespace state
