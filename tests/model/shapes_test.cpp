// Dataflows of other shapes than a line: chains without keys, a diamond, merged sources, a broadcast, branches, and
// windows over the results of windows.
#include <gtest/gtest.h>

#include <map>

#include "model/execution.hpp"
#include "model/window_reference.hpp"

namespace millstream::model {
namespace {

std::string text(const Event& e) { return std::to_string(e.key) + "/" + std::to_string(e.value); }
std::vector<std::string> texts(const std::vector<Event>& events) {
  std::vector<std::string> lines;
  for (const Event& event : events) lines.push_back(text(event));
  return lines;
}
std::vector<Pane> panes_of(const std::vector<Collected>& results) {
  std::vector<Pane> panes;
  for (const Collected& result : results) panes.push_back(pane_of(result));
  return panes;
}
std::vector<std::string> late_texts(const std::vector<Late<Event>>& late) {
  std::vector<std::string> lines;
  for (const Late<Event>& each : late) lines.push_back(late_text(each.record.value, each.late_by));
  return lines;
}
bool is_even(const Event& e) { return e.value % 2 == 0; }
Event shifted(const Event& e) { return {e.key, e.value + 100'000, e.at, e.gap}; }

// Tumbling windows of 50 us with 100 us of lateness behind whatever comes before them.
struct TumblingSetup {
  WindowSetup setup;
  explicit TumblingSetup(const Watermarks& watermarks) {
    setup.watermarks = watermarks;
    setup.step = 50us;
    setup.lateness = 100us;
    setup.windows_of = [](Timestamp at) { return uniform_windows(at, 50us, 50us, 0us); };
  }
};

void test_Chain(Random& random, const Execution& execution) {
  const Splits splits = random_stream(random, random_shape(random, 1 + random.below(4)));
  const bool rebalanced = random.chance(0.4);
  auto results = memory::sink<Event>();
  auto looked_at = std::make_shared<std::atomic<std::size_t>>(0);
  Dataflow flow{"chain"};
  auto stream = flow.from(EventSource{splits, execution.seed});
  if (rebalanced) stream = stream.rebalance();
  stream.map([](const Event& e) { return Event{e.key + 1, e.value, e.at, e.gap}; })
      .filter([](const Event& e) { return e.value % 3 != 0; })
      .peek([looked_at](const Event&) { ++*looked_at; })
      .flat_map<Event>([](const Event& e, Collector<Event>& out) {
        for (std::int64_t i = 0; i < e.value % 5; ++i) out.emit({e.key, e.value * 10 + i, e.at, e.gap});
      })
      .to(results);
  execution.run(flow);
  std::vector<std::vector<std::string>> expected;
  std::size_t kept = 0;
  for (const auto& split : splits) {
    expected.emplace_back();
    for (const Event& e : split) {
      if (e.value % 3 == 0) continue;
      ++kept;
      for (std::int64_t i = 0; i < e.value % 5; ++i) {
        expected.back().push_back(text({e.key + 1, e.value * 10 + i, {}, {}}));
      }
    }
  }
  EXPECT_EQ(looked_at->load(), kept);
  std::vector<std::string> all;
  for (const auto& lines : expected) all.insert(all.end(), lines.begin(), lines.end());
  const std::vector<std::string> actual = texts(results.records());
  expect_same_set("records", all, actual);
  if (rebalanced || ::testing::Test::HasFailure()) return;
  // The records of a split stay in their order.
  std::map<std::string, std::size_t> split_of;
  for (std::size_t s = 0; s < expected.size(); ++s) {
    for (const std::string& each : expected[s]) split_of[each] = s;
  }
  std::vector<std::vector<std::string>> came(splits.size());
  for (const std::string& each : actual) came[split_of[each]].push_back(each);
  for (std::size_t s = 0; s < splits.size(); ++s) expect_same("order of a split", expected[s], came[s]);
}
MILLSTREAM_MODEL_TEST(Chain)

// One source, two ways, one merge: every even record twice.
void test_Diamond(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, 1 + random.below(3));
  const Splits splits = random_stream(random, shape);
  const TumblingSetup tumbling_setup{random_watermarks(random, shape.bound)};
  auto results = memory::sink<Collected>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"diamond"};
  const auto events = flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.05 : 0})
                          .event_time(&Event::at, tumbling_setup.setup.watermarks.strategy());
  const bool across = random.chance(0.5);
  auto left = events.map(shifted);
  if (across) left = left.rebalance();
  auto windows = left.merge(events.filter(is_even))
                     .key_by(&Event::key)
                     .window(tumbling(50us))
                     .allowed_lateness(100us)
                     .aggregate(collect(&Event::value));
  windows.to(results);
  windows.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  // A split of the model for each way of each split: lateness is by the split, not by the way.
  WindowsModel model = WindowsModel::finals(splits, tumbling_setup.setup);
  std::vector<std::string> expected_late;
  for (auto& pane : model.panes) {
    std::vector<std::int64_t> both;
    for (const std::int64_t value : pane.values) {
      both.push_back(value + 100'000);
      if (value % 2 == 0) both.push_back(value);
    }
    std::sort(both.begin(), both.end());
    pane.values = both;
  }
  for (const std::string& each : model.late) {
    const std::int64_t value = std::stoll(each);
    const std::string rest = each.substr(each.find(' '));
    expected_late.push_back(std::to_string(value + 100'000) + rest);
    if (value % 2 == 0) expected_late.push_back(each);
  }
  expect_same_set("final panes", finals_of(model.panes, false), finals_of(panes_of(results.records()), false));
  expect_same_set("late records", expected_late, late_texts(late.records()));
}
MILLSTREAM_MODEL_TEST(Diamond)

void test_MergedSources(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, 1 + random.below(3));
  StreamShape other_shape = random_shape(random, 1 + random.below(2));
  other_shape.bound = shape.bound;
  const Splits splits = random_stream(random, shape);
  Splits others = random_stream(random, other_shape);
  for (auto& split : others) {
    for (Event& event : split) event.value += 50'000;
  }
  const TumblingSetup tumbling_setup{random_watermarks(random, shape.bound)};
  auto results = memory::sink<Collected>();
  auto late = memory::sink<Late<Event>>();
  Dataflow flow{"merged"};
  const auto strategy = tumbling_setup.setup.watermarks.strategy();
  const auto first = flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.05 : 0})
                         .named("first")
                         .event_time(&Event::at, strategy);
  const auto second =
      flow.from(EventSource{others, execution.seed + 1}).named("second").event_time(&Event::at, strategy);
  auto windows = first.merge(second)
                     .key_by(&Event::key)
                     .window(tumbling(50us))
                     .allowed_lateness(100us)
                     .aggregate(collect(&Event::value));
  windows.to(results);
  windows.side_output(late_records<Event>).to(late);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  Splits all = splits;
  all.insert(all.end(), others.begin(), others.end());
  const WindowsModel model = WindowsModel::finals(all, tumbling_setup.setup);
  expect_same("final panes", finals_of(model.panes, false), finals_of(panes_of(results.records()), false));
  expect_same_set("late records", model.late, late_texts(late.records()));
}
MILLSTREAM_MODEL_TEST(MergedSources)

// Every record reaches every shard, where it is counted under a key that only this copy has.
void test_Broadcast(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, 1 + random.below(3));
  const Splits splits = random_stream(random, shape);
  const TumblingSetup tumbling_setup{random_watermarks(random, shape.bound)};
  auto results = memory::sink<Collected>();
  auto everywhere = memory::sink<Event>();
  Dataflow flow{"broadcast"};
  const auto all = flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.05 : 0})
                       .event_time(&Event::at, tumbling_setup.setup.watermarks.strategy())
                       .broadcast();
  all.to(everywhere);
  all.key_by(&Event::key).window(tumbling(50us)).allowed_lateness(100us).aggregate(collect(&Event::value)).to(results);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  std::vector<std::string> expected;
  for (const auto& split : splits) {
    for (const Event& event : split) expected.insert(expected.end(), execution.shards, text(event));
  }
  expect_same_set("copies", expected, texts(everywhere.records()));
  WindowsModel model = WindowsModel::finals(splits, tumbling_setup.setup);
  for (Pane& pane : model.panes) {
    std::vector<std::int64_t> copies;
    for (const std::int64_t value : pane.values) copies.insert(copies.end(), execution.shards, value);
    pane.values = copies;
  }
  expect_same("final panes", finals_of(model.panes, false), finals_of(panes_of(results.records()), false));
}
MILLSTREAM_MODEL_TEST(Broadcast)

void test_SplitBranches(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, random.chance(0.6) ? 1 : 3);
  const Splits splits = random_stream(random, shape);
  const TumblingSetup tumbling_setup{random_watermarks(random, shape.bound)};
  auto thirds = memory::sink<Collected>();
  auto fifths = memory::sink<Event>();
  auto rest = memory::sink<Collected>();
  Dataflow flow{"split"};
  const auto parts = flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.05 : 0})
                         .event_time(&Event::at, tumbling_setup.setup.watermarks.strategy())
                         .split({{"thirds", [](const Event& e) { return e.value % 3 == 0; }},
                                 {"fifths", [](const Event& e) { return e.value % 5 == 0; }}});
  const auto count_up = [](const Stream<Event>& stream, const std::string& name) {
    return stream.key_by(&Event::key)
        .window(tumbling(50us))
        .allowed_lateness(100us)
        .aggregate(collect(&Event::value))
        .named(name);
  };
  count_up(parts.branch("thirds"), "count thirds").to(thirds);
  parts.branch("fifths").to(fifths);
  count_up(parts.rest(), "count rest").to(rest);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  std::vector<std::string> expected_fifths;
  for (const auto& split : splits) {
    for (const Event& event : split) {
      if (event.value % 5 == 0 && event.value % 3 != 0) expected_fifths.push_back(text(event));
    }
  }
  expect_same_set("fifths", expected_fifths, texts(fifths.records()));
  // Marks stand where the whole stream crosses them; a branch has those of its records' places.
  const auto compare = [&](const char* what, const memory::Sink<Collected>& sink, const auto& belongs) {
    WindowsModel model = WindowsModel::finals(splits, tumbling_setup.setup);
    for (Pane& pane : model.panes) std::erase_if(pane.values, [&](std::int64_t v) { return !belongs(v); });
    std::erase_if(model.panes, [](const Pane& pane) { return pane.values.empty(); });
    expect_same(what, finals_of(model.panes, false), finals_of(panes_of(sink.records()), false));
  };
  compare("thirds", thirds, [](std::int64_t v) { return v % 3 == 0; });
  compare("rest", rest, [](std::int64_t v) { return v % 3 != 0 && v % 5 != 0; });
}
MILLSTREAM_MODEL_TEST(SplitBranches)

// Sums of windows, then the greatest sum of larger windows: results of a window are records with an event time.
void test_WindowsOfWindows(Random& random, const Execution& execution) {
  StreamShape shape = random_shape(random, 1 + random.below(4));
  const Splits splits = random_stream(random, shape);
  WindowSetup setup;
  setup.watermarks = random_watermarks(random, shape.bound);
  setup.step = 50us;
  setup.windows_of = [](Timestamp at) { return uniform_windows(at, 50us, 50us, 0us); };
  using Sum = WindowResult<std::int64_t, std::int64_t>;
  auto results = memory::sink<WindowResult<std::int64_t, std::vector<std::int64_t>>>();
  Dataflow flow{"windows of windows"};
  flow.from(EventSource{splits, execution.seed, execution.simulated ? 0.05 : 0})
      .event_time(&Event::at, setup.watermarks.strategy())
      .key_by(&Event::key)
      .window(tumbling(50us))
      .aggregate(sum(&Event::value))
      .key_by([](const Sum& s) { return s.key % 3; })
      .window(tumbling(200us))
      .aggregate(collect(&Sum::value))
      .to(results);
  SCOPED_TRACE(flow.describe());
  execution.run(flow);
  std::map<std::pair<std::int64_t, Timestamp>, std::vector<std::int64_t>> sums;
  for (const Pane& pane : WindowsModel::finals(splits, setup).panes) {
    const std::int64_t sum = std::accumulate(pane.values.begin(), pane.values.end(), std::int64_t{0});
    sums[{pane.key % 3, floor_to(pane.start, 200us)}].push_back(sum);
  }
  std::vector<Pane> expected;
  for (auto& [cell, values] : sums) {
    std::sort(values.begin(), values.end());
    expected.push_back({cell.first, cell.second, cell.second + 200us, 0, PaneTiming::on_time, values});
  }
  std::vector<std::string> lines;
  for (const Pane& pane : expected) lines.push_back(pane.text());
  std::vector<std::string> actual;
  for (const Pane& pane : panes_of(results.records())) actual.push_back(pane.text());
  expect_same_set("sums of sums", lines, actual);
}
MILLSTREAM_MODEL_TEST(WindowsOfWindows)

}  // namespace
}  // namespace millstream::model
