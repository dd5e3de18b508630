// Ticks and short numbers.
#include "report/axis.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace report {
namespace {

constexpr int kTicksMax = 100;  // whatever the range is

}  // namespace

std::vector<double> nice_ticks(double low, double high, int count) {
  // Beyond these, steps would be nought or not finite; and it takes what is no number, too.
  if (!(high - low >= 1e-300) || !(std::abs(low) <= 1e300) || !(std::abs(high) <= 1e300)) {
    low = 0;
    high = 1;
  }
  const double raw = (high - low) / std::max(count, 1);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double digit = raw / power;
  const double step = power * (digit < 1.5 ? 1 : digit < 3 ? 2 : digit < 7 ? 5 : 10);
  // A range that is a multiple of the step must not get one more for the rounding of its ends.
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  std::vector<double> ticks;
  for (double i = first; i <= last && ticks.size() < kTicksMax; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  if (!(low >= 1e-300) || !(high <= 1e300) || high < low) {
    low = 1;
    high = 10;
  }
  const double first = std::floor(std::log10(low) + 1e-9);
  const double last = std::max(std::ceil(std::log10(high) - 1e-9), first + 1);
  std::vector<double> ticks;
  for (double e = first; e <= last; ++e) ticks.push_back(std::pow(10, e));
  return ticks;
}

double nines(double quantile) { return -std::log10(1 - quantile); }

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  const char* unit = "";
  const double size = std::abs(value);
  for (const auto& [scale, name] : {std::pair{1e9, " G"}, std::pair{1e6, " M"}, std::pair{1e3, " k"}}) {
    if (size < scale * 0.9995) continue;
    value /= scale;
    unit = name;
    break;
  }
  char text[32];
  std::snprintf(text, sizeof text, std::abs(value) >= 999.5 && std::abs(value) < 1e6 ? "%.0f%s" : "%.3g%s", value,
                unit);
  return text;
}

}  // namespace report
