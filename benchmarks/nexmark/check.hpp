// Whether a query gives what its model says, also when its job is stopped, cancelled and started again in the middle.
#pragma once

#include <string>

#include "nexmark/query.hpp"
#include "nexmark/run.hpp"

namespace nexmark {

struct Checked {
  std::uint64_t results = 0;  // of the model
  std::string wrong = {};     // empty where all is as in the model; a query without results is wrong, too
};
/// The input is one split, so that the results of every query are a function of it. A query by the wall clock runs in
/// the simulator, whose clock follows the event times.
[[nodiscard]] Checked check_query(const Query& query, const Input& input, const RunSettings& settings);

}  // namespace nexmark
