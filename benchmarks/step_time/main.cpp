// step_time: the longest steps of a shard, in CPU time of its thread, while panes with very many keys fire and hot
// tables grow. What a step takes is what everything else on the shard waits for.
//   step_time [--keys N] [--rounds N] [--filter NAME] [--json FILE]
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/describe/class.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "millstream/codec/encode.hpp"
#include "millstream/millstream.hpp"
#include "millstream/runtime/engine.hpp"

namespace {

namespace ms = millstream;

struct Tick {
  std::int64_t key = 0;
  ms::Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Tick, (), (key, at))

struct Line {
  std::string window;
  std::int64_t keys = 0;
  std::size_t steps = 0;
  double p50_us = 0;
  double p99_us = 0;
  double longest_us = 0;
  std::size_t longest_step = 0;
  BOOST_DESCRIBE_CLASS(Line, (), (window, keys, steps, p50_us, p99_us, longest_us, longest_step), (), ())
};

// Every key once in each of two rounds, in no order, one microsecond apart.
struct KeysSource {
  std::int64_t keys;
  std::int64_t next = 0;
  ms::Poll poll(ms::SourceOutput<Tick>& out) {
    for (; out.room() > 0 && next < 2 * keys; ++next) {
      const auto key = static_cast<std::uint64_t>(next % keys) * 0x9e3779b97f4a7c15U;
      out.emit(Tick{static_cast<std::int64_t>(key), ms::Timestamp{ms::Duration{next}}});
    }
    return next < 2 * keys ? ms::Poll::more() : ms::Poll::done();
  }
};
struct DropResults {
  void write(const ms::WindowResult<std::int64_t, std::int64_t>&) {}
};
class NoSignal final : public ms::ShardSignal {
  void wake() noexcept override {}
};

std::int64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

struct Kind {
  const char* name;
  std::function<void(ms::Dataflow&, std::int64_t keys)> declare;
};

template <class MakeWindow>
Kind kind(const char* name, MakeWindow make_window) {
  return {name, [make_window](ms::Dataflow& flow, std::int64_t keys) {
            flow.from(KeysSource{keys})
                .event_time(&Tick::at, ms::monotonic())
                .key_by(&Tick::key)
                .window(make_window(keys))
                .aggregate(ms::count())
                .to(DropResults{});
          }};
}

// CPU time of each step, in microseconds.
std::vector<double> step_times(const Kind& kind, std::int64_t keys) {
  ms::Dataflow flow{kind.name};
  kind.declare(flow, keys);
  ms::RunOptions options;
  options.shards = 1;
  options.memory = std::make_shared<ms::MemoryBudget>(std::size_t{1} << 40);
  auto engine = ms::Engine::build(flow.graph(), options, [](std::uint32_t) { return std::make_shared<NoSignal>(); });
  if (!engine) throw std::runtime_error{engine.error().to_string()};
  if (!(*engine)->shard(0).open()) throw std::runtime_error{"the shard did not open"};
  std::vector<double> steps;
  steps.reserve(static_cast<std::size_t>(keys) / 30);
  for (ms::Progress progress = ms::Progress::kIdle; progress != ms::Progress::kDone;) {
    const std::int64_t before = thread_cpu_ns();
    progress = (*engine)->step(0);
    steps.push_back(static_cast<double>(thread_cpu_ns() - before) * 1e-3);
  }
  if (!(*engine)->failure().ok()) throw std::runtime_error{(*engine)->failure().to_string()};
  (*engine)->shard(0).close(true);
  return steps;
}

// Every round does the same in its n-th step, so what a busy machine adds to one of them shows in no other: a step's
// time is the median of its rounds, after one that makes the memory of the process known to the machine.
Line measure(const Kind& kind, std::int64_t keys, int rounds) {
  step_times(kind, keys);
  std::vector<std::vector<double>> all;
  for (int round = 0; round < rounds; ++round) {
    all.push_back(step_times(kind, keys));
    if (all.back().size() != all.front().size()) throw std::runtime_error{"two rounds took different steps"};
  }
  Line line{kind.name, keys, all.front().size(), 0, 0, 0, 0};
  std::vector<double> of_step(all.size());
  std::vector<double> medians;
  for (std::size_t step = 0; step < line.steps; ++step) {
    for (std::size_t round = 0; round < all.size(); ++round) of_step[round] = all[round][step];
    std::sort(of_step.begin(), of_step.end());
    medians.push_back(of_step[of_step.size() / 2]);
    if (medians.back() <= line.longest_us) continue;
    line.longest_step = step;
    line.longest_us = medians.back();
  }
  std::sort(medians.begin(), medians.end());
  line.p99_us = medians[medians.size() * 99 / 100];
  line.p50_us = medians[medians.size() / 2];
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The longest steps of a shard with very many keys"};
  std::int64_t keys = 4'000'000;
  int rounds = 5;
  std::string filter, json;
  app.add_option("--keys", keys, "Keys in a window")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--rounds", rounds, "Rounds; of each step the median counts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--filter", filter, "The window kinds whose names contain it");
  app.add_option("--json", json, "Writes the lines to this file, as a JSON array");
  CLI11_PARSE(app, argc, argv);

  std::vector<Kind> kinds{
      kind("tumbling", [](std::int64_t n) { return ms::tumbling(ms::Duration{n}); }),
      kind("sliding", [](std::int64_t n) { return ms::sliding(ms::Duration{n}, ms::Duration{n / 2}); }),
      kind("session", [](std::int64_t n) { return ms::session(ms::Duration{n / 2}); }),
  };
  std::erase_if(kinds, [&](const Kind& each) { return std::string{each.name}.find(filter) == std::string::npos; });
  std::vector<Line> lines;
  try {
    for (const Kind& each : kinds) lines.push_back(measure(each, keys, rounds));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "step_time: %s\n", error.what());
    return 1;
  }
  for (const Line& line : lines) {
    std::printf("%-10s %7zu steps  p50 %4.0f us  p99 %4.0f us  longest %5.0f us (step %zu)\n", line.window.c_str(),
                line.steps, line.p50_us, line.p99_us, line.longest_us, line.longest_step);
  }
  if (!json.empty()) {
    std::string text;
    ms::encode_json(lines, text);
    std::ofstream file{json};
    if (!(file << text << '\n').flush()) {
      std::fprintf(stderr, "step_time: cannot write %s\n", json.c_str());
      return 1;
    }
  }
  return 0;
}
