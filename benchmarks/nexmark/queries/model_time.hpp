// Instants by the C library, for the models: another way than that of the queries.
#pragma once

#include <chrono>
#include <ctime>
#include <string>

#include "millstream/core/timestamp.hpp"

namespace nexmark {

[[nodiscard]] inline std::tm model_utc(millstream::Timestamp at) {
  const auto seconds = static_cast<std::time_t>(at.time_since_epoch().count() / 1'000'000);  // of times after 1970
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return utc;
}
/// As strftime.
[[nodiscard]] inline std::string model_text(millstream::Timestamp at, const char* format) {
  const std::tm utc = model_utc(at);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &utc)};
}

}  // namespace nexmark
