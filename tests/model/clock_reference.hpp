// For model tests in which the wall clock takes part: records that know when they came in, results that know when they
// came out. The simulator's clock stands still while any shard has something to do, so there both are exact.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "millstream/operators/process.hpp"
#include "model/execution.hpp"
#include "model/window_reference.hpp"

namespace millstream::model {

/// The wall clock when the record was read, which `stamped` puts in place of its gap.
inline Timestamp came_at(const Event& event) { return Timestamp{event.gap}; }
inline Stream<Event> stamped(const Stream<Event>& events) {
  return events.process<Event>([](const Event& event, Collector<Event>& out, OperatorContext& context) {
    out.emit({event.key, event.value, event.at, context.processing_time().time_since_epoch()});
  });
}

/// A firing of a window of stamped records, and the wall clock behind it.
struct Fired {
  std::int64_t key = 0;
  Timestamp start{};
  Timestamp end{};
  std::int64_t pane = 0;
  PaneTiming timing = PaneTiming::on_time;
  std::vector<Event> records{};
  Timestamp at{};

  [[nodiscard]] Pane as_pane() const {
    Pane result{key, start, end, pane, timing, {}};
    for (const Event& event : records) result.values.push_back(event.value);
    std::sort(result.values.begin(), result.values.end());
    return result;
  }
};

using Windowed = WindowResult<std::int64_t, std::vector<Event>>;

/// collect() of stamped records on the way to a sink of Fired.
inline Stream<Fired> with_firing_time(const Stream<Windowed>& results) {
  return results.process<Fired>([](const Windowed& r, Collector<Fired>& out, OperatorContext& context) {
    out.emit({r.key, r.window_start, r.window_end, r.pane, r.timing, r.value, context.processing_time()});
  });
}

inline std::vector<Pane> panes_of(const std::vector<Fired>& fired) {
  std::vector<Pane> panes;
  for (const Fired& each : fired) panes.push_back(each.as_pane());
  return panes;
}
inline std::vector<std::int64_t> values_of(const Splits& splits) {
  std::vector<std::int64_t> values;
  for (const auto& split : splits) {
    for (const Event& event : split) values.push_back(event.value);
  }
  std::sort(values.begin(), values.end());
  return values;
}

/// What became of a record.
struct Fate {
  Event event{};
  std::set<std::pair<Timestamp, Timestamp>> windows{};
  Timestamp first_seen = kTimestampMax;  ///< the first firing with it
};

/// By value. A record is in each of its windows once: in each pane behind its first, or, discarding, in one of them.
inline std::map<std::int64_t, Fate> fates_of(const std::vector<Fired>& fired, bool discarding) {
  std::map<std::int64_t, Fate> fates;
  std::map<std::tuple<std::int64_t, Timestamp, Timestamp>, std::set<std::int64_t>> known;
  for (const Fired& each : fired) {
    std::set<std::int64_t>& of_window = known[{each.key, each.start, each.end}];
    std::set<std::int64_t> now;
    for (const Event& event : each.records) {
      EXPECT_TRUE(now.insert(event.value).second) << "twice in a pane: " << each.as_pane().text();
      EXPECT_EQ(event.key, each.key);
      const bool is_new = of_window.insert(event.value).second;
      EXPECT_TRUE(is_new || !discarding) << event.value << " again in " << each.as_pane().text();
      Fate& fate = fates[event.value];
      fate.event = event;
      fate.windows.insert({each.start, each.end});
      fate.first_seen = std::min(fate.first_seen, each.at);
      EXPECT_LE(came_at(event), each.at);
    }
    if (!discarding) {
      EXPECT_EQ(now, of_window) << "lost in " << each.as_pane().text();
    }
  }
  return fates;
}

/// Firings of a window for a key by the same clock are at least `interval` apart.
inline void expect_apart(const std::vector<Fired>& fired, Duration interval) {
  std::map<std::tuple<std::int64_t, Timestamp, Timestamp>, Timestamp> last;
  for (const Fired& each : fired) {
    if (each.timing != PaneTiming::early) continue;
    const auto [it, first] = last.try_emplace({each.key, each.start, each.end}, each.at);
    if (!first) {
      EXPECT_GE(each.at - it->second, interval) << each.as_pane().text();
    }
    it->second = each.at;
  }
}

}  // namespace millstream::model
