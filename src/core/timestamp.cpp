// Timestamps as RFC 3339 text. The calendar arithmetic is Howard Hinnant's (chrono-compatible low-level date
// algorithms): exact over the whole range of Timestamp, no tables, no locale, no time zone database.
#include "millstream/core/timestamp.hpp"

#include <array>
#include <charconv>

namespace millstream::inline v0 {
namespace {

constexpr std::int64_t kMicroseconds = 1'000'000;
constexpr std::int64_t kSecondsOfDay = 86'400;
constexpr std::string_view kNegativeInfinity = "-infinity";
constexpr std::string_view kPositiveInfinity = "+infinity";

struct Date {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

constexpr Date date_of(std::int64_t days) {
  days += 719'468;  // the era starts on 0000-03-01, so that leap days end a year
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {std::int64_t{year_of_era} + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

constexpr std::int64_t days_of(Date date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + std::int64_t{day_of_era} - 719'468;
}

constexpr unsigned days_in(std::int64_t year, unsigned month) {
  constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

char* put_digits(char* at, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + count;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A position in the text; every function takes what it names or returns false.
class Reader {
 public:
  explicit Reader(std::string_view text) : at_{text.data()}, end_{text.data() + text.size()} {}

  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] bool next_is_digit() const { return at_ != end_ && is_digit(*at_); }

  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take_any(std::string_view set) {
    if (at_ == end_ || set.find(*at_) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  bool digits(int count, unsigned& value) {
    if (end_ - at_ < count) return false;
    value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      if (!is_digit(*at_)) return false;
      value = value * 10 + static_cast<unsigned>(*at_ - '0');
    }
    return true;
  }
  /// Four digits, or with a sign before them four to six.
  bool year(std::int64_t& value) {
    const bool negative = take('-');
    const bool sign = negative || take('+');
    unsigned number = 0;
    if (!digits(4, number)) return false;
    for (int i = 0; i < 2 && sign && next_is_digit(); ++i) number = number * 10 + static_cast<unsigned>(*at_++ - '0');
    value = negative ? -std::int64_t{number} : std::int64_t{number};
    return true;
  }
  /// One digit or more; what is below a microsecond is cut off.
  bool fraction(std::int64_t& microseconds) {
    if (!next_is_digit()) return false;
    microseconds = 0;
    for (std::int64_t unit = kMicroseconds / 10; next_is_digit(); ++at_, unit /= 10)
      microseconds += (*at_ - '0') * unit;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

Status wrong(const char* what) { return Status{ErrorCode::kInvalidData, what}; }

}  // namespace

void append_to(std::string& out, Timestamp t) {
  if (t == kTimestampMin || t == kTimestampMax) {
    out.append(t == kTimestampMin ? kNegativeInfinity : kPositiveInfinity);
    return;
  }
  std::int64_t seconds = t.time_since_epoch().count() / kMicroseconds;
  std::int64_t microseconds = t.time_since_epoch().count() % kMicroseconds;
  if (microseconds < 0) {
    microseconds += kMicroseconds;
    --seconds;
  }
  std::int64_t days = seconds / kSecondsOfDay;
  std::int64_t second_of_day = seconds % kSecondsOfDay;
  if (second_of_day < 0) {
    second_of_day += kSecondsOfDay;
    --days;
  }
  const Date date = date_of(days);
  std::array<char, 40> text;
  char* at = text.data();
  const auto absolute_year = static_cast<unsigned>(date.year < 0 ? -date.year : date.year);
  if (date.year < 0 || date.year > 9'999) *at++ = date.year < 0 ? '-' : '+';
  at = put_digits(at, absolute_year, absolute_year > 99'999 ? 6 : absolute_year > 9'999 ? 5 : 4);
  *at++ = '-';
  at = put_digits(at, date.month, 2);
  *at++ = '-';
  at = put_digits(at, date.day, 2);
  *at++ = 'T';
  const auto clock = static_cast<unsigned>(second_of_day);
  at = put_digits(at, clock / 3'600, 2);
  *at++ = ':';
  at = put_digits(at, clock / 60 % 60, 2);
  *at++ = ':';
  at = put_digits(at, clock % 60, 2);
  if (microseconds != 0) {
    *at++ = '.';
    at = put_digits(at, static_cast<unsigned>(microseconds), 6);
    while (at[-1] == '0') --at;
  }
  *at++ = 'Z';
  out.append(text.data(), static_cast<std::size_t>(at - text.data()));
}

std::string to_string(Timestamp t) {
  std::string text;
  append_to(text, t);
  return text;
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  if (text == kNegativeInfinity) return kTimestampMin;
  if (text == kPositiveInfinity) return kTimestampMax;
  Reader in{text};
  Date date{};
  if (!in.year(date.year) || !in.take('-') || !in.digits(2, date.month) || !in.take('-') || !in.digits(2, date.day)) {
    return wrong("expected a date and time like 2001-03-04T00:01:00Z");
  }
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  if (!in.take_any("Tt ")) return wrong("expected 'T' and a time of day behind the date");
  if (!in.digits(2, hour) || !in.take(':') || !in.digits(2, minute) || !in.take(':') || !in.digits(2, second)) {
    return wrong("expected a time of day like 00:01:00");
  }
  std::int64_t microseconds = 0;
  if (in.take('.') && !in.fraction(microseconds)) return wrong("expected digits behind the decimal point");

  std::int64_t offset = 0;
  if (!in.take_any("Zz")) {
    const bool west = in.take('-');
    unsigned offset_hour = 0;
    unsigned offset_minute = 0;
    if ((!west && !in.take('+')) || !in.digits(2, offset_hour) || !in.take(':') || !in.digits(2, offset_minute)) {
      return wrong("expected 'Z' or an offset like +01:00 at the end");
    }
    if (offset_hour > 23 || offset_minute > 59) return wrong("the offset is out of range");
    offset = std::int64_t{offset_hour * 60 + offset_minute} * (west ? -60 : 60);
  }
  if (!in.at_end()) return wrong("there is text behind the instant");
  if (date.month < 1 || date.month > 12) return wrong("the month is not between 01 and 12");
  if (date.day < 1 || date.day > days_in(date.year, date.month)) return wrong("the month does not have this day");
  if (hour > 23) return wrong("the hour is not between 00 and 23");
  if (minute > 59) return wrong("the minute is not between 00 and 59");

  // A leap second is the last of a UTC day; it is read as the first second of the next one, as system_clock has none.
  std::int64_t seconds = days_of(date) * kSecondsOfDay + (hour * 60 + minute) * 60 + second - offset;
  if (second > 60 || (second == 60 && seconds % kSecondsOfDay != 0))
    return wrong("the second is not between 00 and 59");

  // The sum may fit although the product does not: below zero count from the second after.
  if (seconds < 0) {
    ++seconds;
    microseconds -= kMicroseconds;
  }
  std::int64_t count = 0;
  if (__builtin_mul_overflow(seconds, kMicroseconds, &count) || __builtin_add_overflow(count, microseconds, &count)) {
    return wrong("the instant is out of range");
  }
  const Timestamp t{Duration{count}};
  if (t == kTimestampMin || t == kTimestampMax) return wrong("the instant is out of range");
  return t;
}

}  // namespace millstream::inline v0
