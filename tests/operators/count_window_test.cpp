// CountWindowStage against all records of each key in a vector.
#include "millstream/operators/count_window.hpp"

#include <gtest/gtest.h>

#include "operators/window_model.hpp"

namespace millstream::test {
namespace {

auto collect_values() { return bind_aggregate<Event>(collect(&Event::value)); }
using Key = std::int64_t Event::*;
using Driver = testing::StageDriver<Event, Out>;

std::unique_ptr<OperatorStage> make_stage(CountWindow window, std::uint32_t fill) {
  using Agg = decltype(collect_values());
  if (window.is_tumbling()) {
    return std::make_unique<CountWindowStage<std::int64_t, Event, Agg, Key, false>>(&Event::key, collect_values(),
                                                                                    window, fill);
  }
  return std::make_unique<CountWindowStage<std::int64_t, Event, Agg, Key, true>>(&Event::key, collect_values(), window,
                                                                                 fill);
}

std::vector<Given> model(const std::vector<Input>& inputs, std::size_t size, std::size_t slide, bool drain) {
  std::vector<std::pair<std::int64_t, std::vector<Input>>> keys;
  std::vector<Given> out;
  const auto emit = [&](std::int64_t key, const std::vector<Input>& all, std::size_t window, Timestamp merged) {
    const std::size_t end = (window + 1) * slide;
    Out result{key,
               {},
               kTimestampMax,
               kTimestampMin,
               static_cast<std::int64_t>(window),
               end > all.size() ? PaneTiming::early : PaneTiming::on_time};
    for (std::size_t i = end > size ? end - size : 0; i < std::min(end, all.size()); ++i) {
      result.value.push_back(all[i].event.value);
      result.window_start = std::min(result.window_start, all[i].time);
      result.window_end = std::max(result.window_end, all[i].time);
    }
    const Timestamp time = std::exchange(result.window_end, result.window_end + 1us);
    out.push_back({result, time, {merged, merged}});
  };
  Timestamp merged = kTimestampMin;
  for (const Input& in : inputs) {
    merged = std::max(merged, in.before.merged);
    auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.first == in.event.key; });
    if (found == keys.end()) found = keys.insert(keys.end(), {in.event.key, {}});
    found->second.push_back(in);
    if (found->second.size() % slide == 0) emit(in.event.key, found->second, found->second.size() / slide - 1, merged);
  }
  for (const auto& [key, all] : keys) {
    if (drain && all.size() % slide != 0) emit(key, all, all.size() / slide, merged);
  }
  return out;
}

TEST(CountWindow, EqualsTheModel) {
  const std::pair<std::size_t, std::size_t> windows[] = {{1, 1}, {5, 5}, {4, 1}, {6, 4}, {10, 5}, {7, 3}, {64, 2}};
  for (const auto& [size, slide] : windows) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const auto inputs = random_stream({.seed = seed, .keys = 9});
      const bool drain = seed != 3;
      const auto expected = texts(model(inputs, size, slide, drain));
      for (const Shape shape : kShapes) {
        SCOPED_TRACE("seed " + std::to_string(seed) + " size " + std::to_string(size) + " slide " +
                     std::to_string(slide) + " batch " + std::to_string(shape.batch));
        Driver driver{make_stage(count_window(size, slide), shape.fill), {.batch_records = shape.batch}};
        feed(driver, inputs, drain);
        const auto given = texts(driver.output().records());
        ASSERT_EQ(given.size(), expected.size());
        for (std::size_t i = 0; i < given.size(); ++i) ASSERT_EQ(given[i], expected[i]);
      }
    }
  }
}

}  // namespace
}  // namespace millstream::test
