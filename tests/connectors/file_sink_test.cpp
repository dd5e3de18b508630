// The file sink: whole files only, names, folders, rolling, and a disk that refuses.
#include <gmock/gmock.h>

#include "connectors/drive.hpp"
#include "connectors/file_sinks.hpp"
#include "connectors/readings.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::FileSink;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::OpenSink;
using testing::random_readings;
using testing::range;
using testing::Reading;
using ::testing::SizeIs;
using ::testing::StartsWith;
using namespace std::chrono_literals;

TEST_F(FileSink, WritesWhatTheSourceReads) {
  testing::TemporaryFolder folder;
  const auto readings = random_readings(1, 3000);
  for (const auto format : {file::Format::kJsonLines, file::Format::kCsv}) {
    const std::string directory = folder / (format == file::Format::kCsv ? "csv/deep" : "json");
    OpenSink<Reading> sink{file::sink<Reading>({.directory = directory, .format = format, .roll_bytes = 50'000}),
                           posix_file_system(), system_clock()};
    ASSERT_TRUE(sink.opened.ok()) << sink.opened.to_string();
    for (std::size_t i = 0; i < readings.size(); i += 100) {
      ASSERT_TRUE(sink.write({readings.begin() + static_cast<std::ptrdiff_t>(i),
                              readings.begin() + static_cast<std::ptrdiff_t>(i + 100)})
                      .ok());
    }
    ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
    auto read = testing::read_all<Reading>(file::source<Reading>({.path = directory + "/*"}));
    ASSERT_EQ(read.size(), readings.size());
    const auto less = [](const Reading& a, const Reading& b) {
      return std::tie(a.at, a.value, a.sensor) < std::tie(b.at, b.value, b.sensor);
    };
    auto expected = readings;
    std::sort(read.begin(), read.end(), less);
    std::sort(expected.begin(), expected.end(), less);
    EXPECT_EQ(read, expected);
    EXPECT_THAT(folder.files(), Each(Not(HasSubstr("inprogress"))));
  }
  EXPECT_GT(folder.files().size(), 6U);
}

TEST_F(FileSink, ReadersSeeOnlyWholeFiles) {
  auto sink = open({});
  ASSERT_TRUE(sink.write(range(0, 50'000)).ok());
  EXPECT_THAT(visible(), IsEmpty());
  ASSERT_TRUE(sink.sink.flush().ok());
  EXPECT_THAT(visible(), IsEmpty());
  ASSERT_THAT(files.files(), SizeIs(1));
  EXPECT_THAT(files.files()[0], AllOf(StartsWith("out/."), EndsWith(".inprogress")));
  ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
  EXPECT_THAT(visible(), SizeIs(1));
  EXPECT_EQ(files.files(), visible());
  EXPECT_EQ(numbers(), range(0, 50'000));
}

TEST_F(FileSink, AbortRemovesWhatIsNotVisible) {
  auto sink = open({.roll_bytes = 100});
  ASSERT_TRUE(sink.write(range(100, 225)).ok());
  EXPECT_THAT(visible(), SizeIs(5));
  ASSERT_TRUE(sink.write(range(225, 230)).ok());
  EXPECT_THAT(files.files(), SizeIs(6));
  ASSERT_TRUE(sink.sink.close(SinkEnd::kAborted).ok());
  EXPECT_EQ(files.files(), visible());
  EXPECT_EQ(numbers(), range(100, 225));
  {
    auto dropped = open({.existing = file::Existing::kKeep});
    ASSERT_TRUE(dropped.write(range(0, 10)).ok());
  }
  EXPECT_EQ(files.files(), visible());
}

TEST_F(FileSink, RollsByAge) {
  auto sink = open({.roll_interval = 1min});
  ASSERT_TRUE(sink.write({1}).ok());
  clock.advance(59s);
  ASSERT_TRUE(sink.write({2}).ok());
  EXPECT_THAT(visible(), IsEmpty());
  clock.advance(1s);
  ASSERT_TRUE(sink.sink.flush().ok());
  EXPECT_EQ(numbers(), (std::vector{1, 2}));
  ASSERT_TRUE(sink.write({3}).ok());
  clock.advance(1min);
  ASSERT_TRUE(sink.write({4}).ok());
  EXPECT_EQ(numbers(), range(1, 4));
}

TEST_F(FileSink, WarnsOfUnfinishedFilesAndDoesNotTouchThem) {
  files.write_file("out/day=1/.part-1-0-1.jsonl.inprogress", "1");
  files.write_file("out/.part-1-0-2.jsonl.inprogress", "2");
  files.write_file("out/.nfs0001", "");
  const auto before = files.files();
  for (const auto existing : {file::Existing::kRefuse, file::Existing::kKeep}) {
    auto sink = open({.existing = existing});
    ASSERT_TRUE(sink.opened.ok());
    EXPECT_THAT(*sink.logged,
                ElementsAre(AllOf(HasSubstr("the directory out holds 2 unfinished file(s), such as out/"),
                                  HasSubstr("find out -name '.part-*.inprogress' -delete"), HasSubstr("no job runs"))));
    ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
    EXPECT_EQ(files.files(), before);
  }
}

TEST_F(FileSink, AFileWhereTheDirectoryShouldBeIsNamed) {
  files.write_file("afile", "");
  for (const std::string directory : {"afile", "afile/sub/deeper"}) {
    const Status s = open({.directory = directory}).opened;
    EXPECT_EQ(s.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(s.message(),
              "cannot write to the directory " + directory + ": afile is a file; name a folder in .directory");
  }
}

TEST_F(FileSink, ADirectoryThatCannotBeMadeSaysWhatToDo) {
  files.fail_at(2, EACCES);
  EXPECT_EQ(open({}).opened.message(),
            "cannot make the folder out: Permission denied; name a folder in .directory that this process may make and "
            "write to");
}

TEST_F(FileSink, RefusesADirectoryWithFilesUnlessToldToKeepThem) {
  files.write_file("out/deep/old.jsonl", "1\n");
  auto refused = open({});
  EXPECT_EQ(refused.opened.code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(refused.opened.message(), AllOf(HasSubstr("out/deep/old.jsonl"), HasSubstr("kKeep")));
  auto kept = open({.existing = file::Existing::kKeep});
  ASSERT_TRUE(kept.opened.ok());
  ASSERT_TRUE(kept.write({2}).ok());
  ASSERT_TRUE(kept.sink.close(SinkEnd::kFinished).ok());
  EXPECT_EQ(numbers(), (std::vector{1, 2}));

  // Hidden files and empty folders are no output.
  files.write_file("new/.part.inprogress", "");
  ASSERT_TRUE(files.make_folders("new/empty").ok());
  EXPECT_TRUE(open({.directory = "new"}).opened.ok());
}

TEST_F(FileSink, ShardsAndRestartsNeverShareAName) {
  const auto prototype = file::sink<int>({.directory = "out"});
  for (int run = 0; run < 3; ++run) {
    OpenSink<int> a{prototype, files, clock, 0};
    ASSERT_TRUE(a.opened.ok()) << "a job that starts again after a failure finds its own files";
    ASSERT_TRUE(a.write({run * 10}).ok());
    OpenSink<int> b{prototype, files, clock, 1};
    ASSERT_TRUE(a.sink.close(SinkEnd::kFinished).ok());
    OpenSink<int> late{prototype, files, clock, 2};
    ASSERT_TRUE(late.opened.ok()) << "the second shard to open finds the first one's file";
    ASSERT_TRUE(b.write({run * 10 + 1}).ok());
    ASSERT_TRUE(b.sink.close(SinkEnd::kFinished).ok());
    ASSERT_TRUE(late.sink.close(SinkEnd::kAborted).ok());
  }
  EXPECT_EQ(numbers(), (std::vector{0, 1, 10, 11, 20, 21}));
}

TEST_F(FileSink, ASecondJobFindsTheFilesOfTheFirst) {
  const auto prototype = file::sink<int>({.directory = "out"});
  {
    OpenSink<int> first{prototype, files, clock};
    ASSERT_TRUE(first.write({1}).ok());
    ASSERT_TRUE(first.sink.close(SinkEnd::kFinished).ok());
  }
  OpenSink<int> second{prototype, files, clock};
  EXPECT_EQ(second.opened.code(), ErrorCode::kAlreadyExists);
}

TEST_F(FileSink, RefusesWrongOptions) {
  OpenSink<int> nowhere{file::sink<int>({}), files, clock};
  EXPECT_EQ(nowhere.opened.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(open({.format = file::Format::kCsv}).opened.message(), HasSubstr("does not fit CSV"));
  EXPECT_THAT(open({.format = file::Format::kAuto}).opened.message(), HasSubstr("set .format"));
  EXPECT_FALSE(open({.roll_bytes = 0}).opened.ok());
}

TEST_F(FileSink, AFullDiskIsAnErrorAndLeavesOnlyWholeFiles) {
  files.set_capacity(100'000);
  auto sink = open({.roll_bytes = 30'000});
  Status s;
  int next = 10'000;
  while (s.ok() && next < 99'000) {
    s = sink.write(range(next, next + 500));
    next += 500;
  }
  EXPECT_EQ(s.code(), ErrorCode::kIo);
  EXPECT_THAT(s.message(), AllOf(HasSubstr("out/"), HasSubstr("No space left on device"),
                                 HasSubstr("the files that readers see are whole and stay"),
                                 HasSubstr(".existing = Existing::kKeep")));
  ASSERT_TRUE(sink.sink.close(SinkEnd::kAborted).ok());
  EXPECT_EQ(files.files(), visible());
  const auto read = numbers();
  EXPECT_EQ(read, range(10'000, 10'000 + static_cast<int>(read.size())));
  EXPECT_GE(read.size(), 10'000U);
}

class FileSinkFaults : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FileSinkFaults, AnyOperationMayFail) {
  ManualClock clock;
  for (std::uint64_t nth = 1; nth < 1000; ++nth) {
    testing::MemoryFileSystem disk{clock};
    disk.fail_at(nth);
    bool all_good = false;
    {
      OpenSink<int> sink{file::sink<int>({.directory = "out",
                                          .path = [](const int& i) { return "d" + std::to_string(i % 3); },
                                          .roll_bytes = 40,
                                          .open_files_max = GetParam()}),
                         disk, clock};
      Status s = sink.opened;
      for (int i = 100; i < 145 && s.ok(); ++i) {
        s = sink.write({i});
        if (s.ok() && i % 4 == 0) s = sink.sink.flush();
      }
      const bool written = s.ok();
      if (s.ok()) s = sink.sink.close(SinkEnd::kFinished);
      if (!written) static_cast<void>(sink.sink.close(SinkEnd::kAborted));
      all_good = s.ok();
      EXPECT_TRUE(s.ok() || s.message().find("Input/output error") != std::string::npos) << s.message();
    }
    if (all_good && disk.operations() < nth) return;
    std::size_t lines = 0;
    for (const std::string& name : disk.files()) {
      if (name.find("/.") != std::string::npos) continue;  // not seen, if its removal has failed
      const std::string text = disk.read_file(name);
      EXPECT_TRUE(text.ends_with('\n')) << name;
      lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }
    EXPECT_TRUE(!all_good || lines == 45) << lines;
  }
  ADD_FAILURE() << "never came to an end";
}

// One: each write of another folder closes a file and opens one again.
INSTANTIATE_TEST_SUITE_P(OpenFiles, FileSinkFaults, ::testing::Values(1, 64));

}  // namespace
}  // namespace millstream::inline v0
