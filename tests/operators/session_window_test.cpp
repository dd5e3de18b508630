// SessionWindowStage against a plain model that looks at every session for every record.
#include "millstream/operators/session_window.hpp"

#include <gtest/gtest.h>

#include "millstream/window/window.hpp"
#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

struct FixedGap {
  Duration gap;
  Duration operator()(const Event&) const { return gap; }
};
struct OwnGap {
  Duration operator()(const Event& e) const { return Duration{5 + 11 * (e.value % 4)}; }
};

template <class GapOf>
ModelOutput model(const std::vector<Input>& inputs, GapOf gap_of, const WindowOptions& o, bool drain) {
  struct Cell {
    std::int64_t key;
    Timestamp start, end;
    Values values;
    std::int64_t fired = 0;
    std::uint64_t fresh = 0;
    bool closed = false;
  };
  ModelOutput out;
  std::vector<Cell> cells;
  Timestamp merged = kTimestampMin;
  const auto emit = [&](Cell& c, PaneTiming timing) {
    out.given.push_back(
        {{c.key, c.values, c.start, c.end, c.fired++, timing}, saturating_sub(c.end, 1us), {merged, merged}});
    c.fresh = 0;
    if (o.discarding) c.values.clear();
  };
  const auto advance = [&](Timestamp to) {
    if (to <= merged) return;
    std::vector<Cell*> due;
    for (Cell& c : cells) {
      if (!c.closed && c.end <= to) due.push_back(&c);
    }
    std::sort(due.begin(), due.end(), [](const Cell* a, const Cell* b) {
      return std::pair{a->end, hash_key(a->key)} < std::pair{b->end, hash_key(b->key)};
    });
    for (Cell* c : due) {
      if (!o.discarding || c->fresh > 0) emit(*c, PaneTiming::on_time);
      c->closed = true;
    }
    merged = to;
    std::erase_if(cells, [&](const Cell& c) { return saturating_add(c.end, o.allowed_lateness) <= merged; });
  };
  for (const Input& in : inputs) {
    advance(in.before.merged);
    const Timestamp effective = o.late_by_merged ? merged : std::max(in.before.split, merged);
    Cell whole{in.event.key, in.time, saturating_add(in.time, gap_of(in.event)), {}};
    if (in.time == kTimestampMin) whole.end = kTimestampMin + gap_of(in.event);
    const Cell alone = whole;
    std::vector<Cell> joined;
    for (const Cell& c : cells) {
      if (c.key == alone.key && c.start <= alone.end && c.end >= alone.start) joined.push_back(c);
    }
    std::sort(joined.begin(), joined.end(), [](const Cell& a, const Cell& b) { return a.start < b.start; });
    for (const Cell& c : joined) {
      whole.start = std::min(whole.start, c.start);
      whole.end = std::max(whole.end, c.end);
      whole.values.insert(whole.values.end(), c.values.begin(), c.values.end());
      whole.fired = std::max(whole.fired, c.fired);
      whole.fresh += c.fresh;
    }
    if (saturating_add(o.late_by_merged ? whole.end : alone.end, o.allowed_lateness) <= effective) {
      out.late.push_back({in.event, saturating_distance(effective, in.time)});
      continue;
    }
    if (in.time < effective) ++out.behind;
    std::erase_if(cells,
                  [&](const Cell& c) { return c.key == alone.key && c.start <= alone.end && c.end >= alone.start; });
    whole.values.push_back(in.event.value);
    ++whole.fresh;
    whole.closed = whole.end <= merged;
    if (whole.closed) {
      emit(whole, PaneTiming::late);
    } else if (o.trigger.early_records() > 0 && whole.fresh >= o.trigger.early_records()) {
      emit(whole, PaneTiming::early);
    }
    cells.push_back(whole);
  }
  if (drain) advance(kTimestampMax);
  return out;
}

auto collect_values() { return bind_aggregate<Event>(collect(&Event::value)); }
using Key = std::int64_t Event::*;
using Driver = testing::StageDriver<Event, Out>;

template <class Spec>
auto make_stage(Spec spec, const WindowOptions& options, std::uint32_t fill) {
  return std::make_unique<SessionWindowStage<std::int64_t, Event, decltype(collect_values()), Key, Spec>>(
      &Event::key, collect_values(), spec, options, fill);
}

// Returns how many records were late, dropped or not.
template <class GapOf, class Spec>
std::size_t expect_model(const std::vector<Input>& inputs, GapOf gap_of, Spec spec, const WindowOptions& options,
                         bool drain = true) {
  const ModelOutput expected = model(inputs, gap_of, options, drain);
  for (const Shape shape : kShapes) {
    SCOPED_TRACE("batch " + std::to_string(shape.batch) + " fill " + std::to_string(shape.fill));
    Driver driver{make_stage(spec, options, shape.fill), {.batch_records = shape.batch}};
    auto& late = driver.side(late_records<Event>);
    feed(driver, inputs, drain);
    EXPECT_EQ(texts(driver.output().records()), texts(expected.given));
    EXPECT_EQ(texts(late.values()), texts(expected.late));
    EXPECT_EQ(driver.metrics().late.read(), expected.behind);
    EXPECT_EQ(driver.metrics().late_dropped.read(), expected.late.size());
    if (::testing::Test::HasFailure()) break;
  }
  return expected.behind + expected.late.size();
}

std::vector<WindowOptions> all_options() {
  return {{},
          {.allowed_lateness = 40us},
          {.allowed_lateness = 200us, .discarding = true},
          {.allowed_lateness = 25us, .trigger = early_every(3)},
          {.allowed_lateness = 60us, .discarding = true, .trigger = early_every(2), .late_by_merged = true}};
}

TEST(SessionWindow, EqualsTheModelOnRandomStreams) {
  std::size_t late = 0;
  for (const WindowOptions& options : all_options()) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed) + options.describe());
      const auto inputs = random_stream({.seed = seed, .keys = seed % 4 == 0 ? 40 : 3, .splits_differ = seed % 2 == 0});
      const Duration gap{seed % 3 == 0 ? 80 : 20};
      late += expect_model(inputs, FixedGap{gap}, session(gap), options, seed % 5 != 0);
      late += expect_model(inputs, OwnGap{}, session(OwnGap{}), options);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(late, 1000U);  // else the streams prove little
}

TEST(SessionWindow, TakesTheEndsOfTime) {
  for (WindowOptions options : all_options()) {
    for (const Duration gap : {Duration{1}, Duration{30}, Duration::max()}) {
      SCOPED_TRACE("gap " + std::to_string(gap.count()) + options.describe());
      expect_model(extreme_stream(), FixedGap{gap}, SessionWindow{gap}, options);
      options.allowed_lateness = Duration::max();
      expect_model(extreme_stream(), FixedGap{gap}, SessionWindow{gap}, options);
      if (HasFailure()) return;
    }
  }
}

TEST(SessionWindow, TouchingSessionsAreOneAndTheExactEndIsReported) {
  Driver driver{make_stage(session(10us), {}, 8)};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, 1}, at(0));
  driver.push({1, 2}, at(10));
  driver.push({1, 3}, at(21));
  driver.watermark(at(27));  // behind the end of the first
  driver.flush();
  ASSERT_EQ(driver.output().records().size(), 1U);
  EXPECT_EQ(driver.output().values()[0].value, (Values{1, 2}));
  EXPECT_EQ(driver.output().values()[0].window_end, at(20));
  EXPECT_EQ(driver.output().records()[0].time, at(19));
}

TEST(SessionWindow, AKeyThatComesAndGoesLeavesNothingBehind) {
  Driver driver{make_stage(session(10us), {}, 1024)};
  std::vector<Input> inputs;
  for (std::int64_t n = 0; n < 20'000; ++n) inputs.push_back({{n, n}, at(n), {at(n - 1), at(n - 1)}});
  feed(driver, inputs);
  EXPECT_EQ(driver.output().records().size(), 20'000U);
}

// Whether the session of a record has been grown by others does not decide about it.
TEST(SessionWindow, ARecordIsJudgedByItsOwnGap) {
  for (const bool keep : {false, true}) {
    Driver driver{make_stage(session(10us), {.late_by_merged = keep}, 8)};
    driver.key_by(&Event::key);
    auto& late = driver.side(late_records<Event>);
    driver.open();
    for (std::int64_t n = 0; n < 10; ++n) driver.push({1, n}, at(100 + 5 * n));
    driver.watermark(at(130));
    driver.push({1, 10}, at(121));  // its own session would end at 131
    driver.push({1, 11}, at(120));
    driver.drain();
    EXPECT_EQ(late.records().size(), keep ? 0U : 1U);
    ASSERT_EQ(driver.output().records().size(), 1U);
    EXPECT_EQ(driver.output().values()[0].value.size(), keep ? 12U : 11U);
  }
}

TEST(SessionWindow, SilenceClosesAndWhatComesLaterIsLate) {
  Driver driver{make_stage(session(10us), {.close_after = 1s}, 8)};
  driver.key_by(&Event::key);
  auto& late = driver.side(late_records<Event>);
  driver.open();
  driver.push({1, 1}, at(0));
  driver.flush();
  driver.advance(1s);
  ASSERT_EQ(driver.output().records().size(), 1U);
  EXPECT_EQ(driver.output().values()[0].timing, PaneTiming::on_time);
  EXPECT_EQ(driver.output().watermark(), at(10));
  driver.push({1, 2}, at(0));
  driver.push({1, 3}, at(4));  // behind the end, but its own session is not over
  driver.drain();
  EXPECT_EQ(late.records().size(), 1U);
  ASSERT_EQ(driver.output().records().size(), 2U);
  EXPECT_EQ(driver.output().values()[1].value, (Values{3}));
  EXPECT_EQ(driver.output().values()[1].pane, 0);
}

/// A sum that takes no value below -100 and has no result while it is negative.
struct Balance {
  std::int64_t create() const { return 0; }
  void add(std::int64_t& sum, const Event& e) const {
    if (e.value < -100) throw std::runtime_error{"too little"};
    sum += e.value;
  }
  void merge(std::int64_t& sum, const std::int64_t& later) const { sum += later; }
  std::int64_t result(const std::int64_t& sum) const {
    if (sum < 0) throw std::runtime_error{"negative"};
    return sum;
  }
};
using BalanceStage = SessionWindowStage<std::int64_t, Event, Balance, std::int64_t Event::*, SessionWindow>;
using BalanceDriver = testing::StageDriver<Event, WindowResult<std::int64_t, std::int64_t>>;

std::unique_ptr<BalanceStage> balance_stage(const WindowOptions& options) {
  return std::make_unique<BalanceStage>(&Event::key, Balance{}, session(10us), options, 1024U);
}

TEST(SessionWindow, AnEarlyResultThatThrowsDoesNotLoseTheSession) {
  BalanceDriver driver{balance_stage({.trigger = early_every(1)}), {.on_error = OnError::kSkip}};
  driver.key_by(&Event::key);
  driver.open();
  driver.push({1, -1}, at(1));
  driver.push({1, 5}, at(2));
  driver.watermark(at(100));
  driver.end();
  ASSERT_FALSE(driver.output().records().empty());
  EXPECT_EQ(driver.output().values().back().timing, PaneTiming::on_time);
  EXPECT_EQ(driver.output().values().back().value, 4);
}

TEST(SessionWindow, KeysWhoseRecordsAllThrewTakeNoMemory) {
  BalanceDriver driver{balance_stage({}), {.on_error = OnError::kSkip}};
  driver.key_by(&Event::key);
  driver.context().memory = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  driver.open();
  std::size_t held = 0;
  for (std::int64_t round = 0; round < 4; ++round) {
    for (std::int64_t n = 0; n < 20'000; ++n) driver.push({round * 20'000 + n, -101}, at(round * 1000));
    driver.watermark(at(round * 1000 + 900));
    driver.flush();
    if (round == 0) held = driver.context().memory->used_bytes();
  }
  EXPECT_EQ(driver.context().memory->used_bytes(), held);
}

TEST(SessionWindow, EarlyByInterval) {
  for (const bool by_clock : {false, true}) {
    const Trigger trigger = by_clock ? early_interval(1ms) : early_interval_event(100us);
    Driver driver{make_stage(session(1000us), {.trigger = trigger}, 8)};
    driver.key_by(&Event::key);
    driver.open();
    for (std::int64_t k = 0; k < 3; ++k) driver.push({k, k}, at(90 + k));
    driver.watermark(at(100));
    driver.flush();
    if (by_clock) driver.advance(1ms);
    EXPECT_EQ(driver.output().records().size(), 3U);
    driver.push({2, 7}, at(150));
    driver.watermark(at(220));
    driver.flush();
    if (by_clock) driver.advance(1ms);
    ASSERT_EQ(driver.output().records().size(), 4U);
    EXPECT_EQ(driver.output().values()[3].value, (Values{2, 7}));
    EXPECT_EQ(driver.output().values()[3].timing, PaneTiming::early);
  }
}

}  // namespace
}  // namespace millstream::test
