#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "cost/beside_hand.hpp"
#include "cpu_seconds.hpp"
#include "millstream/stream/dataflow.hpp"
#include "nexmark/check.hpp"
#include "nexmark/encoded_source.hpp"
#include "nexmark/modes.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using Clock = std::chrono::steady_clock;

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
  query.declare_views(flow.from(EncodedSource{input.encoded}), Outlet{results, {}});
  const ms::JobResult done = ms::run(flow, {.shards = 1, .calling_thread = true, .log = nullptr});
  if (!done.ok()) throw std::runtime_error{std::string{query.name} + ": " + done.status.to_string()};
  return results->digest();
}

}  // namespace

bool compare_with_hand(const Wanted& wanted) {
  std::string bytes;
  for (std::uint64_t n = 0; n < wanted.input.events; ++n) encode_event(wanted.input.generator->event(n), bytes);
  Input input = wanted.input;
  input.encoded = bytes;
  std::printf("%-14s %10s %10s %7s %15s %9s %s\n", "row", "M/s", "by hand", "ratio", "min - max", "CPU ratio",
              "results");
  std::vector<cost::Line> lines;
  for (const Query& query : wanted.queries) {
    if (query.hand == nullptr) continue;
    const cost::Line& line = lines.emplace_back(cost::measure_beside_hand(
        std::string{"nexmark_"} + query.name, input.events, wanted.rounds,
        [&] { return time([&] { return by_engine(query, input); }); },
        [&] { return time([&] { return query.hand(input); }); }));
    const double millions = static_cast<double>(line.records) / 1e6;
    std::printf("%-14s %10.2f %10.2f %7.2f %7.2f - %5.2f %9.2f %s\n", line.name.c_str(), millions / line.seconds,
                millions / line.hand_seconds, line.ratio, line.ratio_min, line.ratio_max, line.cpu_ratio,
                line.equal ? "equal" : "DIFFERENT");
    std::fflush(stdout);
  }
  if (lines.empty()) throw std::runtime_error{"none of the queries has a loop by hand"};
  if (!wanted.json.empty()) cost::write_lines(lines, wanted.json);
  return std::all_of(lines.begin(), lines.end(), [](const cost::Line& line) { return line.equal; });
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
