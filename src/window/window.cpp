// What windows say about themselves, and what can be wrong with them.
#include "millstream/window/window.hpp"

#include <utility>

#include "window/duration_text.hpp"
#include "window/time_zone.hpp"

namespace millstream::inline v0 {
namespace {

using detail::common_divisor;
using detail::duration_text;

// A window of more slices would cost more to fire than any result is worth; nearly always a unit was mistaken.
constexpr std::int64_t kSlicesPerWindowMax = 1 << 20;

Status invalid(const std::string& window, const std::string& reason) {
  return {ErrorCode::kInvalidArgument, window + ": " + reason};
}

// The options that are about records behind the watermark.
std::string about_lateness(const WindowOptions& options) {
  return WindowOptions{.allowed_lateness = options.allowed_lateness, .late_by_merged = options.late_by_merged}
      .describe();
}

}  // namespace

TimeWindow TimeWindow::offset(std::chrono::nanoseconds by) const {
  TimeWindow changed = *this;
  changed.offset_ = std::chrono::duration_cast<Duration>(by);
  return changed;
}
TimeWindow TimeWindow::in_zone(std::string name) const {
  TimeWindow changed = *this;
  changed.zone_ = std::move(name);
  return changed;
}
TimeWindow TimeWindow::processing_time() const {
  TimeWindow changed = *this;
  changed.processing_time_ = true;
  return changed;
}

Status TimeWindow::validate(const WindowOptions& options) const {
  if (size_ <= Duration{0} || slide_ <= Duration{0}) {
    return invalid(describe(), "size and slide must be at least 1us");
  }
  if (slide_ > size_) {
    return invalid(describe(), "the slide must not exceed the size: records between two windows would be lost");
  }
  if (size_ / common_divisor(size_, slide_) > kSlicesPerWindowMax) {
    return invalid(describe(), "size and slide have the greatest common divisor " +
                                   duration_text(common_divisor(size_, slide_)) + ", which cuts a window into " +
                                   std::to_string(size_ / common_divisor(size_, slide_)) + " slices (at most " +
                                   std::to_string(kSlicesPerWindowMax) + "): choose a slide that divides the size");
  }
  if (processing_time_) {
    if (const std::string set = about_lateness(options); !set.empty()) {
      return invalid(describe(), "by the wall clock no record is late, so " + set +
                                     " means nothing: drop it, or drop .processing_time()");
    }
    if (options.trigger.early_interval_event() != Duration{0}) {
      return invalid(describe(),
                     "early_interval_event follows the watermark, which windows by the wall clock do not "
                     "have: use early_interval, or drop .processing_time()");
    }
  }
  constexpr Duration kSecond = std::chrono::seconds{1};
  if (!zone_.empty() && common_divisor(boundary_step(), kSecond) != kSecond) {
    return invalid(describe(), "size, slide and offset of windows in a time zone must be whole seconds");
  }
  return detail::check_zone(zone_).at(describe());
}

std::string TimeWindow::describe() const {
  std::string text = is_tumbling() ? "tumbling(" + duration_text(size_) + ")"
                                   : "sliding(" + duration_text(size_) + ", " + duration_text(slide_) + ")";
  if (offset_ != Duration{0}) text += ".offset(" + duration_text(offset_) + ")";
  if (!zone_.empty()) text += ".in_zone(\"" + zone_ + "\")";
  if (processing_time_) text += ".processing_time()";
  return text;
}

Duration TimeWindow::boundary_step() const {
  const Duration step = common_divisor(common_divisor(size_, slide_), offset_);
  // Zones are whole seconds away from UTC (today whole quarters of an hour, once anything).
  return zone_.empty() ? step : common_divisor(step, std::chrono::seconds{1});
}

Status SessionWindow::validate(const WindowOptions&) const {
  if (gap_ <= Duration{0}) return invalid(describe(), "the gap must be at least 1us");
  return {};
}
std::string SessionWindow::describe() const { return "session(" + duration_text(gap_) + ")"; }

Status CountWindow::validate(const WindowOptions& options) const {
  if (const std::string set = options.describe(); !set.empty()) {
    return invalid(describe(), "windows of records are complete by their count alone, so " + set +
                                   " means nothing: drop it, or use global_window() with a count_trigger()");
  }
  if (size_ == 0 || slide_ == 0) return invalid(describe(), "size and slide must be at least 1 record");
  if (slide_ > size_) {
    return invalid(describe(), "the slide must not exceed the size: records between two windows would be lost");
  }
  return {};
}
Status GlobalWindow::validate(const WindowOptions& options) const {
  if (const std::string set = about_lateness(options); !set.empty()) {
    return invalid(describe(), "it never ends, so no record is late and " + set + " means nothing: drop it");
  }
  return {};
}

std::string CountWindow::describe() const {
  return "count_window(" + std::to_string(size_) + (is_tumbling() ? "" : ", " + std::to_string(slide_)) + ")";
}

}  // namespace millstream::inline v0
