// More splits than may be open at once: each is opened when its turn has come and closed at its end, the unread ones
// hold the watermark back, and the results are those of any other order.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

struct OpenCounts {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  std::atomic<int> opened{0};
};

/// Splits of 20 ticks a second of event time apart, all over the same minute.
struct ManySplits {
  std::shared_ptr<OpenCounts> counts;
  std::uint32_t count = 200;
  bool bounded = true;
  std::uint32_t number = 0;
  std::int64_t next = 0;
  std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (std::uint32_t i = 0; i < count; ++i) all.push_back({.id = std::to_string(i), .bounded = bounded});
    return all;
  }
  void open(SplitContext& context) {
    number = context.split_number();
    counts->opened.fetch_add(1);
    counts->most = std::max(counts->most.load(), counts->open.fetch_add(1) + 1);
  }
  Poll poll(SourceOutput<Tick>& out) {
    for (; out.room() > 0 && next < 20; ++next) out.emit(Tick{next, number % 7, Timestamp{next * 3s}});
    return next < 20 ? Poll::more() : Poll::done();
  }
  void close() { counts->open.fetch_sub(1); }
};

using Count = WindowResult<std::int64_t, std::int64_t>;

std::vector<std::pair<std::int64_t, std::int64_t>> counted(const ManySplits& source, const WatermarkStrategy& strategy,
                                                           std::uint64_t seed, std::uint32_t shards) {
  Dataflow flow{"splits"};
  auto out = memory::sink<Count>();
  auto late = memory::sink<Late<Tick>>();
  auto windows =
      flow.from(source).event_time(&Tick::at, strategy).key_by(&Tick::key).window(tumbling(10s)).aggregate(count());
  windows.to(out);
  windows.side_output(late_records<Tick>).to(late);
  const auto result = testing::Simulator{{.seed = seed, .shards = shards, .batch = 4}}.run(flow);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_TRUE(late.records().empty());
  std::vector<std::pair<std::int64_t, std::int64_t>> all;
  for (const Count& c : out.records()) {
    all.emplace_back(c.key * 1000 + c.window_start.time_since_epoch() / 10s, c.value);
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(ManySplits, AFewAreOpenAtOnceAndTheResultsAreTheSame) {
  auto all_open = std::make_shared<OpenCounts>();
  const auto expected = counted({all_open, 200, false}, monotonic(), 1, 1);
  EXPECT_EQ(all_open->most, 200);
  EXPECT_EQ(expected.size(), 42U);
  // Also with alignment: a split that nobody opens before others end must not hold those back.
  for (const WatermarkStrategy& strategy : {monotonic(), monotonic().align_within(5s), monotonic().idle_after(1s),
                                            monotonic().idle_after(1s).align_within(5s)}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const auto shards = static_cast<std::uint32_t>(1 + seed % 3);
      const auto counts = std::make_shared<OpenCounts>();
      EXPECT_EQ(counted({counts}, strategy, seed, shards), expected) << "seed " << seed;
      EXPECT_EQ(counts->opened, 200);
      EXPECT_EQ(counts->open, 0);
      EXPECT_LE(counts->most, static_cast<int>(open_splits_max(shards) * shards));
    }
  }
}

TEST(ManySplits, AStopDoesNotOpenTheRest) {
  const auto counts = std::make_shared<OpenCounts>();
  Dataflow flow{"stopped"};
  flow.from(ManySplits{counts}).to(memory::sink<Tick>());
  testing::SimulatorOptions options;
  options.before_step = [](testing::Simulation& job) {
    if (job.steps() == 40) job.stop();
  };
  const auto result = testing::Simulator{options}.run(flow);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_LT(counts->opened, 200);
  EXPECT_EQ(counts->open, 0);
}

struct Line {
  std::int64_t number = 0;
  std::int64_t key = 0;
};
BOOST_DESCRIBE_STRUCT(Line, (), (number, key))

// More files than descriptors.
TEST(ManySplits, AGlobOfMoreFilesThanMayBeOpen) {
  testing::TemporaryFolder folder;
  constexpr int kFiles = 600;
  for (int i = 0; i < kFiles; ++i) {
    std::ofstream file{folder.path() + "/" + std::to_string(i) + ".jsonl"};
    for (int line = 0; line < 3; ++line) file << "{\"number\":" << i << ",\"key\":" << line << "}\n";
  }
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 256;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  auto out = memory::sink<Line>();
  Dataflow flow{"files"};
  flow.from(file::source<Line>({.path = folder.path() + "/*.jsonl"})).to(out);
  const JobResult result = run(flow, quiet(2));
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(out.records().size(), 3U * kFiles);
}

// As a rotation does while the job has not come to the file yet.
TEST(ManySplits, AFileThatIsGoneWhenItsTurnComesFailsTheJobWithItsName) {
  testing::TemporaryFolder folder;
  constexpr int kFiles = 100;
  for (int i = 0; i < kFiles; ++i) {
    std::ofstream file{folder.path() + "/" + std::to_string(1000 + i) + ".jsonl"};
    file << "{\"number\":" << i << ",\"key\":0}\n";
  }
  const std::string last = folder.path() + "/1099.jsonl";
  auto out = memory::sink<Line>();
  Dataflow flow{"files"};
  flow.from(file::source<Line>({.path = folder.path() + "/*.jsonl"}))
      .peek([last](const Line&) { std::filesystem::remove(last); })
      .to(out);
  const JobResult result = run(flow, quiet(1));
  EXPECT_EQ(result.status.code(), ErrorCode::kNotFound) << result.status.to_string();
  EXPECT_NE(result.status.message().find("1099.jsonl"), std::string::npos) << result.status.to_string();
}

}  // namespace
}  // namespace millstream::test
