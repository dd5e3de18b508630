// cost: what the engine costs beside a loop that a careful engineer writes by hand for the same work on the same input.
//   cost [--filter NAME] [--rounds N] [--json FILE]
// Rounds of both sides are interleaved, so that a noisy machine disturbs both; medians are reported.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/describe/class.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "cost/row.hpp"
#include "millstream/codec/encode.hpp"

namespace {

struct Line {
  std::string name;
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

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Line measure(const cost::NamedRow& named, int rounds, double& cpu_ratio) {
  const cost::Row row = named.make();
  Line line;
  line.name = named.name;
  line.records = row.records;
  // Not timed: brings caches, page tables and the allocator to where they stay.
  line.equal = row.engine().digest == row.hand().digest;
  std::vector<double> engine, hand, engine_cpu, hand_cpu, ratios;
  for (int round = 0; round < rounds; ++round) {
    const cost::Outcome ours = row.engine();
    const cost::Outcome theirs = row.hand();
    line.equal &= ours.digest == theirs.digest;
    engine.push_back(ours.seconds);
    hand.push_back(theirs.seconds);
    engine_cpu.push_back(ours.cpu_seconds);
    hand_cpu.push_back(theirs.cpu_seconds);
    ratios.push_back(theirs.seconds / ours.seconds);
  }
  line.seconds = median(engine);
  line.hand_seconds = median(hand);
  cpu_ratio = median(hand_cpu) / median(engine_cpu);
  line.ratio = line.hand_seconds / line.seconds;
  line.ratio_min = *std::min_element(ratios.begin(), ratios.end());
  line.ratio_max = *std::max_element(ratios.begin(), ratios.end());
  line.ratios = std::move(ratios);
  return line;
}

std::vector<cost::NamedRow> all_rows() {
  std::vector<cost::NamedRow> all;
  for (auto* rows :
       {cost::stateless_rows, cost::window_rows, cost::session_rows, cost::reduce_rows, cost::exchange_rows}) {
    for (cost::NamedRow& row : rows()) all.push_back(std::move(row));
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The engine's cost beside a hand-written loop"};
  std::string filter, json;
  int rounds = 5;
  app.add_option("--filter", filter, "The row of this name, or the rows whose names contain it");
  app.add_option("--rounds", rounds, "Interleaved rounds")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--json", json, "Writes the rows to this file, as a JSON array");
  CLI11_PARSE(app, argc, argv);

  std::vector<cost::NamedRow> rows = all_rows();
  const bool exact = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == filter; });
  std::erase_if(rows, [&](const cost::NamedRow& row) {
    return exact ? row.name != filter : row.name.find(filter) == std::string::npos;
  });
  if (rows.empty()) {
    std::fprintf(stderr, "cost: no row's name contains '%s'\n", filter.c_str());
    return 1;
  }
  std::printf("%-14s %10s %10s %10s %7s %15s %s\n", "row", "records", "M/s", "by hand", "ratio", "min - max",
              "results");
  std::vector<Line> lines;
  try {
    for (const cost::NamedRow& row : rows) {
      double cpu_ratio = 0;
      const Line& line = lines.emplace_back(measure(row, rounds, cpu_ratio));
      const double millions = static_cast<double>(line.records) / 1e6;
      std::printf("%-14s %8.1f M %10.1f %10.1f %7.2f %7.2f - %5.2f %11.2f %s\n", line.name.c_str(), millions,
                  millions / line.seconds, millions / line.hand_seconds, line.ratio, line.ratio_min, line.ratio_max,
                  cpu_ratio, line.equal ? "equal" : "DIFFERENT");
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cost: %s\n", error.what());
    return 1;
  }
  if (!json.empty()) {
    std::string text;
    millstream::encode_json(lines, text);
    std::ofstream file{json};
    if (!(file << text << '\n').flush()) {
      std::fprintf(stderr, "cost: cannot write %s\n", json.c_str());
      return 1;
    }
  }
  return std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.equal; }) ? 0 : 1;
}
