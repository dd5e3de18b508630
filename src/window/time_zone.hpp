// Local calendars by libhowardhinnant-date: is there such a zone, and which instant is a given local time.
#pragma once

#include <cstdint>
#include <string>

#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0::detail {

/// Ok for the empty name (UTC) and for zones of the system's database.
[[nodiscard]] Status check_zone(const std::string& name);
/// The zone, which lives as long as the process. Null for the empty name; it must have been checked.
[[nodiscard]] const void* find_zone(const std::string& name);
/// Its name in the database: that of the zone which an alias stands for.
[[nodiscard]] std::string zone_name(const void* zone);

/// Local time, as microseconds since 1970-01-01T00:00 on the local clock, at an instant.
[[nodiscard]] std::int64_t local_of(const void* zone, Timestamp t);
/// The first instant at which the local clock shows `local` or, where it skips that, the instant of the skip. Stops at
/// the ends of Timestamp.
[[nodiscard]] Timestamp instant_of(const void* zone, std::int64_t local);

}  // namespace millstream::inline v0::detail
