// One job builds the state and is stopped; others start from its last checkpoint, one after another, and are cancelled
// behind their first results, so that each finds the same.
#include "state/restart_rows.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "compare/statistics.hpp"
#include "cost/event.hpp"
#include "cpu_seconds.hpp"
#include "millstream/millstream.hpp"
#include "state/rows_end.hpp"

namespace state {
namespace {

namespace ms = millstream;
using Clock = std::chrono::steady_clock;

struct Reading {
  std::uint64_t key;
  std::int64_t count;
  std::array<double, 13> payload;
  BOOST_DESCRIBE_CLASS(Reading, (), (key, count, payload), (), ())
};
constexpr std::uint64_t kEntryBytes = sizeof(std::uint64_t) + sizeof(Reading);  // 128, of a key in the table
constexpr std::uint64_t kReadingsBehind = 1024;

struct Row {
  const char* name;
  std::uint32_t shards;  // of the job that goes on; the one that built the state has one
  bool spills;           // a quarter of the state may be in memory
};
constexpr Row kRows[] = {{"recovery_1g", 1, false},
                         {"rescale_1_to_2", 2, false},
                         {"recovery_1g_spilled", 1, true},
                         {"rescale_1_to_2_spilled", 2, true}};

struct Line {
  std::string name = {};
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  double restart_seconds = 0;
  double restart_cpu_seconds = 0;
  std::vector<double> rounds = {};
  double built_seconds = 0;
  bool equal = true;
  BOOST_DESCRIBE_CLASS(Line, (),
                       (name, keys, bytes, restart_seconds, restart_cpu_seconds, rounds, built_seconds, equal), (), ())
};

// Of all lives of a job.
struct Lives {
  std::uint64_t keys;
  std::atomic<std::uint64_t> end{0};  // readings that may be given out
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<Clock::rep> first_taken{0};  // since the clock's epoch; 0 = none yet
};

// Each key once, and behind these some of them once more. Then it waits to be stopped.
struct Readings {
  std::shared_ptr<Lives> lives;
  ms::SplitContext* context = nullptr;
  std::uint64_t next = 0;
  std::vector<ms::Split> splits(ms::SourceContext&) const { return {{"readings"}}; }
  void open(ms::SplitContext& c) {
    context = &c;
    next = c.split().start.offset;
  }
  ms::Poll poll(ms::SourceOutput<Reading>& out) {
    const std::uint64_t end = lives->end.load();
    for (; out.room() > 0 && next < end; ++next) {
      Reading reading{cost::random_bits(next % lives->keys), 1, {}};
      for (std::size_t i = 0; i < reading.payload.size(); ++i) {
        reading.payload[i] = static_cast<double>(cost::random_bits(next + i)) * 0x1p-64;
      }
      out.emit(reading);
    }
    if (next < end) return ms::Poll::more();
    return ms::Poll::idle_until(context->clock().now() + std::chrono::milliseconds{1});
  }
  [[nodiscard]] ms::Position position() const { return {next, {}}; }
};

struct Taking {
  std::shared_ptr<Lives> lives;
  std::int64_t expected;  // readings of a key so far
  std::size_t write(std::span<Reading> readings) {
    Clock::rep none = 0;
    lives->first_taken.compare_exchange_strong(none, Clock::now().time_since_epoch().count());
    for (const Reading& reading : readings) {
      if (reading.count != expected) lives->wrong.fetch_add(1);
    }
    lives->taken.fetch_add(readings.size());
    return readings.size();
  }
};

ms::Dataflow flow_of(const std::shared_ptr<Lives>& lives, std::int64_t expected) {
  ms::Dataflow flow{"counts"};
  flow.from(Readings{lives})
      .named("readings")
      .key_by(&Reading::key)
      .reduce([](const Reading& so_far, const Reading& next) {
        return Reading{so_far.key, so_far.count + next.count, next.payload};
      })
      .named("newest")
      .to(Taking{lives, expected})
      .named("taking");
  return flow;
}

ms::RunOptions options_of(const Row& row, std::uint32_t shards, const RestartRows& options) {
  ms::RunOptions run{.shards = shards, .state_dir = options.folder, .log = nullptr};
  if (row.spills) run.state = ms::rocksdb({.memory_bytes = options.bytes / 4});
  return run;
}

void wait_until_taken(ms::Job& job, const Lives& lives, std::uint64_t count) {
  while (lives.taken.load() < count) {
    if (job.wait_for(std::chrono::milliseconds{1})) {
      throw std::runtime_error{"the job ended: " + job.wait().status.to_string()};
    }
  }
}

double build(const Row& row, const RestartRows& options, const std::shared_ptr<Lives>& lives) {
  std::filesystem::remove_all(options.folder);
  const auto began = Clock::now();
  lives->end = lives->keys;
  ms::Dataflow flow = flow_of(lives, 1);
  ms::Job job = ms::start(flow, options_of(row, 1, options));
  wait_until_taken(job, *lives, lives->keys);
  job.stop();
  const ms::JobResult result = job.wait();
  if (!result.ok()) throw std::runtime_error{"the job failed: " + result.status.to_string()};
  if (row.spills && job.status().spilled_bytes == 0) throw std::runtime_error{"nothing has left memory"};
  return std::chrono::duration<double>(Clock::now() - began).count();
}

Line measure(const Row& row, const RestartRows& options) {
  const auto lives = std::make_shared<Lives>();
  lives->keys = std::max<std::uint64_t>(options.bytes / kEntryBytes, kReadingsBehind);
  Line line{.name = row.name, .keys = lives->keys, .bytes = lives->keys * kEntryBytes};
  line.built_seconds = build(row, options, lives);
  std::vector<double> cpu;
  for (int round = 0; round < options.rounds; ++round) {
    lives->end = lives->keys + kReadingsBehind;
    lives->taken = 0;
    lives->first_taken = 0;
    ms::Dataflow flow = flow_of(lives, 2);
    ms::RunOptions run = options_of(row, row.shards, options);
    run.checkpoint.interval = std::chrono::hours{1};  // each round finds the checkpoint that the first job left
    const double cpu_before = cpu_seconds();
    const auto began = Clock::now();
    ms::Job job = ms::start(flow, run);
    wait_until_taken(job, *lives, kReadingsBehind);
    cpu.push_back(cpu_seconds() - cpu_before);
    const Clock::time_point first{Clock::duration{lives->first_taken.load()}};
    line.rounds.push_back(std::chrono::duration<double>(first - began).count());
    job.cancel();
    job.wait();
  }
  line.restart_seconds = compare::median_of(line.rounds).value;
  line.restart_cpu_seconds = compare::median_of(std::move(cpu)).value;
  line.equal = lives->wrong.load() == 0;
  return line;
}

}  // namespace

int run_restart_rows(const RestartRows& options) {
  std::printf("%-24s %9s %7s %12s %15s %7s %9s %s\n", "row", "keys", "MB", "to first, s", "min - max", "CPU s",
              "built in", "results");
  std::vector<Line> lines;
  for (const Row& row : kRows) {
    if (std::string_view{row.name}.find(options.filter) == std::string_view::npos) continue;
    const Line& line = lines.emplace_back(measure(row, options));
    const auto [least, most] = std::minmax_element(line.rounds.begin(), line.rounds.end());
    std::printf("%-24s %9llu %7.0f %12.2f %7.2f - %5.2f %7.2f %9.2f %s\n", row.name,
                static_cast<unsigned long long>(line.keys), static_cast<double>(line.bytes) / 1e6, line.restart_seconds,
                *least, *most, line.restart_cpu_seconds, line.built_seconds, line.equal ? "right" : "WRONG");
    std::fflush(stdout);
  }
  std::filesystem::remove_all(options.folder);
  return end_rows(lines, options.filter, options.json);
}

}  // namespace state
