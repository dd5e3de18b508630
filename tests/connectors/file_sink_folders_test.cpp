// The folders of a file sink: which record goes where, and how many files, descriptors and buffers there are at a time.
#include <gmock/gmock.h>

#include <filesystem>

#include "connectors/drive.hpp"
#include "connectors/file_sinks.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/core/random.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FileSink;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OpenSink;
using testing::range;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class FileSinkFolders : public FileSink {};

TEST_F(FileSinkFolders, PutsRecordsIntoTheFoldersOfThePath) {
  auto sink = open(
      {.path = [](const int& i) { return i == 0 ? "" : "mod=" + std::to_string(i % 3) + "/x"; }, .open_files_max = 2});
  for (const int i : range(0, 30)) ASSERT_TRUE(sink.write({i}).ok());
  EXPECT_THAT(visible(), IsEmpty());
  ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
  EXPECT_EQ(numbers(), range(0, 30));
  EXPECT_THAT(visible(), SizeIs(4)) << "one file for each folder, however few are open at a time";
  for (const std::string& name : visible()) {
    EXPECT_TRUE(name.starts_with("out/part-") || name.starts_with("out/mod=")) << name;
  }
  const auto ones = testing::read_all<int>(
      file::source<int>({.path = "out/mod=1/x/*", .format = file::Format::kJsonLines}), files, clock);
  EXPECT_THAT(ones, SizeIs(10));
  for (const int i : ones) EXPECT_EQ(i % 3, 1);
}

TEST_F(FileSinkFolders, KeepsFewDescriptorsForManyFolders) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all{"/proc/self/fd"};
    return std::distance(begin(all), end(all));
  };
  testing::TemporaryFolder folder;
  OpenSink<int> sink{file::sink<int>({.directory = folder / "out",
                                      .path = [](const int& i) { return "f" + std::to_string(i % 200); },
                                      .open_files_max = 3}),
                     posix_file_system(), system_clock()};
  const auto before = descriptors();
  Random random{1};
  std::vector<std::vector<int>> expected(200);
  for (int batch = 0; batch < 20; ++batch) {
    for (int i = 0; i < 50; ++i) {
      const int number = static_cast<int>(random.below(100'000));
      expected[static_cast<std::size_t>(number % 200)].push_back(number);
      ASSERT_TRUE(sink.write({number}).ok());
    }
    ASSERT_TRUE(sink.sink.flush().ok());
    EXPECT_LE(descriptors(), before + 3);
  }
  ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
  EXPECT_EQ(descriptors(), before);
  for (int i = 0; i < 200; ++i) {
    const std::string name = "out/f" + std::to_string(i);
    if (expected[static_cast<std::size_t>(i)].empty()) continue;
    EXPECT_EQ(testing::read_all<int>(
                  file::source<int>({.path = folder / (name + "/part-*"), .format = file::Format::kJsonLines})),
              expected[static_cast<std::size_t>(i)]);
  }
  EXPECT_THAT(folder.files(),
              SizeIs(std::count_if(expected.begin(), expected.end(), [](auto& f) { return !f.empty(); })));
}

TEST_F(FileSinkFolders, AFileThatIsClosedBetweenWritesRollsAsAnyOther) {
  auto sink = open({.path = [](const int& i) { return "f" + std::to_string(i % 3); },
                    .roll_bytes = 40,
                    .roll_interval = 1min,
                    .open_files_max = 1});
  for (const int i : range(100, 130)) {
    ASSERT_TRUE(sink.write({i}).ok());
    ASSERT_TRUE(sink.sink.flush().ok());
  }
  EXPECT_THAT(visible(), SizeIs(3));
  ASSERT_TRUE(sink.write({130, 131}).ok());
  clock.advance(1min);
  ASSERT_TRUE(sink.sink.flush().ok());
  EXPECT_EQ(numbers(), range(100, 132));
  EXPECT_EQ(files.files(), visible());
}

TEST_F(FileSinkFolders, BuffersOfManyFoldersAreBounded) {
  OpenSink<std::string> sink{
      file::sink<std::string>({.directory = "out", .path = [](const std::string& text) { return text.substr(0, 3); }}),
      files, clock};
  for (int i = 100; i < 400; ++i) {
    for (int n = 0; n < 2; ++n) ASSERT_TRUE(sink.write({std::to_string(i) + std::string(31'000, '.')}).ok());
  }
  std::size_t written = 0;
  for (const std::string& name : files.files()) written += files.read_file(name).size();
  EXPECT_GT(written + file::detail::kBuffersBytesMax, std::size_t{300} * 2 * 31'000);
  EXPECT_THAT(visible(), IsEmpty());
  ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
  EXPECT_THAT(visible(), SizeIs(300));
  for (const std::string& name : visible()) EXPECT_EQ(files.read_file(name).size(), 2 * 31'006U);
}

TEST_F(FileSinkFolders, BeyondTheLimitTheFolderNotUsedForLongestBecomesVisible) {
  const int limit = file::detail::kUnfinishedFilesMax;
  auto sink = open({.path = [](const int& i) { return "f" + std::to_string(i); }, .open_files_max = 8});
  ASSERT_TRUE(sink.write(range(0, limit)).ok());
  ASSERT_TRUE(sink.write({0}).ok());
  EXPECT_THAT(visible(), IsEmpty());
  EXPECT_THAT(*sink.logged, IsEmpty());
  ASSERT_TRUE(sink.write(range(limit, limit + 2)).ok());
  EXPECT_EQ(numbers(), (std::vector{1, 2}));
  EXPECT_THAT(*sink.logged,
              ElementsAre(AllOf(HasSubstr("sink 'out'"), HasSubstr(".path"), HasSubstr("10000 folders"))));
  ASSERT_TRUE(sink.sink.close(SinkEnd::kAborted).ok());
  EXPECT_EQ(files.files(), visible());
}

TEST_F(FileSinkFolders, AnUnfinishedFileThatIsRemovedFailsTheJob) {
  auto sink = open({.path = [](const int& i) { return "f" + std::to_string(i); }, .open_files_max = 1});
  ASSERT_TRUE(sink.write({1}).ok());
  const std::string first = files.files().at(0);
  ASSERT_TRUE(sink.write({2}).ok());
  ASSERT_TRUE(files.remove(first).ok());
  const Status s = sink.sink.flush();
  EXPECT_EQ(s.code(), ErrorCode::kNotFound);
  EXPECT_THAT(s.message(), HasSubstr(first));
}

TEST_F(FileSinkFolders, AFolderThatAnotherShardHasJustMadeSurvivesAPowerFailure) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    testing::MemoryFileSystem disk{clock};
    OpenSink<int> sink{file::sink<int>({.directory = "out", .path = [](const int&) { return "a/b"; }}), disk, clock};
    ASSERT_TRUE(disk.make_folders("out/a/b").ok());  // the other shard, which has not synced it yet
    ASSERT_TRUE(sink.write({1}).ok());
    ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
    Random random{seed};
    disk.restart(testing::Crash::kPower, random);
    EXPECT_THAT(disk.files(), SizeIs(1));
  }
}

TEST_F(FileSinkFolders, DescriptorsOfAllShardsAreBounded) {
  EXPECT_EQ(file::detail::open_files_of_a_shard(1), 64U);
  EXPECT_EQ(file::detail::open_files_of_a_shard(8), 64U);
  EXPECT_EQ(file::detail::open_files_of_a_shard(64), 8U);
  EXPECT_EQ(file::detail::open_files_of_a_shard(1000), 4U);
}

TEST_F(FileSinkFolders, RefusesPathsThatLeaveTheDirectory) {
  for (const std::string path : {"..", "../x", "a/../../x", "/etc", ".hidden", "a/.b", "a//b", "a/", "x.inprogress"}) {
    auto sink = open({.directory = "out/" + std::to_string(clock.now().time_since_epoch().count()),
                      .path = [path](const int&) { return path; }});
    const Status s = sink.write({1});
    EXPECT_EQ(s.code(), ErrorCode::kInvalidArgument) << path;
    EXPECT_THAT(s.message(), HasSubstr("'" + path + "'"));
  }
  EXPECT_THAT(files.files(), IsEmpty());
}

}  // namespace
}  // namespace millstream::inline v0
