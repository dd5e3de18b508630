// Single values as text and back, for JSON and CSV alike.
#include "millstream/codec/text_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "codec/utf8.hpp"
#include "millstream/codec/decode_error.hpp"

namespace millstream::inline v0 {

std::string to_string(const DecodeError& error) {
  std::string text;
  if (error.column != 0) text.append("column ").append(std::to_string(error.column));
  if (!error.field.empty()) text.append(text.empty() ? "field '" : ", field '").append(error.field).append("'");
  return text.append(text.empty() ? "" : ": ").append(error.reason);
}

namespace detail {
namespace {

constexpr std::size_t kShownBytesMax = 40;  // enough to recognise a value, short enough for a log line

template <class Number>
void append_chars(std::string& out, Number value) {
  std::array<char, 32> text;  // the longest, a shortest double, has 24
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), static_cast<std::size_t>(result.ptr - text.data()));
}

/// The text as a person can read it in a message: quoted, one line, not long.
std::string shown(std::string_view text) {
  if (text.empty()) return "nothing";
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kShownBytesMax) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0 || static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7F) {
      append_hexadecimal(out.append("\\x"), text.substr(at, 1));
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  return out.append(at < text.size() ? "...\"" : "\"");
}

/// Whether a decimal number is between -1 and 1: tells underflow, which rounds to zero, from overflow.
bool is_fraction(std::string_view text) {
  const std::size_t e = text.find_first_of("eE");
  std::int64_t exponent = 0;
  if (e != text.npos) {
    std::string_view digits = text.substr(e + 1);
    const bool negative = digits.starts_with('-');
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc{}) return negative;
    text = text.substr(0, e);
  }
  const std::size_t first = text.find_first_of("123456789");
  if (first == text.npos) return true;
  const auto point = static_cast<std::int64_t>(std::min(text.find('.'), text.size()));
  const auto place = static_cast<std::int64_t>(first);
  const std::int64_t digits_before_point = place < point ? point - place : point - place + 1;
  return exponent <= -digits_before_point;
}

template <class Number>
bool parse_floating_as(std::string_view text, Number& value, std::string& reason) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) return expected("a number", text, reason);
  if (result.ec == std::errc::result_out_of_range) {
    if (!is_fraction(text)) return out_of_range(text, sizeof(Number) == 4 ? "+-3.4e38" : "+-1.8e308", reason);
    value = text.starts_with('-') ? -Number{0} : Number{0};
  }
  return true;
}

template <class Number>
bool parse_integer(std::string_view text, Number min, Number max, Number& value, std::string& reason) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  const bool negative_unsigned = min == 0 && text.size() > 1 && text.front() == '-' &&
                                 std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!negative_unsigned) {
    if (result.ptr != end || result.ec == std::errc::invalid_argument) return expected("an integer", text, reason);
    if (result.ec == std::errc{} && value >= min && value <= max) return true;
  }
  return out_of_range(text, std::to_string(min) + " to " + std::to_string(max), reason);
}

}  // namespace

void append_signed(std::string& out, std::int64_t value) { append_chars(out, value); }
void append_unsigned(std::string& out, std::uint64_t value) { append_chars(out, value); }
void append_floating(std::string& out, double value) { append_chars(out, value); }
void append_floating(std::string& out, float value) { append_chars(out, value); }

void append_instant(std::string& out, Instant instant) {
  if (instant.nanoseconds == 0) {
    append_to(out, instant.time);
    return;
  }
  const Timestamp second = floor_to(instant.time, std::chrono::seconds{1});
  append_to(out, second);
  out.back() = '.';  // was the 'Z'
  auto fraction = static_cast<std::uint32_t>((instant.time - second).count()) * 1'000 + instant.nanoseconds;
  for (std::uint32_t unit = 100'000'000; fraction != 0; unit /= 10) {
    out.push_back(static_cast<char>('0' + fraction / unit));
    fraction %= unit;
  }
  out.push_back('Z');
}

void append_hexadecimal(std::string& out, std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.append({kHex[byte >> 4], kHex[byte & 15]});
  }
}

std::string_view enum_name(std::span<const EnumName> names, std::int64_t value) noexcept {
  for (const EnumName& entry : names) {
    if (entry.value == value) return entry.name;
  }
  return {};
}

bool expected(std::string_view what, std::string_view found, std::string& reason) {
  reason.assign("expected ").append(what).append(", found ").append(shown(found));
  return false;
}

bool out_of_range(std::string_view found, std::string_view range, std::string& reason) {
  reason.assign(shown(found)).append(" is out of range");
  if (!range.empty()) reason.append(" (the type holds ").append(range).append(")");
  return false;
}

bool parse_signed(std::string_view text, std::int64_t min, std::int64_t max, std::int64_t& value, std::string& reason) {
  return parse_integer(text, min, max, value, reason);
}

bool parse_unsigned(std::string_view text, std::uint64_t max, std::uint64_t& value, std::string& reason) {
  return parse_integer(text, std::uint64_t{0}, max, value, reason);
}

bool parse_floating(std::string_view text, double& value, std::string& reason) {
  return parse_floating_as(text, value, reason);
}
bool parse_floating(std::string_view text, float& value, std::string& reason) {
  return parse_floating_as(text, value, reason);
}

bool parse_bool(std::string_view text, bool& value, std::string& reason) {
  value = text == "true";
  return value || text == "false" || expected("true or false", text, reason);
}

bool parse_instant(std::string_view text, Instant& value, std::string& reason) {
  const Result<Timestamp> time = parse_timestamp(text);
  if (!time) {
    expected("an RFC 3339 instant", text, reason);
    reason.append(" (").append(time.error().message()).append(")");
    return false;
  }
  value = {*time, 0};
  const std::size_t point = text.find('.');
  if (point == text.npos) return true;
  std::uint32_t unit = 100;
  for (std::size_t at = point + 7; unit != 0 && at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value.nanoseconds += static_cast<std::uint32_t>(text[at] - '0') * unit;
    unit /= 10;
  }
  return true;
}

bool parse_enum(std::string_view text, std::span<const EnumName> names, std::int64_t& value, std::string& reason) {
  for (const EnumName& entry : names) {
    if (entry.name == text) {
      value = entry.value;
      return true;
    }
  }
  std::string what = "one of";
  for (const EnumName& entry : names) what.append(&entry == names.data() ? " " : ", ").append(entry.name);
  return expected(what, text, reason);
}

}  // namespace detail
}  // namespace millstream::inline v0
