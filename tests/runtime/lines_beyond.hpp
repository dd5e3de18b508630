#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace millstream::test {

/// Those of the sorted lines that are not among the sorted expected ones, or more often than there.
inline std::string lines_beyond(const std::vector<std::string>& lines, const std::vector<std::string>& expected) {
  std::vector<std::string> more;
  std::set_difference(lines.begin(), lines.end(), expected.begin(), expected.end(), std::back_inserter(more));
  std::string text;
  for (const std::string& line : more) text.append(line).append("\n");
  return text;
}

}  // namespace millstream::test
