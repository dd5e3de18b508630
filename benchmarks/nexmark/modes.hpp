// What the program does: it measures, checks, compares with loops by hand, or dumps. All print what they find, and
// throw std::runtime_error where something fails.
#pragma once

#include <string>
#include <vector>

#include "nexmark/generator.hpp"
#include "nexmark/run.hpp"

namespace nexmark {

struct Wanted {
  std::vector<Query> queries;
  Input input;
  RunSettings run;
  int rounds = 3;
  std::string json;     // a file for the rows, or none
  std::string results;  // a file for the results, or none
};

/// Events a second and what they cost. With `results` each query runs once. False where a query's results are not those
/// of its model; what the wall clock, or the order of events in several splits, decides is not compared.
[[nodiscard]] bool measure(const Wanted& wanted);
/// Each query beside its model, as check_query() says. False where one differs.
[[nodiscard]] bool check(const Wanted& wanted);
/// Queries that have a loop by hand, beside it, over the same events in memory, without checkpoints. False where the
/// results differ.
[[nodiscard]] bool compare_with_hand(const Wanted& wanted);
/// The events as JSON lines.
void dump(const Input& input, const std::string& path);

}  // namespace nexmark
