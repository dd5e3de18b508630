// What the benchmarks wrote, as names and numbers.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace report {

enum class Kind { kCost, kLatency, kKafka, kState, kStepTime, kPeers };

struct Row {
  std::string name;
  std::map<std::string, double> numbers;              // of an object within, as latency_us: latency_us.p50
  std::map<std::string, std::vector<double>> arrays;  // those that hold nothing but numbers; named likewise
  std::map<std::string, std::string> texts;           // named likewise
  bool equal = true;                                  // the results were right
  /// Empty where the row has none, or null.
  [[nodiscard]] std::optional<double> get(const std::string& key) const;
  /// Empty where the row has none.
  [[nodiscard]] const std::vector<double>& array(const std::string& key) const;
  /// "" where the row has none.
  [[nodiscard]] std::string text(const std::string& key) const;
};

struct File {
  std::string path;
  Kind kind = Kind::kCost;
  std::vector<Row> rows;
};

/// Throws std::runtime_error, which names the file and the cause: no JSON, no rows, or rows of another program.
[[nodiscard]] File read(const std::string& path);

/// Not a number where the row has none.
[[nodiscard]] double value_of(const Row& row, const std::string& key);
[[nodiscard]] std::string joined(std::initializer_list<std::string> parts);

}  // namespace report
