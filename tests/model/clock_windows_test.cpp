// Windows by the wall clock, early results by it, and windows that a silence closes, against what must hold whatever
// the clock does; in the simulator, where the instants are exact, against plain models.
#include <gtest/gtest.h>

#include "model/clock_reference.hpp"

namespace millstream::model {
namespace {

constexpr double kPauses = 0.15;  // the source's, of up to 30 ms

// In the simulator time passes only while all shards wait, or, loosely, also while they work.
Execution drawn(Random& random, const Execution& execution, bool& exact) {
  Execution drawn = execution;
  if (random.chance(0.25)) drawn.step_time = Duration{random.between(1, 2'000)};
  exact = execution.simulated && drawn.step_time == Duration{0};
  return drawn;
}
double pauses(const Execution& execution) { return execution.simulated ? kPauses : 0.002; }

void test_ProcessingTimeWindows(Random& random, const Execution& execution) {
  const Splits splits = random_stream(random, random_shape(random, 1 + random.below(4)));
  bool exact = false;
  const Execution clock = drawn(random, execution, exact);
  const Duration slide{random.between(1, 20'000)};
  const Duration size = slide * random.between(1, random.chance(0.3) ? 12 : 3);
  const Duration offset{random.chance(0.5) ? 0 : random.between(-30'000, 30'000)};
  const bool discarding = random.chance(0.4);
  const Duration interval{random.chance(0.5) ? random.between(1, 15'000) : 0};
  const std::uint64_t every = random.chance(0.3) ? 1 + random.below(5) : 0;

  auto results = memory::sink<Fired>();
  Dataflow flow{"by the clock"};
  Trigger trigger;
  if (interval > Duration{0}) trigger = trigger.early_interval(interval);
  if (every > 0) trigger = trigger.early_every(every);
  auto windows = stamped(flow.from(EventSource{splits, execution.seed, pauses(execution)}))
                     .key_by(&Event::key)
                     .window(sliding(size, slide).offset(offset).processing_time())
                     .trigger(trigger);
  if (discarding) windows = windows.discarding();
  with_firing_time(windows.aggregate(collect())).to(results);
  SCOPED_TRACE(flow.describe());
  clock.run(flow);
  if (::testing::Test::HasFailure()) return;

  const std::vector<Fired> fired = results.records();
  expect_sound_panes(panes_of(fired));
  const auto fates = fates_of(fired, discarding);
  std::vector<std::int64_t> seen;
  Timestamp last_read = kTimestampMin;
  for (const auto& [value, fate] : fates) {
    seen.push_back(value);
    last_read = std::max(last_read, came_at(fate.event));
    // The windows of one instant, which is that of its reading or a later one.
    const Timestamp instant = exact ? came_at(fate.event) : std::max(came_at(fate.event), fate.windows.rbegin()->first);
    std::set<std::pair<Timestamp, Timestamp>> expected;
    for (const WindowTime& w : uniform_windows(instant, size, slide, offset)) expected.insert({w.start, w.end});
    EXPECT_EQ(fate.windows, expected) << "record " << value;
    EXPECT_LE(instant, fate.first_seen);
    if (exact && interval > Duration{0}) {
      EXPECT_LE(fate.first_seen, came_at(fate.event) + interval) << value;
    }
  }
  EXPECT_EQ(seen, values_of(splits));
  for (const Fired& each : fired) {
    EXPECT_NE(each.timing, PaneTiming::late);
    if (each.timing == PaneTiming::early) {
      // Complete at its end, so nothing is early any more.
      if (exact) {
        EXPECT_LE(each.at, each.end) << each.as_pane().text();
      }
      continue;
    }
    // At its end, or ahead of it because nothing more comes.
    if (each.at < each.end) {
      EXPECT_GE(each.at, last_read) << each.as_pane().text();
    }
    if (exact) {
      EXPECT_LE(each.at, each.end) << each.as_pane().text();
    }
  }
  if (every == 0 && exact) expect_apart(fired, interval);
}
MILLSTREAM_MODEL_TEST(ProcessingTimeWindows)

// The clock is set back and forward by hours, and shards stall: records are still in the windows of one instant.
TEST(ProcessingTimeWindows, LoseNothingToAClockThatIsSet) {
  simulate([](Random& random, const Execution& execution) {
    const Splits splits = random_stream(random, random_shape(random, 1 + random.below(3)));
    Execution jumping = execution;
    jumping.jumping_clock = true;
    const Duration slide{std::chrono::seconds{random.between(1, 600)}};
    const std::int64_t overlap = random.between(1, 4);
    auto results = memory::sink<Collected>();
    Dataflow flow{"jumping clock"};
    flow.from(EventSource{splits, execution.seed, kPauses})
        .key_by(&Event::key)
        .window(sliding(slide * overlap, slide).processing_time())
        .aggregate(collect(&Event::value))
        .to(results);
    SCOPED_TRACE(flow.describe());
    jumping.run(flow);
    std::vector<Pane> panes;
    for (const Collected& result : results.records()) panes.push_back(pane_of(result));
    expect_sound_panes(panes);
    std::map<std::int64_t, std::vector<Timestamp>> windows;
    for (const Pane& pane : panes) {
      EXPECT_EQ(pane.timing, PaneTiming::on_time);
      for (const std::int64_t value : pane.values) windows[value].push_back(pane.start);
    }
    std::vector<std::int64_t> seen;
    for (auto& [value, starts] : windows) {
      seen.push_back(value);
      std::sort(starts.begin(), starts.end());
      ASSERT_EQ(std::ssize(starts), overlap) << "record " << value;
      for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_EQ(starts[i] - starts[i - 1], slide);
    }
    EXPECT_EQ(seen, values_of(splits));
  });
}

// Windows in event time that give out early results by the clock: which record is where does not depend on it, and
// what is new is out within the interval.
void test_EarlyByTheClock(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, 1 + random.below(4));
  const Splits splits = random_stream(random, shape);
  bool exact = false;
  const Execution clock = drawn(random, execution, exact);
  const bool global = random.chance(0.2);
  const Duration slide{random.between(1, 200)};
  const Duration size = slide * random.between(1, 4);
  const Duration interval{random.between(1, 20'000)};
  WindowSetup setup;
  setup.watermarks.bound = shape.bound;
  if (!global && random.chance(0.5)) setup.lateness = Duration{random.between(1, 400)};
  setup.discarding = random.chance(0.4);
  setup.step = Duration{std::gcd(slide.count(), setup.lateness.count())};
  setup.windows_of = [=](Timestamp at) {
    if (global) return std::vector<WindowTime>{{kTimestampMin, kTimestampMax}};
    return uniform_windows(at, size, slide, Duration{0});
  };

  auto results = memory::sink<Fired>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"early by the clock"};
  const auto keyed = stamped(flow.from(EventSource{splits, execution.seed, pauses(execution)})
                                 .event_time(&Event::at, bounded_disorder(shape.bound)))
                         .key_by(&Event::key);
  const auto run = [&](auto windows) {
    windows = windows.trigger(early_interval(interval));
    if (setup.discarding) windows = windows.discarding();
    auto collected = windows.aggregate(collect());
    with_firing_time(collected).to(results);
    if (!global) collected.side_output(late_records<Event>).to(late);
    SCOPED_TRACE(flow.describe());
    clock.run(flow);
  };
  if (global) {
    run(keyed.window(global_window()));
  } else {
    run(keyed.window(sliding(size, slide)).allowed_lateness(setup.lateness));
  }
  if (::testing::Test::HasFailure()) return;

  const std::vector<Fired> fired = results.records();
  const std::vector<Pane> panes = panes_of(fired);
  expect_sound_panes(panes);
  const WindowsModel model = WindowsModel::finals(splits, setup);
  expect_same("final panes", finals_of(model.panes, false), finals_of(panes, setup.discarding));
  std::vector<std::string> late_lines;
  for (const Late<Event>& each : late.records()) late_lines.push_back(late_text(each.record.value, each.late_by));
  expect_same_set("late records", model.late, late_lines);
  for (const auto& [value, fate] : fates_of(fired, setup.discarding)) {
    if (exact) {
      EXPECT_LE(fate.first_seen, came_at(fate.event) + interval) << "record " << value;
    }
  }
  if (exact) expect_apart(fired, interval);
}
MILLSTREAM_MODEL_TEST(EarlyByTheClock)

// Of records in the order in which they came in: the mark behind which a silence has put those of each instant.
class SilenceModel {
 public:
  SilenceModel(std::vector<std::pair<Timestamp, Timestamp>> came_and_end, Duration close_after)
      : close_after_{close_after} {
    std::sort(came_and_end.begin(), came_and_end.end());
    Timestamp before = kTimestampMin;
    Timestamp last_end = kTimestampMin;
    for (const auto& [came, end] : came_and_end) {
      if (before != kTimestampMin && came - before >= close_after) {
        closed_.emplace_back(came, last_end);
        begun_.push_back(before);
      }
      last_end = std::max(last_end, end);
      before = came;
    }
    begun_.push_back(before);
  }
  [[nodiscard]] Timestamp until(Timestamp came) const {
    Timestamp closed = kTimestampMin;
    for (const auto& [from, end] : closed_) {
      if (from <= came) closed = end;
    }
    return closed;
  }
  /// When the first silence behind this instant has been long enough; the last is the end of the input.
  [[nodiscard]] Timestamp over_at(Timestamp came) const {
    return *std::lower_bound(begun_.begin(), begun_.end(), came) + close_after_;
  }

 private:
  Duration close_after_;
  std::vector<Timestamp> begun_;
  std::vector<std::pair<Timestamp, Timestamp>> closed_;  // input goes on at, windows are closed up to
};

void test_CloseAfter(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, 1 + random.below(4));
  const Splits splits = random_stream(random, shape);
  bool exact = false;
  const Execution clock = drawn(random, execution, exact);
  const Duration slide{random.between(1, 200)};
  const Duration size = slide * random.between(1, 4);
  const Duration close_after{execution.simulated ? random.between(1, 30'000) : random.between(500, 3'000)};
  const Duration lateness{random.chance(0.5) ? random.between(1, 400) : 0};
  const bool early = random.chance(0.3);  // another stage: panes instead of slices
  const Duration step{std::gcd(slide.count(), lateness.count())};

  auto results = memory::sink<Fired>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"silence"};
  auto windows = stamped(flow.from(EventSource{splits, execution.seed, pauses(execution)})
                             .event_time(&Event::at, bounded_disorder(shape.bound)))
                     .key_by(&Event::key)
                     .window(sliding(size, slide))
                     .allowed_lateness(lateness)
                     .close_after(close_after);
  if (early) windows = windows.trigger(early_every(3));
  auto collected = windows.aggregate(collect());
  with_firing_time(collected).to(results);
  collected.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  clock.run(flow);
  if (::testing::Test::HasFailure()) return;

  const std::vector<Fired> fired = results.records();
  expect_sound_panes(panes_of(fired));
  auto fates = fates_of(fired, false);
  std::map<std::int64_t, Duration> late_by;
  std::vector<std::int64_t> seen;
  for (const auto& [value, fate] : fates) seen.push_back(value);
  std::vector<std::pair<Timestamp, Timestamp>> came_and_end;
  for (const Late<Event>& each : late.records()) {
    EXPECT_FALSE(fates.contains(each.record.value)) << each.record.value << " is late and in a window";
    EXPECT_TRUE(late_by.emplace(each.record.value, each.late_by).second) << each.record.value << " is late twice";
    seen.push_back(each.record.value);
    fates[each.record.value].event = each.record;
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, values_of(splits));
  if (::testing::Test::HasFailure()) return;
  for (const auto& [value, fate] : fates) {
    came_and_end.emplace_back(came_at(fate.event), uniform_windows(fate.event.at, size, slide, Duration{0}).back().end);
  }
  const SilenceModel silences{came_and_end, close_after};
  for (const auto& records : splits) {
    MarkModel marks{{.bound = shape.bound}, step};
    for (const Event& event : records) {
      const Fate& fate = fates[event.value];
      const Timestamp silent = exact ? silences.until(came_at(fate.event)) : kTimestampMin;
      const Timestamp judged_by = std::max(marks.mark(), silent);
      std::set<std::pair<Timestamp, Timestamp>> expected;
      for (const WindowTime& w : uniform_windows(event.at, size, slide, Duration{0})) {
        if (saturating_add(w.end, lateness) > judged_by) expected.insert({w.start, w.end});
      }
      if (exact) {
        EXPECT_EQ(fate.windows, expected) << "record " << event.value;
        if (expected.empty()) {
          EXPECT_EQ(late_by[event.value], saturating_distance(judged_by, event.at));
        }
      } else {
        // A silence makes more records late, and nothing else.
        EXPECT_TRUE(std::includes(expected.begin(), expected.end(), fate.windows.begin(), fate.windows.end()));
      }
      marks.see(event);
    }
  }
  if (!exact) return;
  for (const auto& [value, fate] : fates) {
    if (!fate.windows.empty()) {
      EXPECT_LE(fate.first_seen, silences.over_at(came_at(fate.event))) << "record " << value;
    }
  }
}
MILLSTREAM_MODEL_TEST(CloseAfter)

}  // namespace
}  // namespace millstream::model
