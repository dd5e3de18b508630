// The local store call by call: ids, retention, broken folders; and on a real file system: modes, owner of the lock,
// symbolic links, a full disk.
#include "millstream/checkpoint/local_checkpoint_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "checkpoint/samples.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/checkpoint/recovery.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Opens a folder and brings it to where checkpoints may begin.
std::unique_ptr<LocalCheckpointStore> start(FileSystem& files, const std::string& folder) {
  Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files, folder);
  EXPECT_TRUE(opened) << opened.error().to_string();
  if (!opened) return nullptr;
  EXPECT_TRUE(plan_recovery(**opened, {.job_id = std::string{kJob}}));
  EXPECT_TRUE((*opened)->settle().ok());
  return *std::move(opened);
}

/// A whole checkpoint; `chain` gets its segment.
Status checkpoint(CheckpointStore& store, CheckpointId& parent, std::vector<SegmentHandle>& chain,
                  const std::string& value = "v") {
  Manifest manifest = sample_manifest();
  manifest.checkpoint = {store.next_id(), 99};
  manifest.parent = parent;
  manifest.base.reset();
  if (Status s = store.begin(manifest.checkpoint); !s.ok()) return s;
  const Result<SegmentHandle> segment = write_segment(store, manifest.checkpoint, 0, {{"key", value}});
  if (!segment) {
    const Status dropped = store.abort(manifest.checkpoint, AbortedSegments::kDrop);
    return dropped.ok() ? segment.error() : dropped;
  }
  chain.push_back(*segment);
  manifest.segments = chain;
  if (Status s = store.publish(manifest); !s.ok()) return s;
  if (CommitResult r = store.commit(manifest.checkpoint); !r.status.ok()) return r.status;
  parent = manifest.checkpoint;
  return {};
}

std::string segment_path(std::uint64_t id) {
  const std::string digits = std::to_string(id);
  return "state/" + std::string(20 - digits.size(), '0') + digits + "-00000.segment";
}

TEST(LocalCheckpointStore, KeepsTheNewestAndWhatTheyName) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  CheckpointId parent;
  std::vector<SegmentHandle> chain;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  ASSERT_TRUE(store->collect(2).ok());
  EXPECT_THAT(*store->list(), ElementsAre(3, 4));
  EXPECT_THAT(files.files(), Contains(segment_path(1)));  // the chain of 3 begins there
  chain.clear();
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_THAT(*store->list(), ElementsAre(5));
  for (std::uint64_t id = 1; id < 5; ++id) EXPECT_THAT(files.files(), Not(Contains(segment_path(id))));
  EXPECT_THAT(files.files(), Contains(segment_path(5)));
}

TEST(LocalCheckpointStore, DropsTheManifestBeforeWhatItNames) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  CheckpointId parent;
  for (int i = 0; i < 2; ++i) {
    std::vector<SegmentHandle> chain;
    ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  }
  files.fail_at(3);  // list, remove the manifest, sync
  EXPECT_FALSE(store->collect(1).ok());
  EXPECT_THAT(*store->list(), ElementsAre(2));
  EXPECT_THAT(files.files(), Contains(segment_path(1)));
}

TEST(LocalCheckpointStore, KeepsSegmentsOfFailedCheckpointsUntilTheyAreNamedOrDropped) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  CheckpointId parent;
  std::vector<SegmentHandle> chain;
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  const auto keep_one = [&] {
    const CheckpointId failed{store->next_id(), 7};
    EXPECT_TRUE(store->begin(failed).ok());
    // Its shard may still be writing when the attempt has ended.
    Result<SegmentWriter> writer = store->create_segment(failed, 0);
    EXPECT_TRUE(store->abort(failed, AbortedSegments::kKeep).ok());
    SegmentChunk chunk{0};
    chunk.put(3, "kept", "value");
    EXPECT_TRUE(writer && writer->append(chunk).ok());
    return *writer->finish({0, kKeyGroups});
  };
  const SegmentHandle second = keep_one();
  const SegmentHandle third = keep_one();
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_THAT(files.files(), Contains(segment_path(2)));
  EXPECT_THAT(files.files(), Contains(segment_path(3)));
  ASSERT_TRUE(store->drop_kept({second}).ok());
  EXPECT_THAT(files.files(), Contains(segment_path(1)));
  EXPECT_THAT(files.files(), Contains(segment_path(2)));
  EXPECT_THAT(files.files(), Not(Contains(segment_path(3))));

  const SegmentHandle fourth = keep_one();
  chain.push_back(second);
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());  // names 1, 2 and 5
  ASSERT_TRUE(store->drop_kept({}).ok());
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_TRUE(store->verify(*store->manifest(5)).ok());
  EXPECT_THAT(files.files(), Not(Contains("state/" + fourth.file.name)));
}

// What was published may be decided though nobody here has heard of it.
TEST(LocalCheckpointStore, DropsNothingThatAPublishedManifestNames) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  Manifest manifest = sample_manifest();
  manifest.checkpoint = {store->next_id(), 1};
  manifest.parent = {};
  manifest.base.reset();
  ASSERT_TRUE(store->begin(manifest.checkpoint).ok());
  manifest.segments = {*write_segment(*store, manifest.checkpoint, 0, {{"key", "v"}})};
  ASSERT_TRUE(store->publish(manifest).ok());
  ASSERT_TRUE(store->drop_kept({}).ok());
  EXPECT_TRUE(store->verify(manifest).ok());
  EXPECT_EQ(store->commit(manifest.checkpoint).outcome, CommitResult::Outcome::kCommitted);
}

TEST(LocalCheckpointStore, DropsABaseAsAWhole) {
  MemoryFileSystem files;
  auto store = start(files, "state");
  const std::string base = "00000000000000000001.base";
  files.write_file("state/" + base + "/000012.sst", "table");
  Manifest manifest = sample_manifest();
  manifest.checkpoint = {1, 5};
  manifest.parent = {};
  manifest.segments.clear();
  manifest.base = BaseHandle{1, 1, {{base + "/000012.sst", 5, Checksum::of("table")}}};
  ASSERT_TRUE(store->begin(manifest.checkpoint).ok());
  ASSERT_TRUE(store->publish(manifest).ok());
  ASSERT_TRUE(store->commit(manifest.checkpoint).status.ok());
  EXPECT_TRUE(store->verify(manifest).ok());
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_THAT(files.files(), Contains("state/" + base + "/000012.sst"));
  files.write_file("state/" + base + "/000012.sst", "tabel");
  EXPECT_EQ(store->verify(manifest).code(), ErrorCode::kInvalidData);
  CheckpointId parent = manifest.checkpoint;
  std::vector<SegmentHandle> chain;
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  ASSERT_TRUE(store->collect(1).ok());
  EXPECT_FALSE(*files.exists("state/" + base));
}

TEST(LocalCheckpointStore, NoNameInAManifestLeadsOutOfTheFolder) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  Manifest manifest;
  for (const char* name : {"../secret", "/etc/passwd", "COMMITTED", "00000000000000000001.base/../x", "x.base/a"}) {
    manifest.base = BaseHandle{0, 0, {{name, 1, 1}}};
    EXPECT_EQ(store->verify(manifest).code(), ErrorCode::kInvalidData) << name;
    EXPECT_EQ(store->open_segment({{name, 1, 1}, {}, 0, {}}).error().code(), ErrorCode::kInvalidData) << name;
  }
}

TEST(LocalCheckpointStore, NeverUsesAnIdTwice) {
  MemoryFileSystem files;
  Random random{1};
  std::uint64_t last = 0;
  for (int life = 0; life < 5; ++life) {
    const auto store = start(files, "state");
    EXPECT_GT(store->next_id(), last);
    EXPECT_EQ(store->begin({last, 1}).code(), ErrorCode::kInvalidArgument);
    last = store->next_id() + static_cast<std::uint64_t>(life);
    ASSERT_TRUE(store->begin({last, 1}).ok());
    files.restart(Crash::kPower, random);  // the attempt leaves nothing but the id
  }
}

TEST(LocalCheckpointStore, IsBrokenWhenTheFolderCannotBeSynced) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  CheckpointId parent;
  std::vector<SegmentHandle> chain;
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  Manifest manifest = sample_manifest();
  manifest.checkpoint = {store->next_id(), 1};
  manifest.parent = parent;
  ASSERT_TRUE(store->begin(manifest.checkpoint).ok());
  ASSERT_TRUE(store->publish(manifest).ok());
  files.fail_at(7);  // remove, create, append, sync, close, rename, sync of the folder
  const CommitResult result = store->commit(manifest.checkpoint);
  EXPECT_EQ(result.outcome, CommitResult::Outcome::kInDoubt);
  EXPECT_EQ(store->commit(manifest.checkpoint).outcome, CommitResult::Outcome::kInDoubt);
  EXPECT_THAT(store->collect(1).message(), HasSubstr("must be opened again"));
}

TEST(LocalCheckpointStore, GoesOnWhenThereIsSpaceAgain) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  CheckpointId parent;
  std::vector<SegmentHandle> chain;
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  files.set_capacity(3000);
  EXPECT_THAT(checkpoint(*store, parent, chain, std::string(5000, 'x')).message(), HasSubstr("No space left"));
  EXPECT_TRUE(checkpoint(*store, parent, chain).ok());
  EXPECT_TRUE(store->verify(*store->manifest(parent.id)).ok());
}

TEST(LocalCheckpointStore, IsReadBesideItsWriter) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  CheckpointId parent;
  std::vector<SegmentHandle> chain;
  ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  const auto again = LocalCheckpointStore::open(files, "state");
  EXPECT_EQ(again.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(again.error().message(), HasSubstr("state folder state: cannot lock state/LOCK"));
  const auto reader = LocalCheckpointStore::open(files, "state", LocalCheckpointStore::Access::kRead);
  ASSERT_TRUE(reader);
  EXPECT_EQ(*(*reader)->committed(), parent);
  EXPECT_TRUE((*reader)->verify(*(*reader)->manifest(parent.id)).ok());
  EXPECT_EQ(LocalCheckpointStore::open(files, "none", LocalCheckpointStore::Access::kRead).error().code(),
            ErrorCode::kNotFound);
}

TEST(LocalCheckpointStore, ShardsWriteTheirSegmentsOnThreadsOfTheirOwn) {
  MemoryFileSystem files;
  const auto store = start(files, "state");
  Manifest manifest;
  manifest.checkpoint = {store->next_id(), 1};
  manifest.job_id = kJob;
  ASSERT_TRUE(store->begin(manifest.checkpoint).ok());
  manifest.segments.resize(4);
  std::vector<std::thread> writers;
  for (std::uint32_t shard = 0; shard < 4; ++shard) {
    writers.emplace_back([&, shard] {
      Entries entries;
      for (int i = 0; i < 500; ++i) entries[std::to_string(i)] = std::to_string(shard);
      const Result<SegmentHandle> segment = write_segment(*store, manifest.checkpoint, shard, entries);
      EXPECT_TRUE(segment);
      if (segment) manifest.segments[shard] = *segment;
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_TRUE(store->publish(manifest).ok());
  EXPECT_TRUE(store->verify(manifest).ok());
}

// In a child: its exit code is 0 when `body` says so.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int result = -1;
  return ::waitpid(child, &result, 0) == child && WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

mode_t mode_of(const std::string& path) {
  struct stat found{};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

TEST(LocalCheckpointStoreOnDisk, IsNobodyElsesBusiness) {
  const TemporaryFolder folder;
  for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
    const std::string state = folder / ("state" + std::to_string(mask));
    const mode_t before = ::umask(mask);
    const auto store = start(posix_file_system(), state);
    CheckpointId parent;
    std::vector<SegmentHandle> chain;
    EXPECT_TRUE(checkpoint(*store, parent, chain).ok());
    ::umask(before);
    EXPECT_EQ(mode_of(state), 0700U);
    int seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator{state}) {
      EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
      ++seen;
    }
    EXPECT_EQ(seen, 5);  // LOCK, COMMITTED, manifest, segment, taken ids
  }
  const std::string open = folder / "open";
  ASSERT_EQ(::mkdir(open.c_str(), 0777), 0);
  start(posix_file_system(), open);
  EXPECT_EQ(mode_of(open), 0700U);
}

TEST(LocalCheckpointStoreOnDisk, FollowsNoSymbolicLink) {
  const TemporaryFolder folder;
  const std::string state = folder / "state";
  {
    const auto store = start(posix_file_system(), state);
    CheckpointId parent;
    std::vector<SegmentHandle> chain;
    ASSERT_TRUE(checkpoint(*store, parent, chain).ok());
  }
  std::filesystem::create_symlink(state, folder / "link");
  const auto by_link = LocalCheckpointStore::open(posix_file_system(), folder / "link");
  EXPECT_EQ(by_link.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(by_link.error().message(), HasSubstr("symbolic link"));

  std::filesystem::rename(state + "/COMMITTED", folder / "elsewhere");
  std::filesystem::create_symlink(folder / "elsewhere", state + "/COMMITTED");
  const auto reader = LocalCheckpointStore::open(posix_file_system(), state, LocalCheckpointStore::Access::kRead);
  EXPECT_EQ((*reader)->committed().error().code(), ErrorCode::kInvalidArgument);
}

TEST(LocalCheckpointStoreOnDisk, RefusesAForeignOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  const TemporaryFolder folder;
  const std::string state = folder / "state";
  start(posix_file_system(), state);
  ASSERT_EQ(::chown(state.c_str(), 12345, 12345), 0);
  const auto refused = LocalCheckpointStore::open(posix_file_system(), state);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("belongs to user 12345"));
}

TEST(LocalCheckpointStoreOnDisk, OneProcessAtATime) {
  const TemporaryFolder folder;
  const std::string state = folder / "state";
  const auto refused = [&] {
    const auto second = LocalCheckpointStore::open(posix_file_system(), state);
    return second.error().code() == ErrorCode::kUnavailable &&
           second.error().message().find("process " + std::to_string(::getppid()) + " holds it") != std::string::npos &&
           second.error().message().find(state) != std::string::npos;
  };
  {
    const auto store = start(posix_file_system(), state);
    EXPECT_TRUE(in_child(refused));
  }
  // A child that is killed with the lock leaves nothing behind.
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = LocalCheckpointStore::open(posix_file_system(), state);
    if (::write(ready[1], store ? "y" : "n", 1) == 1) ::pause();
    ::_exit(1);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(LocalCheckpointStore::open(posix_file_system(), state).error().code(), ErrorCode::kUnavailable);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(LocalCheckpointStore::open(posix_file_system(), state));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(LocalCheckpointStoreOnDisk, AFullDiskIsReportedAndTheLastCheckpointStays) {
  const TemporaryFolder folder;
  const std::string state = folder / "state";
  EXPECT_TRUE(in_child([&] {
    const auto store = start(posix_file_system(), state);
    CheckpointId parent;
    std::vector<SegmentHandle> chain;
    if (!checkpoint(*store, parent, chain, "kept").ok()) return false;
    std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = std::exchange(limit.rlim_cur, 4096);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    if (checkpoint(*store, parent, chain, std::string(100'000, 'x')).code() != ErrorCode::kIo) return false;
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return checkpoint(*store, parent, chain, std::string(100'000, 'x')).ok();
  }));
  const auto store = LocalCheckpointStore::open(posix_file_system(), state);
  ASSERT_TRUE(store) << store.error().to_string();
  const Result<RecoveryPlan> plan = plan_recovery(**store, {.job_id = std::string{kJob}});
  ASSERT_TRUE(plan && plan->restore);
  Contents contents;
  for (const SegmentHandle& segment : plan->restore->segments) EXPECT_TRUE(replay(**store, segment, contents).ok());
  EXPECT_EQ(contents["key"], std::string(100'000, 'x'));
}

}  // namespace
}  // namespace millstream::inline v0::testing
