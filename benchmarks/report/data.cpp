// Reading, and telling the programs' files apart by what their rows hold.
#include "report/data.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace report {
namespace {

// Empty where it holds anything but numbers.
std::optional<std::vector<double>> numbers_of(simdjson::dom::array array) {
  std::vector<double> numbers;
  for (const simdjson::dom::element each : array) {
    double number = 0;
    if (each.get(number) != simdjson::SUCCESS) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

void take(Row& row, std::string_view key, simdjson::dom::element value) {
  double number = 0;
  simdjson::dom::object object;
  simdjson::dom::array array;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    row.texts.insert_or_assign(std::string{key}, std::string{text});
  } else if (value.get(number) == simdjson::SUCCESS) {
    row.numbers.insert_or_assign(std::string{key}, number);
  } else if (value.get(object) == simdjson::SUCCESS) {
    for (const auto [name, inner] : object) take(row, std::string{key}.append(".").append(name), inner);
  } else if (value.get(array) == simdjson::SUCCESS) {
    if (auto numbers = numbers_of(array)) row.arrays.insert_or_assign(std::string{key}, *std::move(numbers));
  }
}

std::optional<Kind> kind_of(const Row& row) {
  if (!row.text("system").empty() && !row.text("work").empty()) return Kind::kPeers;
  if (row.get("hand_seconds") && row.get("seconds")) return Kind::kCost;
  if (row.get("latency_us.p50")) return Kind::kLatency;
  if (row.get("exactly_once") && row.get("by_hand")) return Kind::kKafka;
  if (row.get("kept")) return Kind::kState;
  if (row.get("longest_us")) return Kind::kStepTime;
  return std::nullopt;
}

}  // namespace

std::optional<double> Row::get(const std::string& key) const {
  const auto found = numbers.find(key);
  return found == numbers.end() ? std::nullopt : std::optional{found->second};
}

const std::vector<double>& Row::array(const std::string& key) const {
  static const std::vector<double> kNone;
  const auto found = arrays.find(key);
  return found == arrays.end() ? kNone : found->second;
}

std::string Row::text(const std::string& key) const {
  const auto found = texts.find(key);
  return found == texts.end() ? std::string{} : found->second;
}

File read(const std::string& path) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.load(path).get(root)) {
    throw std::runtime_error{path + ": " + simdjson::error_message(error)};
  }
  simdjson::dom::array array;
  if (root.get(array) != simdjson::SUCCESS) throw std::runtime_error{path + ": not an array of rows"};
  File file{.path = path, .kind = Kind::kCost, .rows = {}};
  for (const simdjson::dom::element element : array) {
    simdjson::dom::object object;
    if (element.get(object) != simdjson::SUCCESS) throw std::runtime_error{path + ": a row that is no object"};
    Row row;
    for (const auto [key, value] : object) {
      std::string_view text;
      if ((key == "name" || key == "window") && value.get(text) == simdjson::SUCCESS) row.name = text;
      bool equal = true;
      if (key == "equal" && value.get(equal) == simdjson::SUCCESS) row.equal = equal;
      take(row, key, value);
    }
    if (row.name.empty()) throw std::runtime_error{path + ": a row without a name"};
    file.rows.push_back(std::move(row));
  }
  if (file.rows.empty()) throw std::runtime_error{path + ": no rows"};
  const auto known = std::find_if(file.rows.begin(), file.rows.end(), [](const Row& row) { return kind_of(row); });
  if (known == file.rows.end()) {
    throw std::runtime_error{path +
                             ": not written by cost, latency, kafka, state, step_time or peers/run.sh: the row '" +
                             file.rows.front().name + "' has the members of none of them"};
  }
  file.kind = *kind_of(*known);
  return file;
}

double value_of(const Row& row, const std::string& key) { return row.get(key).value_or(std::nan("")); }

std::string joined(std::initializer_list<std::string> parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

}  // namespace report
