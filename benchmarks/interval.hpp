// An interval on the command line: "off", or a number with a unit such as 1s or 200ms.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// 0 = off; empty where the text is neither.
inline std::optional<std::chrono::nanoseconds> parse_interval(const std::string& text) {
  if (text == "off") return std::chrono::nanoseconds{0};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit{end, text.data() + text.size()};
  const double scale = unit == "s" ? 1e9 : unit == "ms" ? 1e6 : 0;
  if (error != std::errc{} || scale == 0 || !(number > 0) || number > 86'400) return std::nullopt;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(number * scale)};
}
