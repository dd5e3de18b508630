// Standard input and output, each replaced by a pipe for the test.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "connectors/drive.hpp"
#include "connectors/readings.hpp"
#include "millstream/connectors/file.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A pipe in the place of a standard descriptor while it lives.
class PipeAs {
 public:
  PipeAs(int descriptor, bool standard_is_reader) : descriptor_{descriptor}, saved_{::dup(descriptor)} {
    std::fflush(nullptr);
    int ends[2];
    if (::pipe(ends) != 0) return;
    ::dup2(ends[standard_is_reader ? 0 : 1], descriptor);
    ::close(ends[standard_is_reader ? 0 : 1]);
    other_ = ends[standard_is_reader ? 1 : 0];
  }
  ~PipeAs() {
    restore();
    if (other_ >= 0) ::close(other_);
  }
  PipeAs(const PipeAs&) = delete;
  PipeAs& operator=(const PipeAs&) = delete;

  [[nodiscard]] int other() const { return other_; }
  void close_other() { ::close(std::exchange(other_, -1)); }
  void restore() {
    if (saved_ < 0) return;
    ::dup2(saved_, descriptor_);
    ::close(std::exchange(saved_, -1));
  }
  void write(std::string_view bytes) const { ASSERT_EQ(::write(other_, bytes.data(), bytes.size()), bytes.size()); }
  /// What is in the pipe now.
  [[nodiscard]] std::string read() const {
    ::fcntl(other_, F_SETFL, O_NONBLOCK);
    std::string all;
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(other_, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }

 private:
  int descriptor_;
  int saved_;
  int other_ = -1;
};

template <class T>
class StdinReader {
 public:
  explicit StdinReader(file::StdinOptions options = {})
      : source{file::stdin_source<T>(options)},
        context{{"source", &posix_file_system(), &system_clock(), 1}, {"stdin", {}}, 0, {}, Waker{}} {
    opened = source.open(context);
  }
  Poll::Kind poll() {
    Batch<T> batch{100};
    SourceOutput<T> out{batch, 100, bad};
    const Result<Poll> result = source.poll(out);
    EXPECT_TRUE(result) << result.error().to_string();
    for (std::uint32_t i = 0; i < batch.size(); ++i) records.push_back(batch.values()[i]);
    return result ? result->kind : Poll::Kind::kDone;
  }

  file::StdinSource<T> source;
  SplitContext context;
  Status opened;
  std::vector<T> records;
  std::vector<DeadLetter> bad;
};

TEST(StdinSource, NeverWaitsAndEndsWithTheInput) {
  PipeAs pipe{STDIN_FILENO, true};
  StdinReader<int> reader;
  ASSERT_TRUE(reader.opened.ok());
  EXPECT_EQ(reader.poll(), Poll::Kind::kIdle);
  pipe.write("1\n2\n3");
  while (reader.poll() == Poll::Kind::kMore) continue;
  EXPECT_THAT(reader.records, ElementsAre(1, 2));
  pipe.write("4\nx\n");
  pipe.close_other();
  while (reader.poll() == Poll::Kind::kMore) continue;
  EXPECT_THAT(reader.records, ElementsAre(1, 2, 34));
  EXPECT_EQ(reader.poll(), Poll::Kind::kDone);
  ASSERT_EQ(reader.bad.size(), 1U);
  EXPECT_EQ(reader.bad[0].source, "stdin");
  EXPECT_EQ(reader.bad[0].line, 4U);
}

TEST(StdinSource, ReadsCsv) {
  PipeAs pipe{STDIN_FILENO, true};
  const auto readings = testing::random_readings(1, 100);
  pipe.write(testing::to_csv(readings));
  pipe.close_other();
  StdinReader<testing::Reading> reader{{.format = file::Format::kCsv}};
  while (reader.poll() != Poll::Kind::kDone) continue;
  EXPECT_EQ(reader.records, readings);
  EXPECT_THAT(StdinReader<int>{{.format = file::Format::kAuto}}.opened.message(), HasSubstr("set .format"));
}

TEST(StdoutSink, WritesLinesAndOneCsvHeader) {
  std::string text;
  {
    PipeAs pipe{STDOUT_FILENO, false};
    const auto prototype = file::stdout_sink<testing::Reading>({.format = file::Format::kCsv});
    auto a = prototype;
    auto b = prototype;
    SinkContext context = testing::sink_context();
    std::vector<testing::Reading> one{{"a", 1, {}, Timestamp{}}};
    ASSERT_TRUE(a.open(context).ok());
    ASSERT_TRUE(b.open(context).ok());
    EXPECT_EQ(*a.write(one), 1U);
    EXPECT_EQ(*b.write(one), 1U);
    text = pipe.read();
  }
  EXPECT_EQ(text, "sensor,value,note,at\na,1,,1970-01-01T00:00:00Z\na,1,,1970-01-01T00:00:00Z\n");
}

TEST(StdoutSink, AFullPipeBlocksNobodyAndLinesStayWhole) {
  constexpr int kRecords = 20'000;
  std::string text;
  bool was_full = false;
  {
    PipeAs pipe{STDOUT_FILENO, false};
    const auto prototype = file::stdout_sink<std::string>();
    struct Shard {
      file::StdoutSink<std::string> sink;
      SinkContext context = testing::sink_context();
      std::vector<std::string> records = {};
      std::size_t taken = 0;
    };
    std::vector<std::unique_ptr<Shard>> shards;
    for (const char letter : {'a', 'b', 'c'}) {
      shards.push_back(std::unique_ptr<Shard>{new Shard{prototype}});
      for (int i = 0; i < kRecords; ++i) shards.back()->records.push_back(std::string(20, letter) + std::to_string(i));
      ASSERT_TRUE(shards.back()->sink.open(shards.back()->context).ok());
    }
    Random random{1};
    while (std::any_of(shards.begin(), shards.end(), [](auto& s) { return s->taken < kRecords; })) {
      Shard& shard = *shards[random.below(3)];
      const std::size_t size = std::min<std::size_t>(random.below(3000), kRecords - shard.taken);
      const Result<std::size_t> n = shard.sink.write({shard.records.data() + shard.taken, size});
      ASSERT_TRUE(n);
      if (*n < size) {
        was_full = true;
        EXPECT_GT(shard.context.retry_at(), kTimestampMin);
      }
      shard.taken += *n;
      if (random.chance(0.3)) text += pipe.read();
    }
    text += pipe.read();
  }
  EXPECT_TRUE(was_full);
  std::map<char, int> next;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    ASSERT_NE(end, text.npos);
    const char letter = text.at(begin + 1);
    ASSERT_EQ(text.substr(begin, end - begin), "\"" + std::string(20, letter) + std::to_string(next[letter]++) + "\"");
    begin = end + 1;
  }
  EXPECT_THAT(next, ElementsAre(std::pair{'a', kRecords}, std::pair{'b', kRecords}, std::pair{'c', kRecords}));
}

TEST(StdoutSink, ShardsOnThreadsOfTheirOwnWriteOneHeader) {
  constexpr int kRecords = 2000;
  std::string text;
  {
    PipeAs pipe{STDOUT_FILENO, false};
    const auto prototype = file::stdout_sink<testing::Reading>({.format = file::Format::kCsv});
    std::atomic<int> running{3};
    std::vector<std::jthread> shards;
    for (int shard = 0; shard < 3; ++shard) {
      shards.emplace_back([sink = file::StdoutSink<testing::Reading>{prototype}, &running]() mutable {
        SinkContext context = testing::sink_context();
        static_cast<void>(sink.open(context));
        std::vector<testing::Reading> records(kRecords, testing::Reading{"a", 1, {}, Timestamp{}});
        for (std::size_t taken = 0; taken < records.size();) {
          taken += *sink.write({records.data() + taken, std::min<std::size_t>(100, records.size() - taken)});
        }
        sink.close(SinkEnd::kFinished);
        --running;
      });
    }
    while (running > 0) text += pipe.read();
    text += pipe.read();
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3 * kRecords + 1);
  const std::string line = "a,1,,1970-01-01T00:00:00Z\n";
  EXPECT_EQ(text.size(), std::string_view{"sensor,value,note,at\n"}.size() + 3 * kRecords * line.size());
}

}  // namespace
}  // namespace millstream::inline v0
