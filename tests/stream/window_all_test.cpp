// Windows over all keys, beside a plain program: whatever the shards, and when the job is stopped and started again.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "millstream/codec/encode.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "millstream/testing/simulator.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

struct Visit {
  std::int64_t user = 0;
  Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Visit, (), (user, at))

std::vector<std::vector<Visit>> visits(std::uint64_t seed) {
  std::vector<std::vector<Visit>> splits(3);
  std::uint64_t state = seed * 2654435761 + 1;
  for (std::size_t split = 0; split < splits.size(); ++split) {
    Timestamp at{};
    for (int i = 0; i < 300; ++i) {
      state = state * 6364136223846793005 + 1442695040888963407;
      at += 1ms * static_cast<std::int64_t>((state >> 40) % 40);
      splits[split].push_back({static_cast<std::int64_t>((state >> 50) % 20), at});
    }
  }
  return splits;
}

using Counted = std::tuple<std::int64_t, std::int64_t>;  // visits and users
using Windows = std::map<Timestamp, Counted>;            // by their end

Windows expected(std::uint64_t seed, Duration size, Duration slide) {
  std::map<Timestamp, std::pair<std::int64_t, std::set<std::int64_t>>> windows;
  for (const std::vector<Visit>& split : visits(seed)) {
    for (const Visit& visit : split) {
      for (Timestamp end = floor_to(visit.at, slide) + slide; end - size <= visit.at; end += slide) {
        ++windows[end].first;
        windows[end].second.insert(visit.user);
      }
    }
  }
  Windows counted;
  for (const auto& [end, window] : windows) {
    counted[end] = {window.first, static_cast<std::int64_t>(window.second.size())};
  }
  return counted;
}

using Result = WindowResult<AllKeys, Counted>;

void expect_results(const memory::Sink<Result>& out, const Windows& wanted, std::uint64_t seed) {
  Windows found;
  for (const Result& result : out.records()) {
    EXPECT_TRUE(found.emplace(result.window_end, result.value).second) << "seed " << seed << ": twice";
  }
  EXPECT_EQ(found, wanted) << "seed " << seed;
}

TEST(WindowAll, HasTheRecordsOfAllKeysOnWhateverShards) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Duration slide{seed % 2 == 0 ? 1s : 500ms};
    Dataflow flow{"all"};
    auto out = memory::sink<Result>();
    flow.from(memory::split_source(visits(seed)))
        .event_time(&Visit::at, monotonic())
        .window_all(sliding(1s, slide))
        .aggregate(all_of(count(), count_distinct(&Visit::user)))
        .to(out);
    const auto done =
        testing::Simulator{{.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3), .batch = 16}}.run(flow);
    ASSERT_TRUE(done.ok()) << done.status.to_string();
    expect_results(out, expected(seed, 1s, slide), seed);
  }
}

TEST(WindowAll, GoesOnFromACheckpoint) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    ManualClock disk_clock;
    testing::MemoryFileSystem disk{disk_clock};
    Dataflow flow{"all"};
    auto out = memory::sink<Result>();
    flow.from(memory::split_source(visits(seed)))
        .event_time(&Visit::at, monotonic())
        .window_all(tumbling(1s))
        .aggregate(all_of(count(), count_distinct(&Visit::user)))
        .to(out);
    for (const bool stops : {true, false}) {
      testing::SimulatorOptions options{
          .seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3), .batch = 16, .file_system = &disk};
      options.state_dir = "state";
      options.before_step = [&](testing::Simulation& simulation) {
        if (stops && simulation.status().records_in >= 200 + 20 * seed) simulation.stop();
      };
      const auto done = testing::Simulator{options}.run(flow);
      ASSERT_TRUE(done.ok()) << done.status.to_string();
    }
    expect_results(out, expected(seed, 1s, 1s), seed);
  }
}

TEST(WindowAll, ResultIsWrittenAsJson) {
  std::string json;
  encode_json(Result{{}, {3, 2}, Timestamp{}, Timestamp{1s}}, json);
  EXPECT_EQ(json, R"({"key":{},"value":[3,2],"window_start":"1970-01-01T00:00:00Z",)"
                  R"("window_end":"1970-01-01T00:00:01Z","pane":0,"timing":"on_time"})");
}

}  // namespace
}  // namespace millstream
