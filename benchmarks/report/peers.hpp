// Charts of what other engines do beside Millstream.
#pragma once

#include <vector>

#include "report/figures.hpp"

namespace report {

/// A chart for each work, for latencies one for each system, and one of Millstream beside Flink.
void peers(const File& file, std::vector<Figure>& out);

}  // namespace report
