// SliceGrid: event time cut into slices that windows share. The windows of one stage start each `slide_slices` slices
// and are `size_slices` long, so a record is added to one slice, whatever the size of the windows. In UTC the grid is
// arithmetic; in a time zone the boundaries follow the local calendar.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/window/window.hpp"

namespace millstream::inline v0 {

/// A piece of event time, [start, end). At the far ends of time start and end stop at kTimestampMin and kTimestampMax.
struct Slice {
  std::int64_t index;
  Timestamp start;
  Timestamp end;
  friend bool operator==(const Slice&, const Slice&) = default;
};

/// A small value; copying shares the zone. Thread-safe.
class MILLSTREAM_EXPORT SliceGrid {
 public:
  /// The grid of these windows: slices of gcd(size, slide). The error is that of window.validate().
  [[nodiscard]] static Result<SliceGrid> make(const TimeWindow& window);

  /// The slice that holds t. Constant time in UTC, a zone look-up otherwise: a caller with many records keeps the slice
  /// of the last one and asks again only when a record is outside of it.
  [[nodiscard]] Slice slice_of(Timestamp t) const {
    if (zone_ == nullptr) [[likely]] {
      const std::int64_t index = uniform_index(t);
      return {index, uniform_boundary(index), index == INT64_MAX ? kTimestampMax : uniform_boundary(index + 1)};
    }
    return calendar_slice_of(t);
  }
  /// Where slice `index` starts and slice `index - 1` ends. Never falls as the index rises. A slice of local time that
  /// the calendar skips is empty: its start is its end.
  [[nodiscard]] Timestamp boundary(std::int64_t index) const {
    return zone_ == nullptr ? uniform_boundary(index) : calendar_boundary(index);
  }

  /// "windows of 3 slices each 1 from 0, slices of 60000000us from 0us in Europe/Berlin": equal where slices and
  /// windows have the same numbers and bounds.
  [[nodiscard]] std::string describe() const;

  [[nodiscard]] Duration slice() const noexcept { return Duration{slice_}; }
  [[nodiscard]] std::int64_t size_slices() const noexcept { return size_slices_; }
  [[nodiscard]] std::int64_t slide_slices() const noexcept { return slide_slices_; }

  /// The first and the last window, by number, that hold slice `index`. A window may begin before the first slice or
  /// end behind the last one.
  [[nodiscard]] std::int64_t first_window_of(std::int64_t index) const noexcept {
    return clamp(floor_divide(Wide{index} - shift_ - size_slices_, slide_slices_) + 1);
  }
  [[nodiscard]] std::int64_t last_window_of(std::int64_t index) const noexcept {
    return clamp(floor_divide(Wide{index} - shift_, slide_slices_));
  }
  /// The last window all of whose slices are before slice `index`.
  [[nodiscard]] std::int64_t last_window_before(std::int64_t index) const noexcept {
    return clamp(floor_divide(Wide{index} - shift_ - size_slices_, slide_slices_));
  }
  /// The first slice of window number `window`, and the one behind its last.
  [[nodiscard]] std::int64_t first_slice_of(std::int64_t window) const noexcept {
    return clamp(Wide{window} * slide_slices_ + shift_);
  }
  [[nodiscard]] std::int64_t end_slice_of(std::int64_t window) const noexcept {
    return clamp(Wide{window} * slide_slices_ + shift_ + size_slices_);
  }
  [[nodiscard]] WindowTime window(std::int64_t window) const {
    return {boundary(first_slice_of(window)), boundary(end_slice_of(window))};
  }

 private:
  SliceGrid() = default;

  // Near the ends of time slice numbers plus sizes leave 64 bits.
  __extension__ typedef __int128 Wide;
  template <class Integer>
  static constexpr Integer floor_divide(Integer a, std::int64_t b) noexcept {
    return a / b - (a % b < 0 ? 1 : 0);
  }
  static constexpr std::int64_t clamp(Wide a) noexcept {
    return static_cast<std::int64_t>(std::clamp(a, Wide{INT64_MIN}, Wide{INT64_MAX}));
  }
  [[nodiscard]] std::int64_t uniform_index(Timestamp t) const noexcept {
    const std::int64_t at = t.time_since_epoch().count();
    const std::int64_t index = floor_divide(at, slice_);
    // The remainder decides, so that nothing is subtracted from an instant near the end of time.
    std::int64_t rest = at % slice_;
    if (rest < 0) rest += slice_;
    return rest < origin_ ? index - 1 : index;
  }
  [[nodiscard]] Timestamp uniform_boundary(std::int64_t index) const noexcept {
    // Below zero from the other side of the slice, so that only what lies outside of time overflows.
    const bool negative = index < 0;
    std::int64_t at = 0;
    if (__builtin_mul_overflow(negative ? index + 1 : index, slice_, &at) ||
        __builtin_add_overflow(at, negative ? origin_ - slice_ : origin_, &at)) {
      return negative ? kTimestampMin : kTimestampMax;
    }
    return Timestamp{Duration{at}};
  }
  [[nodiscard]] Slice calendar_slice_of(Timestamp t) const;
  [[nodiscard]] Timestamp calendar_boundary(std::int64_t index) const;

  std::int64_t slice_ = 1;   // microseconds
  std::int64_t origin_ = 0;  // where slice 0 starts, in [0, slice_)
  std::int64_t size_slices_ = 1;
  std::int64_t slide_slices_ = 1;
  std::int64_t shift_ = 0;      // first slice of window 0, in [0, slide_slices_)
  const void* zone_ = nullptr;  // date::time_zone, of the process's database
};

}  // namespace millstream::inline v0
