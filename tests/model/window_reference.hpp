// The plain model of time windows: one loop over the records in their order, one map, no batches, no shards.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/event_stream.hpp"
#include "model/watermarks.hpp"

namespace millstream::model {

/// One firing, whatever the window. `values` are sorted: windows that merge partial results keep no order of arrival.
struct Pane {
  std::int64_t key;
  Timestamp start;
  Timestamp end;
  std::int64_t pane;
  PaneTiming timing;
  std::vector<std::int64_t> values;

  [[nodiscard]] std::string window() const {
    return "key " + std::to_string(key) + " [" + std::to_string(start.time_since_epoch().count()) + ", " +
           std::to_string(end.time_since_epoch().count()) + ")";
  }
  [[nodiscard]] std::string text() const {
    const char* when = timing == PaneTiming::late ? " late:" : timing == PaneTiming::early ? " early:" : " on time:";
    return window() + " pane " + std::to_string(pane) + when + values_text();
  }
  [[nodiscard]] std::string values_text() const {
    std::string text;
    for (const std::int64_t value : values) text += " " + std::to_string(value);
    return text;
  }
};

using Collected = WindowResult<std::int64_t, std::vector<std::int64_t>>;

inline Pane pane_of(const Collected& result) {
  Pane pane{result.key, result.window_start, result.window_end, result.pane, result.timing, result.value};
  std::sort(pane.values.begin(), pane.values.end());
  return pane;
}
inline std::string late_text(std::int64_t value, Duration by) {
  return std::to_string(value) + " late by " + std::to_string(by.count());
}

struct WindowSetup {
  /// The windows of an instant, by ascending end.
  std::function<std::vector<WindowTime>(Timestamp)> windows_of;
  Watermarks watermarks;
  Duration step{1};
  Duration lateness{0};
  bool discarding = false;
  std::uint64_t early_every = 0;
  Duration early_event{0};
  bool has_late = false;  ///< some records of the splits are behind their watermarks
};

/// [k * slide + offset, ... + size) in whole numbers that cannot overflow, cut off at the ends of time.
inline std::vector<WindowTime> uniform_windows(Timestamp at, Duration size, Duration slide, Duration offset) {
  using Wide = __int128;
  const auto clamp = [](Wide v) { return us(static_cast<std::int64_t>(std::clamp<Wide>(v, INT64_MIN, INT64_MAX))); };
  const Wide t = at.time_since_epoch().count();
  Wide start = (t - offset.count()) / slide.count() * slide.count() + offset.count();
  if (start > t) start -= slide.count();
  std::vector<WindowTime> all;
  for (; start + size.count() > t; start -= slide.count()) {
    all.insert(all.begin(), {clamp(start), clamp(start + size.count())});
  }
  return all;
}

/// The ends of time stand for "has seen nothing" and "has ended"; a record there counts as one just inside.
inline std::vector<Event> within_time(std::vector<Event> records) {
  for (Event& event : records) {
    event.at = std::clamp(event.at, kTimestampMin + 1us, kTimestampMax - 1us);
  }
  return records;
}

struct WindowsModel {
  std::vector<Pane> panes;  ///< in the order of firing
  std::vector<std::string> late;

  /// One split: every pane, in the order of its key.
  static WindowsModel of(const std::vector<Event>& records, const WindowSetup& setup) {
    WindowsModel model;
    Loop loop{setup, model.panes};
    MarkModel marks{setup.watermarks, setup.step};
    for (const Event& event : within_time(records)) {
      if (!loop.add(event, marks.mark())) {
        model.late.push_back(late_text(event.value, saturating_distance(marks.mark(), event.at)));
      }
      marks.see(event);
      loop.advance(marks.mark());
    }
    loop.advance(kTimestampMax);
    return model;
  }

  /// Several splits: what each (key, window) holds in the end, as one pane, and the late records.
  static WindowsModel finals(const Splits& splits, const WindowSetup& setup) {
    WindowsModel model;
    std::map<std::tuple<std::int64_t, Timestamp, Timestamp>, std::vector<std::int64_t>> cells;
    for (const auto& records : splits) {
      MarkModel marks{setup.watermarks, setup.step};
      for (const Event& event : within_time(records)) {
        bool taken = false;
        for (const WindowTime& window : setup.windows_of(event.at)) {
          if (saturating_add(window.end, setup.lateness) <= marks.mark()) continue;
          taken = true;
          cells[{event.key, window.start, window.end}].push_back(event.value);
        }
        if (!taken) model.late.push_back(late_text(event.value, saturating_distance(marks.mark(), event.at)));
        marks.see(event);
      }
    }
    for (auto& [cell, values] : cells) {
      std::sort(values.begin(), values.end());
      model.panes.push_back({std::get<0>(cell), std::get<1>(cell), std::get<2>(cell), 0, PaneTiming::on_time, values});
    }
    return model;
  }

 private:
  struct Cell {
    std::vector<std::int64_t> values;
    std::int64_t fired = 0;
    std::uint64_t fresh = 0;
  };
  class Loop {
   public:
    Loop(const WindowSetup& setup, std::vector<Pane>& out) : setup_{setup}, out_{out} {}
    bool add(const Event& event, Timestamp mark) {
      bool taken = false;
      for (const WindowTime& window : setup_.windows_of(event.at)) {
        if (saturating_add(window.end, setup_.lateness) <= mark) continue;
        taken = true;
        Cell& cell = cells_[{window.end, window.start}][event.key];
        cell.values.push_back(event.value);
        ++cell.fresh;
        if (window.end <= mark) {
          fire(window, event.key, cell, PaneTiming::late);
        } else if (setup_.early_every > 0 && cell.fresh >= setup_.early_every) {
          fire(window, event.key, cell, PaneTiming::early);
        }
      }
      return taken;
    }
    // The ends of windows and the multiples of the interval that the mark passes come in their order.
    void advance(Timestamp mark) {
      if (mark <= mark_) return;
      const Duration each = setup_.early_event;
      const Timestamp multiple = each.count() > 0 ? saturating_add(floor_to(mark_, each), each) : kTimestampMax;
      if (each.count() > 0 && multiple <= mark) {
        complete(multiple);
        for (auto& [window, keys] : cells_) {
          if (window.first <= std::max(mark_, multiple)) continue;
          for (auto& [key, cell] : keys) {
            if (cell.fresh > 0) fire({window.second, window.first}, key, cell, PaneTiming::early);
          }
        }
      }
      complete(mark);
    }

   private:
    void complete(Timestamp until) {
      for (auto& [window, keys] : cells_) {
        if (window.first <= mark_ || window.first > until) continue;
        for (auto& [key, cell] : keys) {
          if (cell.fresh > 0 || !setup_.discarding) fire({window.second, window.first}, key, cell, PaneTiming::on_time);
        }
      }
      mark_ = std::max(mark_, until);
    }
    void fire(const WindowTime& window, std::int64_t key, Cell& cell, PaneTiming timing) {
      Pane pane{key, window.start, window.end, cell.fired++, timing, cell.values};
      std::sort(pane.values.begin(), pane.values.end());
      out_.push_back(std::move(pane));
      cell.fresh = 0;
      if (setup_.discarding) cell.values.clear();
    }

    const WindowSetup& setup_;
    std::vector<Pane>& out_;
    std::map<std::pair<Timestamp, Timestamp>, std::map<std::int64_t, Cell>> cells_;  // by end, start
    Timestamp mark_ = kTimestampMin;
  };
};

/// The panes of each key in their order, keys one after the other.
inline std::vector<std::string> by_key(std::vector<Pane> panes) {
  std::stable_sort(panes.begin(), panes.end(), [](const Pane& a, const Pane& b) { return a.key < b.key; });
  std::vector<std::string> lines;
  for (const Pane& pane : panes) lines.push_back(pane.text());
  return lines;
}
/// What each (key, window) holds in the end: the last pane, or, discarding, all panes together.
inline std::vector<std::string> finals_of(const std::vector<Pane>& panes, bool discarding) {
  std::map<std::tuple<std::int64_t, Timestamp, Timestamp>, std::vector<std::int64_t>> cells;
  for (const Pane& pane : panes) {
    auto& values = cells[{pane.key, pane.start, pane.end}];
    if (!discarding) values.clear();
    values.insert(values.end(), pane.values.begin(), pane.values.end());
  }
  std::vector<std::string> lines;
  for (auto& [cell, values] : cells) {
    std::sort(values.begin(), values.end());
    const Pane pane{std::get<0>(cell), std::get<1>(cell), std::get<2>(cell), 0, PaneTiming::on_time, values};
    lines.push_back(pane.window() + pane.values_text());
  }
  return lines;
}
/// Panes of a window and key are numbered from 0, and come early, then once on time, then late.
inline void expect_sound_panes(const std::vector<Pane>& panes) {
  std::map<std::string, std::pair<std::int64_t, PaneTiming>> last;
  for (const Pane& pane : panes) {
    auto [it, first] = last.try_emplace(pane.window(), -1, PaneTiming::early);
    auto& [number, timing] = it->second;
    EXPECT_EQ(pane.pane, number + 1) << pane.text();
    EXPECT_LE(timing, pane.timing) << pane.text();
    EXPECT_FALSE(!first && pane.timing == PaneTiming::on_time && timing == PaneTiming::on_time) << pane.text();
    number = pane.pane;
    timing = pane.timing;
  }
}

}  // namespace millstream::model
