// What depends on how several splits interleave: count windows that slide, windows that keep late records while they
// are open, and a custom operator with state and timers; against what must hold for every interleaving. The order in
// which the records of a key came is read off the results.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "model/clock_reference.hpp"

namespace millstream::model {
namespace {

double pauses(const Execution& execution) { return execution.simulated ? 0.05 : 0.002; }

// Every record of the key once, and those of a split in the order of the split.
void expect_interleaving(const Splits& splits, std::int64_t key, const std::vector<std::int64_t>& came) {
  std::map<std::int64_t, std::size_t> place;
  for (const std::int64_t value : came) {
    EXPECT_TRUE(place.emplace(value, place.size()).second) << value << " came twice";
  }
  std::size_t expected = 0;
  for (const auto& split : splits) {
    std::size_t from = 0;
    for (const Event& event : split) {
      if (event.key != key) continue;
      ++expected;
      const auto it = place.find(event.value);
      ASSERT_NE(it, place.end()) << event.value << " of key " << key << " never came";
      EXPECT_GE(it->second, from) << event.value << " of key " << key << " came ahead of its turn";
      from = it->second;
    }
  }
  EXPECT_EQ(came.size(), expected) << "key " << key;
}
std::set<std::int64_t> keys_of(const Splits& splits) {
  std::set<std::int64_t> keys;
  for (const auto& split : splits) {
    for (const Event& event : split) keys.insert(event.key);
  }
  return keys;
}

void test_CountWindowsOfSplits(Random& random, const Execution& execution) {
  const Splits splits = random_stream(random, random_shape(random, 2 + random.below(4)));
  const std::uint64_t slide = 1 + random.below(9);
  const std::uint64_t size = slide + random.below(30);
  using Counted = WindowResult<std::int64_t, std::vector<Event>>;
  auto results = memory::sink<Counted>();
  Dataflow flow{"counts"};
  flow.from(EventSource{splits, execution.seed, pauses(execution)})
      .event_time(&Event::at, bounded_disorder(30us))
      .key_by(&Event::key)
      .window(count_window(size, slide))
      .aggregate(collect())
      .to(results);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  if (::testing::Test::HasFailure()) return;

  std::map<std::int64_t, std::vector<Counted>> of_key;
  for (const Counted& result : results.records()) of_key[result.key].push_back(result);
  std::map<std::int64_t, std::size_t> sizes;
  for (const auto& split : splits) {
    for (const Event& event : split) ++sizes[event.key];
  }
  ASSERT_EQ(of_key.size(), sizes.size());
  for (const auto& [key, panes] : of_key) {
    const std::size_t records = sizes[key];
    ASSERT_EQ(panes.size(), (records + slide - 1) / slide) << "key " << key;
    std::vector<Event> came;
    std::vector<std::int64_t> values;
    for (std::size_t n = 0; n < panes.size(); ++n) {
      const Counted& pane = panes[n];
      const std::size_t end = std::min<std::size_t>((n + 1) * slide, records);
      EXPECT_EQ(pane.pane, static_cast<std::int64_t>(n));
      EXPECT_EQ(pane.timing, end == (n + 1) * slide ? PaneTiming::on_time : PaneTiming::early);
      const std::size_t fresh = end - came.size();
      ASSERT_GE(pane.value.size(), fresh);
      came.insert(came.end(), pane.value.end() - static_cast<std::ptrdiff_t>(fresh), pane.value.end());
      const std::size_t from = (n + 1) * slide > size ? (n + 1) * slide - size : 0;
      const std::vector<Event> window{came.begin() + static_cast<std::ptrdiff_t>(from), came.end()};
      EXPECT_EQ(pane.value, window) << "key " << key << " pane " << n;
      const auto [least, greatest] =
          std::minmax_element(window.begin(), window.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
      EXPECT_EQ(pane.window_start, least->at);
      EXPECT_EQ(pane.window_end, greatest->at + 1us);
    }
    for (const Event& event : came) values.push_back(event.value);
    expect_interleaving(splits, key, values);
  }
}
MILLSTREAM_MODEL_TEST(CountWindowsOfSplits)

// The stage's watermark is behind those of the splits, so more is kept and nothing that would have been kept is lost.
void test_KeepWhileOpen(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, random.chance(0.25) ? 1 : 2 + random.below(4));
  shape.late = random.chance(0.8) ? 0.2 : 0;
  const Splits splits = random_stream(random, shape);
  const Duration slide{random.between(1, 200)};
  const Duration size = slide * random.between(1, 4);
  WindowSetup setup;
  setup.watermarks.bound = shape.bound;
  if (random.chance(0.5)) setup.lateness = Duration{random.between(1, 400)};
  setup.discarding = random.chance(0.3);
  if (random.chance(0.3)) setup.early_every = 1 + random.below(4);
  setup.step = Duration{std::gcd(slide.count(), setup.lateness.count())};
  setup.windows_of = [=](Timestamp at) { return uniform_windows(at, size, slide, Duration{0}); };

  auto results = memory::sink<Fired>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"keep while open"};
  auto windows = stamped(flow.from(EventSource{splits, execution.seed, pauses(execution)})
                             .event_time(&Event::at, bounded_disorder(shape.bound)))
                     .key_by(&Event::key)
                     .window(sliding(size, slide))
                     .allowed_lateness(setup.lateness)
                     .keep_while_open();
  if (setup.early_every > 0) windows = windows.trigger(early_every(setup.early_every));
  if (setup.discarding) windows = windows.discarding();
  auto collected = windows.aggregate(collect());
  with_firing_time(collected).to(results);
  collected.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  if (::testing::Test::HasFailure()) return;

  const std::vector<Fired> fired = results.records();
  expect_sound_panes(panes_of(fired));
  std::map<std::int64_t, Duration> late_by;
  for (const Late<Event>& each : late.records()) {
    EXPECT_TRUE(late_by.emplace(each.record.value, each.late_by).second) << each.record.value << " is late twice";
  }
  if (splits.size() == 1) {  // whose watermark is that of the stage
    expect_same("panes", by_key(WindowsModel::of(splits.front(), setup).panes), by_key(panes_of(fired)));
  }
  const auto fates = fates_of(fired, setup.discarding);
  for (const auto& records : splits) {
    MarkModel marks{setup.watermarks, setup.step};
    for (const Event& event : records) {
      std::set<std::pair<Timestamp, Timestamp>> all;
      std::set<std::pair<Timestamp, Timestamp>> open;
      for (const WindowTime& w : setup.windows_of(event.at)) {
        all.insert({w.start, w.end});
        if (saturating_add(w.end, setup.lateness) > marks.mark()) open.insert({w.start, w.end});
      }
      const auto fate = fates.find(event.value);
      const auto was_late = late_by.find(event.value);
      EXPECT_NE(fate == fates.end(), was_late == late_by.end()) << event.value << " is late, or in its windows";
      if (fate != fates.end()) {
        const auto& in = fate->second.windows;
        EXPECT_TRUE(std::includes(in.begin(), in.end(), open.begin(), open.end())) << "lost " << event.value;
        EXPECT_TRUE(std::includes(all.begin(), all.end(), in.begin(), in.end())) << event.value;
      }
      if (was_late != late_by.end()) {
        EXPECT_TRUE(open.empty()) << event.value;
        EXPECT_LE(was_late->second, saturating_distance(marks.mark(), event.at)) << event.value;
      }
      marks.see(event);
    }
  }
}
MILLSTREAM_MODEL_TEST(KeepWhileOpen)

void test_SessionsKeptWhileOpen(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, 1 + random.below(4));
  shape.late = 0.2;
  shape.tick *= 1000;  // sessions have a watermark step of 1 ms
  shape.bound *= 1000;
  shape.hole_length *= 1000;
  shape.from = us(shape.from.time_since_epoch().count() / 1'000'000 * 1000);
  const Splits splits = random_stream(random, shape);
  const Duration gap{random.between(1, 200'000)};
  const Duration lateness{random.chance(0.5) ? random.between(1, 400'000) : 0};
  const Duration step{std::gcd(std::int64_t{1000}, lateness.count())};
  auto results = memory::sink<Collected>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"sessions while open"};
  auto sessions = flow.from(EventSource{splits, execution.seed, pauses(execution)})
                      .event_time(&Event::at, bounded_disorder(shape.bound))
                      .key_by(&Event::key)
                      .window(session(gap))
                      .allowed_lateness(lateness)
                      .keep_while_open()
                      .aggregate(collect(&Event::value));
  sessions.to(results);
  sessions.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  if (::testing::Test::HasFailure()) return;

  std::set<std::int64_t> kept;
  std::map<std::int64_t, Event> events;
  for (const auto& records : splits) {
    for (const Event& event : records) events[event.value] = event;
  }
  for (const Collected& result : results.records()) {
    EXPECT_EQ(std::set<std::int64_t>(result.value.begin(), result.value.end()).size(), result.value.size());
    std::vector<Timestamp> times;
    for (const std::int64_t value : result.value) {
      kept.insert(value);
      times.push_back(events[value].at);
      EXPECT_EQ(events[value].key, result.key);
    }
    // Its ends are those of its records, and no gap between them is too wide.
    std::sort(times.begin(), times.end());
    EXPECT_EQ(result.window_start, times.front());
    EXPECT_EQ(result.window_end, times.back() + gap);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_LE(times[i] - times[i - 1], gap);
  }
  std::set<std::int64_t> dropped;
  for (const Late<Event>& each : late.records()) {
    EXPECT_TRUE(dropped.insert(each.record.value).second) << each.record.value << " is late twice";
  }
  for (const auto& records : splits) {
    MarkModel marks{{.bound = shape.bound}, step};
    for (const Event& event : records) {
      EXPECT_NE(kept.contains(event.value), dropped.contains(event.value)) << event.value;
      const bool by_itself = saturating_add(event.at, gap + lateness) > marks.mark();
      if (by_itself) {
        EXPECT_TRUE(kept.contains(event.value)) << event.value << " was lost";
      }
      marks.see(event);
    }
  }
}
MILLSTREAM_MODEL_TEST(SessionsKeptWhileOpen)

// What the operator below did.
struct Did {
  std::int64_t key = 0;
  std::string what{};
  std::int64_t value = 0;
  Timestamp time{};  // of the timer
  Timestamp when{};  // the watermark or the wall clock, by the timer's domain
  std::vector<std::int64_t> values{};
};

// Gathers the values of a key until one of its timers fires, of which each record sets one in each domain, under its
// own name; some records cancel all that are open.
struct GatherAndWake {
  ListState<std::int64_t> gathered{};
  MapState<std::string, Timestamp> open_event{};
  MapState<std::string, Timestamp> open_clock{};
  ValueState<std::int64_t> count{};

  void open(OperatorContext& context) {
    gathered = context.list_state<std::int64_t>("gathered");
    open_event = context.map_state<std::string, Timestamp>("event timers");
    open_clock = context.map_state<std::string, Timestamp>("clock timers");
    count = context.value_state<std::int64_t>("count");
  }
  void process(const Event& event, Collector<Did>& out, OperatorContext& context) {
    count.set(count.value_or(0) + 1);
    gathered.add(event.value);
    out.emit({event.key, "record", event.value, event.at, {}, {count.value_or(0)}});
    if (event.value % 11 == 0) cancel_all(event.key, out, context);
    const std::string name = std::to_string(event.value);
    const Timestamp later = event.at + Duration{event.value % 3 * 40};
    const Timestamp soon = context.processing_time() + event.gap * 100;
    context.timers().register_event_time(later, name);
    context.timers().register_event_time(later, name);  // twice is once
    context.timers().register_processing_time(soon, name);
    open_event.put(name, later);
    open_clock.put(name, soon);
    out.emit({event.key, "set event", event.value, later, {}, {}});
    out.emit({event.key, "set clock", event.value, soon, context.processing_time(), {}});
  }
  void on_timer(const Timer& timer, Collector<Did>& out, OperatorContext& context) {
    const std::string name{timer.name};
    const bool by_event = timer.domain == TimeDomain::kEventTime;
    auto& open = by_event ? open_event : open_clock;
    const auto key = context.key<std::int64_t>();
    EXPECT_TRUE(open.contains(name)) << key << "/" << name << " fires unasked";
    open.erase(name);
    out.emit({key, by_event ? "fired event" : "fired clock", std::stoll(name), timer.time,
              by_event ? context.watermark() : context.processing_time(), gathered.get()});
    gathered.clear();
  }

 private:
  void cancel_all(std::int64_t key, Collector<Did>& out, OperatorContext& context) {
    const auto all = [&](MapState<std::string, Timestamp>& open, const char* what, auto&& cancel) {
      std::vector<std::pair<std::string, Timestamp>> names;
      open.for_each([&](const std::string& name, const Timestamp& time) { names.emplace_back(name, time); });
      for (const auto& [name, time] : names) {
        cancel(time, name);
        out.emit({key, what, std::stoll(name), time, {}, {}});
        open.erase(name);
      }
    };
    all(open_event, "cancelled event",
        [&](Timestamp t, const std::string& n) { context.timers().cancel_event_time(t, n); });
    all(open_clock, "cancelled clock",
        [&](Timestamp t, const std::string& n) { context.timers().cancel_processing_time(t, n); });
  }
};

void test_ProcessOfSplits(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, 2 + random.below(4));
  const Splits splits = random_stream(random, shape);
  Execution clock = execution;
  if (random.chance(0.25)) clock.step_time = Duration{random.between(1, 2'000)};
  const bool exact = execution.simulated && clock.step_time == Duration{0};
  auto results = memory::sink<Did>();
  Dataflow flow{"process"};
  flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.15 : 0.002})
      .event_time(&Event::at, bounded_disorder(shape.bound))
      .key_by(&Event::key)
      .process(GatherAndWake{})
      .to(results);
  clock.run(flow);
  if (::testing::Test::HasFailure()) return;

  std::map<std::int64_t, std::vector<std::int64_t>> came;
  std::map<std::int64_t, std::vector<std::int64_t>> given_out;
  std::map<std::int64_t, std::int64_t> counts;
  std::map<std::int64_t, Did> set_event;
  std::map<std::int64_t, Did> set_clock;
  std::map<std::int64_t, std::vector<Did>> end_event;
  std::map<std::int64_t, std::vector<Did>> end_clock;
  Timestamp last_read = kTimestampMin;
  for (const Did& did : results.records()) {
    if (did.what == "record") {
      came[did.key].push_back(did.value);
      EXPECT_EQ(did.values.front(), ++counts[did.key]);
    } else if (did.what == "set event") {
      set_event[did.value] = did;
    } else if (did.what == "set clock") {
      set_clock[did.value] = did;
      last_read = std::max(last_read, did.when);
    } else {
      (did.what.ends_with("event") ? end_event : end_clock)[did.value].push_back(did);
      given_out[did.key].insert(given_out[did.key].end(), did.values.begin(), did.values.end());
      if (did.what.starts_with("fired")) {
        EXPECT_GE(did.when, did.time) << did.what << " " << did.value << " too early";
      }
    }
  }
  for (const std::int64_t key : keys_of(splits)) {
    expect_interleaving(splits, key, came[key]);
    // The end of the input fires the timers in event time, and the last record of a key has set one. So everything was
    // given out, in its order.
    EXPECT_EQ(given_out[key], came[key]) << "key " << key;
  }
  for (const auto& [value, set] : set_event) {
    ASSERT_EQ(end_event[value].size(), 1U) << value;
    EXPECT_EQ(end_event[value].front().time, set.time);
  }
  EXPECT_EQ(end_event.size(), set_event.size());
  for (const auto& [value, ends] : end_clock) {
    if (ends.empty()) continue;
    ASSERT_EQ(ends.size(), 1U) << value;
    ASSERT_TRUE(set_clock.contains(value)) << value;
    EXPECT_EQ(ends.front().time, set_clock[value].time);
    if (exact && ends.front().what == "fired clock") {
      EXPECT_EQ(ends.front().when, ends.front().time) << value;
    }
  }
  for (const auto& [value, set] : set_clock) {
    // Left at the end it does not fire; before, it must, unless its shard had no time to.
    if (exact && !end_clock.contains(value)) {
      EXPECT_GE(set.time, last_read) << value << " never fired";
    }
  }
}
MILLSTREAM_MODEL_TEST(ProcessOfSplits)

}  // namespace
}  // namespace millstream::model
