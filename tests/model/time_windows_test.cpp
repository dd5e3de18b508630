// Tumbling and sliding windows in event time, with every option, against the plain model: all panes for one split, the
// final ones for several.
#include <gtest/gtest.h>

#include "model/execution.hpp"
#include "model/window_reference.hpp"

namespace millstream::model {
namespace {

// Runs the windows over the stream and compares.
void compare(const Splits& splits, const Execution& execution, const TimeWindow& window, const WindowSetup& setup,
             std::uint64_t seed) {
  auto results = memory::sink<Collected>();
  auto sums = memory::sink<WindowResult<std::int64_t, std::int64_t>>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"windows"};
  // Holding a split back changes when it is read, never what comes out.
  WatermarkStrategy strategy = setup.watermarks.strategy();
  if (seed % 3 == 0) strategy = strategy.align_within(Duration{static_cast<std::int64_t>(seed % 100)});
  const auto keyed = flow.from(EventSource{splits, seed, execution.simulated ? 0.05 : 0.002})
                         .event_time(&Event::at, strategy)
                         .key_by(&Event::key);
  auto windows = keyed.window(window).allowed_lateness(setup.lateness);
  if (setup.discarding) windows = windows.discarding();
  Trigger trigger;
  if (setup.early_every > 0) trigger = trigger.early_every(setup.early_every);
  if (setup.early_event.count() > 0) trigger = trigger.early_interval_event(setup.early_event);
  windows = windows.trigger(trigger);
  auto collected = windows.aggregate(collect(&Event::value)).named("collected");
  collected.to(results);
  collected.side_output(late_records<Event>).to(late);
  windows.aggregate(sum(&Event::value)).named("sums").to(sums);
  SCOPED_TRACE(flow.describe());
  ASSERT_EQ(flow.graph().watermark_step(), setup.step);
  execution.run(flow);
  if (::testing::Test::HasFailure()) return;

  std::vector<Pane> panes;
  for (const Collected& result : results.records()) panes.push_back(pane_of(result));
  std::vector<std::string> late_lines;
  for (const Late<Event>& each : late.records()) late_lines.push_back(late_text(each.record.value, each.late_by));
  expect_sound_panes(panes);
  if (splits.size() == 1) {
    const WindowsModel model = WindowsModel::of(splits.front(), setup);
    expect_same("panes", by_key(model.panes), by_key(panes));
    expect_same_set("late records", model.late, late_lines);
    std::vector<std::string> expected_sums;
    for (const Pane& pane : model.panes) {
      expected_sums.push_back(pane.window() + " " + std::to_string(pane.pane) + " " +
                              std::to_string(std::accumulate(pane.values.begin(), pane.values.end(), std::int64_t{0})));
    }
    std::vector<std::string> actual_sums;
    for (const auto& r : sums.records()) {
      const Pane pane{r.key, r.window_start, r.window_end, r.pane, r.timing, {}};
      actual_sums.push_back(pane.window() + " " + std::to_string(pane.pane) + " " + std::to_string(r.value));
    }
    expect_same_set("sums", expected_sums, actual_sums);
  } else {
    const WindowsModel model = WindowsModel::finals(splits, setup);
    expect_same("final panes", finals_of(model.panes, false), finals_of(panes, setup.discarding));
    expect_same_set("late records", model.late, late_lines);
  }
}

void test_UniformWindows(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, random.chance(0.6) ? 1 : 1 + random.below(5));
  shape.ends_of_time = random.chance(0.15);
  WindowSetup setup;
  Duration slide{random.between(1, 60)};
  Duration size{slide.count() * random.between(1, random.chance(0.2) ? 40 : 5)};
  if (random.chance(0.2)) size += Duration{random.between(0, 10)};
  if (random.chance(0.4)) size = slide = Duration{random.between(1, 300)};
  const Duration offset = random.chance(0.5) ? Duration{0} : Duration{random.between(-200, 200)};
  setup.watermarks = random_watermarks(random, shape.bound);
  if (random.chance(0.6)) setup.lateness = Duration{random.between(1, 400)};
  setup.discarding = random.chance(0.25);
  if (random.chance(0.2)) setup.early_every = 1 + random.below(4);
  if (random.chance(0.15)) setup.early_event = Duration{random.between(1, 300)};
  std::int64_t step = std::gcd(std::gcd(size.count(), slide.count()), std::gcd(offset.count(), setup.lateness.count()));
  if (setup.early_event.count() > 0) step = std::gcd(step, std::int64_t{1000});
  setup.step = Duration{step};
  setup.windows_of = [=](Timestamp at) { return uniform_windows(at, size, slide, offset); };
  compare(random_stream(random, shape), execution, sliding(size, slide).offset(offset), setup, execution.seed);
}
MILLSTREAM_MODEL_TEST(UniformWindows)

// Event time does not look at the wall clock, whatever that does; times may be those of the ends of time.
TEST(UniformWindows, DoNotNoticeTheClock) {
  const std::uint64_t count = seeds().only != 0 ? 1 : 20 * seeds().count;
  for (std::uint64_t i = 0; i < count && !::testing::Test::HasFailure(); ++i) {
    const std::uint64_t seed = seeds().only != 0 ? seeds().only : i + 1;
    SCOPED_TRACE("--seed " + std::to_string(seed));
    Random random{seed, 0x73746f70};
    StreamShape shape = random_shape(random, 1 + random.below(3));
    shape.records = 1 + random.below(60);
    shape.ends_of_time = random.chance(0.3);
    WindowSetup setup;
    setup.watermarks = random_watermarks(random, shape.bound);
    setup.lateness = Duration{random.between(0, 100)};
    const Duration size{random.between(2, 200)};
    setup.step = Duration{std::gcd(size.count(), setup.lateness.count())};
    setup.windows_of = [size](Timestamp at) { return uniform_windows(at, size, size, Duration{0}); };
    const Execution execution{.simulated = true,
                              .seed = seed,
                              .shards = static_cast<std::uint32_t>(1 + random.below(3)),
                              .batch = random.chance(0.5) ? 1U : 7U,
                              .slots = 1 + random.below(3),
                              .jumping_clock = true};
    compare(random_stream(random, shape), execution, tumbling(size), setup, seed);
  }
}

// Berlin in 2001: summer time from 25 March 01:00Z to 28 October 01:00Z.
Duration berlin_offset(Timestamp at) {
  const Timestamp spring = *parse_timestamp("2001-03-25T01:00:00Z");
  const Timestamp autumn = *parse_timestamp("2001-10-28T01:00:00Z");
  return at >= spring && at < autumn ? Duration{2h} : Duration{1h};
}
// The instant at which a local day begins; midnight is never skipped or shown twice.
Timestamp berlin_midnight(std::int64_t day) {
  const Timestamp guess = Timestamp{Duration{24h} * day};
  const Timestamp winter = guess - 1h;
  return berlin_offset(winter) == Duration{1h} ? winter : guess - 2h;
}

void test_BerlinDays(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, random.chance(0.7) ? 1 : 3);
  shape.from = *parse_timestamp(random.chance(0.5) ? "2001-03-22T20:00:00Z" : "2001-10-25T20:00:00Z");
  shape.tick = Duration{std::chrono::minutes{random.between(1, 40)}};
  shape.bound = Duration{std::chrono::minutes{random.between(0, 300)}};
  shape.hole_length = Duration{std::chrono::hours{random.between(1, 60)}};
  shape.records = std::min<std::size_t>(shape.records, 300);
  WindowSetup setup;
  const std::int64_t days = random.between(1, 3);
  setup.watermarks = random_watermarks(random, shape.bound);
  if (random.chance(0.5)) setup.lateness = Duration{std::chrono::hours{random.between(1, 48)}};
  setup.step = 1s;
  setup.windows_of = [days](Timestamp at) {
    std::int64_t day = floor_to(at + berlin_offset(at), 24h).time_since_epoch() / Duration{24h};
    std::vector<WindowTime> all;
    for (std::int64_t first = day - days + 1; first <= day; ++first) {
      all.push_back({berlin_midnight(first), berlin_midnight(first + days)});
    }
    return all;
  };
  compare(random_stream(random, shape), execution, sliding(24h * days, 24h).in_zone("Europe/Berlin"), setup,
          execution.seed);
}
MILLSTREAM_MODEL_TEST(BerlinDays)

}  // namespace
}  // namespace millstream::model
