// The file sink: whole files only, names, folders, rolling, and a disk that refuses.
#include <gmock/gmock.h>

#include <numeric>

#include "connectors/drive.hpp"
#include "connectors/readings.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::random_readings;
using testing::Reading;
using ::testing::SizeIs;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// One shard's copy of a sink, opened.
template <class T>
struct OpenSink {
  OpenSink(file::Sink<T> prototype, FileSystem& files, Clock& clock, std::uint32_t shard = 0)
      : sink{std::move(prototype)},
        context{testing::sink_context(files, clock, shard, 2)},
        opened{sink.open(context)} {}

  Status write(std::vector<T> records) { return sink.write(records).error(); }

  file::Sink<T> sink;
  SinkContext context;
  Status opened;
};

class FileSink : public ::testing::Test {
 protected:
  /// Names of files that readers see.
  std::vector<std::string> visible() {
    std::vector<std::string> names;
    for (const std::string& name : files.files()) {
      if (name.find("/.") == std::string::npos) names.push_back(name);
    }
    return names;
  }
  OpenSink<int> open(file::SinkOptions<int> options, std::uint32_t shard = 0) {
    if (options.directory.empty()) options.directory = "out";
    return {file::sink<int>(std::move(options)), files, clock, shard};
  }
  /// All numbers in visible files, sorted.
  std::vector<int> numbers() {
    std::vector<int> all;
    for (const std::string& name : visible()) {
      const auto some =
          testing::read_all<int>(file::source<int>({.path = name, .format = file::Format::kJsonLines}), files, clock);
      all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  ManualClock clock;
  testing::MemoryFileSystem files{clock};
};

std::vector<int> range(int begin, int end) {
  std::vector<int> all(static_cast<std::size_t>(end - begin));
  std::iota(all.begin(), all.end(), begin);
  return all;
}

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

TEST_F(FileSink, PutsRecordsIntoTheFoldersOfThePath) {
  auto sink = open(
      {.path = [](const int& i) { return i == 0 ? "" : "mod=" + std::to_string(i % 3) + "/x"; }, .open_files_max = 2});
  for (const int i : range(0, 30)) ASSERT_TRUE(sink.write({i}).ok());
  EXPECT_LE(files.files().size() - visible().size(), 2U);
  ASSERT_TRUE(sink.sink.close(SinkEnd::kFinished).ok());
  EXPECT_EQ(numbers(), range(0, 30));
  for (const std::string& name : visible()) {
    EXPECT_TRUE(name.starts_with("out/part-") || name.starts_with("out/mod=")) << name;
  }
  const auto ones = testing::read_all<int>(
      file::source<int>({.path = "out/mod=1/x/*", .format = file::Format::kJsonLines}), files, clock);
  EXPECT_THAT(ones, SizeIs(10));
  for (const int i : ones) EXPECT_EQ(i % 3, 1);
}

TEST_F(FileSink, RefusesPathsThatLeaveTheDirectory) {
  for (const std::string path : {"..", "../x", "a/../../x", "/etc", ".hidden", "a/.b", "a//b", "a/", "x.inprogress"}) {
    auto sink = open({.directory = "out/" + std::to_string(clock.now().time_since_epoch().count()),
                      .path = [path](const int&) { return path; }});
    const Status s = sink.write({1});
    EXPECT_EQ(s.code(), ErrorCode::kInvalidArgument) << path;
    EXPECT_THAT(s.message(), HasSubstr("'" + path + "'"));
  }
  EXPECT_THAT(files.files(), IsEmpty());
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
  EXPECT_THAT(s.message(), AllOf(HasSubstr("out/"), HasSubstr("No space left on device")));
  ASSERT_TRUE(sink.sink.close(SinkEnd::kAborted).ok());
  EXPECT_EQ(files.files(), visible());
  const auto read = numbers();
  EXPECT_EQ(read, range(10'000, 10'000 + static_cast<int>(read.size())));
  EXPECT_GE(read.size(), 10'000U);
}

TEST_F(FileSink, AnyOperationMayFail) {
  for (std::uint64_t nth = 1; nth < 500; ++nth) {
    testing::MemoryFileSystem disk{clock};
    disk.fail_at(nth);
    bool all_good = false;
    {
      OpenSink<int> sink{
          file::sink<int>(
              {.directory = "out", .path = [](const int& i) { return "d" + std::to_string(i % 2); }, .roll_bytes = 40}),
          disk, clock};
      Status s = sink.opened;
      for (int i = 100; i < 130 && s.ok(); ++i) s = sink.write({i});
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
    EXPECT_TRUE(!all_good || lines == 30) << lines;
  }
  ADD_FAILURE() << "never came to an end";
}

}  // namespace
}  // namespace millstream::inline v0
