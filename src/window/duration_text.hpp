// Durations as a person writes them ("90min", "500ms"), and a common divisor that knows zero.
#pragma once

#include <numeric>
#include <string>

#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0::detail {

/// In the largest unit that gives a whole number.
inline std::string duration_text(Duration d) {
  struct Unit {
    std::int64_t microseconds;
    const char* name;
  };
  constexpr Unit kUnits[] = {{86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "min"},
                             {1'000'000, "s"},      {1'000, "ms"},        {1, "us"}};
  for (const Unit& unit : kUnits) {
    if (d.count() != 0 && d.count() % unit.microseconds == 0) {
      return std::to_string(d.count() / unit.microseconds) + unit.name;
    }
  }
  return "0s";
}

/// The greatest common divisor; gcd(0, x) = |x|.
inline Duration common_divisor(Duration a, Duration b) { return Duration{std::gcd(a.count(), b.count())}; }

}  // namespace millstream::inline v0::detail
