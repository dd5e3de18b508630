// Making and opening a savepoint: whatever the disk refuses and wherever the program or the machine stops, the place
// holds nothing or a whole one; and what stands in its way is said.
#include "checkpoint/savepoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "checkpoint/samples.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/checkpoint/recovery.hpp"
#include "millstream/core/checksum.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::HasSubstr;

/// A state folder with two committed checkpoints, of which the second needs a segment of the first and a base.
class StateFolder {
 public:
  StateFolder(FileSystem& files, const std::string& folder) {
    Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files, folder);
    EXPECT_TRUE(opened) << opened.error().to_string();
    store = *std::move(opened);
    EXPECT_TRUE(plan_recovery(*store, {.job_id = std::string{kJob}}));
    EXPECT_TRUE(store->settle().ok());
    const std::string base = folder + "/00000000000000000001.base";
    EXPECT_TRUE(files.make_private_folder(base).ok());
    auto image = files.create_private(base + "/image");
    EXPECT_TRUE((*image)->append("an image").ok() && (*image)->sync().ok());
    EXPECT_TRUE(files.sync_folder(base).ok());
    std::vector<SegmentHandle> chain;
    for (int i = 0; i < 2; ++i) {
      manifest = sample_manifest();
      manifest.checkpoint = {store->next_id(), 99};
      manifest.parent = i == 0 ? CheckpointId{} : parent;
      manifest.base = BaseHandle{1, 0, {{"00000000000000000001.base/image", 8, Checksum::of("an image")}}};
      EXPECT_TRUE(store->begin(manifest.checkpoint).ok());
      chain.push_back(*write_segment(*store, manifest.checkpoint, 0, {{"key", std::to_string(i)}}));
      manifest.segments = chain;
      EXPECT_TRUE(store->publish(manifest).ok());
      EXPECT_TRUE(store->commit(manifest.checkpoint).status.ok());
      parent = manifest.checkpoint;
    }
  }
  [[nodiscard]] Status make(FileSystem& files, const std::string& folder, const std::string& decider = "") const {
    Result<std::unique_ptr<SavepointWriter>> writer = SavepointWriter::begin(files, folder);
    if (!writer) return writer.error();
    if (Status s = store->save_to(**writer, manifest); !s.ok()) return s;
    return (*writer)->finish(manifest, decider);
  }

  std::unique_ptr<LocalCheckpointStore> store;
  Manifest manifest;
  CheckpointId parent;
};

/// Cannot give a file a second name, as between two disks.
class NoLinks final : public FileSystem {
 public:
  explicit NoLinks(FileSystem& below) : below_{below} {}
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return below_.open(path); }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override { return below_.create(path); }
  Result<std::unique_ptr<WritableFile>> append_to(const std::string& path) override { return below_.append_to(path); }
  Result<FileInfo> info(const std::string& path) override { return below_.info(path); }
  Result<std::vector<std::string>> list(const std::string& folder) override { return below_.list(folder); }
  Status rename(const std::string& from, const std::string& to) override { return below_.rename(from, to); }
  Status remove(const std::string& path) override { return below_.remove(path); }
  Status link(const std::string& from, const std::string&) override { return file_error("link", from, EXDEV); }
  Status make_folders(const std::string& path) override { return below_.make_folders(path); }
  Status sync_folder(const std::string& path) override { return below_.sync_folder(path); }
  std::string working_folder() const override { return below_.working_folder(); }
  Status make_private_folder(const std::string& path) override { return below_.make_private_folder(path); }
  Result<std::unique_ptr<WritableFile>> create_private(const std::string& path) override {
    return below_.create_private(path);
  }
  Result<std::unique_ptr<ReadableFile>> open_private(const std::string& path) override {
    return below_.open_private(path);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_.lock(path); }

 private:
  FileSystem& below_;
};

std::vector<std::string> besides_state(const MemoryFileSystem& files) {
  std::vector<std::string> paths = files.files();
  std::erase_if(paths, [](const std::string& path) { return path.starts_with("state/"); });
  return paths;
}

void expect_whole(FileSystem& files, const std::string& folder, const StateFolder& state) {
  const Result<Savepoint> savepoint = open_savepoint(files, folder);
  ASSERT_TRUE(savepoint) << savepoint.error().to_string();
  Manifest expected = state.manifest;
  expected.parent = {};
  expected.prepared.clear();
  EXPECT_EQ(savepoint->manifest, expected);
}

TEST(Savepoint, IsWholeWithoutTheStateFolderAndMayBeInANewOrAnEmptyFolder) {
  for (const bool links : {true, false}) {
    TemporaryFolder folder;
    NoLinks without_links{posix_file_system()};
    FileSystem& files = links ? posix_file_system() : without_links;
    const StateFolder state{files, folder / "state"};
    ASSERT_TRUE(files.make_folders(folder / "empty").ok());
    for (const char* name : {"new", "empty/"}) {
      const Status made = state.make(files, folder / name);
      ASSERT_TRUE(made.ok()) << made.to_string();
    }
    std::filesystem::remove_all(folder / "state");
    for (const char* name : {"new", "empty"}) {
      expect_whole(files, folder / name, state);
      struct stat found{};
      ASSERT_EQ(::stat((folder / name).c_str(), &found), 0);
      EXPECT_EQ(found.st_mode & 0777U, 0700U);
      const Result<std::vector<std::string>> names = files.list(folder / name);
      for (const std::string& file : *names) {
        ASSERT_EQ(::stat((folder / name + "/" + file).c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 077U, 0U) << file;
      }
    }
  }
}

// Its job may still have something under way, and what begins from it has to fence that job.
TEST(Savepoint, KeepsUnderWhatItsJobDecidesAndNothingElseThatWasPrepared) {
  MemoryFileSystem files;
  const StateFolder state{files, "state"};
  ASSERT_TRUE(state.make(files, "savepoint", "log").ok());
  const Result<Savepoint> savepoint = open_savepoint(files, "savepoint");
  ASSERT_TRUE(savepoint) << savepoint.error().to_string();
  EXPECT_THAT(savepoint->manifest.prepared, ::testing::ElementsAre(PreparedHandle{"", "\xff"}));
  // As the state folder of a job it holds nothing to publish either.
  const auto store = LocalCheckpointStore::open(files, "savepoint");
  const Result<RecoveryPlan> plan = plan_recovery(**store, {.job_id = std::string{kJob}});
  ASSERT_TRUE(plan && plan->kind == RecoveryPlan::Kind::kRestore);
  EXPECT_TRUE(plan->commit.empty());
}

TEST(Savepoint, SaysWhatIsInItsWay) {
  TemporaryFolder folder;
  FileSystem& files = posix_file_system();
  const StateFolder state{files, folder / "state"};
  folder.write("full/other", "");
  folder.write("file", "");
  std::filesystem::create_directory_symlink(folder / "full", folder / "link");
  const std::vector<std::string> before = folder.files();
  const auto refused = [&](const std::string& name, ErrorCode code, const char* text) {
    const Status status = state.make(files, name);
    EXPECT_EQ(status.code(), code) << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr(text));
    EXPECT_EQ(folder.files(), before);
  };
  refused(folder / "full", ErrorCode::kAlreadyExists, "holds something already, such as other");
  refused(folder / "state", ErrorCode::kAlreadyExists, "holds something already");
  refused(folder / "file", ErrorCode::kAlreadyExists, "a file of this name");
  refused(folder / "missing/new", ErrorCode::kNotFound, "make it first");
  refused(folder / "file/new", ErrorCode::kInvalidArgument, "");
  refused(folder / "full/..", ErrorCode::kAlreadyExists, "");
  refused("", ErrorCode::kInvalidArgument, "names no new folder");
  refused("..", ErrorCode::kInvalidArgument, "names no new folder");
  std::filesystem::remove(folder / "full/other");
  const Status linked = state.make(files, folder / "link");
  EXPECT_THAT(linked.message(), HasSubstr("symbolic link"));

  const auto first = SavepointWriter::begin(files, folder / "new");
  ASSERT_TRUE(first) << first.error().to_string();
  const Status second = state.make(files, folder / "new");
  EXPECT_EQ(second.code(), ErrorCode::kUnavailable) << second.to_string();
}

TEST(Savepoint, ThatIsMissingOrDamagedIsNotOpened) {
  TemporaryFolder folder;
  FileSystem& files = posix_file_system();
  const StateFolder state{files, folder / "state"};
  EXPECT_EQ(open_savepoint(files, folder / "missing").error().code(), ErrorCode::kNotFound);
  folder.write("other/file", "");
  EXPECT_THAT(open_savepoint(files, folder / "other").error().message(), HasSubstr("no savepoint in this folder"));
  EXPECT_THAT(open_savepoint(files, folder / "state").error().message(), HasSubstr("state folder of a job"));
  ASSERT_TRUE(state.make(files, folder / "new").ok());
  for (const std::string& name : folder.files()) {
    if (!name.starts_with("new/") || name == "new/LOCK") continue;
    const std::string bytes = TemporaryFolder::read(folder / name);
    std::string damaged = bytes;
    damaged[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    folder.write(name, damaged);
    const Result<Savepoint> opened = open_savepoint(files, folder / "new");
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().code(), ErrorCode::kInvalidData) << opened.error().to_string();
    std::filesystem::remove(folder / name);
    EXPECT_FALSE(open_savepoint(files, folder / "new")) << name;
    folder.write(name, bytes);
  }
  EXPECT_TRUE(open_savepoint(files, folder / "new"));
}

TEST(Savepoint, IsThereAsAWholeOrNotAtAllWhereverTheProgramOrTheMachineStops) {
  for (const bool links : {true, false}) {
    for (std::uint64_t seed = 1, made = 0; made < 20; ++seed) {
      MemoryFileSystem files;
      NoLinks without_links{files};
      FileSystem& used = links ? static_cast<FileSystem&>(files) : without_links;
      const StateFolder state{files, "state"};
      Random random{seed};
      files.stop_at(1 + seed / 4);
      const bool whole = state.make(used, "savepoint").ok();
      made += whole ? 1 : 0;
      files.restart(seed % 2 == 0 ? Crash::kPower : Crash::kProcess, random);
      const bool there = *files.exists("savepoint");
      EXPECT_TRUE(there || !whole) << seed;
      if (there) {
        expect_whole(files, "savepoint", state);
        continue;
      }
      // What is left is in nobody's way.
      EXPECT_TRUE(state.make(files, "savepoint").ok()) << seed;
      expect_whole(files, "savepoint", state);
      EXPECT_THAT(besides_state(files), ::testing::Each(::testing::StartsWith("savepoint/")));
    }
  }
}

TEST(Savepoint, LeavesNothingWhereTheDiskRefuses) {
  for (std::uint64_t nth = 1, made = 0; made == 0; ++nth) {
    MemoryFileSystem files;
    NoLinks used{files};
    const StateFolder state{files, "state"};
    const std::uint64_t before = files.operations();
    files.fail_at(nth, ENOSPC);
    const Status status = state.make(used, "savepoint");
    if (status.ok()) {
      made += files.operations() - before < nth ? 1 : 0;
      Random random{nth};
      files.restart(Crash::kProcess, random);
      expect_whole(files, "savepoint", state);
    } else {
      EXPECT_THAT(besides_state(files), ::testing::IsEmpty()) << nth << ": " << status.to_string();
    }
  }
}

}  // namespace
}  // namespace millstream::inline v0::testing
