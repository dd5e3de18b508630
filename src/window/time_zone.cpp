// Local calendars. The database covers the years of its files (to 2037); beyond, a zone keeps its last offset.
#include "window/time_zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <stdexcept>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0::detail {
namespace {

// What the date library can compute with; no calendar means anything outside.
constexpr std::int64_t kSecondsMax = 900'000'000'000;  // about the year 30489

const date::time_zone& zone_of(const void* zone) { return *static_cast<const date::time_zone*>(zone); }

std::int64_t floor_seconds(std::int64_t microseconds) {
  return microseconds / 1'000'000 - (microseconds % 1'000'000 < 0 ? 1 : 0);
}
date::sys_seconds clamped(std::int64_t seconds) {
  return date::sys_seconds{std::chrono::seconds{std::clamp(seconds, -kSecondsMax, kSecondsMax)}};
}
std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return b < 0 ? INT64_MIN : INT64_MAX;
  return sum;
}
std::int64_t microseconds_of(std::chrono::seconds s) { return std::int64_t{s.count()} * 1'000'000; }

}  // namespace

Status check_zone(const std::string& name) {
  if (name.empty()) return {};
  try {
    static_cast<void>(date::locate_zone(name));
    return {};
  } catch (const std::exception&) {
    return {ErrorCode::kInvalidArgument,
            "no time zone '" + name +
                "' in the system's database: write an IANA name such as \"Europe/Berlin\", and "
                "see that the package tzdata is installed"};
  }
}

const void* find_zone(const std::string& name) {
  MILLSTREAM_ASSERT(check_zone(name).ok());
  return name.empty() ? nullptr : date::locate_zone(name);
}

std::string zone_name(const void* zone) { return zone_of(zone).name(); }

std::int64_t local_of(const void* zone, Timestamp t) {
  const std::int64_t at = t.time_since_epoch().count();
  return saturating_sum(at, microseconds_of(zone_of(zone).get_info(clamped(floor_seconds(at))).offset));
}

Timestamp instant_of(const void* zone, std::int64_t local) {
  if (local == INT64_MIN) return kTimestampMin;
  if (local == INT64_MAX) return kTimestampMax;
  const date::local_seconds seconds{clamped(floor_seconds(local)).time_since_epoch()};
  const date::local_info info = zone_of(zone).get_info(seconds);
  // For a skipped time `second` begins at the skip; for one shown twice `first` is what counts.
  if (info.result == date::local_info::nonexistent) {
    return Timestamp{Duration{microseconds_of(info.second.begin.time_since_epoch())}};
  }
  return Timestamp{Duration{saturating_sum(local, -microseconds_of(info.first.offset))}};
}

}  // namespace millstream::inline v0::detail
