// A job that fails when it is told to and restarts itself, what it gives out if all goes well, and the disk and log of
// the tests that watch it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/connectors/file.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {

constexpr std::int64_t kPerSplit = 300;
constexpr std::int64_t kKeysPerSplit = 5;

struct Sum {
  std::int64_t key = 0;
  std::int64_t sum = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (key, sum))

/// Two splits of ticks, some each millisecond; no key is in both.
struct SteadySource {
  std::int64_t next = 0;
  SplitContext* context = nullptr;
  std::vector<Split> splits(SourceContext&) const { return {{"0"}, {"1"}}; }
  void open(SplitContext& c) {
    context = &c;
    next = static_cast<std::int64_t>(c.split().start.offset);
  }
  Poll poll(SourceOutput<Tick>& out) {
    for (int i = 0; i < 4 && next < kPerSplit; ++i, ++next) {
      out.emit(Tick{next, context->split_number() * kKeysPerSplit + next % kKeysPerSplit, {}});
    }
    return next == kPerSplit ? Poll::done() : Poll::idle_until(context->clock().now() + 1ms);
  }
  [[nodiscard]] Position position() const { return {static_cast<std::uint64_t>(next), {}}; }
};

/// What goes wrong, in all runs of a job together.
struct Faults {
  std::uint64_t seed = 0;
  double chance = 0;  // that a record throws
  std::atomic<int> left{0};
  std::atomic<std::uint64_t> seen{0};
  void pass() {
    Random random{seed, seen++};
    if (left > 0 && random.chance(chance) && left-- > 0) throw std::runtime_error{"out of luck"};
  }
};
using SharedFaults = std::shared_ptr<Faults>;
inline SharedFaults faults(int count, double chance, std::uint64_t seed = 1) {
  auto all = std::make_shared<Faults>();
  all->seed = seed;
  all->chance = chance;
  all->left = count;
  return all;
}

/// The sum of each key's numbers, given out for each record.
struct RunningSum {
  SharedFaults faults;
  ValueState<std::int64_t> sum;
  void open(OperatorContext& c) { sum = c.value_state<std::int64_t>("sum"); }
  void process(const Tick& tick, Collector<Sum>& out) {
    faults->pass();
    sum.update([&](std::int64_t& s) { s += tick.number; });
    out.emit({tick.key, *sum.get()});
  }
};

inline Dataflow sums(const SharedFaults& faults, const std::string& directory = "out") {
  Dataflow flow{"sums"};
  flow.from(SteadySource{})
      .named("ticks")
      .key_by(&Tick::key)
      .process(RunningSum{faults, {}})
      .named("sums")
      .to(file::sink<Sum>({.directory = directory}));
  return flow;
}

inline std::vector<std::string> expected_lines() {
  std::vector<std::string> lines;
  std::map<std::int64_t, std::int64_t> totals;
  for (std::int64_t split = 0; split < 2; ++split) {
    for (std::int64_t i = 0; i < kPerSplit; ++i) {
      const std::int64_t key = split * kKeysPerSplit + i % kKeysPerSplit;
      totals[key] += i;
      lines.push_back("{\"key\":" + std::to_string(key) + ",\"sum\":" + std::to_string(totals[key]) + "}");
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// Jobs on a disk in memory whose log is kept.
class Restarts : public ::testing::Test {
 protected:
  [[nodiscard]] RunOptions options(std::uint32_t shards, std::uint32_t max_restarts = 100) {
    RunOptions options = quiet(shards);
    options.state_dir = "state";
    options.file_system = &files_;
    options.checkpoint.interval = 5ms;
    options.restart = {.max_restarts = max_restarts, .initial_backoff = 1ms, .max_backoff = 5ms};
    options.log = [this](LogLevel level, std::string_view message) {
      const std::scoped_lock lock{mutex_};
      logged_.emplace_back(level, message);
    };
    return options;
  }
  /// Waits that only a request can end.
  [[nodiscard]] RunOptions patient(std::uint32_t shards) {
    RunOptions all = options(shards);
    all.restart = {.max_restarts = 100, .initial_backoff = 1h, .max_backoff = 1h};
    return all;
  }
  [[nodiscard]] std::vector<std::string> logged(LogLevel level) {
    const std::scoped_lock lock{mutex_};
    std::vector<std::string> messages;
    for (const auto& [of, message] : logged_) {
      if (of == level) messages.push_back(message);
    }
    return messages;
  }
  /// The lines of all files that readers see, sorted.
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const std::string& path : files_.files()) {
      if (path.find("out/") == path.npos || path.find("/.") != path.npos) continue;
      std::istringstream in{files_.read_file(path)};
      for (std::string line; std::getline(in, line);) all.push_back(line);
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  ::millstream::testing::MemoryFileSystem files_;

 private:
  std::mutex mutex_;
  std::vector<std::pair<LogLevel, std::string>> logged_;
};

/// True as soon as the job has failed and waits.
inline bool waits(const Job& job) {
  return eventually([&] { return job.status().state == JobState::kRestarting; });
}

}  // namespace millstream::test
