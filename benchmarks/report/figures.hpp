// Which charts the rows of the benchmarks become.
#pragma once

#include <string>
#include <vector>

#include "report/data.hpp"

namespace report {

struct Figure {
  std::string name;  // of its file, without .svg: letters, digits and _
  std::string svg;
  std::string caption;
};

/// In the order of the files; what takes several of them, as cores against speed-up, comes last.
[[nodiscard]] std::vector<Figure> figures(const std::vector<File>& files);

}  // namespace report
