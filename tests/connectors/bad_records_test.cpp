// Input of which a third is malformed: the results of the good records are exact, and every bad one is counted or is a
// dead letter with its bytes and its place.
#include <gmock/gmock.h>

#include <map>
#include <tuple>

#include "connectors/readings.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/millstream.hpp"

namespace millstream::inline v0 {
namespace {

using namespace std::chrono_literals;
using testing::Reading;

struct Totals {
  std::string sensor;
  Timestamp hour{};
  std::int64_t count = 0;
  std::int64_t sum = 0;
  friend auto operator<=>(const Totals&, const Totals&) = default;
};
BOOST_DESCRIBE_STRUCT(Totals, (), (sensor, hour, count, sum))

/// A bad record: file, line, bytes.
using Bad = std::tuple<std::string, std::uint64_t, std::string>;

/// Files with good and bad records, and what must come out.
struct Input {
  Input(bool csv, std::uint64_t seed) {
    Random random{seed};
    std::map<std::pair<std::string, Timestamp>, std::pair<std::int64_t, std::int64_t>> sums;
    for (const std::string name : csv ? std::vector{"a.csv", "b.csv"} : std::vector{"a.jsonl", "b.jsonl"}) {
      std::string text = csv ? testing::to_csv({}) : "";
      std::size_t counted = 0;  // bytes before which lines were counted
      std::uint64_t line = 1;
      for (const Reading& good : testing::random_readings(random.below(1000), 3000)) {
        while (random.chance(0.3)) {
          for (; counted < text.size(); ++counted) line += text[counted] == '\n' ? 1 : 0;
          const std::string bytes = bad_record(csv, random);
          bad.emplace_back(folder / name, line, bytes);
          text += bytes + "\n";
        }
        if (csv) {
          CsvEncoder<Reading>::row(good, text);
        } else {
          text += testing::to_json_lines({good});
        }
        auto& [count, sum] = sums[{good.sensor, std::chrono::floor<std::chrono::hours>(good.at)}];
        ++count;
        sum += good.value;
      }
      folder.write(name, text);
    }
    for (const auto& [key, value] : sums) totals.push_back({key.first, key.second, value.first, value.second});
    std::sort(bad.begin(), bad.end());
  }

  static std::string bad_record(bool csv, Random& random) {
    static constexpr std::string_view kJson[] = {
        "{\"sensor\":\"s1\",\"value\":1",
        "nonsense",
        "{\"sensor\":\"s1\",\"value\":\"1\",\"at\":\"2001-03-04T00:01:00Z\"}",
        "{\"sensor\":\"s1\",\"at\":\"2001-03-04T00:01:00Z\"}",
        "{\"sensor\":\"s1\",\"value\":1,\"at\":\"2001-03-04T00:01:00Z\"}}",
        "{\"sensor\":\"s1\",\"value\":99999999999999999999,\"at\":\"2001-03-04T00:01:00Z\"}"};
    static constexpr std::string_view kCsv[] = {"s1,1",
                                                "nonsense",
                                                "s1,x,,2001-03-04T00:01:00Z",
                                                "\"s1\"x,1,,2001-03-04T00:01:00Z",
                                                "s1,1,,2001-03-04T00:01:00Z,more",
                                                "s1,99999999999999999999,,2001-03-04T00:01:00Z"};
    return std::string{(csv ? kCsv : kJson)[random.below(6)]};
  }

  testing::TemporaryFolder folder;
  std::vector<Totals> totals;
  std::vector<Bad> bad;
};

class BadRecords : public ::testing::TestWithParam<std::tuple<bool, OnError, std::uint32_t>> {};

TEST_P(BadRecords, LeaveTheResultsOfTheGoodOnesExact) {
  const auto& [csv, policy, shards] = GetParam();
  const Input input{csv, 1};
  ASSERT_GT(input.bad.size(), 2000U);
  auto results = memory::sink<Totals>();
  auto letters = memory::sink<DeadLetter>();
  Dataflow flow{"bad-records"};
  auto readings =
      flow.from(file::source<Reading>({.path = input.folder / (csv ? "*.csv" : "*.jsonl"), .on_bad_record = policy}))
          .named("readings");
  if (policy == OnError::kDeadLetter) readings.side_output(dead_letters).to(letters);
  readings.event_time(&Reading::at, bounded_disorder(24h * 30))
      .key_by(&Reading::sensor)
      .window(tumbling(1h))
      .aggregate(all_of(count(), sum(&Reading::value)))
      .map([](const auto& window) {
        return Totals{window.key, window.window_start, std::get<0>(window.value), std::get<1>(window.value)};
      })
      .to(results);
  const JobResult result = run(flow, {.shards = shards, .log = nullptr});
  ASSERT_TRUE(result.ok()) << result.status.to_string();

  auto totals = results.records();
  std::sort(totals.begin(), totals.end());
  EXPECT_TRUE(totals == input.totals);
  EXPECT_EQ(result.metrics.stage("readings")->skipped, input.bad.size());
  std::vector<Bad> bad;
  for (const DeadLetter& letter : letters.records()) {
    bad.emplace_back(letter.source, letter.line, letter.bytes);
    EXPECT_EQ(letter.stage, "readings");
    EXPECT_FALSE(letter.reason.empty());
  }
  std::sort(bad.begin(), bad.end());
  EXPECT_EQ(bad, policy == OnError::kDeadLetter ? input.bad : std::vector<Bad>{});
}

INSTANTIATE_TEST_SUITE_P(All, BadRecords,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(OnError::kSkip, OnError::kDeadLetter),
                                            ::testing::Values(1, 2)));

TEST(BadHeader, NamesItsFileOnce) {
  testing::TemporaryFolder folder;
  const std::string path = folder.write("a.csv", "sensor,colour\na,red\n");
  Dataflow flow{"bad-header"};
  flow.from(file::source<Reading>({.path = path})).to(memory::sink<Reading>());
  const JobResult result = run(flow, {.shards = 1, .log = nullptr});
  EXPECT_THAT(result.status.message(), ::testing::StartsWith("source 'source', split " + path + ":1: "));
  EXPECT_EQ(result.status.message().find(path), result.status.message().rfind(path));
}

}  // namespace
}  // namespace millstream::inline v0
