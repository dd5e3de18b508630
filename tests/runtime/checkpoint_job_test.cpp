// Jobs on threads that keep checkpoints in a real folder: stopped and started again, refused where they cannot go on,
// and what their status says.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>

#include "connectors/temporary_folder.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/checkpointed_jobs.hpp"
#include "runtime/eventually.hpp"

namespace millstream::test {
namespace {

TEST_F(CheckpointedJobs, AStoppedJobGoesOnWhereItWasOnAnyNumberOfShards) {
  constexpr std::uint64_t kCount = 100'000;
  std::vector<Tick> given;
  JobStatus status;
  int runs = 0;
  for (std::uint32_t shards = 1; runs < 100; shards = shards % 4 + 1, ++runs) {
    Sums out = memory::sink<Tick>();
    // Slow as long as it is to be stopped.
    Job job = start(sums_of(kCount, out, "sums", runs < 3 ? 10'000 : 0), Quiet{state(), shards});
    if (runs < 3) {
      ASSERT_FALSE(job.wait_for(50ms));
      job.stop();
    }
    const JobResult result = job.wait();
    ASSERT_TRUE(result.ok()) << result.status.to_string();
    status = job.status();
    for (const Tick& each : out.records()) given.push_back(each);
    if (runs >= 3) break;
  }
  EXPECT_EQ(status.checkpoints_failed, 0U);
  EXPECT_GT(status.checkpoints, 0U);
  EXPECT_GT(status.last_checkpoint, 3U);
  // Stopped in good order, even a sink that takes no part in checkpoints has each record once.
  EXPECT_EQ(given.size(), kCount);
  std::map<std::int64_t, std::int64_t> greatest;
  for (const Tick& each : given) greatest[each.key] = std::max(greatest[each.key], each.value);
  std::map<std::int64_t, std::int64_t> expected;
  for (std::uint64_t i = 0; i < kCount; ++i) expected[static_cast<std::int64_t>(i % 7)] += static_cast<std::int64_t>(i);
  EXPECT_EQ(greatest, expected);

  Sums nothing = memory::sink<Tick>();
  const JobResult again = run(sums_of(kCount, nothing), Quiet{state()});
  EXPECT_TRUE(again.ok()) << again.status.to_string();
  EXPECT_TRUE(nothing.records().empty());
}

TEST_F(CheckpointedJobs, ACheckpointWritesWhatHasChangedAndNowAndThenEverything) {
  // 20,000 keys, then one of seven at a time.
  constexpr std::uint64_t kKeys = 20'000;
  const auto flow_of = [](std::uint64_t count, double rate, const Sums& out) {
    Dataflow flow{"ticks"};
    flow.from(generator::source<Tick>(
                  {.make = [](std::uint64_t i) { return Tick{static_cast<std::int64_t>(i < kKeys ? i : i % 7), 1}; },
                   .count = count,
                   .rate = rate}))
        .named("numbers")
        .key_by(&Tick::key)
        .reduce([](const Tick& sum, const Tick& next) { return Tick{sum.key, sum.value + next.value}; })
        .named("sums")
        .to(out);
    return flow;
  };
  const auto segment_sizes = [&] {
    std::map<std::string, std::uint64_t> sizes;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator{state()}) {
      if (entry.path().extension() != ".segment") continue;
      const auto size = std::filesystem::file_size(entry.path(), gone);
      if (!gone) sizes[entry.path().filename()] = size;
    }
    return sizes;
  };
  for (const std::uint64_t rebase_bytes : {std::uint64_t{1} << 30, std::uint64_t{0}}) {
    std::filesystem::remove_all(state());
    Sums out = memory::sink<Tick>();
    Quiet options{state(), 1};
    options.checkpoint.rebase_bytes = rebase_bytes;
    if (rebase_bytes == 0) options.chunk_bytes = 512;  // the shard waits for the disk, and is woken by it
    Job job = start(flow_of(100'000'000, 50'000, out), options);
    ASSERT_TRUE(test::eventually([&] { return job.status().records_in > kKeys; }));
    const std::uint64_t before = job.status().checkpoints;
    ASSERT_TRUE(test::eventually([&] { return job.status().checkpoints >= before + 4; }));
    const std::map<std::string, std::uint64_t> sizes = segment_sizes();
    job.stop();
    ASSERT_TRUE(job.wait().ok());
    ASSERT_FALSE(sizes.empty());
    // The newest one may not be finished; the one before has all its bytes.
    const std::uint64_t newest = sizes.size() > 1 ? std::next(sizes.rbegin())->second : sizes.rbegin()->second;
    if (rebase_bytes > 0) {
      EXPECT_GT(sizes.size(), 3U);  // the whole one, or what came before it was whole, and all changes
      EXPECT_LT(newest, kKeys);     // bytes; not one for each key
    }
    // Whatever it was made of, all of it is there.
    const std::uint64_t count = job.status().records_in + 1000;
    Sums rest = memory::sink<Tick>();
    Quiet on_three{state(), 3};
    on_three.chunk_bytes = options.chunk_bytes;
    const JobResult again = run(flow_of(count, 0, rest), on_three);
    ASSERT_TRUE(again.ok()) << again.status.to_string();
    std::vector<Tick> all = out.records();
    for (const Tick& each : rest.records()) all.push_back(each);
    EXPECT_EQ(all.size(), count);
    std::map<std::int64_t, std::int64_t> greatest;
    for (const Tick& each : all) greatest[each.key] = std::max(greatest[each.key], each.value);
    std::int64_t sum = 0;
    for (const auto& [key, value] : greatest) sum += value;
    EXPECT_EQ(sum, static_cast<std::int64_t>(count));
  }
}

TEST_F(CheckpointedJobs, OneAtATimeHasTheFolder) {
  Sums out = memory::sink<Tick>();
  Job first = start(sums_of(1'000'000, out, "sums", 100), Quiet{state()});
  Sums other = memory::sink<Tick>();
  const JobResult second = run(sums_of(10, other), Quiet{state()});
  EXPECT_EQ(second.status.code(), ErrorCode::kUnavailable);
  EXPECT_NE(second.status.message().find("state_dir '" + state() + "'"), std::string::npos)
      << second.status.to_string();
  first.cancel();
  EXPECT_EQ(first.wait().state, JobState::kCancelled);
  // Whoever has waited for its end has the folder, though the Job is still there.
  Job third = start(sums_of(1'000'000, other, "sums", 100), Quiet{state()});
  EXPECT_FALSE(third.wait_for(20ms)) << third.wait().status.to_string();
}

TEST_F(CheckpointedJobs, AnotherGraphIsRefusedWithWhatDiffers) {
  const auto leave_state = [&] {
    Sums out = memory::sink<Tick>();
    Job job = start(sums_of(100'000, out, "sums", 1000), Quiet{state()});
    EXPECT_TRUE(test::under_way(job));
    job.stop();
    EXPECT_TRUE(job.wait().ok());
  };
  leave_state();
  const auto refusal = [&](const Dataflow& flow) {
    const JobResult result = run(flow, Quiet{state()});
    EXPECT_EQ(result.state, JobState::kFailed);
    return result.status.to_string();
  };
  Sums out = memory::sink<Tick>();
  EXPECT_NE(refusal(sums_of(100'000, out, "renamed")).find("state of the stage 'sums' (reduce)"), std::string::npos)
      << refusal(sums_of(100'000, out, "renamed"));

  Dataflow other_type{"ticks"};
  other_type.from(generator::source<Tick>({.make = [](std::uint64_t) { return Tick{}; }, .count = 10, .rate = 0}))
      .named("numbers")
      .map([](const Tick& tick) { return std::pair<std::int64_t, std::string>{tick.key, "text"}; })
      .key_by([](const auto& pair) { return pair.first; })
      .reduce([](const auto&, const auto& next) { return next; })
      .named("sums")
      .to(memory::sink<std::pair<std::int64_t, std::string>>());
  const std::string text = refusal(other_type);
  EXPECT_NE(text.find("~ value: struct{key: i64, value: i64} -> tuple<i64, string> (needs a migrate)"),
            std::string::npos)
      << text;

  Dataflow other_job{"another"};
  other_job.from(memory::source(std::vector<Tick>(3))).to(out);
  EXPECT_NE(refusal(other_job).find("is of the job \"ticks\", not of \"another\""), std::string::npos)
      << refusal(other_job);

  Quiet wrong{state()};
  wrong.checkpoint.retained = 0;
  wrong.checkpoint.interval = -1s;
  const JobResult result = run(sums_of(10, out), wrong);
  EXPECT_NE(result.status.message().find("retained is 0"), std::string::npos) << result.status.message();
  EXPECT_NE(result.status.message().find("time of .checkpoint is negative"), std::string::npos);
}

TEST_F(CheckpointedJobs, DamageHaltsTheJobAndChangesNothing) {
  Sums out = memory::sink<Tick>();
  Job job = start(sums_of(100'000, out, "sums", 1000), Quiet{state()});
  EXPECT_TRUE(test::under_way(job));
  job.stop();
  ASSERT_TRUE(job.wait().ok());
  const std::vector<std::string> files = folder_.files();
  const auto segment =
      std::find_if(files.begin(), files.end(), [](const auto& name) { return name.ends_with(".segment"); });
  ASSERT_NE(segment, files.end());
  std::string bytes = testing::TemporaryFolder::read(folder_ / *segment);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  folder_.write(*segment, bytes);
  for (int times = 0; times < 2; ++times) {
    const JobResult result = run(sums_of(100'000, out, "sums"), Quiet{state()});
    EXPECT_EQ(result.status.code(), ErrorCode::kInvalidData);
    EXPECT_NE(result.status.message().find("is not here or not intact"), std::string::npos) << result.status.message();
    EXPECT_NE(result.status.message().find("nothing was changed"), std::string::npos) << result.status.message();
    EXPECT_EQ(folder_.files(), files);
  }
}

TEST_F(CheckpointedJobs, SoManyCheckpointsAreKept) {
  for (const std::size_t retained : {1U, 3U}) {
    std::filesystem::remove_all(state());
    Sums out = memory::sink<Tick>();
    Quiet options{state()};
    options.checkpoint.retained = retained;
    Job job = start(sums_of(1'000'000, out, "sums", 10'000), options);
    ASSERT_TRUE(test::eventually([&] { return job.status().checkpoints > 5; }));
    job.stop();
    ASSERT_TRUE(job.wait().ok());
    const std::vector<std::string> files = folder_.files();
    EXPECT_EQ(std::count_if(files.begin(), files.end(), [](const auto& name) { return name.ends_with(".manifest"); }),
              static_cast<std::ptrdiff_t>(retained));
    // The older ones are whole, too.
    const Result<std::unique_ptr<LocalCheckpointStore>> store =
        LocalCheckpointStore::open(posix_file_system(), state(), LocalCheckpointStore::Access::kRead);
    ASSERT_TRUE(store);
    const Result<std::vector<std::uint64_t>> ids = (*store)->list();
    ASSERT_TRUE(ids);
    for (const std::uint64_t id : *ids) {
      const Result<Manifest> manifest = (*store)->manifest(id);
      ASSERT_TRUE(manifest);
      EXPECT_TRUE((*store)->verify(*manifest).ok());
    }
  }
}

TEST_F(CheckpointedJobs, BetweenTwoCheckpointsIsThePause) {
  Sums out = memory::sink<Tick>();
  Quiet options{state()};
  options.checkpoint.interval = 1ms;
  options.checkpoint.min_pause = 100ms;
  const auto began = std::chrono::steady_clock::now();
  Job job = start(sums_of(1'000'000, out, "sums", 10'000), options);
  ASSERT_TRUE(test::eventually([&] { return job.status().checkpoints >= 4; }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
  job.cancel();
  static_cast<void>(job.wait());
}

TEST_F(CheckpointedJobs, OneFailureMoreThanIsToleratedEndsTheJobAndKeepsWhatWasCommitted) {
  testing::MemoryFileSystem files;
  Quiet options{"state"};
  options.file_system = &files;
  options.checkpoint.tolerated_failures = 3;
  Sums out = memory::sink<Tick>();
  Job job = start(sums_of(1'000'000, out, "sums", 10'000), options);
  ASSERT_TRUE(test::eventually([&] { return job.status().checkpoints > 1; }));
  files.set_capacity(0);
  const JobResult result = job.wait();
  EXPECT_EQ(result.status.code(), ErrorCode::kIo);
  EXPECT_NE(result.status.message().find("No space left on device"), std::string::npos) << result.status.message();
  EXPECT_NE(result.status.message().find("what was committed before is kept"), std::string::npos);
  EXPECT_EQ(job.status().checkpoints_failed, 4U);
  files.set_capacity(std::uint64_t{1} << 30);
  options.log = [](LogLevel, std::string_view) {};
  Job second = start(sums_of(1'000'000, out, "sums", 10'000), options);
  EXPECT_TRUE(test::under_way(second)) << second.wait().status.to_string();
  EXPECT_GE(second.status().last_checkpoint, job.status().last_checkpoint);
  second.cancel();
  static_cast<void>(second.wait());
}

}  // namespace
}  // namespace millstream::test
