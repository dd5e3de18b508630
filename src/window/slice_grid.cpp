// Making a grid, and the grids that follow a local calendar.
#include "millstream/window/slice_grid.hpp"

#include "window/duration_text.hpp"
#include "window/time_zone.hpp"

namespace millstream::inline v0 {

Result<SliceGrid> SliceGrid::make(const TimeWindow& window) {
  if (Status status = window.validate(); !status.ok()) return status;
  SliceGrid grid;
  grid.slice_ = detail::common_divisor(window.size(), window.slide()).count();
  grid.size_slices_ = window.size().count() / grid.slice_;
  grid.slide_slices_ = window.slide().count() / grid.slice_;
  std::int64_t offset = window.offset().count() % window.slide().count();
  if (offset < 0) offset += window.slide().count();
  grid.origin_ = offset % grid.slice_;
  grid.shift_ = offset / grid.slice_;
  grid.zone_ = detail::find_zone(window.zone());
  return grid;
}

std::string SliceGrid::describe() const {
  std::string text = "windows of " + std::to_string(size_slices_) + " slices each " + std::to_string(slide_slices_) +
                     " from " + std::to_string(shift_) + ", slices of " + std::to_string(slice_) + "us from " +
                     std::to_string(origin_) + "us";
  if (zone_ != nullptr) text += " in " + detail::zone_name(zone_);
  return text;
}

Timestamp SliceGrid::calendar_boundary(std::int64_t index) const {
  return detail::instant_of(zone_, uniform_boundary(index).time_since_epoch().count());
}

Slice SliceGrid::calendar_slice_of(Timestamp t) const {
  // The slice of the local time is the right one, or close to it where the clock is turned back: an hour shown twice
  // belongs to what was on when it was first shown. Hence a search outwards, then between.
  if (t == kTimestampMax) t -= Duration{1};  // so that there is a boundary behind it
  const std::int64_t guess = uniform_index(Timestamp{Duration{detail::local_of(zone_, t)}});
  std::int64_t low = guess;
  for (std::int64_t step = 1; calendar_boundary(low) > t; step *= 2) low -= step;
  std::int64_t high = low + 1;
  for (std::int64_t step = 1; calendar_boundary(high) <= t; step *= 2) {
    low = high;
    high += step;
  }
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (calendar_boundary(middle) <= t ? low : high) = middle;
  }
  return {low, calendar_boundary(low), calendar_boundary(high)};
}

}  // namespace millstream::inline v0
