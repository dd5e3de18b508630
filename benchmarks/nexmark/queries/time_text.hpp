// Days, hours and minutes of an instant, in UTC.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "millstream/core/timestamp.hpp"

namespace nexmark {

using Day = std::chrono::sys_days;

[[nodiscard]] inline Day day_of(millstream::Timestamp at) { return std::chrono::floor<std::chrono::days>(at); }
[[nodiscard]] inline std::int64_t minute_of_day(millstream::Timestamp at) {
  return std::chrono::duration_cast<std::chrono::minutes>(at - day_of(at)).count();
}
[[nodiscard]] inline std::int64_t hour_of_day(millstream::Timestamp at) { return minute_of_day(at) / 60; }

namespace detail {
inline void append_two(std::string& out, unsigned number) {
  out.push_back(static_cast<char>('0' + number / 10 % 10));
  out.push_back(static_cast<char>('0' + number % 10));
}
}  // namespace detail

/// "2015-07-14"; of the years 0 to 9999.
[[nodiscard]] inline std::string day_text(Day day) {
  const std::chrono::year_month_day date{day};
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  std::string text;
  detail::append_two(text, year / 100);
  detail::append_two(text, year);
  text.push_back('-');
  detail::append_two(text, static_cast<unsigned>(date.month()));
  text.push_back('-');
  detail::append_two(text, static_cast<unsigned>(date.day()));
  return text;
}
/// "23:59".
[[nodiscard]] inline std::string minute_text(std::int64_t minute_of_day) {
  std::string text;
  detail::append_two(text, static_cast<unsigned>(minute_of_day / 60));
  text.push_back(':');
  detail::append_two(text, static_cast<unsigned>(minute_of_day % 60));
  return text;
}

}  // namespace nexmark
