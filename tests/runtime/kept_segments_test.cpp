// What becomes of the segments of a checkpoint that fails: the next manifest names them, only a shard whose segment
// could not be written says everything again, and a disk that is full, and the end of a run, get rid of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "millstream/checkpoint/manifest.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/crashing_job.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;
using crashing::Reading;
using crashing::Readings;
using crashing::Row;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kFailing = 3;  // id of the checkpoint that does

std::string in_state(std::uint64_t id, const std::string& rest) {
  const std::string digits = std::to_string(id);
  return "state/" + std::string(20 - digits.size(), '0') + digits + rest;
}

class KeptSegments : public ::testing::Test {
 protected:
  KeptSegments() { files_.write_file("state/readme", "the folder is there"); }

  kit::SimulationResult run(std::function<void(kit::Simulation&)> before_step = nullptr,
                            std::chrono::nanoseconds timeout = 10s) {
    Dataflow flow{"counts"};
    flow.from(Readings{})
        .named("readings")
        .key_by(&Reading::value)
        .aggregate(count())
        .map([](const auto& r) { return Row{r.key, r.value, "count", {}}; })
        .to(file::sink<Row>({.directory = "out"}));
    auto result = kit::Simulator{{.shards = 2,
                                  .chunk_bytes = 100,
                                  .step_time_max = Duration{300},
                                  .before_step =
                                      [&](kit::Simulation& job) {
                                        status_ = job.status();
                                        if (before_step) before_step(job);
                                      },
                                  .file_system = &files_,
                                  .state_dir = "state",
                                  .checkpoint = {.interval = 20ms,
                                                 .timeout = timeout,
                                                 .retained = 100,
                                                 .rebase_bytes = std::uint64_t{1} << 30}}}
                      .run(flow);
    return result;
  }
  /// Ids of the epochs of a shard whose segments the manifest of a checkpoint names.
  std::vector<std::uint64_t> named(std::uint64_t id, std::uint32_t shard) {
    const std::string path = in_state(id, ".manifest");
    const Result<Manifest> manifest = decode_manifest(files_.read_file(path), path);
    EXPECT_TRUE(manifest) << path;
    std::vector<std::uint64_t> epochs;
    if (!manifest) return epochs;
    for (const SegmentHandle& each : manifest->segments) {
      if (each.shard == shard) epochs.push_back(each.epoch.id);
    }
    return epochs;
  }
  std::vector<std::string> segments_of(std::uint64_t id) {
    std::vector<std::string> found;
    for (const std::string& path : files_.files()) {
      if (path.starts_with(in_state(id, "-")) && path.ends_with(".segment")) found.push_back(path);
    }
    return found;
  }
  // Nothing that a retained manifest names has gone.
  void expect_whole() {
    for (const std::string& path : files_.files()) {
      if (!path.ends_with(".manifest")) continue;
      const Result<Manifest> manifest = decode_manifest(files_.read_file(path), path);
      ASSERT_TRUE(manifest);
      for (const SegmentHandle& each : manifest->segments) {
        EXPECT_EQ(files_.read_file("state/" + each.file.name).size(), each.file.size_bytes) << path;
      }
    }
  }

  ManualClock clock_{Timestamp{0s}};
  kit::MemoryFileSystem files_{clock_};
  JobStatus status_;
};

TEST_F(KeptSegments, AreNamedByTheNextManifest) {
  files_.fail_randomly(1, {.any = 1, .under = in_state(kFailing, ".manifest")});
  const auto result = run();
  ASSERT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(status_.checkpoints_failed, 1U);
  for (std::uint32_t shard = 0; shard < 2; ++shard) EXPECT_THAT(named(4, shard), ElementsAre(1, 2, 3, 4));
  expect_whole();
}

TEST_F(KeptSegments, AShardWhoseSegmentIsLostSaysEverythingAgainAndItAlone) {
  for (const kit::DiskFaults& faults : {kit::DiskFaults{.write = 1}, kit::DiskFaults{.sync = 1}}) {
    kit::DiskFaults of_one = faults;
    of_one.under = in_state(kFailing, "-00001.segment");
    files_.fail_randomly(1, of_one);
    const auto result = run();
    ASSERT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(status_.checkpoints_failed, 1U);
    EXPECT_THAT(named(4, 0), ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(named(4, 1), ElementsAre(4));
    EXPECT_THAT(named(5, 1), ElementsAre(4, 5));
    EXPECT_THAT(segments_of(kFailing), ElementsAre(in_state(kFailing, "-00000.segment")));
    expect_whole();
    for (const std::string& path : files_.files()) ASSERT_TRUE(files_.remove(path).ok());
  }
}

TEST_F(KeptSegments, DoNotKeepADiskFull) {
  for (const char* what : {".manifest", "-00001.segment"}) {
    files_.fail_randomly(1, {.no_space = 1, .under = in_state(kFailing, what)});
    const auto result = run([&](kit::Simulation&) {
      if (status_.checkpoints_failed == 0) return;
      EXPECT_THAT(segments_of(kFailing), IsEmpty());
    });
    ASSERT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(status_.checkpoints_failed, 1U);
    const bool both_were_written = what == std::string_view{".manifest"};
    EXPECT_THAT(named(4, 1), ElementsAre(4));
    if (both_were_written) {
      EXPECT_THAT(named(4, 0), ElementsAre(4));
    }
    expect_whole();
    for (const std::string& path : files_.files()) ASSERT_TRUE(files_.remove(path).ok());
  }
}

TEST_F(KeptSegments, GoWithTheRunThatHasThem) {
  files_.fail_randomly(1, {.any = 1, .under = in_state(kFailing, ".manifest")});
  const auto result = run([&](kit::Simulation& job) {
    if (status_.checkpoints_failed == 0) return;
    EXPECT_THAT(segments_of(kFailing), Not(IsEmpty()));
    job.cancel();
  });
  EXPECT_EQ(result.state, JobState::kCancelled);
  EXPECT_THAT(segments_of(kFailing), IsEmpty());
  expect_whole();
  EXPECT_THAT(named(2, 0), ElementsAre(1, 2));
  const auto second = run();
  EXPECT_TRUE(second.ok()) << second.status.to_string();
  EXPECT_FALSE(crashing::lines_seen(files_).empty());
}

// A crash in between: what is left of the failed one goes at the next start.
TEST_F(KeptSegments, GoAtTheNextStartBehindACrash) {
  files_.fail_randomly(1, {.any = 1, .under = in_state(kFailing, ".manifest")});
  static_cast<void>(run([&](kit::Simulation& job) {
    if (status_.checkpoints_failed > 0) job.crash();
  }));
  EXPECT_THAT(segments_of(kFailing), Not(IsEmpty()));
  Random random{1};
  files_.restart(kit::Crash::kPower, random);
  const auto second = run([&](kit::Simulation&) { EXPECT_THAT(segments_of(kFailing), IsEmpty()); });
  EXPECT_TRUE(second.ok()) << second.status.to_string();
}

// What is given out when time has run out serves the next one.
TEST_F(KeptSegments, OfACheckpointThatTakesTooLongAreWrittenToTheirEnd) {
  std::uint64_t failed = 0;
  const auto result = run(
      [&](kit::Simulation&) {
        if (failed == 0 && status_.checkpoints_failed > 0 && status_.checkpoints > 0)
          failed = status_.last_checkpoint + 1;
      },
      2ms);
  ASSERT_TRUE(result.ok() || result.status.code() == ErrorCode::kUnavailable) << result.status.to_string();
  ASSERT_GT(status_.checkpoints, 0U);
  ASSERT_GT(status_.checkpoints_failed, 0U);
  // A manifest behind a failed one names more than one epoch for each shard, among them one that has no manifest.
  bool kept = false;
  for (const std::string& path : files_.files()) {
    if (!path.ends_with(".manifest")) continue;
    const Result<Manifest> manifest = decode_manifest(files_.read_file(path), path);
    ASSERT_TRUE(manifest);
    for (const SegmentHandle& each : manifest->segments) {
      kept = kept || files_.read_file(in_state(each.epoch.id, ".manifest")).empty();
    }
  }
  EXPECT_TRUE(kept);
  expect_whole();
}

}  // namespace
}  // namespace millstream
