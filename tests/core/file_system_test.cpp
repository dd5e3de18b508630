// Both file systems against the same expectations, and the faults of the one in memory.
#include "millstream/core/file_system.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "connectors/temporary_folder.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  FileSystem& files() { return GetParam() ? posix_file_system() : static_cast<FileSystem&>(memory_); }
  std::string path(const std::string& name) { return (GetParam() ? folder_.path() : "base") + "/" + name; }
  void SetUp() override { ASSERT_TRUE(files().make_folders(path("")).ok()); }
  void write(const std::string& name, std::string_view bytes) {
    auto file = files().create(path(name));
    ASSERT_TRUE(file) << file.error().to_string();
    ASSERT_TRUE((*file)->append(bytes).ok());
    ASSERT_TRUE((*file)->sync().ok());
    ASSERT_TRUE((*file)->close().ok());
  }

 private:
  testing::TemporaryFolder folder_;
  testing::MemoryFileSystem memory_;
};

TEST_P(FileSystemTest, WritesAndReads) {
  write("a", "hello");
  EXPECT_EQ(files().create(path("a")).error().code(), ErrorCode::kAlreadyExists);
  auto file = files().open(path("a"));
  ASSERT_TRUE(file);
  std::string bytes(10, '.');
  EXPECT_EQ(*(*file)->read_at(1, bytes), 4U);
  EXPECT_EQ(bytes.substr(0, 4), "ello");
  EXPECT_EQ(*(*file)->read_at(5, bytes), 0U);
  EXPECT_EQ(*(*file)->read_at(99, bytes), 0U);
  EXPECT_EQ((*file)->info()->size_bytes, 5U);
  EXPECT_TRUE((*file)->info()->is_file);
}

TEST_P(FileSystemTest, AFileKeepsItsIdWhenItIsRenamed) {
  write("a", "old");
  write("b", "gone");
  auto file = files().open(path("a"));
  const FileId id = files().info(path("a"))->id;
  ASSERT_TRUE(files().rename(path("a"), path("b")).ok());
  ASSERT_TRUE(files().sync_folder(path("")).ok());
  EXPECT_EQ(files().info(path("b"))->id, id);
  EXPECT_FALSE(*files().exists(path("a")));
  write("a", "new");
  EXPECT_NE(files().info(path("a"))->id, id);
  std::string bytes(3, '.');
  ASSERT_TRUE((*file)->read_at(0, bytes));
  EXPECT_EQ(bytes, "old");
  ASSERT_TRUE(files().remove(path("b")).ok());
  ASSERT_TRUE((*file)->read_at(0, bytes));
}

TEST_P(FileSystemTest, ErrorsNameThePathAndTheCause) {
  const Status missing = files().open(path("missing")).error();
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr(path("missing")));
  EXPECT_THAT(missing.message(), HasSubstr("No such file or directory"));
  EXPECT_EQ(files().info(path("missing")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(files().list(path("missing")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(files().create(path("missing/a")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(files().rename(path("missing"), path("b")).code(), ErrorCode::kNotFound);
  EXPECT_EQ(files().remove(path("missing")).code(), ErrorCode::kNotFound);
  write("file", "");
  EXPECT_FALSE(files().make_folders(path("file/below")).ok());
  ASSERT_TRUE(files().make_folders(path("full/below")).ok());
  EXPECT_EQ(files().remove(path("full")).code(), ErrorCode::kAlreadyExists);
}

TEST_P(FileSystemTest, AppendsToAFileThatWasClosed) {
  write("a", "one");
  auto file = files().append_to(path("a"));
  ASSERT_TRUE(file) << file.error().to_string();
  ASSERT_TRUE((*file)->append("two").ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE((*file)->close().ok());
  EXPECT_EQ(files().info(path("a"))->size_bytes, 6U);
  std::string bytes(6, '.');
  ASSERT_TRUE((*files().open(path("a")))->read_at(0, bytes));
  EXPECT_EQ(bytes, "onetwo");
  EXPECT_EQ(files().append_to(path("missing")).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(*files().exists(path("missing")));
  EXPECT_EQ(files().append_to(path("")).error().code(), ErrorCode::kIo);
}

TEST_P(FileSystemTest, APathThroughAFileIsAMistakeInThePath) {
  write("file", "");
  for (const Status& status : {files().list(path("file")).error(), files().make_folders(path("file/below")),
                               files().info(path("file/x")).error(), files().exists(path("file/x")).error(),
                               files().open(path("file/x")).error(), files().create(path("file/x")).error(),
                               files().append_to(path("file/x")).error()}) {
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr("is a file where a folder should be"));
  }
  EXPECT_EQ(files().glob(path("file/*.csv")).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(*files().glob(path("*/*.csv")), IsEmpty());
  EXPECT_THAT(*files().glob(path("*/x.csv")), IsEmpty());
}

TEST_P(FileSystemTest, ListsAndGlobs) {
  ASSERT_TRUE(files().make_folders(path("x/deep")).ok());
  ASSERT_TRUE(files().make_folders(path("y")).ok());
  for (const char* name : {"b.csv", "a.csv", ".hidden.csv", "x/1.csv", "y/2.csv", "x/deep/3.csv", "odd[1].csv"}) {
    write(name, "");
  }
  EXPECT_THAT(*files().list(path("")), ElementsAre(".hidden.csv", "a.csv", "b.csv", "odd[1].csv", "x", "y"));
  EXPECT_THAT(*files().glob(path("*.csv")), ElementsAre(path("a.csv"), path("b.csv"), path("odd[1].csv")));
  EXPECT_THAT(*files().glob(path("[xy]/?.csv")), ElementsAre(path("x/1.csv"), path("y/2.csv")));
  EXPECT_THAT(*files().glob(path("*/*/*")), ElementsAre(path("x/deep/3.csv")));
  EXPECT_THAT(*files().glob(path("odd[1].csv")), ElementsAre(path("odd[1].csv")));
  EXPECT_THAT(*files().glob(path(".h*")), ElementsAre(path(".hidden.csv")));
  EXPECT_THAT(*files().glob(path("none*")), IsEmpty());
  EXPECT_THAT(*files().glob(path("none/*.csv")), IsEmpty());
  EXPECT_THAT(*files().glob(path("none.csv")), IsEmpty());
  EXPECT_TRUE(files().info(path("x"))->is_folder);
}

TEST_P(FileSystemTest, ALinkIsASecondNameOfTheSameFile) {
  write("a", "bytes");
  ASSERT_TRUE(files().link(path("a"), path("b")).ok());
  EXPECT_EQ(files().info(path("a"))->id, files().info(path("b"))->id);
  EXPECT_EQ(files().link(path("a"), path("b")).code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(files().link(path("missing"), path("c")).code(), ErrorCode::kNotFound);
  ASSERT_TRUE(files().remove(path("a")).ok());
  EXPECT_EQ(files().info(path("b"))->size_bytes, 5U);
}

TEST_P(FileSystemTest, ALockIsHeldOnce) {
  auto first = files().lock(path("lock"));
  ASSERT_TRUE(first) << first.error().to_string();
  const Status second = files().lock(path("lock")).error();
  EXPECT_EQ(second.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(second.message(), HasSubstr(path("lock")));
  first = Status{ErrorCode::kCancelled, "released"};
  EXPECT_TRUE(files().lock(path("lock")));
}

TEST_P(FileSystemTest, PrivateFilesAreFilesLikeOthers) {
  ASSERT_TRUE(files().make_private_folder(path("private/below")).ok());
  ASSERT_TRUE(files().make_private_folder(path("private/below")).ok());
  auto file = files().create_private(path("private/below/a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append("x").ok());
  EXPECT_EQ(files().create_private(path("private/below/a")).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ((*files().open_private(path("private/below/a")))->info()->size_bytes, 1U);
  EXPECT_EQ(files().open_private(path("private/b")).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(files().make_private_folder(path("private/below/a")).ok());
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Posix" : "Memory"; });

TEST(MemoryFileSystem, FailsAtTheNthOperation) {
  testing::MemoryFileSystem files;
  files.fail_at(2, ENOSPC);
  auto file = files.create("a");
  ASSERT_TRUE(file);
  const Status failed = (*file)->append("x");
  EXPECT_EQ(failed.code(), ErrorCode::kIo);
  EXPECT_THAT(failed.message(), HasSubstr("No space left on device"));
  EXPECT_TRUE((*file)->append("x").ok());
  EXPECT_EQ(files.operations(), 3U);
}

TEST(MemoryFileSystem, FailsAtRandomUnderASeed) {
  const auto failures = [](std::uint64_t seed) {
    testing::MemoryFileSystem files;
    files.fail_randomly(seed, 0.5);
    std::string pattern;
    for (int i = 0; i < 64; ++i) pattern += files.info(".") ? '.' : 'x';
    return pattern;
  };
  EXPECT_EQ(failures(1), failures(1));
  EXPECT_NE(failures(1), failures(2));
}

TEST(FileError, SaysThatTheDiskIsFull) {
  for (const int error : {ENOSPC, EDQUOT}) {
    EXPECT_TRUE(is_disk_full(file_error("write", "a", error).at("checkpoint 7"))) << error;
  }
  for (const int error : {EIO, ENOENT, EFBIG}) EXPECT_FALSE(is_disk_full(file_error("write", "a", error))) << error;
  EXPECT_FALSE(is_disk_full({}));
}

TEST(MemoryFileSystem, FillsUp) {
  testing::MemoryFileSystem files;
  files.set_capacity(5);
  auto file = files.create("a");
  EXPECT_TRUE((*file)->append("abc").ok());
  EXPECT_FALSE((*file)->append("def").ok());
  EXPECT_EQ(files.read_file("a"), "abcde");
  EXPECT_TRUE(files.remove("a").ok());
  auto next = files.create("b");
  EXPECT_TRUE((*next)->append("abc").ok());
}

}  // namespace
}  // namespace millstream::inline v0
