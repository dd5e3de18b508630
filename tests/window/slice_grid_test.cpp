// Slice grids against plain arithmetic in 128 bits, and against calendars known by heart.
#include "millstream/window/slice_grid.hpp"

#include <gtest/gtest.h>

#include <random>

namespace millstream::test {
namespace {

using namespace std::chrono_literals;
using Wide = __int128;

Timestamp utc(std::string_view text) { return parse_timestamp(text).value(); }
Timestamp clamp(Wide v) {
  return Timestamp{Duration{static_cast<std::int64_t>(std::min<Wide>(std::max<Wide>(v, INT64_MIN), INT64_MAX))}};
}

void check_uniform(const TimeWindow& window, Timestamp t) {
  const SliceGrid grid = SliceGrid::make(window).value();
  const Wide size = window.size().count();
  const Wide slide = window.slide().count();
  const Wide at = t.time_since_epoch().count();
  const Slice slice = grid.slice_of(t);
  ASSERT_LE(slice.start, t);
  if (t != kTimestampMax) {
    ASSERT_GT(slice.end, t);
  }
  ASSERT_EQ(grid.boundary(slice.index), slice.start);
  ASSERT_EQ(grid.boundary(slice.index + 1), slice.end);
  ASSERT_EQ(grid.slice() * grid.size_slices(), window.size());
  ASSERT_EQ(grid.slice() * grid.slide_slices(), window.slide());
  Wide start = (at - window.offset().count()) / slide * slide + window.offset().count();
  if (start > at) start -= slide;
  if (start + slide <= at) start += slide;
  std::int64_t number = grid.last_window_of(slice.index);
  for (; start + size > at; start -= slide, --number) {
    ASSERT_EQ(grid.window(number), (WindowTime{clamp(start), clamp(start + size)}));
  }
  ASSERT_EQ(grid.first_window_of(slice.index), number + 1);
}

TEST(SliceGrid, IsArithmeticInUtc) {
  std::mt19937_64 random{7};
  const std::pair<Duration, Duration> shapes[] = {{1ms, 1ms}, {60s, 60s}, {3h, 1h}, {90s, 60s}, {7s, 2s}, {1us, 1us}};
  for (const auto& [size, slide] : shapes) {
    for (const Duration offset : {0us, 1us, -1us, Duration{15min}, Duration{-26h}}) {
      const TimeWindow window = sliding(size, slide).offset(offset);
      for (int i = 0; i < 200; ++i) {
        const auto range = std::uint64_t{1} << (random() % 62);
        const auto near = static_cast<std::int64_t>(random() % range);
        check_uniform(window, Timestamp{Duration{i % 2 == 0 ? near : -near}});
      }
      for (const Duration near : {0us, 1us, 5us, Duration{30min}, Duration{2h}}) {
        if (slide > 1us) check_uniform(window, kTimestampMin + near);
        if (slide > 1us) check_uniform(window, kTimestampMax - near);
      }
      if (HasFailure()) FAIL() << window.describe();
    }
  }
}

TEST(SliceGrid, FollowsTheLocalCalendar) {
  const SliceGrid days = SliceGrid::make(tumbling(24h).in_zone("Europe/Berlin")).value();
  const Slice shortest = days.slice_of(utc("2024-03-31T10:00:00Z"));
  EXPECT_EQ(shortest.start, utc("2024-03-30T23:00:00Z"));
  EXPECT_EQ(shortest.end, utc("2024-03-31T22:00:00Z"));  // 23 hours
  const Slice longest = days.slice_of(utc("2024-10-27T00:30:00Z"));
  EXPECT_EQ(longest.start, utc("2024-10-26T22:00:00Z"));
  EXPECT_EQ(longest.end, utc("2024-10-27T23:00:00Z"));  // 25 hours
  EXPECT_EQ(days.slice_of(longest.end).index, longest.index + 1);

  // Weeks from Monday to Monday: 1970-01-01 was a Thursday.
  const SliceGrid weeks = SliceGrid::make(tumbling(7 * 24h).offset(4 * 24h).in_zone("America/New_York")).value();
  EXPECT_EQ(weeks.slice_of(utc("2024-07-04T12:00:00Z")).start, utc("2024-07-01T04:00:00Z"));
}

TEST(SliceGrid, SkippedAndRepeatedHours) {
  const SliceGrid hours = SliceGrid::make(tumbling(1h).in_zone("Europe/Berlin")).value();
  // The hour from two to three does not exist on this day.
  const Slice before = hours.slice_of(utc("2024-03-31T00:59:59Z"));
  const Slice after = hours.slice_of(utc("2024-03-31T01:00:00Z"));
  EXPECT_EQ(after.index, before.index + 2);
  EXPECT_EQ(hours.boundary(before.index + 1), hours.boundary(before.index + 2));
  // On this day it exists twice, and is one slice of two hours.
  const Slice twice = hours.slice_of(utc("2024-10-27T01:59:00Z"));
  EXPECT_EQ(twice.start, utc("2024-10-27T00:00:00Z"));
  EXPECT_EQ(twice.end, utc("2024-10-27T02:00:00Z"));
  // Of quarters of an hour the last one lasts until the clock shows something new.
  const SliceGrid quarters = SliceGrid::make(tumbling(15min).in_zone("Europe/Berlin")).value();
  EXPECT_EQ(quarters.slice_of(utc("2024-10-27T01:10:00Z")).start, utc("2024-10-27T00:45:00Z"));
  EXPECT_EQ(quarters.slice_of(utc("2024-10-27T01:10:00Z")).end, utc("2024-10-27T02:00:00Z"));
  EXPECT_EQ(quarters.slice_of(utc("2024-10-27T00:10:00Z")).end, utc("2024-10-27T00:15:00Z"));
}

TEST(SliceGrid, CalendarSlicesAreContiguousEverywhere) {
  std::mt19937_64 random{3};
  for (const char* zone :
       {"Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kolkata"}) {
    for (const TimeWindow& window : {tumbling(24h), tumbling(1h), sliding(24h, 6h).offset(90min), tumbling(1s)}) {
      const SliceGrid grid = SliceGrid::make(window.in_zone(zone)).value();
      for (int i = 0; i < 200; ++i) {
        const auto seconds = static_cast<std::int64_t>(random() % 4'000'000'000) - 2'000'000'000;
        const Timestamp t{std::chrono::seconds{seconds}};
        const Slice slice = grid.slice_of(t);
        ASSERT_LE(slice.start, t);
        ASSERT_GT(slice.end, t);
        ASSERT_EQ(grid.slice_of(slice.start), slice);
        ASSERT_EQ(grid.slice_of(slice.end - 1us), slice);
        ASSERT_GT(grid.slice_of(slice.end).index, slice.index);
      }
      for (const Timestamp t : {kTimestampMin, kTimestampMin + 1us, kTimestampMax - 1us, kTimestampMax}) {
        const Slice slice = grid.slice_of(t);
        ASSERT_LE(slice.start, t);
        ASSERT_GE(slice.end, t);
      }
    }
  }
}

}  // namespace
}  // namespace millstream::test
