#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "compare/statistics.hpp"
#include "millstream/codec/encode.hpp"
#include "millstream/stream/dataflow.hpp"
#include "nexmark/check.hpp"
#include "nexmark/modes.hpp"
#include "nexmark/source.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using Clock = std::chrono::steady_clock;

struct Line {
  std::string name = {};
  std::uint64_t records = 0;
  double seconds = 0;
  double hand_seconds = 0;
  double ratio = 0;
  double ratio_min = 0;
  double ratio_max = 0;
  std::vector<double> ratios = {};  // of each round
  bool equal = true;
  BOOST_DESCRIBE_CLASS(Line, (), (name, records, seconds, hand_seconds, ratio, ratio_min, ratio_max, ratios, equal), (),
                       ())
};

struct Timed {
  double seconds;
  double cpu_seconds;
  Digest digest;
};
template <class F>
Timed time(F&& f) {
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  const Digest digest = f();
  return {std::chrono::duration<double>(Clock::now() - start).count(), cpu_seconds() - cpu, digest};
}

Digest by_engine(const Query& query, const Input& input) {
  const auto results = std::make_shared<Results>();
  ms::Dataflow flow{query.name};
  query.declare(flow.from(EventSource{{.input = input}}), Outlet{results, {}});
  const ms::JobResult done = ms::run(flow, {.shards = 1, .calling_thread = true, .log = nullptr});
  if (!done.ok()) throw std::runtime_error{std::string{query.name} + ": " + done.status.to_string()};
  return results->digest();
}

Line compare_one(const Query& query, const Input& input, int rounds, double& cpu_ratio) {
  Line line{.name = std::string{"nexmark_"} + query.name, .records = input.events};
  // Not timed: brings caches, page tables and the allocator to where they stay.
  line.equal = by_engine(query, input) == query.hand(input);
  std::vector<double> engine, hand, engine_cpu, hand_cpu;
  for (int round = 0; round < rounds; ++round) {
    const Timed ours = time([&] { return by_engine(query, input); });
    const Timed theirs = time([&] { return query.hand(input); });
    line.equal = line.equal && ours.digest == theirs.digest;
    engine.push_back(ours.seconds);
    hand.push_back(theirs.seconds);
    engine_cpu.push_back(ours.cpu_seconds);
    hand_cpu.push_back(theirs.cpu_seconds);
    line.ratios.push_back(theirs.seconds / ours.seconds);
  }
  line.seconds = compare::median_of(engine).value;
  line.hand_seconds = compare::median_of(hand).value;
  cpu_ratio = compare::median_of(hand_cpu).value / compare::median_of(engine_cpu).value;
  line.ratio = line.hand_seconds / line.seconds;
  line.ratio_min = *std::min_element(line.ratios.begin(), line.ratios.end());
  line.ratio_max = *std::max_element(line.ratios.begin(), line.ratios.end());
  return line;
}

}  // namespace

bool compare_with_hand(const Wanted& wanted) {
  Input input = wanted.input;
  auto events = std::make_shared<std::vector<Event>>();
  events->reserve(input.events);
  for (std::uint64_t n = 0; n < input.events; ++n) events->push_back(input.generator->event(n));
  input.made = events;
  std::printf("%-14s %10s %10s %7s %15s %9s %s\n", "row", "M/s", "by hand", "ratio", "min - max", "CPU ratio",
              "results");
  std::vector<Line> lines;
  for (const Query& query : wanted.queries) {
    if (query.hand == nullptr) continue;
    double cpu_ratio = 0;
    const Line& line = lines.emplace_back(compare_one(query, input, wanted.rounds, cpu_ratio));
    const double millions = static_cast<double>(line.records) / 1e6;
    std::printf("%-14s %10.2f %10.2f %7.2f %7.2f - %5.2f %9.2f %s\n", line.name.c_str(), millions / line.seconds,
                millions / line.hand_seconds, line.ratio, line.ratio_min, line.ratio_max, cpu_ratio,
                line.equal ? "equal" : "DIFFERENT");
    std::fflush(stdout);
  }
  if (lines.empty()) throw std::runtime_error{"none of the queries has a loop by hand"};
  if (!wanted.json.empty()) {
    std::string text;
    ms::encode_json(lines, text);
    std::ofstream file{wanted.json};
    if (!(file << text << '\n').flush()) throw std::runtime_error{"cannot write " + wanted.json};
  }
  return std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.equal; });
}

bool check(const Wanted& wanted) {
  bool good = true;
  for (const Query& query : wanted.queries) {
    const Checked checked = check_query(query, wanted.input, wanted.run);
    if (checked.wrong.empty()) {
      std::printf("%-4s %8llu results, as in the model\n", query.name,
                  static_cast<unsigned long long>(checked.results));
    } else {
      std::printf("%-4s WRONG: %s\n", query.name, checked.wrong.c_str());
    }
    std::fflush(stdout);
    good = good && checked.wrong.empty();
  }
  return good;
}

}  // namespace nexmark
