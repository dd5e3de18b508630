// Stages of tumbling and sliding windows, and what they may be told.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "millstream/operators/slice_window.hpp"
#include "operators/window_shards.hpp"

namespace millstream::test {

/// The values in order: in which order slices and stacks merge what is late says nothing.
struct Sorted {
  Values create() const { return {}; }
  void add(Values& all, const Event& e) const { all.push_back(e.value); }
  void merge(Values& all, const Values& later) const { all.insert(all.end(), later.begin(), later.end()); }
  Values result(Values all) const {
    std::sort(all.begin(), all.end());
    return all;
  }
};

template <class Agg>
Make sliced(Agg agg, TimeWindow window, WindowOptions options, std::shared_ptr<Silence> silence = nullptr) {
  return [=](std::uint32_t fill) {
    return std::make_unique<SliceWindowStage<std::int64_t, Event, Agg, Key>>(&Event::key, agg, *SliceGrid::make(window),
                                                                             options, fill, silence);
  };
}

inline std::vector<WindowOptions> slice_options() {
  std::vector<WindowOptions> all;
  for (const Duration lateness : {0us, 45us, 500us}) {
    for (const bool discarding : {false, true}) {
      for (const bool by_merged : {false, true}) {
        all.push_back({.allowed_lateness = lateness, .discarding = discarding, .late_by_merged = by_merged});
      }
    }
  }
  return all;
}

}  // namespace millstream::test
