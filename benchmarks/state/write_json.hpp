#pragma once

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

}  // namespace state
