// Running reduce and aggregate and a custom keyed operator against plain models: every result for one split, the last
// of each key for several.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "model/event_stream.hpp"
#include "model/execution.hpp"
#include "model/watermarks.hpp"

namespace millstream::model {
namespace {

Splits stream_of(Random& random, std::size_t splits) {
  StreamShape shape = random_shape(random, splits);
  if (random.chance(0.2)) shape.keys = 2'000;
  return random_stream(random, shape);
}
std::string line(std::int64_t key, const std::string& what) { return std::to_string(key) + ": " + what; }

// Lines of a key keep their order; the keys come one after the other.
std::vector<std::string> by_key(std::vector<std::pair<std::int64_t, std::string>> given) {
  std::stable_sort(given.begin(), given.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> lines;
  for (const auto& [key, what] : given) lines.push_back(line(key, what));
  return lines;
}
std::vector<std::string> last_by_key(const std::vector<std::pair<std::int64_t, std::string>>& given) {
  std::map<std::int64_t, std::pair<std::string, int>> last;
  for (const auto& [key, what] : given) {
    last[key].first = what;
    ++last[key].second;
  }
  std::vector<std::string> lines;
  for (const auto& [key, what] : last) lines.push_back(line(key, what.first + " of " + std::to_string(what.second)));
  return lines;
}
void compare(const Splits& splits, const std::vector<std::pair<std::int64_t, std::string>>& expected,
             const std::vector<std::pair<std::int64_t, std::string>>& actual) {
  if (splits.size() == 1) {
    expect_same("results", by_key(expected), by_key(actual));
  } else {
    expect_same("last results", last_by_key(expected), last_by_key(actual));
  }
}

void test_Reduce(Random& random, const Execution& execution) {
  const Splits splits = stream_of(random, random.chance(0.6) ? 1 : 4);
  auto results = memory::sink<Event>();
  Dataflow flow{"reduce"};
  flow.from(EventSource{splits, execution.seed})
      .key_by([](const Event& e) { return std::to_string(e.key); })
      .reduce([](const Event& so_far, const Event& next) {
        return Event{next.key, so_far.value + next.value, std::max(so_far.at, next.at), next.gap};
      })
      .to(results);
  execution.run(flow);
  const auto text = [](const Event& e) {
    return std::to_string(e.value) + " at " + std::to_string(e.at.time_since_epoch().count());
  };
  std::vector<std::pair<std::int64_t, std::string>> expected;
  std::map<std::int64_t, Event> so_far;
  for (const auto& split : splits) {
    for (const Event& event : split) {
      auto [it, first] = so_far.try_emplace(event.key, event);
      if (!first) it->second = {event.key, it->second.value + event.value, std::max(it->second.at, event.at), {}};
      expected.emplace_back(event.key, text(it->second));
    }
  }
  std::vector<std::pair<std::int64_t, std::string>> actual;
  for (const Event& event : results.records()) actual.emplace_back(event.key, text(event));
  compare(splits, expected, actual);
}
MILLSTREAM_MODEL_TEST(Reduce)

void test_RunningAggregate(Random& random, const Execution& execution) {
  const Splits splits = stream_of(random, random.chance(0.6) ? 1 : 4);
  auto results = memory::sink<KeyedResult<std::int64_t, std::tuple<std::int64_t, std::int64_t, Timestamp>>>();
  Dataflow flow{"aggregate"};
  flow.from(EventSource{splits, execution.seed})
      .key_by(&Event::key)
      .aggregate(all_of(count(), sum(&Event::value), max(&Event::at)))
      .to(results);
  execution.run(flow);
  const auto text = [](std::int64_t n, std::int64_t total, Timestamp latest) {
    return std::to_string(n) + " " + std::to_string(total) + " " + std::to_string(latest.time_since_epoch().count());
  };
  struct Total {
    std::int64_t count = 0;
    std::int64_t sum = 0;
    Timestamp latest = kTimestampMin;
  };
  std::vector<std::pair<std::int64_t, std::string>> expected;
  std::map<std::int64_t, Total> totals;
  for (const auto& split : splits) {
    for (const Event& event : split) {
      Total& total = totals[event.key];
      total = {total.count + 1, total.sum + event.value, std::max(total.latest, event.at)};
      expected.emplace_back(event.key, text(total.count, total.sum, total.latest));
    }
  }
  std::vector<std::pair<std::int64_t, std::string>> actual;
  for (const auto& [key, value] : results.records()) {
    actual.emplace_back(key, text(std::get<0>(value), std::get<1>(value), std::get<2>(value)));
  }
  compare(splits, expected, actual);
}
MILLSTREAM_MODEL_TEST(RunningAggregate)

// Counts the records of a key; 50 us of event time behind the first record of a run it says how many there were.
struct CountRuns {
  ValueState<std::int64_t> seen;
  void open(OperatorContext& context) { seen = context.value_state<std::int64_t>("seen"); }
  void process(const Event& event, Collector<Event>&, OperatorContext& context) {
    if (seen.value_or(0) == 0) context.timers().register_event_time(event.at + 50us);
    seen.set(seen.value_or(0) + 1);
  }
  void on_timer(const Timer& timer, Collector<Event>& out, OperatorContext& context) {
    out.emit(Event{context.key<std::int64_t>(), seen.value_or(0), timer.time, {}});
    seen.clear();
  }
};

void test_Process(Random& random, const Execution& execution) {
  const StreamShape shape = random_shape(random, 1);
  const std::vector<Event> records = random_stream(random, shape).front();
  const Watermarks watermarks = random_watermarks(random, shape.bound);
  auto results = memory::sink<Event>();
  Dataflow flow{"process"};
  flow.from(EventSource{{records}, execution.seed})
      .event_time(&Event::at, watermarks.strategy())
      .key_by(&Event::key)
      .process(CountRuns{})
      .to(results);
  execution.run(flow);
  struct Run {
    std::int64_t count = 0;
    Timestamp due{};
  };
  std::vector<std::pair<std::int64_t, std::string>> expected;
  std::map<std::int64_t, Run> runs;
  Timestamp mark = kTimestampMin;
  MarkModel marks{watermarks, 1ms};
  const auto advance = [&](Timestamp to) {
    if (to <= mark) return;
    mark = to;
    for (auto& [key, run] : runs) {
      if (run.count == 0 || run.due > to) continue;
      expected.emplace_back(key,
                            std::to_string(run.count) + " at " + std::to_string(run.due.time_since_epoch().count()));
      run = {};
    }
  };
  for (const Event& event : records) {
    Run& run = runs[event.key];
    if (run.count++ == 0) run.due = event.at + 50us;
    marks.see(event);
    advance(marks.mark());
  }
  advance(kTimestampMax);
  std::vector<std::pair<std::int64_t, std::string>> actual;
  for (const Event& event : results.records()) {
    actual.emplace_back(event.key,
                        std::to_string(event.value) + " at " + std::to_string(event.at.time_since_epoch().count()));
  }
  expect_same("runs", by_key(expected), by_key(actual));
}
MILLSTREAM_MODEL_TEST(Process)

}  // namespace
}  // namespace millstream::model
