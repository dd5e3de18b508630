#pragma once

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "millstream/codec/encode.hpp"

namespace state {

/// Of rows of a described type, as an array; nothing where there is no path. Throws std::runtime_error where it cannot
/// be written.
template <class Line>
void write_json(const std::vector<Line>& lines, const std::string& path) {
  if (path.empty()) return;
  std::string text;
  millstream::encode_json(lines, text);
  std::ofstream file{path};
  if (!(file << text << '\n').flush()) throw std::runtime_error{"cannot write " + path};
}

/// How a set of rows ends: its exit status, 2 where `filter` left none, 1 where a row's results were not equal.
template <class Line>
int end_rows(const std::vector<Line>& lines, const std::string& filter, const std::string& json) {
  if (lines.empty()) {
    std::fprintf(stderr, "error: no row has '%s' in its name\n", filter.c_str());
    return 2;
  }
  write_json(lines, json);
  return std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.equal; }) ? 0 : 1;
}

}  // namespace state
