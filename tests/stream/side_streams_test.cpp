// Streams from side outputs are streams like any other: windows over late records.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

struct Event {
  std::int64_t key = 0;
  Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Event, (), (key, at))

TEST(SideStreams, WindowsOverLateRecords) {
  std::vector<Event> events;
  for (std::int64_t i = 0; i < 100; ++i) events.push_back({1, Timestamp{i * 1s}});
  events.push_back({1, Timestamp{5us}});
  events.push_back({2, Timestamp{6us}});
  using Counted = WindowResult<std::int64_t, std::int64_t>;
  const auto declare = [&](Dataflow& flow, const auto& window, const auto& late_window, memory::Sink<Counted> out) {
    auto counted = flow.from(memory::source(events))
                       .event_time(&Event::at, bounded_disorder(1s))
                       .key_by(&Event::key)
                       .window(window)
                       .aggregate(count());
    counted.to(memory::sink<Counted>());
    counted.side_output(late_records<Event>)
        .key_by([](const Late<Event>& late) { return late.record.key; })
        .window(late_window)
        .allowed_lateness(24h)
        .aggregate(count())
        .to(std::move(out));
  };
  const auto check = [&](const auto& window, const auto& late_window) {
    for (const std::uint32_t shards : {1U, 2U}) {
      auto out = memory::sink<Counted>();
      Dataflow flow{"late"};
      declare(flow, window, late_window, out);
      const JobResult result = run(flow, {.shards = shards});
      ASSERT_TRUE(result.status.ok()) << result.status.to_string();
      std::vector<Counted> results = out.records();
      std::sort(results.begin(), results.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
      ASSERT_EQ(results.size(), 2U);
      for (std::int64_t key = 1; key <= 2; ++key) {
        EXPECT_EQ(results[static_cast<std::size_t>(key - 1)].key, key);
        EXPECT_EQ(results[static_cast<std::size_t>(key - 1)].value, 1);
        EXPECT_LE(results[static_cast<std::size_t>(key - 1)].window_start, Timestamp{6us});
      }
    }
  };
  check(tumbling(10s), tumbling(10s));
  check(sliding(10s, 5s), tumbling(1min));
  check(session(500ms), tumbling(10s));
  check(tumbling(10s), session(1s));
}

}  // namespace
}  // namespace millstream
