// What the benchmarks wrote, as names and numbers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace report {

enum class Kind { kCost, kLatency, kKafka, kState, kStepTime };

struct Row {
  std::string name;
  std::map<std::string, double> numbers;              // of an object within, as latency_us: latency_us.p50
  std::map<std::string, std::vector<double>> arrays;  // those that hold nothing but numbers; named likewise
  bool equal = true;                                  // the results were right
  /// Empty where the row has none, or null.
  [[nodiscard]] std::optional<double> get(const std::string& key) const;
  /// Empty where the row has none.
  [[nodiscard]] const std::vector<double>& array(const std::string& key) const;
};

struct File {
  std::string path;
  Kind kind = Kind::kCost;
  std::vector<Row> rows;
};

/// Throws std::runtime_error, which names the file and the cause: no JSON, no rows, or rows of another program.
[[nodiscard]] File read(const std::string& path);

}  // namespace report
