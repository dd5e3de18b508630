// The file source on real files: formats, globs, compression, positions and bad records.
#include <gmock/gmock.h>

#include "connectors/compress.hpp"
#include "connectors/drive.hpp"
#include "connectors/readings.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::random_readings;
using testing::Reading;
using ReadingSource = file::Source<Reading>;
using Reader = testing::SplitReader<Reading, ReadingSource>;

Reader open_reader(const std::string& path, file::SourceOptions options = {}, Position start = {}) {
  options.path = path;
  return Reader{file::source<Reading>(options), {path, std::move(start)}, posix_file_system(), system_clock()};
}

/// The source with another chunk size.
struct ChunkedSource {
  file::detail::ReaderOptions options;
  std::shared_ptr<file::detail::RecordDecoder<Reading>> records = nullptr;

  Status open(SplitContext& context) {
    auto reader = file::detail::RecordReader::open_file(context, options);
    if (!reader) return reader.error();
    records = std::make_shared<file::detail::RecordDecoder<Reading>>(*std::move(reader));
    return records->check();
  }
  Result<Poll> poll(SourceOutput<Reading>& out) {
    const auto event = records->poll(out);
    if (!event) return event.error();
    return *event == file::detail::RecordReader::Event::kEnd ? Poll::done() : Poll::more();
  }
  [[nodiscard]] Position position() const { return records->position(); }
};

class FileSource : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
};

TEST_F(FileSource, ReadsEveryFormatAndCompression) {
  const auto readings = random_readings(1, 5000);
  const std::string json = testing::to_json_lines(readings);
  const std::string csv = testing::to_csv(readings);
  for (const auto& [name, bytes] : std::map<std::string, std::string>{{"a.jsonl", json},
                                                                      {"a.json", json},
                                                                      {"a.ndjson.gz", testing::gzip(json)},
                                                                      {"a.json.zst", testing::zstd(json)},
                                                                      {"a.csv", csv},
                                                                      {"a.csv.gz", testing::gzip(csv)},
                                                                      {"a.csv.zst", testing::zstd(csv)}}) {
    const std::string path = folder.write(name, bytes);
    EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = path})), readings) << name;
  }
  const std::string path = folder.write("no-suffix", csv);
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = path, .format = file::Format::kCsv})), readings);
  EXPECT_THAT(testing::list_splits(file::source<Reading>({.path = path})).error().message(), HasSubstr("set .format"));
}

TEST_F(FileSource, ReadsTheLastLineWithoutItsEnding) {
  const std::string json = R"({"sensor":"a","value":1,"at":"2001-03-04T00:01:00Z"})";
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = folder.write("a.json", json)})).size(), 1U);
  const std::string spaced = "\xEF\xBB\xBF" + json + "\r\n\r\n  \n" + json;
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = folder.write("b.json", spaced)})).size(), 2U);
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = folder.write("c.json", "")})).size(), 0U);
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = folder.write("c.csv", "")})).size(), 0U);
  const std::string csv = "value,sensor,at\r\n1,a,2001-03-04T00:01:00Z";
  const auto from_csv = testing::read_all<Reading>(file::source<Reading>({.path = folder.write("d.csv", csv)}));
  EXPECT_EQ(from_csv, testing::read_all<Reading>(file::source<Reading>({.path = folder / "a.json"})));
}

TEST_F(FileSource, TakesTheFilesOfAPatternAsSplitsInOrder) {
  const auto readings = random_readings(2, 30);
  folder.write("b.json", testing::to_json_lines({readings.begin() + 10, readings.end()}));
  folder.write("a.csv", testing::to_csv({readings.begin(), readings.begin() + 10}));
  std::filesystem::create_directory(folder / "a folder.json");
  const auto source = file::source<Reading>({.path = folder / "*"});
  const auto splits = testing::list_splits(source);
  ASSERT_EQ(splits->size(), 2U);
  EXPECT_EQ(splits->at(0).id, folder / "a.csv");
  EXPECT_EQ(testing::read_all<Reading>(source), readings);
}

TEST_F(FileSource, RefusesWhatItCannotRead) {
  const auto refused = [](file::SourceOptions options) {
    const auto splits = testing::list_splits(file::source<Reading>(std::move(options)));
    return splits ? std::string{"accepted"} : splits.error().message();
  };
  EXPECT_THAT(refused({.path = folder / "*.csv"}), AllOf(HasSubstr("no file matches"), HasSubstr("*.csv")));
  EXPECT_THAT(refused({.path = folder / "missing.csv"}),
              AllOf(HasSubstr("no file matches"), HasSubstr("set .follow"), Not(HasSubstr("working directory"))));
  EXPECT_EQ(refused({.path = "no/such.csv"}), "file source: no file matches 'no/such.csv' in the working directory " +
                                                  std::filesystem::current_path().string() +
                                                  "; check the path, or set .follow to wait until the file is there");
  EXPECT_THAT(refused({.path = "no such*.csv"}), AllOf(HasSubstr("check the pattern"), Not(HasSubstr(".follow"))));
  EXPECT_EQ(refused({.path = "no/such.csv", .follow = true}), "accepted");
  EXPECT_THAT(refused({.path = folder.path(), .format = file::Format::kCsv}), HasSubstr("not a regular file"));
  EXPECT_THAT(refused({.path = ""}), HasSubstr("empty"));
  folder.write("a.csv.gz", testing::gzip("x"));
  EXPECT_THAT(refused({.path = folder / "a.csv.gz", .follow = true}), HasSubstr("cannot be followed"));
  EXPECT_THAT(refused({.path = folder / "a.csv.gz", .record_bytes_max = 0}), HasSubstr("record_bytes_max"));

  auto missing = open_reader(folder / "gone.csv");
  EXPECT_EQ(missing.opened.code(), ErrorCode::kNotFound);
  using Nested = std::vector<int>;
  testing::SplitReader<Nested, file::Source<Nested>> nested{
      file::source<Nested>({}), {folder.write("n.csv", "a\n1\n"), {}}, posix_file_system(), system_clock()};
  EXPECT_THAT(nested.opened.message(), HasSubstr("does not fit CSV"));
}

TEST_F(FileSource, ReadsRecordsThatAreNoStructs) {
  const std::string path = folder.write("words.json", "\"a\"\n\"b\\n\"\n");
  EXPECT_THAT(testing::read_all<std::string>(file::source<std::string>({.path = path})),
              ::testing::ElementsAre("a", "b\n"));
}

TEST_F(FileSource, RefusesACsvHeaderThatDoesNotFit) {
  auto reader = open_reader(folder.write("a.csv", "sensor,colour\na,red\n"));
  ASSERT_TRUE(reader.opened.ok());
  const Status s = reader.drain().error();
  EXPECT_THAT(s.message(), AllOf(HasSubstr("a.csv:1"), HasSubstr("colour"), HasSubstr("value")));
}

TEST_F(FileSource, ReadsMembersAndFramesBehindEachOther) {
  const auto readings = random_readings(3, 3000);
  const std::string text = testing::to_json_lines(readings);
  std::string gz;
  std::string zst;
  Random random{1};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t size = random.below(60'000);  // also empty ones, and cuts within records
    gz += testing::gzip(std::string_view{text}.substr(begin, size));
    zst += testing::zstd(std::string_view{text}.substr(begin, size));
    begin += size;
  }
  gz += std::string(1000, '\0');  // padding
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = folder.write("a.json.gz", gz)})), readings);
  EXPECT_EQ(testing::read_all<Reading>(file::source<Reading>({.path = folder.write("a.json.zst", zst)})), readings);
}

TEST_F(FileSource, SaysWhereCompressedDataIsCutOffOrDamaged) {
  const std::string text = testing::to_json_lines(random_readings(4, 3000));
  Random random{2};
  for (const auto& [name, bytes] :
       std::map<std::string, std::string>{{"a.json.gz", testing::gzip(text)}, {"a.json.zst", testing::zstd(text)}}) {
    for (int i = 0; i < 20; ++i) {
      folder.write(name, bytes.substr(0, random.below(bytes.size())));
      auto reader = open_reader(folder / name);
      const auto result = reader.drain();
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code(), ErrorCode::kInvalidData);
      EXPECT_THAT(result.error().message(), AllOf(HasSubstr(folder / name), HasSubstr("byte"), HasSubstr("cut off")));
    }
    // Damage is found at the latest by the checksum (zstd frames made here have none, so damage their header).
    std::string damaged = bytes;
    damaged[name.ends_with("gz") ? bytes.size() / 2 : 0] ^= 0x55;
    folder.write(name, damaged);
    auto reader = open_reader(folder / name, {.on_bad_record = OnError::kSkip});
    const auto result = reader.drain();
    ASSERT_FALSE(result) << name;
    EXPECT_THAT(result.error().message(), AllOf(HasSubstr(folder / name), HasSubstr("byte")));
  }
  folder.write("a.json.gz", testing::gzip("") + "garbage");
  EXPECT_FALSE(open_reader(folder / "a.json.gz").drain());
}

TEST_F(FileSource, GoesOnAtAnyPositionWithAnyChunkSize) {
  const auto readings = random_readings(5, 400);
  const std::string json = testing::to_json_lines(readings);
  const std::string csv = testing::to_csv(readings);
  const std::map<std::string, std::string> files{{"a.json", json},
                                                 {"a.csv", csv},
                                                 {"b.csv", csv.substr(0, csv.size() - 1)},
                                                 {"a.json.gz", testing::gzip(json)},
                                                 {"a.csv.zst", testing::zstd(csv)}};
  for (const auto& [name, bytes] : files) {
    const std::string path = folder.write(name, bytes);
    Random random{9};
    for (const std::size_t chunk : {1U, 2U, 7U, 64U, 1000U, 100'000U}) {
      const ChunkedSource source{{.chunk_bytes = chunk}};
      testing::SplitReader<Reading, ChunkedSource> whole{source, {path, {}}, posix_file_system(), system_clock()};
      ASSERT_TRUE(whole.drain());
      EXPECT_EQ(whole.records, readings) << name << " in chunks of " << chunk;
      if (chunk < 64) continue;  // a restart that skips a byte a poll proves no more and takes its time
      EXPECT_EQ((testing::read_with_restarts<Reading>(source, {path, {}}, random)), readings)
          << name << " in chunks of " << chunk;
    }
    EXPECT_EQ((testing::read_with_restarts<Reading>(file::source<Reading>({.path = path}), {path, {}}, random)),
              readings);
  }
}

TEST_F(FileSource, KeepsLineNumbersAcrossARestart) {
  const std::string line = R"({"sensor":"a","value":1,"at":"2001-03-04T00:01:00Z"})";
  const std::string path = folder.write("a.json", line + "\n\n" + line + "\n" + line + "\nbad\n");
  auto first = open_reader(path);
  ASSERT_TRUE(first.poll(2));
  EXPECT_EQ(first.position().offset, 2 * line.size() + 3);
  auto second = open_reader(path, {}, first.position());
  ASSERT_TRUE(second.drain());
  EXPECT_EQ(second.records.size(), 1U);
  ASSERT_EQ(second.bad.size(), 1U);
  EXPECT_EQ(second.bad[0].line, 5U);
}

TEST_F(FileSource, RefusesToGoOnInAFileThatBecameShorter) {
  const auto readings = random_readings(6, 10);
  for (const std::string name : {"a.json", "a.json.gz"}) {
    const auto write = [&](const std::string& text) {
      return folder.write(name, name.ends_with("gz") ? testing::gzip(text) : text);
    };
    const std::string path = write(testing::to_json_lines(readings));
    auto first = open_reader(path);
    ASSERT_TRUE(first.drain());
    write("");
    auto second = open_reader(path, {}, first.position());
    const Status s = second.opened.ok() ? second.drain().error() : second.opened;
    EXPECT_EQ(s.code(), ErrorCode::kInvalidData);
    EXPECT_THAT(s.message(), HasSubstr("changed since"));
  }
}

TEST_F(FileSource, BadRecordsCarryTheirPlaceReasonAndBytes) {
  const std::string good = R"({"sensor":"a","value":1,"at":"2001-03-04T00:01:00Z"})";
  const std::string wrong = R"({"sensor":"a","value":"x","at":"2001-03-04T00:01:00Z"})";
  auto json = open_reader(folder.write("a.json", good + "\n" + wrong + "\n" + good + "\n{\n"));
  EXPECT_EQ(json.source().on_bad_record(), OnError::kFail);
  ASSERT_TRUE(json.drain());
  EXPECT_EQ(json.records.size(), 2U);
  ASSERT_EQ(json.bad.size(), 2U);
  EXPECT_EQ(json.bad[0].bytes, wrong);
  EXPECT_EQ(json.bad[0].source, folder / "a.json");
  EXPECT_EQ(json.bad[0].line, 2U);
  EXPECT_EQ(json.bad[0].column, wrong.find("\"x\"") + 1);
  EXPECT_EQ(json.bad[0].field, "value");
  EXPECT_NE(json.bad[0].reason, "");
  EXPECT_EQ(json.bad[1].line, 4U);

  auto csv = open_reader(folder.write("a.csv",
                                      "sensor,value,at\n"
                                      "\"a\nb\",1,2001-03-04T00:01:00Z\n"
                                      "c,many,2001-03-04T00:01:00Z\n"
                                      "d,\"1\"x,2001-03-04T00:01:00Z\n"
                                      "e,5,2001-03-04T00:01:00Z\n"));
  ASSERT_TRUE(csv.drain());
  EXPECT_EQ(csv.records.size(), 2U);
  ASSERT_EQ(csv.bad.size(), 2U);
  EXPECT_EQ(csv.bad[0].bytes, "c,many,2001-03-04T00:01:00Z");
  EXPECT_EQ(csv.bad[0].line, 4U);
  EXPECT_EQ(csv.bad[0].column, 3U);
  EXPECT_EQ(csv.bad[0].field, "value");
  EXPECT_EQ(csv.bad[1].line, 5U);
  EXPECT_EQ(csv.bad[1].bytes, "d,\"1\"x,2001-03-04T00:01:00Z");
}

TEST_F(FileSource, GoodRecordsAreExactAmongBadOnes) {
  const auto readings = random_readings(7, 10'000);
  static constexpr std::string_view kBad[] = {"{", "[]", "null", "{\"sensor\":1}", "\x80\xFF", "x,\"", "\"", "{}}"};
  for (const bool csv : {false, true}) {
    Random random{csv ? 1U : 2U};
    std::string text;
    if (csv) CsvEncoder<Reading>::header(text);
    std::vector<std::string> bad;
    for (const Reading& reading : readings) {
      while (random.chance(0.3)) {
        bad.emplace_back(kBad[random.below(csv ? 5 : 8)]);
        text.append(bad.back()).append("\n");
      }
      if (csv) {
        CsvEncoder<Reading>::row(reading, text);
      } else {
        encode_json(reading, text);
        text += '\n';
      }
    }
    auto reader = open_reader(folder.write(csv ? "a.csv" : "a.json", text), {.on_bad_record = OnError::kDeadLetter});
    ASSERT_TRUE(reader.drain(1000));
    EXPECT_EQ(reader.records, readings);
    ASSERT_EQ(reader.bad.size(), bad.size());
    for (std::size_t i = 0; i < bad.size(); ++i) ASSERT_EQ(reader.bad[i].bytes, bad[i]);
  }
}

TEST_F(FileSource, APollOfBadRecordsOnlyReturnsSoon) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x\n";
  auto reader = open_reader(folder.write("a.json", text));
  const auto result = reader.poll();
  EXPECT_EQ(result->kind, Poll::Kind::kMore);
  EXPECT_LE(reader.bad.size(), 256U);
}

TEST_F(FileSource, ALineBeyondTheLimitIsABadRecordAndReadingGoesOn) {
  const std::string good = R"({"sensor":"a","value":1,"at":"2001-03-04T00:01:00Z"})";
  const std::string huge(300'000, 'x');
  for (const std::string& ending : {std::string{"\n" + good + "\n"}, std::string{}}) {
    const std::string path = folder.write("a.json", good + "\n" + huge + ending);
    for (const std::size_t chunk : {100U, 131'072U, 1'000'000U}) {
      const ChunkedSource source{{.record_bytes_max = 100'000, .chunk_bytes = chunk}};
      testing::SplitReader<Reading, ChunkedSource> reader{source, {path, {}}, posix_file_system(), system_clock()};
      ASSERT_TRUE(reader.drain());
      EXPECT_EQ(reader.records.size(), ending.empty() ? 1U : 2U);
      ASSERT_EQ(reader.bad.size(), 1U);
      EXPECT_THAT(reader.bad[0].reason, HasSubstr("300000 bytes"));
      EXPECT_EQ(reader.bad[0].bytes, huge.substr(0, 65'536));
      EXPECT_EQ(reader.bad[0].line, 2U);
      EXPECT_EQ(reader.position().offset, std::filesystem::file_size(path));
    }
  }
  // The default limit takes lines of megabytes.
  const std::string large =
      R"({"sensor":")" + std::string(3'000'000, 's') + R"(","value":1,"at":"2001-03-04T00:01:00Z"})";
  const auto records =
      testing::read_all<Reading>(file::source<Reading>({.path = folder.write("b.json", large + "\n" + good)}));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].sensor.size(), 3'000'000U);

  auto csv = open_reader(folder.write("a.csv", "sensor,value,at\n\"" + huge + "\nb,2,2001-03-04T00:01:00Z\n"),
                         {.record_bytes_max = 100'000});
  ASSERT_TRUE(csv.drain());
  EXPECT_EQ(csv.records.size(), 1U);
  EXPECT_EQ(csv.bad.size(), 1U);
}

TEST_F(FileSource, ReportsWhatTheDiskRefuses) {
  const auto readings = random_readings(8, 50);
  for (std::uint64_t nth = 1; nth < 100; ++nth) {
    testing::MemoryFileSystem files;
    files.write_file("data/a.json", testing::to_json_lines(readings));
    files.fail_at(nth);
    const auto source = file::source<Reading>({.path = "data/*.json"});
    const auto splits = testing::list_splits(source, files);
    Status failed = splits.error();
    if (splits) {
      Reader reader{source, splits->at(0), files, system_clock()};
      failed = reader.opened.ok() ? reader.drain().error() : reader.opened;
      if (failed.ok()) {
        EXPECT_EQ(reader.records, readings);
        EXPECT_GT(nth, 5U);
        return;
      }
    }
    EXPECT_EQ(failed.code(), ErrorCode::kIo) << nth;
    EXPECT_THAT(failed.message(), AllOf(HasSubstr("data"), HasSubstr("Input/output error")));
  }
  ADD_FAILURE() << "never came to an end";
}

}  // namespace
}  // namespace millstream::inline v0
