// Timestamp: an instant of event time or wall-clock time, int64 microseconds since 1970-01-01T00:00Z. Its two ends
// stand for "before everything" and "after everything", and arithmetic stops at them instead of wrapping around.
// (Nanoseconds in 64 bits would end in the year 2262; microseconds reach past the year 290000.)
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

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

/// An instant of any resolution: the microsecond that it lies in, and one of the ends where it lies beyond them. Not a
/// number is before everything.
template <class Rep, class Period>
constexpr Timestamp to_timestamp(
    std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<Rep, Period>> t) noexcept {
  using Scale = std::ratio_divide<Period, Duration::period>;
  const Rep count = t.time_since_epoch().count();
  if constexpr (std::is_floating_point_v<Rep>) {
    const Rep micros = std::floor(count * static_cast<Rep>(Scale::num) / static_cast<Rep>(Scale::den));
    constexpr Rep kEnd = static_cast<Rep>(0x1p63);
    if (!(micros >= -kEnd)) return kTimestampMin;
    return micros < kEnd ? Timestamp{Duration{static_cast<std::int64_t>(micros)}} : kTimestampMax;
  } else {
    if (std::cmp_greater(count, kTimestampMax.time_since_epoch().count())) return kTimestampMax;
    const auto whole = static_cast<std::int64_t>(count);
    if constexpr (Scale::num == 1 && Scale::den == 1) {
      return Timestamp{Duration{whole}};
    } else {
      std::int64_t units = whole / Scale::den;
      std::int64_t rest = whole % Scale::den;
      if (rest < 0) {
        --units;
        rest += Scale::den;
      }
      std::int64_t micros = 0;
      if (__builtin_mul_overflow(units, Scale::num, &micros)) return units < 0 ? kTimestampMin : kTimestampMax;
      return saturating_add(Timestamp{Duration{micros}}, Duration{rest * Scale::num / Scale::den});
    }
  }
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
