// The disk below the file system in memory: what a crash leaves, and the faults that a disk has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::IsSupersetOf;

void write(MemoryFileSystem& files, const std::string& path, std::string_view bytes, bool sync) {
  auto file = files.create(path);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append(bytes).ok());
  if (sync) {
    ASSERT_TRUE((*file)->sync().ok());
  }
}

// What is left of `path` after a power failure, for many of them.
std::set<std::string> outcomes(const std::function<void(MemoryFileSystem&)>& before, const std::string& path) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    MemoryFileSystem files;
    before(files);
    Random random{seed};
    files.restart(Crash::kPower, random);
    seen.insert(*files.exists(path) ? "=" + files.read_file(path) : "missing");
  }
  return seen;
}

TEST(MemoryDisk, KeepsWhatWasSynced) {
  const auto seen = outcomes(
      [](MemoryFileSystem& files) {
        write(files, "a", "bytes", true);
        ASSERT_TRUE(files.sync_folder(".").ok());
        ASSERT_TRUE(files.rename("a", "b").ok());
        ASSERT_TRUE(files.sync_folder(".").ok());
      },
      "b");
  EXPECT_EQ(seen, std::set<std::string>{"=bytes"});
}

TEST(MemoryDisk, LosesNamesThatWereNotSynced) {
  const auto renamed = [](MemoryFileSystem& files) {
    write(files, "a", "old", true);
    write(files, "b", "new", true);
    ASSERT_TRUE(files.sync_folder(".").ok());
    ASSERT_TRUE(files.rename("b", "a").ok());
  };
  EXPECT_EQ(outcomes(renamed, "a"), (std::set<std::string>{"=old", "=new"}));
  EXPECT_EQ(outcomes(renamed, "b"), (std::set<std::string>{"=new", "missing"}));
  const auto two = [](MemoryFileSystem& files) {
    for (const char* name : {"a", "b"}) write(files, name, "", true);
  };
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    MemoryFileSystem files;
    two(files);
    Random random{seed};
    files.restart(Crash::kPower, random);
    seen.insert(files.files());
  }
  EXPECT_EQ(seen.size(), 4U);  // also the later one without the earlier
}

TEST(MemoryDisk, AFolderIsRenamedWithWhatIsInIt) {
  const auto renamed = [](MemoryFileSystem& files) {
    ASSERT_TRUE(files.make_folders("a/below").ok());
    write(files, "a/below/file", "bytes", true);
    for (const char* folder : {"a/below", "a"}) ASSERT_TRUE(files.sync_folder(folder).ok());
    ASSERT_TRUE(files.make_folders("b").ok());
    ASSERT_TRUE(files.rename("a", "b").ok());
    EXPECT_EQ(files.files(), std::vector<std::string>{"b/below/file"});
  };
  EXPECT_EQ(outcomes(renamed, "b/below/file"), (std::set<std::string>{"=bytes", "missing"}));
  EXPECT_EQ(outcomes(
                [&](MemoryFileSystem& files) {
                  renamed(files);
                  ASSERT_TRUE(files.sync_folder(".").ok());
                },
                "b/below/file"),
            std::set<std::string>{"=bytes"});
  MemoryFileSystem files;
  files.write_file("a/file", "");
  files.write_file("b/file", "");
  files.write_file("c", "");
  EXPECT_EQ(files.rename("a", "b").code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(files.rename("a", "c").code(), ErrorCode::kInvalidArgument);
}

TEST(MemoryDisk, TearsDataThatWasNotSynced) {
  const std::string block(512, 'x');
  const auto seen = outcomes(
      [&](MemoryFileSystem& files) {
        write(files, "a", block + block + block, false);
        ASSERT_TRUE(files.sync_folder(".").ok());
      },
      "a");
  EXPECT_THAT(seen, IsSupersetOf({std::string{"="}, "=" + block, "=" + block + block + block,
                                  "=" + std::string(512, '\0') + block}));
}

TEST(MemoryDisk, AFailedSyncCountsAsDone) {
  const auto seen = outcomes(
      [](MemoryFileSystem& files) {
        auto file = files.create("a");
        ASSERT_TRUE((*file)->append("lost?").ok());
        ASSERT_TRUE(files.sync_folder(".").ok());
        files.fail_randomly(1, DiskFaults{.sync = 1});
        ASSERT_FALSE((*file)->sync().ok());
        files.fail_randomly(1, DiskFaults{});
        ASSERT_TRUE((*file)->append("kept").ok());
        ASSERT_TRUE((*file)->sync().ok());
        ASSERT_EQ(files.read_file("a"), "lost?kept");
      },
      "a");
  for (const std::string& bytes : seen)
    EXPECT_TRUE(bytes == "=lost?kept" || bytes == "=" + std::string(5, '\0') + "kept");
}

TEST(MemoryDisk, AKilledProgramLosesNothingButWhatItHeld) {
  MemoryFileSystem files;
  Random random{1};
  auto lock = files.lock("lock");
  auto file = files.create("a");
  ASSERT_TRUE((*file)->append("bytes").ok());
  files.stop_at(1);
  EXPECT_FALSE((*file)->append("more").ok());
  EXPECT_FALSE(files.remove("a").ok());
  EXPECT_TRUE(files.stopped());
  files.restart(Crash::kProcess, random);
  EXPECT_EQ(files.read_file("a"), "bytes");
  EXPECT_FALSE((*file)->append("a ghost").ok());
  EXPECT_TRUE(files.lock("lock"));
}

TEST(MemoryDisk, ReadsBadly) {
  MemoryFileSystem files;
  const std::string good(100, 'x');
  files.write_file("a", good);
  auto file = files.open("a");
  std::string bytes(100, '.');
  files.fail_randomly(1, DiskFaults{.bit_flip = 1});
  ASSERT_EQ(*(*file)->read_at(0, bytes), 100U);
  EXPECT_NE(bytes, good);
  files.fail_randomly(1, DiskFaults{.short_read = 1});
  EXPECT_LT(*(*file)->read_at(0, bytes), 100U);
  files.fail_randomly(1, DiskFaults{.read = 1});
  EXPECT_FALSE((*file)->read_at(0, bytes));
  EXPECT_TRUE((*file)->info());
  files.fail_randomly(1, DiskFaults{.no_space = 1});
  EXPECT_FALSE(files.create("b"));
}

}  // namespace
}  // namespace millstream::inline v0::testing
