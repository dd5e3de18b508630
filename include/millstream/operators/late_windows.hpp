// LateWindows: which windows a late record fires again, and which of these had something of its key when they fired.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/operators/partial_slices.hpp"
#include "millstream/operators/window_slices.hpp"
#include "millstream/operators/window_stage.hpp"
#include "millstream/window/slice_grid.hpp"

namespace millstream::inline v0 {

/// Windows by number, from the first one to before the end.
struct WindowNumbers {
  std::int64_t first = 0;
  std::int64_t end = 0;
  [[nodiscard]] bool empty() const noexcept { return first >= end; }
};

/// Of one stage.
template <class K, class Agg>
class LateWindows {
  using Slices = WindowSlices<K, Agg>;
  using State = typename Slices::State;

 public:
  LateWindows(SliceGrid grid, LateRules rules) : grid_{std::move(grid)}, rules_{rules} {}

  /// Those of a slice that take a record of this place, whose windows have fired up to the merged watermark.
  [[nodiscard]] WindowNumbers fired_again(std::int64_t slice, const Watermarks& at) const {
    const Timestamp judge = rules_.judge(at);
    const std::int64_t last = grid_.last_window_of(slice);
    WindowNumbers windows{grid_.first_window_of(slice), 0};
    while (windows.first <= last && !rules_.takes(grid_.window(windows.first).end, judge)) ++windows.first;
    windows.end = windows.first;
    while (windows.end <= last && grid_.window(windows.end).end <= at.merged) ++windows.end;
    return windows;
  }
  /// For each of them, before the record is added: whether it had something of the key when it fired. What it has of a
  /// key it has fired, so of its panes only those of late records are counted.
  [[nodiscard]] const std::vector<bool>& had(const WindowNumbers& windows, Slices& slices,
                                             const PartialSlices<K, Agg>& parts, const K& key, std::uint64_t hash) {
    had_.clear();
    if (windows.empty()) return had_;
    having_.clear();
    slices.for_each(grid_.first_slice_of(windows.first), grid_.end_slice_of(windows.end - 1), [&](const State& each) {
      if (each.table->find(key, hash) != Slices::kNone) having_.push_back(each.slice.index);
    });
    for (std::int64_t window = windows.first; window < windows.end; ++window) {
      const auto first = std::lower_bound(having_.begin(), having_.end(), grid_.first_slice_of(window));
      const bool in_slices = first != having_.end() && *first < grid_.end_slice_of(window);
      had_.push_back(in_slices || parts.has(window, key, hash));
    }
    return had_;
  }

 private:
  SliceGrid grid_;
  LateRules rules_;
  std::vector<bool> had_;
  std::vector<std::int64_t> having_;  // slices that have the key
};

/// The watermarks at the records of a batch, one record after the other.
class MarksAtRecords {
 public:
  /// From the mark number `next` on, before which `at` holds.
  MarksAtRecords(const BatchBase& batch, std::size_t next, Watermarks at) : batch_{batch}, next_{next}, at_{at} {}
  [[nodiscard]] const Watermarks& at(std::uint32_t record) {
    for (; next_ < batch_.marks.size() && batch_.marks[next_].position <= record; ++next_) {
      at_ = {batch_.marks[next_].at.split, std::max(at_.merged, batch_.marks[next_].at.merged)};
    }
    return at_;
  }

 private:
  const BatchBase& batch_;
  std::size_t next_;
  Watermarks at_;
};

}  // namespace millstream::inline v0
