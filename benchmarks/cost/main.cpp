// cost: what the engine costs beside a loop that a careful engineer writes by hand for the same work on the same input.
//   cost [--filter NAME] [--rounds N] [--json FILE]
// Rounds of both sides are interleaved, so that a noisy machine disturbs both; medians are reported.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "cost/beside_hand.hpp"
#include "cost/row.hpp"

namespace {

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
  std::vector<cost::Line> lines;
  try {
    for (const cost::NamedRow& named : rows) {
      const cost::Row row = named.make();
      const cost::Line& line =
          lines.emplace_back(cost::measure_beside_hand(named.name, row.records, rounds, row.engine, row.hand));
      const double millions = static_cast<double>(line.records) / 1e6;
      std::printf("%-14s %8.1f M %10.1f %10.1f %7.2f %7.2f - %5.2f %11.2f %s\n", line.name.c_str(), millions,
                  millions / line.seconds, millions / line.hand_seconds, line.ratio, line.ratio_min, line.ratio_max,
                  line.cpu_ratio, line.equal ? "equal" : "DIFFERENT");
      std::fflush(stdout);
    }
    if (!json.empty()) cost::write_lines(lines, json);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cost: %s\n", error.what());
    return 1;
  }
  return std::all_of(lines.begin(), lines.end(), [](const cost::Line& line) { return line.equal; }) ? 0 : 1;
}
