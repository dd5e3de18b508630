// Where ticks go, and where percentiles lie on an axis of nines. Numbers alone; drawing is in svg.hpp.
#pragma once

#include <string>
#include <vector>

namespace report {

/// Multiples of 1, 2 or 5 times a power of ten that cover `low` to `high`, about `count` of them. A range that is
/// empty, turned round or not finite is taken as 0 to 1.
[[nodiscard]] std::vector<double> nice_ticks(double low, double high, int count);
/// Powers of ten from the one at or below `low` to the one at or above `high`. Not positive or not finite: 1 to 10.
[[nodiscard]] std::vector<double> log_ticks(double low, double high);
/// How many nines a quantile has: 0.9 is 1, 0.99 is 2, 0.5 is 0.3. `quantile` is at least 0 and less than 1.
[[nodiscard]] double nines(double quantile);
/// With three digits and k, M or G behind them: 57.1 M. "-" for what is not finite.
[[nodiscard]] std::string short_number(double value);

}  // namespace report
