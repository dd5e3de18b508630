// The windows a keyed stream can be cut into. Each is a small value that says how; validate(options) says what is wrong
// with it, or which option means nothing to it, in words, so that all mistakes of a graph can be reported before it
// starts. in_event_time(options) says whether it works on records with an event time only.
//
//   .window(ms::tumbling(1min))                         .window(ms::sliding(3h, 1h).offset(15min))
//   .window(ms::tumbling(24h).in_zone("Europe/Berlin")) .window(ms::session(30min))
//   .window(ms::session([](const Click& c) { return c.gap; }))
//   .window(ms::count_window(100))                      .window(ms::global_window())
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/window/window_options.hpp"

namespace millstream::inline v0 {

/// [start, end).
struct WindowTime {
  Timestamp start;
  Timestamp end;
  friend bool operator==(const WindowTime&, const WindowTime&) = default;
};

/// Tumbling and sliding windows: [k * slide + offset, k * slide + offset + size) for every whole k, counted from
/// 1970-01-01T00:00, in UTC or in a zone's local time.
class MILLSTREAM_EXPORT TimeWindow {
 public:
  TimeWindow(Duration size, Duration slide) : size_{size}, slide_{slide} {}

  /// Shifts all windows; negative and larger than the slide is fine.
  TimeWindow offset(std::chrono::nanoseconds by) const;
  /// Counts in local time of an IANA zone, so that days are calendar days of 23, 24 or 25 hours. A window boundary that
  /// the local clock shows twice is its first showing; one that it skips is the moment of the skip.
  TimeWindow in_zone(std::string name) const;
  /// Puts records into windows by the wall clock at which they are worked on, and closes windows by it. So no record is
  /// late, and there are no options about lateness or watermarks.
  TimeWindow processing_time() const;

  [[nodiscard]] Duration size() const noexcept { return size_; }
  [[nodiscard]] Duration slide() const noexcept { return slide_; }
  [[nodiscard]] Duration offset() const noexcept { return offset_; }
  [[nodiscard]] const std::string& zone() const noexcept { return zone_; }  ///< empty = UTC
  [[nodiscard]] bool is_processing_time() const noexcept { return processing_time_; }
  [[nodiscard]] bool is_tumbling() const noexcept { return size_ == slide_; }

  [[nodiscard]] Status validate(const WindowOptions& options = {}) const;
  [[nodiscard]] bool in_event_time(const WindowOptions&) const noexcept { return !processing_time_; }
  /// "tumbling(1min)", "sliding(3h, 1h).offset(15min)", ..., for Dataflow::describe().
  [[nodiscard]] std::string describe() const;
  /// Divides every boundary of these windows: what the job's watermark step must divide.
  [[nodiscard]] Duration boundary_step() const;

 private:
  Duration size_;
  Duration slide_;
  Duration offset_{0};
  std::string zone_;
  bool processing_time_ = false;
};

/// Windows of `size` side by side.
[[nodiscard]] inline TimeWindow tumbling(std::chrono::nanoseconds size) {
  const auto whole = std::chrono::duration_cast<Duration>(size);
  return {whole, whole};
}
/// A window of `size` starts each `slide`; slide must not exceed size.
[[nodiscard]] inline TimeWindow sliding(std::chrono::nanoseconds size, std::chrono::nanoseconds slide) {
  return {std::chrono::duration_cast<Duration>(size), std::chrono::duration_cast<Duration>(slide)};
}

/// Watermark step of a graph with boundaries at any instant (sessions, event-time triggers, operators
/// with timers or on_watermark).
inline constexpr Duration kFinestStep = std::chrono::milliseconds{1};

/// Sessions of one key: records that come at most `gap` of event time after one another. A session is [first record,
/// last record + gap); two that touch or overlap are one. It fires at the first mark at or behind its end. There are no
/// sessions in processing time.
class MILLSTREAM_EXPORT SessionWindow {
 public:
  explicit SessionWindow(Duration gap) : gap_{gap} {}
  [[nodiscard]] Duration gap() const noexcept { return gap_; }
  /// The gap behind a record.
  template <class T>
  [[nodiscard]] Duration gap_of(const T&) const noexcept {
    return gap_;
  }
  /// Sessions take all options.
  [[nodiscard]] Status validate(const WindowOptions& options = {}) const;
  [[nodiscard]] bool in_event_time(const WindowOptions&) const noexcept { return true; }
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] Duration boundary_step() const noexcept { return kFinestStep; }

 private:
  Duration gap_;
};

/// Sessions whose gap a function of the record says; a gap that is not positive counts as one microsecond.
template <class GapOf>
class SessionWindowOf {
 public:
  explicit SessionWindowOf(GapOf gap_of) : gap_of_{std::move(gap_of)} {}
  template <class T>
  [[nodiscard]] Duration gap_of(const T& record) const {
    static_assert(std::is_invocable_v<const GapOf&, const T&>,
                  "millstream: session(f) needs a function of const Record& that returns a duration");
    const auto gap = std::chrono::duration_cast<Duration>(std::invoke(gap_of_, record));
    return gap > Duration{0} ? gap : Duration{1};
  }
  [[nodiscard]] Status validate(const WindowOptions& = {}) const { return {}; }
  [[nodiscard]] bool in_event_time(const WindowOptions&) const noexcept { return true; }
  [[nodiscard]] std::string describe() const { return "session(gap of the record)"; }
  [[nodiscard]] Duration boundary_step() const noexcept { return kFinestStep; }

 private:
  GapOf gap_of_;
};

[[nodiscard]] inline SessionWindow session(std::chrono::nanoseconds gap) {
  return SessionWindow{std::chrono::duration_cast<Duration>(gap)};
}
/// `gap_of` is a function of the record, or a pointer to a data member that is a duration.
template <class GapOf>
  requires(!std::is_convertible_v<GapOf, std::chrono::nanoseconds>)
[[nodiscard]] SessionWindowOf<GapOf> session(GapOf gap_of) {
  return SessionWindowOf<GapOf>{std::move(gap_of)};
}

/// Windows of `size` records of one key in the order in which they come; one is complete each `slide` records (the
/// first ones, of sliding windows, have fewer). `pane` of a result is the number of the window, window_start and
/// window_end are the least event time in it and the greatest plus 1 us. When the input ends, what the next window
/// holds so far fires as an early pane. Count windows take none of the options.
class MILLSTREAM_EXPORT CountWindow {
 public:
  CountWindow(std::uint64_t size, std::uint64_t slide) : size_{size}, slide_{slide} {}
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t slide() const noexcept { return slide_; }
  [[nodiscard]] bool is_tumbling() const noexcept { return size_ == slide_; }
  [[nodiscard]] Status validate(const WindowOptions& options = {}) const;
  [[nodiscard]] bool in_event_time(const WindowOptions&) const noexcept { return false; }
  [[nodiscard]] std::string describe() const;
  /// No instant means anything to them.
  [[nodiscard]] Duration boundary_step() const noexcept { return Duration{0}; }

 private:
  std::uint64_t size_;
  std::uint64_t slide_;
};
[[nodiscard]] inline CountWindow count_window(std::uint64_t size) { return {size, size}; }
[[nodiscard]] inline CountWindow count_window(std::uint64_t size, std::uint64_t slide) { return {size, slide}; }

/// One window for all time. Give it a count_trigger() or an interval; at the end of the input it fires once more. No
/// record is late for it, and it needs event times only for a trigger that follows the watermark.
class MILLSTREAM_EXPORT GlobalWindow {
 public:
  [[nodiscard]] Status validate(const WindowOptions& options = {}) const;
  [[nodiscard]] bool in_event_time(const WindowOptions& options) const noexcept {
    return options.trigger.early_interval_event() != Duration{0};
  }
  [[nodiscard]] std::string describe() const { return "global_window()"; }
  /// It has no end.
  [[nodiscard]] Duration boundary_step() const noexcept { return Duration{0}; }
};
[[nodiscard]] inline GlobalWindow global_window() { return {}; }

}  // namespace millstream::inline v0
