// Converts any system_clock time point to and from the one form that text formats know: a Timestamp and what is left
// below its microsecond. Template glue of JSON and CSV.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <ratio>

#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0::detail {

struct Instant {
  Timestamp time{};               ///< rounded down; the ends of Timestamp are -infinity and +infinity
  std::uint32_t nanoseconds = 0;  ///< 0 to 999, to be added to `time`
};

/// How many microseconds a tick is (or ticks a microsecond); both are whole numbers and one of them is 1.
template <class D>
using TicksInMicroseconds = std::ratio_divide<typename D::period, std::micro>;

template <class D>
concept InstantDuration =
    std::integral<typename D::rep> &&
    (TicksInMicroseconds<D>::den == 1 || (TicksInMicroseconds<D>::num == 1 && 1000 % TicksInMicroseconds<D>::den == 0));

/// Of a tick of num/den microseconds: one of both is 1, and den divides 1000. What lies beyond Timestamp's range is
/// infinity.
constexpr Instant instant_of(std::int64_t ticks, std::int64_t num, std::int64_t den) {
  if (den == 1) {
    std::int64_t microseconds = 0;
    if (__builtin_mul_overflow(ticks, num, &microseconds)) return {ticks < 0 ? kTimestampMin : kTimestampMax, 0};
    return {Timestamp{Duration{microseconds}}, 0};
  }
  std::int64_t microseconds = ticks / den;
  std::int64_t rest = ticks % den;
  if (rest < 0) {
    rest += den;
    --microseconds;
  }
  return {Timestamp{Duration{microseconds}}, static_cast<std::uint32_t>(rest * (1000 / den))};
}

/// The ends of D's time points are ±infinity; so is what lies beyond Timestamp's range.
template <class D>
constexpr Instant to_instant(std::chrono::time_point<std::chrono::system_clock, D> t) {
  using R = TicksInMicroseconds<D>;
  if (t == t.min()) return {kTimestampMin, 0};
  if (t == t.max()) return {kTimestampMax, 0};
  return instant_of(static_cast<std::int64_t>(t.time_since_epoch().count()), R::num, R::den);
}

/// False where D cannot count that far. What is finer than D's tick is cut off (rounded down).
template <class D>
constexpr bool from_instant(Instant instant, std::chrono::time_point<std::chrono::system_clock, D>& t) {
  using R = TicksInMicroseconds<D>;
  using Point = std::chrono::time_point<std::chrono::system_clock, D>;
  if (instant.time == kTimestampMin || instant.time == kTimestampMax) {
    t = instant.time == kTimestampMin ? Point::min() : Point::max();
    return true;
  }
  std::int64_t ticks = instant.time.time_since_epoch().count();
  if constexpr (R::den == 1) {
    const std::int64_t rest = ticks % R::num;
    ticks = ticks / R::num - (rest < 0 ? 1 : 0);
  } else {
    const auto part = static_cast<std::int64_t>(instant.nanoseconds) / (1000 / R::den);
    // Toward zero first: the product of the floor may lie beyond the range although the instant does not.
    const bool carry = ticks < 0;
    if (carry) ++ticks;
    if (__builtin_mul_overflow(ticks, R::den, &ticks) ||
        __builtin_add_overflow(ticks, carry ? part - R::den : part, &ticks)) {
      return false;
    }
  }
  if (ticks <= std::int64_t{std::numeric_limits<typename D::rep>::min()} ||
      ticks >= static_cast<std::int64_t>(std::numeric_limits<typename D::rep>::max())) {
    return false;  // the ends mean infinity
  }
  t = Point{D{static_cast<typename D::rep>(ticks)}};
  return true;
}

}  // namespace millstream::inline v0::detail
