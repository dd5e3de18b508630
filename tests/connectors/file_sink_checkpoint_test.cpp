// The file sink under checkpoints: random lives that crash at any file operation, and each rule by itself.
// MILLSTREAM_SEEDS says how many seeds, MILLSTREAM_SEED runs one alone.
#include <gmock/gmock.h>

#include "connectors/checkpointed_files.hpp"
#include "runtime/seeds.hpp"

namespace millstream::inline v0 {
namespace {

using testing::checkpointed_context;
using testing::CheckpointedFiles;
using testing::Crash;
using testing::FileSink;
using ::testing::HasSubstr;
using testing::is_hidden;
using ::testing::IsEmpty;
using testing::MemoryFileSystem;
using testing::range;
using ::testing::SizeIs;

// Returns the lives that ended in a crash.
int run(std::uint64_t seed) {
  Random random{seed};
  ManualClock clock;
  MemoryFileSystem files{clock};
  if (seed % 2 == 0) files.write_file(CheckpointedFiles::kOthers, "not ours");
  CheckpointedFiles job{files, clock, random};
  int crashes = 0;
  for (int life = 0; life < 6 && !::testing::Test::HasFailure(); ++life) {
    if (seed % 3 == 0) files.fail_randomly(random(), testing::DiskFaults{.no_space = 0.02});
    if (random.chance(0.8)) files.stop_at(1 + random.below(random.chance(0.5) ? 40 : 400));
    if (job.start()) {
      for (std::uint64_t epochs = random.below(8); epochs > 0 && job.epoch(); --epochs) {
      }
    }
    job.stop();
    crashes += files.stopped() ? 1 : 0;
    files.restart(random.chance(0.4) ? Crash::kProcess : Crash::kPower, random);
    job.check();
  }
  EXPECT_TRUE(job.start() && job.epoch() && job.finish()) << "on a good disk";
  EXPECT_EQ(files.read_file(CheckpointedFiles::kOthers), seed % 2 == 0 ? "not ours" : "");
  return crashes;
}

TEST(FileSinkModel, ReadersSeeExactlyWhatWasDecided) {
  const auto [first, seeds] = test::seeds_to_run(250);
  int crashes = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    crashes += run(seed);
    ASSERT_FALSE(HasFailure()) << "MILLSTREAM_SEED=" << seed << " connectors_file_sink_checkpoint shows it again";
  }
  EXPECT_GE(crashes, static_cast<int>(seeds > 100 ? seeds : 0));
}

// The same short life, crashed at each of its file operations in turn.
TEST(FileSinkModel, ACrashAtEveryOperationOfALife) {
  for (const Crash crash : {Crash::kProcess, Crash::kPower}) {
    bool finished = false;
    for (std::uint64_t nth = 1; !finished; ++nth) {
      Random random{7};
      ManualClock clock;
      MemoryFileSystem files{clock};
      CheckpointedFiles job{files, clock, random};
      files.stop_at(nth);
      if (job.start()) {
        for (int epochs = 0; epochs < 4 && job.epoch(); ++epochs) {
        }
      }
      finished = !files.stopped();
      job.stop();
      Random losses{nth};
      files.restart(crash, losses);
      EXPECT_TRUE(job.start() && job.epoch() && job.finish());
      ASSERT_FALSE(HasFailure()) << "operation " << nth;
    }
  }
}

class FileSinkCheckpoint : public FileSink {
 protected:
  struct Opened {
    SinkContext context;
    file::Sink<int> sink;
  };
  // A copy of the sink at its place, opened.
  std::unique_ptr<Opened> start(bool restored = false, std::string stage = "out", file::SinkOptions<int> options = {}) {
    options.directory = "out";
    auto opened = std::make_unique<Opened>(
        Opened{checkpointed_context(files, clock, restored, 0, std::move(stage)), file::sink<int>(std::move(options))});
    status = opened->sink.open(opened->context);
    return opened;
  }
  void write(Opened& to, std::vector<int> records) { ASSERT_TRUE(to.sink.write(records)); }
  Status recover(std::vector<std::string> commit, std::vector<std::string> abort = {}, std::string stage = "out") {
    SinkContext context = checkpointed_context(files, clock, !commit.empty(), 0, std::move(stage));
    return file::sink<int>({.directory = "out"}).recover(context, commit, abort);
  }

  Status status;  // of the newest start()
};

TEST_F(FileSinkCheckpoint, NothingIsVisibleBeforeItsCommit) {
  auto job = start(false, "out", {.roll_bytes = 10});
  write(*job, range(0, 50));
  EXPECT_THAT(files.files(), SizeIs(::testing::Gt(5U)));
  EXPECT_THAT(visible(), IsEmpty());
  const std::string failed = *job->sink.prepare();
  EXPECT_THAT(visible(), IsEmpty());
  write(*job, range(50, 60));
  const std::string handle = *job->sink.prepare();
  write(*job, range(60, 70));
  ASSERT_TRUE(job->sink.commit(handle).ok());
  EXPECT_EQ(numbers(), range(0, 60)) << "also of the checkpoint that failed";
  ASSERT_TRUE(job->sink.commit(*job->sink.prepare()).ok());
  EXPECT_EQ(numbers(), range(0, 70));
  EXPECT_EQ(*job->sink.prepare(), "");
  EXPECT_TRUE(job->sink.close(SinkEnd::kFinished).ok());
  EXPECT_EQ(files.files(), visible());
}

TEST_F(FileSinkCheckpoint, AnAbortKeepsWhatWasPrepared) {
  auto job = start(false, "out", {.roll_bytes = 10});
  write(*job, range(0, 20));
  const std::string handle = *job->sink.prepare();
  const auto prepared = files.files();
  write(*job, range(20, 40));
  EXPECT_GT(files.files().size(), prepared.size());
  ASSERT_TRUE(job->sink.close(SinkEnd::kAborted).ok());
  EXPECT_EQ(files.files(), prepared);
  ASSERT_TRUE(recover({handle}).ok());
  ASSERT_TRUE(recover({handle}).ok()) << "a second time";
  EXPECT_EQ(numbers(), range(0, 20));
}

TEST_F(FileSinkCheckpoint, AnEndThatNoCheckpointCoversIsAnError) {
  auto job = start();
  write(*job, {1});
  EXPECT_EQ(job->sink.close(SinkEnd::kFinished).code(), ErrorCode::kInternal);
  EXPECT_THAT(files.files(), IsEmpty());
}

TEST_F(FileSinkCheckpoint, AFileThatIsGoneIsNamed) {
  auto job = start();
  write(*job, {1});
  const std::string handle = *job->sink.prepare();
  ASSERT_TRUE(job->sink.commit(handle).ok());
  const std::string name = visible().at(0);
  ASSERT_TRUE(files.remove(name).ok());
  EXPECT_EQ(recover({handle}).code(), ErrorCode::kNotFound);
  EXPECT_THAT(recover({handle}).message(), HasSubstr("nor " + name + " is there"));
  files.write_file(name, "");
  EXPECT_TRUE(recover({handle}).ok());
}

TEST_F(FileSinkCheckpoint, ADamagedOrNewerHandleIsRefused) {
  auto job = start();
  write(*job, {1});
  std::string handle = *job->sink.prepare();
  EXPECT_EQ(recover({handle.substr(1)}).code(), ErrorCode::kInvalidData);
  ++handle[0];
  EXPECT_EQ(recover({handle}).code(), ErrorCode::kUnsupported);
}

TEST_F(FileSinkCheckpoint, RecoveryRemovesOnlyFilesOfItsSink) {
  auto ours = start();
  auto other = start(false, "other");
  write(*ours, {1});
  write(*other, {2});
  const std::string handle = *other->sink.prepare();
  static_cast<void>(*ours->sink.prepare());
  files.write_file("out/.part-1-0-1.jsonl.inprogress", "of a job without checkpoints");
  files.write_file("out/.part-mine.inprogress", "");
  ASSERT_TRUE(recover({}).ok());
  EXPECT_THAT(files.files(), SizeIs(3));
  ASSERT_TRUE(recover({handle}, {}, "other").ok());
  EXPECT_EQ(numbers(), (std::vector{2}));
}

TEST_F(FileSinkCheckpoint, VisibleFilesAreRefusedOnAFreshStartAlone) {
  ASSERT_TRUE(recover({}).ok()) << "there is no directory yet";
  files.write_file("out/part-1-0-1.jsonl", "1\n");
  static_cast<void>(start(false));
  EXPECT_EQ(status.code(), ErrorCode::kAlreadyExists);
  static_cast<void>(start(true));
  EXPECT_TRUE(status.ok());
}

}  // namespace
}  // namespace millstream::inline v0
