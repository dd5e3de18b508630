// Timestamps as text: exact both ways, from the first instant to the last, against the calendar of <chrono>.
#include "millstream/core/timestamp.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

namespace ms = millstream;
using namespace std::chrono;

namespace {

ms::Timestamp at(std::int64_t microseconds_since_epoch) {
  return ms::Timestamp{microseconds{microseconds_since_epoch}};
}

void expect_round_trip(ms::Timestamp t) {
  const std::string text = ms::to_string(t);
  const ms::Result<ms::Timestamp> back = ms::parse_timestamp(text);
  ASSERT_TRUE(back) << text << ": " << back.error().to_string();
  EXPECT_EQ(*back, t) << text;
}

TEST(Timestamp, PrintsAsShortAsItIsExact) {
  EXPECT_EQ(ms::to_string(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(ms::to_string(at(-1)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(ms::to_string(at(250'000)), "1970-01-01T00:00:00.25Z");
  EXPECT_EQ(ms::to_string(sys_days{2001y / March / 4} + 1min), "2001-03-04T00:01:00Z");
  EXPECT_EQ(ms::to_string(sys_days{year{0} / 1 / 1}), "0000-01-01T00:00:00Z");
  EXPECT_EQ(ms::to_string(sys_days{year{-1} / 12 / 31}), "-0001-12-31T00:00:00Z");
  EXPECT_EQ(ms::to_string(sys_days{year{10'000} / 1 / 1}), "+10000-01-01T00:00:00Z");
  EXPECT_EQ(ms::to_string(ms::kTimestampMin), "-infinity");
  EXPECT_EQ(ms::to_string(ms::kTimestampMax), "+infinity");
  std::string appended = "x=";
  ms::append_to(appended, at(1));
  EXPECT_EQ(appended, "x=1970-01-01T00:00:00.000001Z");
}

TEST(Timestamp, ReadsEveryRfc3339Form) {
  const ms::Timestamp expected = sys_days{2001y / March / 4} + 23h + 59min + 58s + 250ms;
  for (const char* text :
       {"2001-03-04T23:59:58.25Z", "2001-03-04t23:59:58.250z", "2001-03-04 23:59:58.2500009Z",
        "2001-03-05T00:59:58.25+01:00", "2001-03-04T18:29:58.25-05:30", "+2001-03-04T23:59:58.25-00:00"}) {
    const ms::Result<ms::Timestamp> t = ms::parse_timestamp(text);
    ASSERT_TRUE(t) << text << ": " << t.error().to_string();
    EXPECT_EQ(*t, expected) << text;
  }
  EXPECT_EQ(*ms::parse_timestamp("1990-12-31T23:59:60Z"), ms::Timestamp{sys_days{1991y / 1 / 1}});
  EXPECT_EQ(*ms::parse_timestamp("1990-12-31T15:59:60-08:00"), ms::Timestamp{sys_days{1991y / 1 / 1}});
  EXPECT_EQ(*ms::parse_timestamp("2000-02-29T00:00:00Z"), ms::Timestamp{sys_days{2000y / 2 / 29}});
}

TEST(Timestamp, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* reason;
  } kCases[] = {
      {"", "date"},
      {"2001-3-04T00:00:00Z", "date"},
      {"20010304", "date"},
      {"2001-03-04", "'T'"},
      {"2001-03-04T00:00Z", "time of day"},
      {"2001-03-04T00:00:00", "'Z'"},
      {"2001-03-04T00:00:00.Z", "decimal point"},
      {"2001-03-04T00:00:00+1:00", "'Z'"},
      {"2001-03-04T00:00:00+24:00", "offset"},
      {"2001-03-04T00:00:00Z ", "behind"},
      {" 2001-03-04T00:00:00Z", "date"},
      {"2001-13-04T00:00:00Z", "month"},
      {"2001-00-04T00:00:00Z", "month"},
      {"2001-02-29T00:00:00Z", "day"},
      {"1900-02-29T00:00:00Z", "day"},
      {"2001-03-00T00:00:00Z", "day"},
      {"2001-03-04T24:00:00Z", "hour"},
      {"2001-03-04T00:60:00Z", "minute"},
      {"2001-03-04T00:00:60Z", "second"},
      {"2001-03-04T23:59:61Z", "second"},
      {"+300000-01-01T00:00:00Z", "out of range"},
      {"-300000-01-01T00:00:00Z", "out of range"},
      {"infinity", "date"},
  };
  for (const auto& c : kCases) {
    const ms::Result<ms::Timestamp> t = ms::parse_timestamp(c.text);
    ASSERT_FALSE(t) << c.text;
    EXPECT_EQ(t.error().code(), ms::ErrorCode::kInvalidData);
    EXPECT_NE(t.error().message().find(c.reason), std::string::npos) << c.text << ": " << t.error().message();
  }
}

TEST(Timestamp, RoundTripsAtTheEnds) {
  const std::int64_t min = std::numeric_limits<std::int64_t>::min();
  const std::int64_t max = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t i = 0; i < 100; ++i) {
    expect_round_trip(at(min + i));
    expect_round_trip(at(max - i));
    expect_round_trip(at(min + i * 999'983));
    expect_round_trip(at(max - i * 999'983));
  }
  // What is one step beyond the last finite instants is no instant.
  std::string last = ms::to_string(at(max - 1));
  EXPECT_EQ(last, "+294247-01-10T04:00:54.775806Z");
  EXPECT_EQ(ms::to_string(at(min + 1)), "-290308-12-21T19:59:05.224193Z");
  EXPECT_FALSE(ms::parse_timestamp("+294247-01-10T04:00:54.775807Z"));
  EXPECT_FALSE(ms::parse_timestamp("-290308-12-21T19:59:05.224192Z"));
}

TEST(Timestamp, AgreesWithTheCalendarOfChrono) {
  std::mt19937_64 random{20010304};
  std::uniform_int_distribution<std::int64_t> any{std::numeric_limits<std::int64_t>::min(),
                                                  std::numeric_limits<std::int64_t>::max()};
  std::uniform_int_distribution<std::int64_t> four_digit_year{-62'167'219'200'000'000, 253'402'300'799'999'999};
  for (int i = 0; i < 100'000; ++i) {
    expect_round_trip(at(any(random)));
    const ms::Timestamp t = at(four_digit_year(random));
    expect_round_trip(t);
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<seconds>(t - day)};
    char expected[32];
    std::snprintf(expected, sizeof expected, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    ASSERT_EQ(ms::to_string(t).substr(0, 19), expected);
  }
}

TEST(Timestamp, AnInstantOfAnyResolutionIsFloored) {
  const auto nano = [](std::int64_t ns) { return ms::to_timestamp(sys_time<nanoseconds>{nanoseconds{ns}}); };
  EXPECT_EQ(nano(-1), at(-1));
  EXPECT_EQ(nano(-1000), at(-1));
  EXPECT_EQ(nano(-1001), at(-2));
  EXPECT_EQ(nano(999), at(0));
  EXPECT_EQ(nano(std::numeric_limits<std::int64_t>::min()), at(-9'223'372'036'854'776));
  EXPECT_EQ(ms::to_timestamp(ms::kTimestampMin + 1us), ms::kTimestampMin + 1us);
  EXPECT_EQ(ms::to_timestamp(sys_days{days{-1}}), at(-86'400'000'000));
  using Thirds = duration<std::int64_t, std::ratio<1, 3>>;
  EXPECT_EQ(ms::to_timestamp(sys_time<Thirds>{Thirds{-1}}), at(-333'334));
  EXPECT_EQ(ms::to_timestamp(sys_time<Thirds>{Thirds{4}}), at(1'333'333));
  using Unsigned = duration<std::uint64_t, std::micro>;
  EXPECT_EQ(ms::to_timestamp(sys_time<Unsigned>{Unsigned{~std::uint64_t{0}}}), ms::kTimestampMax);
}

TEST(Timestamp, AnInstantBeyondTheEndsIsAnEnd) {
  constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(ms::to_timestamp(sys_seconds{seconds{kGreatest / 2}}), ms::kTimestampMax);
  EXPECT_EQ(ms::to_timestamp(sys_seconds{seconds{-kGreatest}}), ms::kTimestampMin);
  EXPECT_EQ(ms::to_timestamp(sys_seconds{seconds{kGreatest / 1'000'000}}), at(kGreatest / 1'000'000 * 1'000'000));
  using Real = duration<double>;
  EXPECT_EQ(ms::to_timestamp(sys_time<Real>{Real{-0.0000005}}), at(-1));
  EXPECT_EQ(ms::to_timestamp(sys_time<Real>{Real{1.25}}), at(1'250'000));
  EXPECT_EQ(ms::to_timestamp(sys_time<Real>{Real{1e300}}), ms::kTimestampMax);
  EXPECT_EQ(ms::to_timestamp(sys_time<Real>{Real{-1e300}}), ms::kTimestampMin);
  EXPECT_EQ(ms::to_timestamp(sys_time<Real>{Real{std::numeric_limits<double>::quiet_NaN()}}), ms::kTimestampMin);
}

TEST(Timestamp, AnyTextIsReadOrRefused) {
  std::mt19937_64 random{7};
  const std::string seed = "2001-03-04T23:59:58.25+01:00";
  const std::string alphabet = "0123456789-+:.TZtz ";
  for (int i = 0; i < 200'000; ++i) {
    std::string text = seed;
    for (std::uint64_t edits = random() % 4; edits > 0; --edits) {
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    }
    text.resize(random() % (text.size() + 1));
    if (const ms::Result<ms::Timestamp> t = ms::parse_timestamp(text)) expect_round_trip(*t);
  }
}

}  // namespace
