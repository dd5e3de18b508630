// A keyed operator that uses everything, against a plain single-threaded model, for several batch sizes and numbers of
// shards, and across a save and load to another number of shards.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/operators/process.hpp"
#include "millstream/testing/stage_driver.hpp"

namespace millstream {
namespace {

using testing::StageDriver;

struct Event {
  std::string key;
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Event, (), (key, value))

struct Report {
  std::string key;
  std::string what;
  std::int64_t number = 0;
  friend bool operator==(const Report&, const Report&) = default;
};
BOOST_DESCRIBE_STRUCT(Report, (), (key, what, number))

const OutputTag<Report> elevens{"elevens"};

Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }

/// The same logic for the operator and for the model, over what each of them has for state, timers and outputs.
template <class World>
void on_event(World& w, const Event& event, Timestamp time) {
  const std::int64_t count = w.count() + 1;
  w.set_count(count);
  if (event.value % 5 == 0) w.clear_count();
  w.add(event.value);
  if (w.list().size() > 3) {
    w.emit({event.key, "list", std::accumulate(w.list().begin(), w.list().end(), std::int64_t{0})});
    w.set_list({event.value, 1});
  }
  w.add_to_map(event.value % 3, event.value);
  if (event.value % 13 == 0) w.erase_from_map(0);
  const Timestamp due = saturating_add(time, Duration{event.value % 50 - 10});
  if (event.value % 4 == 0) {
    w.cancel(w.last_due(), "a");
  } else {
    w.add_timer(due, event.value % 7 == 0 ? "b" : "a");
    w.set_last_due(due);
  }
  if (event.value % 11 == 0) w.emit_side({event.key, "eleven", event.value});
}

template <class World>
void on_timer_of(World& w, const std::string& key, Timestamp time, const std::string& name) {
  w.emit({key, "timer " + name + " " + std::to_string(time.time_since_epoch().count()), w.count()});
  w.emit({key, "map", w.map_sum()});
  if (name == "b") {
    w.clear_map();
  } else if (w.count() % 3 == 1) {
    w.add_timer(saturating_add(time, Duration{13}), "b");
  }
}

struct Everything {
  ValueState<std::int64_t> count_state;
  ValueState<Timestamp> due_state;
  ListState<std::int64_t> list_state;
  MapState<std::int64_t, std::int64_t> map_state;
  OperatorContext* context = nullptr;

  void open(OperatorContext& c) {
    context = &c;
    count_state = c.value_state<std::int64_t>("count");
    due_state = c.value_state<Timestamp>("due");
    list_state = c.list_state<std::int64_t>("list");
    map_state = c.map_state<std::int64_t, std::int64_t>("map");
  }
  void process(const Event& event, Collector<Report>& out) {
    World world{*this, out};
    on_event(world, event, context->timestamp());
  }
  void on_timer(const Timer& timer, Collector<Report>& out) {
    World world{*this, out};
    on_timer_of(world, context->key<std::string>(), timer.time, std::string{timer.name});
  }

  struct World {
    Everything& op;
    Collector<Report>& out;
    std::int64_t count() { return op.count_state.value_or(0); }
    void set_count(std::int64_t n) { op.count_state.set(n); }
    void clear_count() { op.count_state.clear(); }
    void add(std::int64_t v) { op.list_state.add(v); }
    const std::vector<std::int64_t>& list() { return op.list_state.get(); }
    void set_list(std::vector<std::int64_t> v) { op.list_state.set(std::move(v)); }
    void add_to_map(std::int64_t k, std::int64_t v) {
      op.map_state.update(k, [v](std::int64_t& sum) { sum += v; });
    }
    void erase_from_map(std::int64_t k) { op.map_state.erase(k); }
    std::int64_t map_sum() {
      std::int64_t sum = 0;
      op.map_state.for_each([&](std::int64_t k, std::int64_t v) { sum = sum * 3 + k + v; });
      return sum;
    }
    void clear_map() { op.map_state.clear(); }
    Timestamp last_due() { return op.due_state.value_or(at(0)); }
    void set_last_due(Timestamp t) { op.due_state.set(t); }
    void add_timer(Timestamp t, const std::string& name) { op.context->timers().register_event_time(t, name); }
    void cancel(Timestamp t, const std::string& name) { op.context->timers().cancel_event_time(t, name); }
    void emit(Report report) { out.emit(std::move(report)); }
    void emit_side(Report report) { op.context->emit(elevens, std::move(report)); }
  };
};

struct Seen {
  Report report;
  Timestamp time;
  Timestamp watermark;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::string text(const Seen& seen) {
  return seen.report.key + " " + seen.report.what + " " + std::to_string(seen.report.number) + " at " +
         std::to_string(seen.time.time_since_epoch().count()) + " behind " +
         std::to_string(seen.watermark.time_since_epoch().count());
}

/// The first difference in words: the whole sequences would be a book.
void expect_same(const std::vector<Seen>& actual, const std::vector<Seen>& expected) {
  for (std::size_t i = 0; i < std::min(actual.size(), expected.size()); ++i) {
    ASSERT_EQ(text(actual[i]), text(expected[i])) << "result " << i;
  }
  ASSERT_EQ(actual.size(), expected.size());
}

struct Model {
  struct Key {
    std::optional<std::int64_t> count;
    std::optional<Timestamp> due;
    std::vector<std::int64_t> list;
    std::map<std::int64_t, std::int64_t> map;
  };
  // time, group, registration, key, name
  std::set<std::tuple<Timestamp, std::uint32_t, std::uint64_t, std::string, std::string>> timers;
  std::map<std::string, Key> keys;
  std::uint64_t registrations = 0;
  Timestamp watermark = kTimestampMin;
  std::vector<Seen> main;
  std::vector<Seen> side;

  struct World {
    Model& m;
    std::string key;
    Timestamp time;
    Key& k() { return m.keys[key]; }
    std::int64_t count() { return k().count.value_or(0); }
    void set_count(std::int64_t n) { k().count = n; }
    void clear_count() { k().count.reset(); }
    void add(std::int64_t v) { k().list.push_back(v); }
    const std::vector<std::int64_t>& list() { return k().list; }
    void set_list(std::vector<std::int64_t> v) { k().list = std::move(v); }
    void add_to_map(std::int64_t i, std::int64_t v) { k().map[i] += v; }
    void erase_from_map(std::int64_t i) { k().map.erase(i); }
    std::int64_t map_sum() {
      std::int64_t sum = 0;
      for (const auto& [i, v] : k().map) sum = sum * 3 + i + v;
      return sum;
    }
    void clear_map() { k().map.clear(); }
    Timestamp last_due() { return k().due.value_or(at(0)); }
    void set_last_due(Timestamp t) { k().due = t; }
    auto find(Timestamp t, const std::string& name) {
      return std::find_if(m.timers.begin(), m.timers.end(), [&](const auto& timer) {
        return std::get<0>(timer) == t && std::get<3>(timer) == key && std::get<4>(timer) == name;
      });
    }
    void add_timer(Timestamp t, const std::string& name) {
      if (find(t, name) == m.timers.end()) {
        m.timers.emplace(t, key_group_of(hash_key(key)), m.registrations++, key, name);
      }
    }
    void cancel(Timestamp t, const std::string& name) {
      if (const auto found = find(t, name); found != m.timers.end()) m.timers.erase(found);
    }
    void emit(Report report) { m.main.push_back({std::move(report), time, m.watermark}); }
    void emit_side(Report report) { m.side.push_back({std::move(report), time, m.watermark}); }
  };

  void push(const Event& event, Timestamp time) {
    World world{*this, event.key, time};
    on_event(world, event, time);
  }
  void advance(Timestamp to) {
    if (to <= watermark) return;
    while (!timers.empty() && std::get<0>(*timers.begin()) <= to) {
      const auto timer = *timers.begin();
      timers.erase(timers.begin());
      World world{*this, std::get<3>(timer), std::get<0>(timer)};
      on_timer_of(world, std::get<3>(timer), std::get<0>(timer), std::get<4>(timer));
    }
    watermark = to;
  }
};

/// A record, or a mark.
struct Step {
  std::optional<Event> event;
  Timestamp time;
};

std::vector<Step> random_stream(std::uint64_t seed) {
  Random random{seed};
  std::vector<Step> steps;
  // Two marks at one place are the later one.
  const auto mark = [&](Timestamp time) {
    if (!steps.empty() && !steps.back().event) steps.pop_back();
    steps.push_back({std::nullopt, time});
  };
  std::int64_t now = -500;
  const std::int64_t keys = random.between(1, 60);
  for (int i = 0; i < 3000; ++i) {
    if (random.chance(0.05)) {
      now += random.between(0, 40);
      mark(at(now));
    } else {
      std::string key = "key" + std::to_string(random.between(1, keys));
      if (random.chance(0.3)) key += " with more letters than a small string has";
      Timestamp time = at(now + random.between(-30, 60));
      if (random.chance(0.001)) time = saturating_add(kTimestampMin, Duration{20});
      if (random.chance(0.001)) time = saturating_sub(kTimestampMax, Duration{5});
      steps.push_back({Event{std::move(key), random.between(0, 1000)}, time});
    }
  }
  mark(kTimestampMax);
  return steps;
}

Model model_of(const std::vector<Step>& steps) {
  Model model;
  for (const Step& step : steps) {
    if (step.event) {
      model.push(*step.event, step.time);
    } else {
      model.advance(step.time);
    }
  }
  return model;
}

struct Shard {
  StageDriver<Event, Report> driver;
  testing::Recorder<Report>& side;

  Shard(std::uint32_t batch, std::uint32_t shard, std::uint32_t shards)
      : driver{std::make_unique<KeyedProcessStage<std::string, Event, std::string Event::*, Everything>>(
                   Everything{}, &Event::key, std::min(batch, 100U)),
               {.batch_records = batch, .shard = shard, .shards = shards}},
        side{driver.side(elevens)} {
    driver.key_by(&Event::key);
    driver.open();
  }
  void take(const Step& step, std::uint32_t shard, std::uint32_t shards) {
    if (!step.event) {
      driver.watermark(step.time);
    } else if (shard_of(hash_key(step.event->key), shards) == shard) {
      driver.push(*step.event, step.time);
    }
  }
  ProcessStageBase& stage() { return static_cast<ProcessStageBase&>(driver.stage()); }
};

std::vector<Seen> seen(const testing::Recorder<Report>& recorder) {
  std::vector<Seen> all;
  for (const auto& record : recorder.records()) all.push_back({record.value, *record.time, record.at.merged});
  return all;
}

/// By key, without the watermarks: shards keep the order of each key, and where no record of a shard stands between two
/// marks, they are one.
void expect_same_by_key(const std::vector<Seen>& actual, const std::vector<Seen>& expected) {
  const auto sorted = [](std::vector<Seen> all) {
    for (Seen& one : all) one.watermark = at(0);
    std::stable_sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) { return a.report.key < b.report.key; });
    return all;
  };
  expect_same(sorted(actual), sorted(expected));
}

class ProcessModel : public ::testing::TestWithParam<std::tuple<std::uint64_t, std::uint32_t>> {};

TEST_P(ProcessModel, OneShardGivesTheVerySequence) {
  const auto [seed, batch] = GetParam();
  const std::vector<Step> steps = random_stream(seed);
  const Model model = model_of(steps);
  Shard shard{batch, 0, 1};
  for (const Step& step : steps) shard.take(step, 0, 1);
  shard.driver.end();
  EXPECT_TRUE(shard.driver.stage().finished());
  expect_same(seen(shard.driver.output()), model.main);
  expect_same(seen(shard.side), model.side);
  EXPECT_GT(model.main.size(), 500U);
}

TEST_P(ProcessModel, ShardsGiveTheSameForEachKey) {
  const auto [seed, batch] = GetParam();
  const std::vector<Step> steps = random_stream(seed);
  const Model model = model_of(steps);
  for (const std::uint32_t shards : {2U, 4U, 8U}) {
    std::vector<Seen> main;
    std::vector<Seen> side;
    for (std::uint32_t i = 0; i < shards; ++i) {
      Shard shard{batch, i, shards};
      for (const Step& step : steps) shard.take(step, i, shards);
      shard.driver.end();
      for (const Seen& one : seen(shard.driver.output())) main.push_back(one);
      for (const Seen& one : seen(shard.side)) side.push_back(one);
    }
    expect_same_by_key(main, model.main);
    expect_same_by_key(side, model.side);
  }
}

TEST_P(ProcessModel, StateMovesToAnotherNumberOfShards) {
  const auto [seed, batch] = GetParam();
  const std::vector<Step> steps = random_stream(seed);
  const std::size_t half = steps.size() / 2;
  const Model model = model_of(steps);
  constexpr std::uint32_t kBefore = 2;
  constexpr std::uint32_t kAfter = 3;
  std::vector<Seen> main;
  std::vector<testing::RecordedSnapshot> saved;  // from each old shard
  for (std::uint32_t i = 0; i < kBefore; ++i) {
    Shard shard{batch, i, kBefore};
    for (std::size_t s = 0; s < half; ++s) {
      shard.take(steps[s], i, kBefore);
      if (s % 17 == 0) static_cast<void>(shard.driver.barrier());
    }
    saved.push_back(shard.driver.barrier());
    for (const Seen& one : seen(shard.driver.output())) main.push_back(one);
  }
  for (std::uint32_t j = 0; j < kAfter; ++j) {
    Shard shard{batch, j, kAfter};
    ASSERT_TRUE(shard.driver.restore(saved).ok());
    for (std::size_t s = half; s < steps.size(); ++s) shard.take(steps[s], j, kAfter);
    shard.driver.end();
    for (const Seen& one : seen(shard.driver.output())) main.push_back(one);
  }
  expect_same_by_key(main, model.main);
}

INSTANTIATE_TEST_SUITE_P(Streams, ProcessModel,
                         ::testing::Combine(::testing::Range<std::uint64_t>(1, 6), ::testing::Values(1U, 7U, 1024U)));

}  // namespace
}  // namespace millstream
