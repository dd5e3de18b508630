#include "nexmark/query.hpp"

#include <algorithm>
#include <array>

namespace nexmark {

std::vector<Query> all_queries() {
  return {q0(), q1(), q2(), q5(), q7(), q10(), q11(), q12(), q14(), q15(), q16(), q17(), q18(), q19(), q21(), q22()};
}

std::string missing(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kJoins{"q3", "q4", "q6", "q8", "q9", "q13", "q20"};
  if (std::find(kJoins.begin(), kJoins.end(), name) == kJoins.end()) return {};
  return std::string{name} + " is a join, which Millstream cannot do yet";
}

}  // namespace nexmark
