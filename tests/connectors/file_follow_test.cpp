// Following files as they grow, are rotated and truncated.
#include <gmock/gmock.h>

#include <filesystem>

#include "connectors/drive.hpp"
#include "connectors/readings.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

/// Lines of JSON numbers, the simplest records.
class FileFollow : public ::testing::Test {
 protected:
  using Reader = testing::SplitReader<int, file::Source<int>>;

  Reader open_reader(Position start = {}) {
    const auto source =
        file::source<int>({.path = path, .format = file::Format::kJsonLines, .follow = true, .poll_interval = 20ms});
    EXPECT_EQ(testing::list_splits(source)->size(), 1U);
    return Reader{source, {path, std::move(start)}, posix_file_system(), clock};
  }
  /// Everything there is now; a followed split then waits.
  static std::vector<int> drain(Reader& reader) {
    const Result<Poll> result = reader.drain();
    EXPECT_TRUE(result) << result.error().to_string();
    EXPECT_TRUE(result && result->kind == Poll::Kind::kIdle);
    EXPECT_THAT(reader.bad, IsEmpty());
    return std::exchange(reader.records, {});
  }
  void rotate(const std::string& to) { std::filesystem::rename(path, folder / to); }

  ManualClock clock;
  testing::TemporaryFolder folder;
  std::string path = folder / "log";
};

TEST_F(FileFollow, WaitsForMoreAndKeepsAPartialLine) {
  folder.write("log", "1\n2\n3");
  auto reader = open_reader();
  const Result<Poll> result = reader.drain();
  EXPECT_EQ(result->retry_at, clock.now() + 20ms);
  EXPECT_THAT(drain(reader), ElementsAre(1, 2));
  EXPECT_EQ(reader.position().offset, 4U);
  folder.append("log", "4");
  EXPECT_THAT(drain(reader), IsEmpty());
  folder.append("log", "5\n6\n");
  EXPECT_THAT(drain(reader), ElementsAre(345, 6));
}

TEST_F(FileFollow, WaitsForAFileThatDoesNotExistYet) {
  auto reader = open_reader();
  EXPECT_THAT(drain(reader), IsEmpty());
  folder.write("log", "1\n");
  EXPECT_THAT(drain(reader), ElementsAre(1));
  auto again = open_reader(reader.position());
  folder.append("log", "2\n");
  EXPECT_THAT(drain(again), ElementsAre(2));
}

TEST_F(FileFollow, FinishesARotatedFileBeforeTheNext) {
  folder.write("log", "1\n2\n");
  auto reader = open_reader();
  EXPECT_THAT(drain(reader), ElementsAre(1, 2));
  rotate("log.1");
  EXPECT_THAT(drain(reader), IsEmpty());
  folder.append("log.1", "3\n4");
  EXPECT_THAT(drain(reader), ElementsAre(3));
  folder.append("log.1", "0\n50");  // the last line of a file that is finished counts without its ending
  folder.write("log", "6\n");
  EXPECT_THAT(drain(reader), ElementsAre(40, 50, 6));
  EXPECT_EQ(reader.position().offset, 2U);
  std::filesystem::remove(path);
  folder.write("log", "7\n");
  EXPECT_THAT(drain(reader), ElementsAre(7));
  EXPECT_THAT(reader.logged, IsEmpty());
}

TEST_F(FileFollow, CatchesUpWithSeveralRotations) {
  folder.write("log", "1\n");
  auto reader = open_reader();
  EXPECT_THAT(drain(reader), ElementsAre(1));
  const auto now = std::filesystem::last_write_time(path);
  rotate("log.2");
  folder.write("log.1", "2\n");
  folder.write("log", "3\n");
  folder.write("log.lock", "no record");
  std::filesystem::last_write_time(folder / "log.1", now + 1s);
  std::filesystem::last_write_time(path, now + 2s);
  EXPECT_THAT(drain(reader), ElementsAre(2, 3));
}

TEST_F(FileFollow, StartsAgainInATruncatedFile) {
  folder.write("log", "1\n2\n3");
  auto reader = open_reader();
  EXPECT_THAT(drain(reader), ElementsAre(1, 2));
  std::filesystem::resize_file(path, 0);
  EXPECT_THAT(drain(reader), IsEmpty());
  EXPECT_THAT(reader.logged, ElementsAre(HasSubstr("shorter")));
  folder.append("log", "4\n");
  EXPECT_THAT(drain(reader), ElementsAre(4));
  EXPECT_EQ(reader.position().offset, 2U);
}

TEST_F(FileFollow, GoesOnAfterARestartInARotatedFile) {
  folder.write("log", "1\n2\n3\n");
  auto reader = open_reader();
  ASSERT_TRUE(reader.poll(2));
  const Position stopped = reader.position();
  rotate("log-20240131");
  folder.write("log", "4\n");
  auto again = open_reader(stopped);
  EXPECT_THAT(drain(again), ElementsAre(3, 4));

  auto at_end = open_reader(again.position());
  folder.append("log", "5\n");
  EXPECT_THAT(drain(at_end), ElementsAre(5));
}

TEST_F(FileFollow, SaysSoWhenTheFileWhereItStoppedIsGone) {
  folder.write("log", "1\n2\n");
  auto reader = open_reader();
  EXPECT_THAT(drain(reader), ElementsAre(1, 2));
  rotate("moved away");
  folder.write("log", "3\n");
  auto again = open_reader(reader.position());
  EXPECT_THAT(drain(again), ElementsAre(3));
  EXPECT_THAT(again.logged, ElementsAre(HasSubstr("gone")));
}

TEST_F(FileFollow, IsNotTakenInByAnotherFileWithTheSameInode) {
  folder.write("log", "1\n2\n");
  auto reader = open_reader();
  EXPECT_THAT(drain(reader), ElementsAre(1, 2));
  folder.write("log", "7\n8\n9\n");  // in place, so with the same inode, and longer than what was read
  auto again = open_reader(reader.position());
  EXPECT_THAT(drain(again), ElementsAre(7, 8, 9));
  EXPECT_THAT(again.logged, ElementsAre(HasSubstr("inode")));
  auto goes_on = open_reader(again.position());
  folder.append("log", "10\n");
  EXPECT_THAT(drain(goes_on), ElementsAre(10));
  EXPECT_THAT(goes_on.logged, IsEmpty());
}

// Only what the position stands behind counts: what comes behind it may be lost with the power.
TEST_F(FileFollow, GoesOnInAFileThatHasLostWhatWasNotReadYet) {
  folder.write("log", "1\n2\n3\n");
  auto reader = open_reader();
  ASSERT_TRUE(reader.poll(2));
  std::filesystem::resize_file(path, 4);
  folder.append("log", "4\n");
  auto again = open_reader(reader.position());
  EXPECT_THAT(drain(again), ElementsAre(4));
  EXPECT_THAT(again.logged, IsEmpty());
}

TEST_F(FileFollow, KnowsALongFileByItsBeginning) {
  std::string text = "1";
  text.append(3'000, '\n');
  folder.write("log", text);
  auto reader = open_reader();
  drain(reader);
  const Position stopped = reader.position();
  folder.append("log", "2\n");
  auto again = open_reader(stopped);
  EXPECT_THAT(drain(again), ElementsAre(2));
  text.replace(1'000, 2, "5\n");
  folder.write("log", text);
  auto other = open_reader(again.position());
  EXPECT_THAT(drain(other), ElementsAre(1, 5));
}

TEST_F(FileFollow, TakesPositionsWithoutABeginning) {
  folder.write("log", "1\n2\n");
  auto reader = open_reader();
  ASSERT_TRUE(reader.poll(1));
  Position stopped = reader.position();
  std::size_t at = stopped.detail.find(':');
  at = stopped.detail.find(':', at + 1);
  ASSERT_NE(at, std::string::npos);
  stopped.detail.resize(at);
  auto again = open_reader(stopped);
  EXPECT_THAT(drain(again), ElementsAre(2));
}

TEST_F(FileFollow, ReadsTheHeaderOfEachCsvFile) {
  using testing::Reading;
  path = folder.write("log.csv", "sensor,value,at\na,1,2001-03-04T00:01:00Z\n");
  const auto source = file::source<Reading>({.path = path, .follow = true});
  testing::SplitReader<Reading, file::Source<Reading>> reader{source, {path, {}}, posix_file_system(), clock};
  ASSERT_TRUE(reader.drain());
  ASSERT_EQ(reader.records.size(), 1U);
  const Position stopped = reader.position();
  folder.append("log.csv", "b,2,2001-03-04T00:01:00Z\n");
  rotate("log.csv.1");
  folder.write("log.csv", "value,at,sensor\n3,2001-03-04T00:01:00Z,c\n");
  ASSERT_TRUE(reader.drain());
  ASSERT_EQ(reader.records.size(), 3U);
  EXPECT_EQ(reader.records[2].sensor, "c");

  testing::SplitReader<Reading, file::Source<Reading>> again{source, {path, stopped}, posix_file_system(), clock};
  ASSERT_TRUE(again.drain());
  ASSERT_EQ(again.records.size(), 2U);
  EXPECT_EQ(again.records[0].sensor, "b");
  EXPECT_EQ(again.records[1].sensor, "c");
}

TEST_F(FileFollow, LosesNothingUnderRandomAppendsRotationsAndRestarts) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random{seed};
    for (const std::string& name : folder.files()) std::filesystem::remove(folder / name);
    folder.write("log", "");
    auto reader =
        std::make_unique<Reader>(file::source<int>({.path = path, .format = file::Format::kJsonLines, .follow = true}),
                                 Split{path, {}}, posix_file_system(), clock);
    std::vector<int> read;
    int next = 0;
    int rotations = 0;
    for (int step = 0; step < 200; ++step) {
      switch (random.below(4)) {
        case 0:
          for (std::uint64_t n = random.below(5); n > 0; --n) folder.append("log", std::to_string(next++) + "\n");
          break;
        case 1:
          ASSERT_TRUE(reader->poll(static_cast<std::uint32_t>(random.below(5) + 1)));
          read.insert(read.end(), reader->records.begin(), reader->records.end());
          reader->records.clear();
          break;
        case 2:
          if (random.chance(0.2)) {
            rotate("log." + std::to_string(1'000'000 - ++rotations));
            folder.write("log", "");
          }
          break;
        default: {
          Split split{path, reader->position()};
          reader = std::make_unique<Reader>(
              file::source<int>({.path = path, .format = file::Format::kJsonLines, .follow = true}), split,
              posix_file_system(), clock);
          ASSERT_TRUE(reader->opened.ok());
        }
      }
    }
    // A wait may stand between two files.
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(reader->drain());
    read.insert(read.end(), reader->records.begin(), reader->records.end());
    std::vector<int> expected(static_cast<std::size_t>(next));
    for (int i = 0; i < next; ++i) expected[static_cast<std::size_t>(i)] = i;
    EXPECT_EQ(read, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace millstream::inline v0
