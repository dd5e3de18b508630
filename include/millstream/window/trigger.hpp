// Trigger: when a window gives out a result besides the moment that closes it. Whether a later result of a window
// holds everything so far or only what is new is not the trigger's business: see WindowOptions::discarding.
//
//   .trigger(ms::early_interval(10s))     .trigger(ms::count_trigger(100))     .trigger(ms::early_every(1000))
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// A value; the setters may be chained. Without any of them a window fires when the watermark reaches its end, and
/// again for each late record.
class MILLSTREAM_EXPORT Trigger {
 public:
  /// Also early, for a key and window each time n more records have come.
  Trigger early_every(std::uint64_t n) const {
    Trigger changed = *this;
    changed.early_records_ = n;
    changed.has_early_records_ = true;
    return changed;
  }
  /// Also early, each `interval` of wall-clock time, for the windows and keys that have changed.
  Trigger early_interval(std::chrono::nanoseconds interval) const {
    Trigger changed = *this;
    changed.early_interval_ = std::chrono::duration_cast<Duration>(interval);
    changed.has_early_interval_ = true;
    return changed;
  }
  /// Also early, whenever the watermark crosses a multiple of `interval` (since 1970-01-01T00:00Z), for the windows and
  /// keys that have changed and end behind that multiple: a watermark that leaps over both fires early, then on time.
  Trigger early_interval_event(std::chrono::nanoseconds interval) const {
    Trigger changed = *this;
    changed.early_interval_event_ = std::chrono::duration_cast<Duration>(interval);
    changed.has_early_interval_event_ = true;
    return changed;
  }

  /// 0 = never.
  [[nodiscard]] std::uint64_t early_records() const noexcept { return early_records_; }
  [[nodiscard]] Duration early_interval() const noexcept { return early_interval_; }
  [[nodiscard]] Duration early_interval_event() const noexcept { return early_interval_event_; }
  /// Fires only when the watermark reaches the end, and late.
  [[nodiscard]] bool on_watermark_only() const noexcept {
    return !has_early_records_ && !has_early_interval_ && !has_early_interval_event_;
  }

  /// A count or interval that is not positive is a mistake of the graph.
  [[nodiscard]] Status validate() const;
  /// "on_watermark", "early_every(100)", "early_interval(10s)", ..., for Dataflow::describe().
  [[nodiscard]] std::string describe() const;

 private:
  std::uint64_t early_records_ = 0;
  Duration early_interval_{0};
  Duration early_interval_event_{0};
  bool has_early_records_ = false;
  bool has_early_interval_ = false;
  bool has_early_interval_event_ = false;
};

/// When the watermark reaches the window's end, and once for each late record: the default.
[[nodiscard]] inline Trigger on_watermark() { return {}; }
[[nodiscard]] inline Trigger early_every(std::uint64_t n) { return Trigger{}.early_every(n); }
[[nodiscard]] inline Trigger early_interval(std::chrono::nanoseconds interval) {
  return Trigger{}.early_interval(interval);
}
[[nodiscard]] inline Trigger early_interval_event(std::chrono::nanoseconds interval) {
  return Trigger{}.early_interval_event(interval);
}
/// For each n records of a key: the trigger of global windows, which the watermark closes only at the end of the input.
[[nodiscard]] inline Trigger count_trigger(std::uint64_t n) { return Trigger{}.early_every(n); }

}  // namespace millstream::inline v0
