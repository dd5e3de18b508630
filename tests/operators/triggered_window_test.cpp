// TriggeredWindowStage against a plain model: one loop, one map, no batches.
#include "millstream/operators/triggered_window.hpp"

#include <gtest/gtest.h>

#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

struct Case {
  Duration size{0};
  Duration slide{0};
  Duration offset{0};
  WindowOptions options{};
};

ModelOutput model(const std::vector<Input>& inputs, const Case& setup, bool drain) {
  struct Cell {
    Values values;
    std::int64_t fired = 0;
    std::uint64_t fresh = 0;
  };
  struct Window {
    WindowTime time;
    std::vector<std::pair<std::int64_t, Cell>> keys;  // in the order in which they came
    bool closed = false;
  };
  using Wide = __int128;
  const auto clamp = [](Wide v) { return at(static_cast<std::int64_t>(std::clamp<Wide>(v, INT64_MIN, INT64_MAX))); };
  ModelOutput out;
  std::map<Wide, Window> windows;  // by start
  Timestamp merged = kTimestampMin;
  const WindowOptions& o = setup.options;

  const auto emit = [&](Window& w, std::int64_t key, Cell& cell, PaneTiming timing) {
    out.given.push_back({{key, cell.values, w.time.start, w.time.end, cell.fired++, timing},
                         saturating_sub(w.time.end, 1us),
                         {merged, merged}});
    cell.fresh = 0;
    if (o.discarding) cell.values.clear();
  };
  const auto advance = [&](Timestamp to) {
    if (to <= merged) return;
    const auto close = [&](Timestamp until) {
      for (auto& [start, w] : windows) {
        if (w.closed || w.time.end > until) continue;
        for (auto& [key, cell] : w.keys) {
          if (!o.discarding || cell.fresh > 0) emit(w, key, cell, PaneTiming::on_time);
        }
        w.closed = true;
      }
    };
    const Duration d = o.trigger.early_interval_event();
    const Timestamp multiple = d > 0us ? saturating_add(floor_to(merged, d), d) : kTimestampMax;
    if (d > 0us && multiple <= to) {
      close(multiple);
      for (auto& [start, w] : windows) {
        if (w.closed) continue;
        for (auto& [key, cell] : w.keys) {
          if (cell.fresh > 0) emit(w, key, cell, PaneTiming::early);
        }
      }
    }
    close(to);
    std::erase_if(windows, [&](const auto& w) { return saturating_add(w.second.time.end, o.allowed_lateness) <= to; });
    merged = to;
  };
  for (const Input& in : inputs) {
    advance(in.before.merged);
    const Timestamp effective = o.late_by_merged ? merged : std::max(in.before.split, merged);
    const Wide t = in.time.time_since_epoch().count();
    const Wide slide = setup.slide.count();
    Wide last = (t - setup.offset.count()) / slide * slide + setup.offset.count();
    if (last > t) last -= slide;
    bool taken = false;
    std::vector<Wide> starts;
    for (Wide start = last; start + setup.size.count() > t; start -= slide) starts.insert(starts.begin(), start);
    for (const Wide start : starts) {
      const WindowTime time{clamp(start), clamp(start + setup.size.count())};
      if (saturating_add(time.end, o.allowed_lateness) <= effective) continue;
      taken = true;
      Window& w = windows.try_emplace(start, Window{time, {}, time.end <= merged}).first->second;
      auto found = std::find_if(w.keys.begin(), w.keys.end(), [&](const auto& k) { return k.first == in.event.key; });
      if (found == w.keys.end()) found = w.keys.insert(w.keys.end(), {in.event.key, {}});
      Cell& cell = found->second;
      cell.values.push_back(in.event.value);
      ++cell.fresh;
      if (w.closed) {
        emit(w, in.event.key, cell, PaneTiming::late);
      } else if (o.trigger.early_records() > 0 && cell.fresh >= o.trigger.early_records()) {
        emit(w, in.event.key, cell, PaneTiming::early);
      }
    }
    if (!taken) {
      out.late.push_back({in.event, saturating_distance(effective, in.time)});
    } else if (in.time < effective) {
      ++out.behind;
    }
  }
  if (drain) advance(kTimestampMax);
  return out;
}

auto collect_values() { return bind_aggregate<Event>(collect(&Event::value)); }
using Key = std::int64_t Event::*;
using Stage = TriggeredWindowStage<std::int64_t, Event, decltype(collect_values()), Key>;
using Driver = testing::StageDriver<Event, Out>;

std::unique_ptr<Stage> make_stage(const Case& setup, std::uint32_t fill) {
  const TimeWindow window = TimeWindow{setup.size, setup.slide}.offset(setup.offset);
  return std::make_unique<Stage>(&Event::key, collect_values(), SliceGrid::make(window).value(), setup.options, fill);
}

// Returns how many records were late, dropped or not.
std::size_t expect_model(const std::vector<Input>& inputs, const Case& setup, bool drain = true) {
  const ModelOutput expected = model(inputs, setup, drain);
  for (const Shape shape : kShapes) {
    SCOPED_TRACE("batch " + std::to_string(shape.batch) + " fill " + std::to_string(shape.fill));
    Driver driver{make_stage(setup, shape.fill), {.batch_records = shape.batch}};
    auto& late = driver.side(late_records<Event>);
    feed(driver, inputs, drain);
    EXPECT_EQ(texts(driver.output().records()), texts(expected.given));
    EXPECT_EQ(texts(late.values()), texts(expected.late));
    EXPECT_EQ(driver.metrics().late.read(), expected.behind);
    EXPECT_EQ(driver.metrics().late_dropped.read(), expected.late.size());
    EXPECT_EQ(driver.metrics().records_out.read(), expected.given.size());
    if (::testing::Test::HasFailure()) break;
  }
  return expected.behind + expected.late.size();
}

std::vector<Case> setups() {
  const auto lateness = [](Duration d) { return WindowOptions{.allowed_lateness = d}; };
  std::vector<Case> all;
  all.push_back({100us, 100us, 0us, lateness(0us)});
  all.push_back({100us, 100us, 30us, lateness(50us)});
  all.push_back({100us, 25us, -15us, lateness(35us)});
  all.push_back({90us, 60us, 0us, lateness(10us)});
  for (Case setup : std::vector<Case>(all)) {
    setup.options.trigger = early_every(3);
    all.push_back(setup);
    setup.options.discarding = true;
    all.push_back(setup);
    setup.options.trigger = early_interval_event(40us);
    setup.options.late_by_merged = true;
    all.push_back(setup);
    setup.options.discarding = false;
    setup.options.trigger = early_interval_event(40us).early_every(2);
    all.push_back(setup);
  }
  return all;
}

TEST(TriggeredWindow, EqualsTheModelOnRandomStreams) {
  std::size_t late = 0;
  for (const Case& setup : setups()) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " size " + std::to_string(setup.size.count()) + " slide " +
                   std::to_string(setup.slide.count()) + setup.options.describe());
      late += expect_model(random_stream({.seed = seed, .splits_differ = seed % 2 == 0}), setup, seed % 3 != 0);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(late, 1000U);  // else the streams prove little
}

TEST(TriggeredWindow, TakesTheEndsOfTime) {
  for (Case setup : setups()) {
    SCOPED_TRACE("size " + std::to_string(setup.size.count()) + " slide " + std::to_string(setup.slide.count()) +
                 setup.options.describe());
    expect_model(extreme_stream(), setup);
    setup.options.allowed_lateness = Duration::max();
    expect_model(extreme_stream(), setup);
    if (HasFailure()) return;
  }
}

TEST(TriggeredWindow, AFiringWaitsForRoomAndTheInputBehindIt) {
  Driver driver{make_stage({100us, 100us, 0us, {.trigger = early_every(1000)}}, 4), {.batch_records = 1024}};
  driver.key_by(&Event::key);
  driver.open();
  driver.output().set_room(1);
  for (std::int64_t k = 0; k < 40; ++k) driver.push({k, k}, at(k));
  driver.watermark(at(100));
  driver.push({7, 100}, at(105));
  driver.drain();
  EXPECT_FALSE(driver.stage().ready());
  EXPECT_EQ(driver.stage().step(), Progress::kBlocked);
  for (std::size_t batches = 1; batches <= 10; ++batches) {
    EXPECT_EQ(driver.output().records().size(), 4 * batches);
    EXPECT_EQ(driver.output().watermark(), kTimestampMin);
    driver.output().set_room(1);
    driver.run();
  }
  driver.output().set_room({});
  driver.run();
  EXPECT_EQ(driver.output().records().size(), 41U);
  EXPECT_EQ(driver.output().watermark(), kTimestampMax);
  EXPECT_TRUE(driver.stage().finished());
}

TEST(TriggeredWindow, EarlyByTheClockGivesOutWhatHasChanged) {
  for (const bool discarding : {false, true}) {
    Driver driver{make_stage({100us, 100us, 0us, {.discarding = discarding, .trigger = early_interval(10ms)}}, 8)};
    driver.key_by(&Event::key);
    driver.open();
    driver.push({1, 10}, at(5));
    driver.push({2, 20}, at(6));
    driver.flush();
    EXPECT_EQ(driver.stage().deadline(), at(10'000));
    driver.advance(9ms);
    EXPECT_TRUE(driver.output().records().empty());
    driver.advance(1ms);
    EXPECT_EQ(driver.output().records().size(), 2U);
    EXPECT_EQ(driver.stage().deadline(), kTimestampMax);
    driver.push({1, 11}, at(7));
    driver.flush();
    driver.advance(20ms);
    ASSERT_EQ(driver.output().records().size(), 3U);
    const Out early = driver.output().values()[2];
    EXPECT_EQ(early.value, discarding ? Values{11} : (Values{10, 11}));
    EXPECT_EQ(early.pane, 1);
    EXPECT_EQ(early.timing, PaneTiming::early);
    driver.drain();
    EXPECT_EQ(driver.output().records().size(), discarding ? 3U : 5U);
  }
}

TEST(TriggeredWindow, SilenceClosesAndWhatComesLaterIsLate) {
  for (const Duration lateness : {0us, 50us}) {
    Driver driver{make_stage({100us, 100us, 0us, {.allowed_lateness = lateness, .close_after = 1s}}, 8)};
    driver.key_by(&Event::key);
    auto& late = driver.side(late_records<Event>);
    driver.open();
    driver.push({1, 10}, at(5));
    driver.watermark(at(6));
    driver.flush();
    driver.advance(999ms);
    EXPECT_TRUE(driver.output().records().empty());
    driver.advance(1ms);
    ASSERT_EQ(driver.output().records().size(), 1U);
    EXPECT_EQ(driver.output().values()[0].timing, PaneTiming::on_time);
    EXPECT_EQ(driver.output().watermark(), at(100));
    driver.push({1, 11}, at(7));
    driver.drain();
    if (lateness == 0us) {
      EXPECT_EQ(late.records().size(), 1U);
      EXPECT_EQ(driver.output().records().size(), 1U);
    } else {
      ASSERT_EQ(driver.output().records().size(), 2U);
      EXPECT_EQ(driver.output().values()[1].timing, PaneTiming::late);
      EXPECT_EQ(driver.output().values()[1].value, (Values{10, 11}));
    }
  }
}

// A record may be in many windows, and results that own memory fill a batch long before they are many.
TEST(TriggeredWindow, NoMoreThanABatchOfLargeResultsWaits) {
  struct Large {
    std::int64_t create() const { return 0; }
    void add(std::int64_t& n, const Event&) const { ++n; }
    void merge(std::int64_t& n, const std::int64_t& m) const { n += m; }
    std::string result(const std::int64_t&) const { return std::string(2000, 'x'); }
  };
  using LargeStage = TriggeredWindowStage<std::int64_t, Event, Large, std::int64_t Event::*>;
  testing::StageDriver<Event, WindowResult<std::int64_t, std::string>> driver{std::make_unique<LargeStage>(
      &Event::key, Large{}, *SliceGrid::make(sliding(100us, 10us)), WindowOptions{.trigger = early_every(1)}, 1024U)};
  driver.key_by(&Event::key);
  driver.open();
  for (std::int64_t key = 0; key < 300; ++key) driver.push({key, 1}, at(5000));
  driver.output().set_room(1);
  driver.flush();
  driver.output().set_room(std::nullopt);
  driver.stage().output()->drain();
  EXPECT_LT(driver.output().records().size(), 100U);
  driver.run();
  EXPECT_EQ(driver.output().records().size(), 3000U);
}

// The graph says that what these windows give out has event times only if their input has.
TEST(TriggeredWindow, ByTheClockResultsHaveTimesWhereRecordsHave) {
  for (const bool times : {false, true}) {
    Driver driver{std::make_unique<Stage>(&Event::key, collect_values(), *SliceGrid::make(tumbling(1s)),
                                          WindowOptions{}, 8U, true)};
    driver.key_by(&Event::key);
    driver.open();
    driver.push({1, 10}, times ? std::optional{at(5)} : std::nullopt);
    driver.flush();
    driver.advance(1s);
    ASSERT_EQ(driver.output().records().size(), 1U);
    EXPECT_EQ(driver.output().records()[0].time.has_value(), times);
  }
}

// No watermark ends these windows, so a silence does not either: it brings out what is new.
TEST(TriggeredWindow, SilenceGivesOutWhatIsNewWhereTheWatermarkEndsNothing) {
  for (const bool by_clock : {false, true}) {
    std::optional<SliceGrid> grid;
    if (by_clock) grid = *SliceGrid::make(tumbling(1h));
    Driver driver{
        std::make_unique<Stage>(&Event::key, collect_values(), grid, WindowOptions{.close_after = 1s}, 8U, by_clock)};
    driver.key_by(&Event::key);
    driver.open();
    driver.push({1, 10}, at(5));
    driver.flush();
    driver.advance(1s);
    driver.advance(5s);
    ASSERT_EQ(driver.output().records().size(), 1U);
    EXPECT_EQ(driver.output().values()[0].timing, PaneTiming::early);
    driver.push({1, 11}, at(6));
    driver.drain();
    ASSERT_EQ(driver.output().records().size(), 2U);
    EXPECT_EQ(driver.output().values()[1].value, (Values{10, 11}));
    EXPECT_EQ(driver.output().values()[1].timing, PaneTiming::on_time);
  }
}

TEST(TriggeredWindow, TheGlobalWindowFiresByCountAndAtTheEnd) {
  for (const bool discarding : {false, true}) {
    for (const Shape shape : kShapes) {
      const WindowOptions options{.discarding = discarding, .trigger = count_trigger(3)};
      Driver driver{std::make_unique<Stage>(&Event::key, collect_values(), std::nullopt, options, shape.fill),
                    {.batch_records = shape.batch}};
      driver.key_by(&Event::key);
      driver.open();
      for (std::int64_t n = 0; n < 7; ++n) driver.push({5, n}, at(100 - n));
      driver.drain();
      const std::vector<Out> given = driver.output().values();
      ASSERT_EQ(given.size(), 3U);
      EXPECT_EQ(given[0].value, (Values{0, 1, 2}));
      EXPECT_EQ(given[0].window_start, kTimestampMin);
      EXPECT_EQ(given[0].window_end, kTimestampMax);
      EXPECT_EQ(given[1].value, discarding ? (Values{3, 4, 5}) : (Values{0, 1, 2, 3, 4, 5}));
      EXPECT_EQ(given[1].timing, PaneTiming::early);
      EXPECT_EQ(given[2].value, discarding ? Values{6} : (Values{0, 1, 2, 3, 4, 5, 6}));
      EXPECT_EQ(given[2].pane, 2);
      EXPECT_EQ(given[2].timing, PaneTiming::on_time);
      EXPECT_EQ(driver.output().records()[0].time, at(100));
    }
  }
}

TEST(TriggeredWindow, TheGlobalWindowNeedsNoEventTime) {
  Driver driver{std::make_unique<Stage>(&Event::key, collect_values(), std::nullopt,
                                        WindowOptions{.trigger = count_trigger(2)}, 8)};
  driver.key_by(&Event::key);
  driver.open();
  for (std::int64_t n = 0; n < 4; ++n) driver.push({n % 2, n});
  driver.end();
  ASSERT_EQ(driver.output().records().size(), 2U);
  EXPECT_EQ(driver.output().records()[0].time, std::nullopt);
}

TEST(TriggeredWindow, WindowsByTheClock) {
  const TimeWindow window = sliding(10ms, 5ms).processing_time();
  Driver driver{
      std::make_unique<Stage>(&Event::key, collect_values(), SliceGrid::make(window).value(), WindowOptions{}, 8, true),
      {.now = at(2'000)}};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 1}, at(77));
  driver.flush();
  EXPECT_EQ(driver.stage().deadline(), at(5'000));
  driver.advance(3ms);
  ASSERT_EQ(driver.output().records().size(), 1U);
  EXPECT_EQ(driver.output().values()[0].window_end, at(5'000));
  EXPECT_EQ(driver.output().records()[0].time, at(4'999));
  driver.advance(1ms);
  driver.push({1, 2}, at(12));
  driver.watermark(at(500'000));  // says nothing to these windows, and goes on downstream
  driver.flush();
  EXPECT_EQ(driver.output().records().size(), 1U);
  EXPECT_EQ(driver.output().watermark(), at(500'000));
  driver.advance(4ms);
  ASSERT_EQ(driver.output().records().size(), 2U);
  EXPECT_EQ(driver.output().values()[1].value, (Values{1, 2}));
  EXPECT_EQ(driver.output().values()[1].timing, PaneTiming::on_time);
  driver.drain();
  ASSERT_EQ(driver.output().records().size(), 3U);
  EXPECT_EQ(driver.output().values()[2].value, (Values{2}));
}

}  // namespace
}  // namespace millstream::test
