// A driver of SliceWindowStage whose results are lines.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millstream/operators/slice_window.hpp"
#include "millstream/window/window.hpp"
#include "operators/window_model.hpp"

namespace millstream::test {

/// Collects values and throws for negative ones.
struct Picky {
  Values create() const { return {}; }
  void add(Values& all, const Event& e) const {
    if (e.value < 0) throw std::runtime_error{"negative"};
    all.push_back(e.value);
  }
  void merge(Values& all, const Values& later) const { all.insert(all.end(), later.begin(), later.end()); }
  Values result(const Values& all) const {
    if (all == Values{13}) throw std::runtime_error{"no result"};
    return all;
  }
};
using Bound = decltype(bind_aggregate<Event>(Picky{}));
using Stage = SliceWindowStage<std::int64_t, Event, Bound, std::int64_t Event::*>;
using Driver = testing::StageDriver<Event, Out>;

inline std::unique_ptr<Stage> make_stage(const TimeWindow& window, const WindowOptions& options = {},
                                         std::shared_ptr<Silence> silence = nullptr, std::uint32_t fill = 1024) {
  return std::make_unique<Stage>(&Event::key, bind_aggregate<Event>(Picky{}), *SliceGrid::make(window), options, fill,
                                 std::move(silence));
}
inline std::vector<std::string> results(Driver& driver) {
  std::vector<std::string> lines;
  for (const Out& out : driver.output().values()) {
    std::string line = std::to_string(out.key) + " at " + std::to_string(out.window_start.time_since_epoch().count()) +
                       (out.timing == PaneTiming::late ? " late:" : ":");
    for (const std::int64_t value : out.value) line += " " + std::to_string(value);
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}
using Lines = std::vector<std::string>;

}  // namespace millstream::test
