// Timestamp: an instant of event time or wall-clock time, int64 microseconds since 1970-01-01T00:00Z. Its two ends
// stand for "before everything" and "after everything", and arithmetic stops at them instead of wrapping around.
// (Nanoseconds in 64 bits would end in the year 2262; microseconds reach past the year 290000.)
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

using Duration = std::chrono::microseconds;
using Timestamp = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// Before every record: the watermark of a stream that has seen nothing.
inline constexpr Timestamp kTimestampMin{Duration{std::numeric_limits<std::int64_t>::min()}};
/// After every record: the watermark of a stream that has ended.
inline constexpr Timestamp kTimestampMax{Duration{std::numeric_limits<std::int64_t>::max()}};

/// a + b, stopping at the ends. An instant at an end stays there: it means "never" and has no neighbours.
constexpr Timestamp saturating_add(Timestamp a, Duration b) noexcept {
  if (a == kTimestampMin || a == kTimestampMax) return a;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.time_since_epoch().count(), b.count(), &sum)) {
    return b.count() < 0 ? kTimestampMin : kTimestampMax;
  }
  return Timestamp{Duration{sum}};
}

/// a - b, stopping at the ends.
constexpr Timestamp saturating_sub(Timestamp a, Duration b) noexcept {
  if (a == kTimestampMin || a == kTimestampMax) return a;
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(a.time_since_epoch().count(), b.count(), &difference)) {
    return b.count() < 0 ? kTimestampMax : kTimestampMin;
  }
  return Timestamp{Duration{difference}};
}

/// The time from b to a, stopping at the ends of Duration.
constexpr Duration saturating_distance(Timestamp a, Timestamp b) noexcept {
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(a.time_since_epoch().count(), b.time_since_epoch().count(), &difference)) {
    return a < b ? Duration::min() : Duration::max();
  }
  return Duration{difference};
}

/// The greatest multiple of `step`, counted from `origin`, that is not after t; kTimestampMin where there is none.
/// `step` must be positive. The ends stay where they are.
constexpr Timestamp floor_to(Timestamp t, Duration step, Duration origin = Duration{0}) noexcept {
  if (t == kTimestampMin || t == kTimestampMax) return t;
  std::int64_t shifted = 0;
  if (__builtin_sub_overflow(t.time_since_epoch().count(), origin.count(), &shifted)) {
    return origin.count() > 0 ? kTimestampMin : kTimestampMax;
  }
  std::int64_t rest = shifted % step.count();
  if (rest < 0) rest += step.count();
  return saturating_sub(t, Duration{rest});
}

/// RFC 3339 in UTC, as short as it is exact: "2001-03-04T00:01:00Z", "...:00.25Z" (at most six digits). The ends are
/// "-infinity" and "+infinity"; years outside 0000 to 9999 get a sign and as many digits as they need.
[[nodiscard]] MILLSTREAM_EXPORT std::string to_string(Timestamp t);
/// As to_string, appended to `out` without other allocations.
MILLSTREAM_EXPORT void append_to(std::string& out, Timestamp t);
/// Reads what to_string writes and any RFC 3339 instant (offsets, lower case, ' ' for 'T'); a fraction below one
/// microsecond is cut off. The error says what is wrong, without the place.
[[nodiscard]] MILLSTREAM_EXPORT Result<Timestamp> parse_timestamp(std::string_view text);

}  // namespace millstream::inline v0
