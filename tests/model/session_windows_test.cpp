// Session windows with a fixed gap and with the record's own, count windows and the global window against plain models.
#include <gtest/gtest.h>

#include "model/execution.hpp"
#include "model/window_reference.hpp"

namespace millstream::model {
namespace {

/// Event time in milliseconds instead of microseconds: sessions have a watermark step of 1 ms.
StreamShape in_milliseconds(StreamShape shape) {
  shape.tick *= 1000;
  shape.bound *= 1000;
  shape.hole_length *= 1000;
  shape.from = us(shape.from.time_since_epoch().count() / 1'000'000 * 1000);
  return shape;
}

std::vector<Pane> panes_of(const std::vector<Collected>& results) {
  std::vector<Pane> panes;
  for (const Collected& result : results) panes.push_back(pane_of(result));
  return panes;
}
std::vector<std::string> texts(const std::vector<Pane>& panes) {
  std::vector<std::string> lines;
  for (const Pane& pane : panes) lines.push_back(pane.text());
  return lines;
}

using GapOf = std::function<Duration(const Event&)>;

struct SessionsModel {
  std::vector<Pane> panes;
  std::vector<std::string> late;

  SessionsModel(const std::vector<Event>& records, const WindowSetup& rules, const GapOf& gap) : setup{rules} {
    MarkModel marks{setup.watermarks, setup.step};
    for (const Event& event : within_time(records)) {
      if (!add(event, gap(event))) {
        late.push_back(late_text(event.value, saturating_distance(mark, event.at)));
      }
      marks.see(event);
      advance(marks.mark());
    }
    advance(kTimestampMax);
  }

 private:
  struct Session {
    Timestamp start;
    Timestamp end;
    std::vector<std::int64_t> values{};
    std::int64_t fired = 0;
    std::uint64_t fresh = 0;
    bool closed = false;
  };
  bool add(const Event& event, Duration gap) {
    auto& all = sessions[event.key];
    // The session of a record at the beginning of time ends within time.
    Session whole{event.at, event.at == kTimestampMin ? event.at + gap : saturating_add(event.at, gap)};
    const Timestamp until = whole.end;
    const auto joins = [&](const Session& s) {
      return s.start <= until && s.end >= event.at && saturating_add(s.end, setup.lateness) > mark;
    };
    for (const Session& s : all) {
      if (!joins(s)) continue;
      whole.start = std::min(whole.start, s.start);
      whole.end = std::max(whole.end, s.end);
      whole.values.insert(whole.values.end(), s.values.begin(), s.values.end());
      whole.fired = std::max(whole.fired, s.fired);
      whole.fresh += s.fresh;
    }
    if (saturating_add(until, setup.lateness) <= mark) return false;
    std::erase_if(all, joins);
    whole.values.push_back(event.value);
    ++whole.fresh;
    whole.closed = whole.end <= mark;
    if (whole.closed) {
      fire(event.key, whole, PaneTiming::late);
    } else if (setup.early_every > 0 && whole.fresh >= setup.early_every) {
      fire(event.key, whole, PaneTiming::early);
    }
    all.push_back(whole);
    return true;
  }
  void advance(Timestamp to) {
    if (to <= mark) return;
    const Duration each = setup.early_event;
    const Timestamp multiple = each.count() > 0 ? saturating_add(floor_to(mark, each), each) : kTimestampMax;
    if (each.count() > 0 && multiple <= to) {
      complete(multiple);
      for (auto& [key, all] : sessions) {
        for (Session& s : all) {
          if (!s.closed && s.fresh > 0) fire(key, s, PaneTiming::early);
        }
      }
    }
    complete(to);
    mark = to;
  }
  void complete(Timestamp until) {
    for (auto& [key, all] : sessions) {
      for (Session& s : all) {
        if (s.closed || s.end > until) continue;
        s.closed = true;
        if (s.fresh > 0 || !setup.discarding) fire(key, s, PaneTiming::on_time);
      }
    }
  }
  void fire(std::int64_t key, Session& s, PaneTiming timing) {
    Pane pane{key, s.start, s.end, s.fired++, timing, s.values};
    std::sort(pane.values.begin(), pane.values.end());
    panes.push_back(std::move(pane));
    s.fresh = 0;
    if (setup.discarding) s.values.clear();
  }

  const WindowSetup& setup;
  std::map<std::int64_t, std::vector<Session>> sessions;
  Timestamp mark = kTimestampMin;
};

/// Which records are late, whatever the interleaving: by the marks of their own splits and their own gaps.
std::vector<std::string> late_of_splits(const Splits& splits, const WindowSetup& setup, const GapOf& gap,
                                        std::vector<std::int64_t>& taken) {
  std::vector<std::string> late;
  for (const auto& split : splits) {
    MarkModel marks{setup.watermarks, setup.step};
    for (const Event& event : split) {
      if (saturating_add(event.at, gap(event) + setup.lateness) <= marks.mark()) {
        late.push_back(late_text(event.value, saturating_distance(marks.mark(), event.at)));
      } else {
        taken.push_back(event.value);
      }
      marks.see(event);
    }
  }
  return late;
}

template <class Window>
void compare_sessions(const Splits& splits, const Execution& execution, const Window& window, const GapOf& gap,
                      const WindowSetup& setup) {
  auto results = memory::sink<Collected>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"sessions"};
  Trigger trigger;
  if (setup.early_every > 0) trigger = trigger.early_every(setup.early_every);
  if (setup.early_event.count() > 0) trigger = trigger.early_interval_event(setup.early_event);
  auto windows = flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.05 : 0.002})
                     .event_time(&Event::at, setup.watermarks.strategy())
                     .key_by(&Event::key)
                     .window(window)
                     .allowed_lateness(setup.lateness)
                     .trigger(trigger);
  if (setup.discarding) windows = windows.discarding();
  auto collected = windows.aggregate(collect(&Event::value));
  collected.to(results);
  collected.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  ASSERT_EQ(flow.graph().watermark_step(), setup.step);
  execution.run(flow);
  if (::testing::Test::HasFailure()) return;

  std::vector<std::string> late_lines;
  for (const Late<Event>& each : late.records()) late_lines.push_back(late_text(each.record.value, each.late_by));
  if (splits.size() > 1) {
    std::vector<std::int64_t> taken;
    expect_same_set("late records", late_of_splits(splits, setup, gap, taken), late_lines);
    // Which sessions a late record finds depends on the interleaving, but it counts in one.
    std::vector<std::int64_t> seen;
    for (const Collected& result : results.records()) {
      seen.insert(seen.end(), result.value.begin(), result.value.end());
    }
    std::sort(seen.begin(), seen.end());
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    std::sort(taken.begin(), taken.end());
    EXPECT_EQ(seen, taken);
    if (setup.has_late) return;
  }
  std::vector<Event> merged;
  for (const auto& split : splits) merged.insert(merged.end(), split.begin(), split.end());
  // Where no record is behind its split's watermark every session is complete when it fires, as if time had gone
  // straight.
  if (splits.size() > 1) {
    std::stable_sort(merged.begin(), merged.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  }
  const SessionsModel model{merged, setup, gap};
  expect_same_set("sessions", texts(model.panes), texts(panes_of(results.records())));
  expect_same_set("late records", model.late, late_lines);
}

void test_Sessions(Random& random, const Execution& execution) {
  const std::size_t count = random.chance(0.6) ? 1 : 2 + random.below(4);
  StreamShape shape = in_milliseconds(random_shape(random, count));
  shape.ends_of_time = count == 1 && random.chance(0.15);
  WindowSetup setup;
  Duration fixed{random.between(1, 200'000)};
  if (random.chance(0.5)) setup.lateness = Duration{random.between(1, 400'000)};
  if (count == 1) {
    setup.discarding = random.chance(0.25);
    if (random.chance(0.25)) setup.early_every = 1 + random.below(4);
    if (random.chance(0.2)) setup.early_event = Duration{random.between(1, 300'000)};
  } else {
    // A record that comes exactly when a session ends joins it or not, depending on how the splits interleave.
    setup.has_late = random.chance(0.5);
    shape.late = setup.has_late ? 0.2 : 0;
    shape.grain = Duration{10};
    shape.bound = shape.bound / 10 * 10;
    fixed = fixed / 10 * 10 + 5us;
  }
  setup.watermarks = random_watermarks(random, shape.bound, count == 1 || setup.has_late);
  setup.step = Duration{std::gcd(std::int64_t{1000}, setup.lateness.count())};
  Splits splits = random_stream(random, shape);
  for (auto& split : splits) {
    for (Event& event : split) event.gap = event.gap * 1000 + 5us;
  }
  if (random.chance(0.5)) {
    compare_sessions(splits, execution, session(fixed), [=](const Event&) { return fixed; }, setup);
  } else {
    compare_sessions(splits, execution, session(&Event::gap), [](const Event& e) { return e.gap; }, setup);
  }
}
MILLSTREAM_MODEL_TEST(Sessions)

void test_CountWindows(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, 1);
  const std::vector<Event> records = random_stream(random, shape).front();
  const std::uint64_t slide = 1 + random.below(9);
  const std::uint64_t size = random.chance(0.4) ? slide : slide + random.below(30);
  auto results = memory::sink<Collected>();
  Dataflow flow{"counts"};
  flow.from(EventSource{{records}, execution.seed})
      .event_time(&Event::at, bounded_disorder(shape.bound))
      .key_by(&Event::key)
      .window(count_window(size, slide))
      .aggregate(collect(&Event::value))
      .to(results);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);

  std::map<std::int64_t, std::vector<Event>> of_key;
  std::vector<Pane> expected;
  const auto fire = [&](std::int64_t key, std::uint64_t end, PaneTiming timing) {
    const std::vector<Event>& all = of_key[key];
    Pane pane{key, kTimestampMax, kTimestampMin, static_cast<std::int64_t>((end - 1) / slide), timing, {}};
    for (std::size_t i = end > size ? end - size : 0; i < std::min<std::size_t>(end, all.size()); ++i) {
      pane.start = std::min(pane.start, all[i].at);
      pane.end = std::max(pane.end, all[i].at + 1us);
      pane.values.push_back(all[i].value);
    }
    std::sort(pane.values.begin(), pane.values.end());
    expected.push_back(std::move(pane));
  };
  for (const Event& event : records) {
    auto& all = of_key[event.key];
    all.push_back(event);
    if (all.size() % slide == 0) fire(event.key, all.size(), PaneTiming::on_time);
  }
  for (auto& [key, all] : of_key) {
    if (all.size() % slide != 0) fire(key, (all.size() / slide + 1) * slide, PaneTiming::early);
  }
  expect_same("count windows", by_key(expected), by_key(panes_of(results.records())));
}
MILLSTREAM_MODEL_TEST(CountWindows)

void test_GlobalWindows(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, random.chance(0.7) ? 1 : 3);
  const Splits splits = random_stream(random, shape);
  WindowSetup setup;
  setup.watermarks = random_watermarks(random, shape.bound);
  setup.step = 1ms;
  setup.discarding = random.chance(0.5);
  setup.early_every = 1 + random.below(6);
  setup.windows_of = [](Timestamp) { return std::vector<WindowTime>{{kTimestampMin, kTimestampMax}}; };
  auto results = memory::sink<Collected>();
  Dataflow flow{"global"};
  auto windows = flow.from(EventSource{splits, execution.seed})
                     .event_time(&Event::at, setup.watermarks.strategy())
                     .key_by(&Event::key)
                     .window(global_window())
                     .trigger(count_trigger(setup.early_every));
  if (setup.discarding) windows = windows.discarding();
  windows.aggregate(collect(&Event::value)).to(results);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  const std::vector<Pane> panes = panes_of(results.records());
  expect_sound_panes(panes);
  if (splits.size() == 1) {
    expect_same("panes", by_key(WindowsModel::of(splits.front(), setup).panes), by_key(panes));
  } else {
    expect_same("final panes", finals_of(WindowsModel::finals(splits, setup).panes, false),
                finals_of(panes, setup.discarding));
  }
}
MILLSTREAM_MODEL_TEST(GlobalWindows)

}  // namespace
}  // namespace millstream::model
