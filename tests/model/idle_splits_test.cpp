// Splits that fall silent for longer than their idle timeout: which records are late then depends on when they came, so
// what must hold in any case is checked. A record is in the last of its windows, once in each, or it is late; and the
// panes of a window follow each other.
#include <gtest/gtest.h>

#include <set>

#include "model/execution.hpp"
#include "model/window_reference.hpp"

namespace millstream::model {
namespace {

// Late although no record of its split was behind its watermark: the split had been idle.
std::uint64_t late_after_silence = 0;

struct Outcome {
  std::vector<Pane> panes;
  std::vector<Late<Event>> late;
};

// What each window and key holds in the end; an accumulating pane has all of the one before.
std::map<std::pair<std::int64_t, Timestamp>, std::vector<std::int64_t>> contents(const std::vector<Pane>& panes,
                                                                                 bool discarding) {
  std::map<std::pair<std::int64_t, Timestamp>, std::vector<std::int64_t>> cells;
  for (const Pane& pane : panes) {
    auto& values = cells[{pane.key, pane.end}];
    if (discarding) {
      values.insert(values.end(), pane.values.begin(), pane.values.end());
      continue;
    }
    EXPECT_TRUE(std::includes(pane.values.begin(), pane.values.end(), values.begin(), values.end())) << pane.text();
    values = pane.values;
  }
  return cells;
}

void check(const Splits& splits, const WindowSetup& setup, const Outcome& outcome) {
  expect_sound_panes(outcome.panes);
  std::map<std::int64_t, Timestamp> late_behind;  // by record: the mark that it was behind
  for (const Late<Event>& each : outcome.late) {
    EXPECT_TRUE(late_behind.emplace(each.record.value, saturating_add(each.record.at, each.late_by)).second)
        << each.record.value << " is late twice";
  }
  std::map<std::int64_t, std::multiset<Timestamp>> ends_of;  // by record: the windows that have it
  std::size_t entries = 0;
  for (const auto& [cell, values] : contents(outcome.panes, setup.discarding)) {
    for (const std::int64_t value : values) ends_of[value].insert(cell.second);
    entries += values.size();
  }
  std::set<std::pair<std::int64_t, Timestamp>> cells;
  for (const auto& split : splits) {
    for (const Event& event : split) {
      const auto found = ends_of.find(event.value);
      const std::size_t in = found == ends_of.end() ? 0 : found->second.size();
      const std::vector<WindowTime> windows = setup.windows_of(event.at);
      const auto late = late_behind.find(event.value);
      EXPECT_EQ(late != late_behind.end(), in == 0) << "record " << event.value << " is in " << in << " windows";
      ASSERT_LE(in, windows.size()) << "record " << event.value;
      entries -= in;
      for (std::size_t i = 0; i < in; ++i) {
        EXPECT_EQ(found->second.count(windows[windows.size() - 1 - i].end), 1U) << "record " << event.value;
      }
      if (in == 0 && late != late_behind.end()) {
        EXPECT_GE(late->second, saturating_add(windows.back().end, setup.lateness)) << "record " << event.value;
      }
    }
  }
  EXPECT_EQ(entries, 0U) << "nothing but the records is in windows";
}

void test_IdleSplits(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, 2 + random.below(4));
  if (random.chance(0.5)) shape.late = 0;
  WindowSetup setup;
  const Duration slide{random.between(1, 120)};
  const Duration size{slide * random.between(1, 3)};
  setup.watermarks = random_watermarks(random, shape.bound, shape.late > 0);
  if (random.chance(0.5)) setup.lateness = Duration{random.between(1, 300)};
  setup.discarding = random.chance(0.3);
  setup.windows_of = [=](Timestamp at) { return uniform_windows(at, size, slide, Duration{0}); };
  const Splits splits = random_stream(random, shape);
  auto results = memory::sink<Collected>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"idle splits"};
  auto windows =
      flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.3 : 0.02})
          .event_time(&Event::at,
                      setup.watermarks.strategy().idle_after(std::chrono::milliseconds{random.between(1, 15)}))
          .key_by(&Event::key)
          .window(sliding(size, slide))
          .allowed_lateness(setup.lateness);
  if (setup.discarding) windows = windows.discarding();
  auto collected = windows.aggregate(collect(&Event::value));
  collected.to(results);
  collected.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  if (::testing::Test::HasFailure()) return;
  Outcome outcome{{}, late.records()};
  for (const Collected& result : results.records()) outcome.panes.push_back(pane_of(result));
  check(splits, setup, outcome);
  if (shape.late == 0) late_after_silence += outcome.late.size();
}

TEST(IdleSplits, Simulated) {
  late_after_silence = 0;
  simulate(test_IdleSplits);
  if (seeds().only == 0 && seeds().count >= 50) {
    EXPECT_GT(late_after_silence, 0U);
  }
}
TEST(IdleSplits, OnThreads) { on_threads(test_IdleSplits); }

}  // namespace
}  // namespace millstream::model
