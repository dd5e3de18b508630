// compare: whether a benchmark has become worse between two runs, beyond their noise.
//   compare OLD.json NEW.json
// Reads what `cost --json` and `latency --json` wrote. For each row and measure: the median of the rounds with its
// confidence interval. A change counts where the two intervals do not touch. Ends with 1 where a row is worse, has
// wrong results or is gone, and with 2 where the files cannot be compared: also where a row was measured with other
// settings, as those of `latency sweep` are, whose rates are shares of what each build sustains.
#include <simdjson.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "compare/statistics.hpp"

namespace {

// The members of a row that hold one value for each round.
struct Measure {
  const char* name;
  bool more_is_better;
};
constexpr Measure kMeasures[] = {{"ratios", true}, {"p50_us", false}, {"p99_us", false}, {"p99_9_us", false}};

// With what a row was measured, where it says so.
constexpr const char* kSettings[] = {"rate", "shards", "idle", "checkpoint_seconds", "generator_core"};

struct Row {
  std::string name;
  std::map<std::string, std::string> settings;
  bool equal = true;
  std::map<std::string, std::vector<double>> rounds;  // by measure
};

std::vector<Row> read(const std::string& path) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (const auto error = parser.load(path).get(array)) {
    throw std::runtime_error{path + ": " + simdjson::error_message(error)};
  }
  std::vector<Row> rows;
  for (const simdjson::dom::element element : array) {
    Row row;
    std::string_view name;
    if (element["name"].get(name) != simdjson::SUCCESS) throw std::runtime_error{path + ": a row without a name"};
    row.name = name;
    for (const char* setting : kSettings) {
      simdjson::dom::element value;
      if (element[setting].get(value) == simdjson::SUCCESS) row.settings[setting] = simdjson::minify(value);
    }
    if (element["equal"].get(row.equal) != simdjson::SUCCESS) row.equal = true;
    for (const Measure& measure : kMeasures) {
      simdjson::dom::array values;
      if (element[measure.name].get(values) != simdjson::SUCCESS) continue;
      for (const simdjson::dom::element value : values) {
        double number = 0;
        if (value.get(number) != simdjson::SUCCESS) {
          throw std::runtime_error{path + ": " + row.name + ": " + measure.name + " holds something else than numbers"};
        }
        row.rounds[measure.name].push_back(number);
      }
    }
    if (row.rounds.empty()) throw std::runtime_error{path + ": " + row.name + ": no values of single rounds"};
    rows.push_back(std::move(row));
  }
  if (rows.empty()) throw std::runtime_error{path + ": no rows"};
  return rows;
}

void check_settings(const Row& before, const Row& after) {
  for (const auto& [name, value] : before.settings) {
    const auto other = after.settings.find(name);
    if (other == after.settings.end() || other->second == value) continue;
    throw std::runtime_error{before.name + ": measured with " + name + " = " + value + ", and then with " +
                             other->second + ": what differs is not the program alone. Measure both with the same"};
  }
}

// True where the new one is worse.
bool compare_measure(const std::string& row, const Measure& measure, const std::vector<double>& before,
                     const std::vector<double>& after) {
  const compare::Median old_one = compare::median_of(before);
  const compare::Median new_one = compare::median_of(after);
  const bool less = new_one.high < old_one.low;
  const bool more = new_one.low > old_one.high;
  const bool enough = std::min(before.size(), after.size()) >= compare::kRoundsMin;
  const char* verdict = "within noise";
  if (!enough) {
    verdict = "too few rounds to tell";
  } else if (less || more) {
    verdict = more == measure.more_is_better ? "better" : "WORSE";
  }
  std::printf("%-24s %-9s %10.3f (%.3f to %.3f) %10.3f (%.3f to %.3f) %+7.1f %%  %s\n", row.c_str(), measure.name,
              old_one.value, old_one.low, old_one.high, new_one.value, new_one.low, new_one.high,
              (new_one.value / old_one.value - 1) * 100, verdict);
  return enough && (less || more) && more != measure.more_is_better;
}

// True where nothing is worse.
bool compare_rows(const std::vector<Row>& before, const std::vector<Row>& after) {
  bool good = true;
  for (const Row& row : after) {
    if (row.equal) continue;
    std::printf("%-24s WRONG RESULTS\n", row.name.c_str());
    good = false;
  }
  for (const Row& old_row : before) {
    const auto new_row =
        std::find_if(after.begin(), after.end(), [&](const Row& each) { return each.name == old_row.name; });
    if (new_row != after.end()) check_settings(old_row, *new_row);
    for (const Measure& measure : kMeasures) {
      const auto old_rounds = old_row.rounds.find(measure.name);
      if (old_rounds == old_row.rounds.end() || old_rounds->second.empty()) continue;
      if (new_row == after.end() || !new_row->rounds.contains(measure.name) ||
          new_row->rounds.at(measure.name).empty()) {
        std::printf("%-24s %-9s GONE\n", old_row.name.c_str(), measure.name);
        good = false;
      } else if (compare_measure(old_row.name, measure, old_rounds->second, new_row->rounds.at(measure.name))) {
        good = false;
      }
    }
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Whether a benchmark has become worse between two runs, beyond their noise: for each row the medians of\n"
      "the rounds, each with a confidence interval of 95 %, or as much as so few rounds give (94 % for five)"};
  std::string old_path, new_path;
  app.add_option("OLD", old_path, "What cost --json or latency --json wrote")->required();
  app.add_option("NEW", new_path, "The same, of the program that may be worse")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    const std::vector<Row> before = read(old_path);
    const std::vector<Row> after = read(new_path);
    return compare_rows(before, after) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compare: %s\n", error.what());
    return 2;
  }
}
