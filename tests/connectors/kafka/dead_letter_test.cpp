// Dead letters as messages: what of the original is kept, and what is said beside it.
#include <gmock/gmock.h>

#include "connectors/drive.hpp"
#include "connectors/kafka/decider_run.hpp"
#include "connectors/kafka/mock_source.hpp"
#include "millstream/connectors/kafka.hpp"

namespace millstream::inline v0 {
namespace {

using kafka::Format;
using kafka::Header;
using kafka::SinkOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::KafkaMockSource;
using testing::Logged;
using testing::LogWriter;
using testing::Reader;
using testing::ScriptedTransactions;
using ::testing::StartsWith;
using namespace std::chrono_literals;

DeadLetter of_message() {
  return {.bytes = "{",
          .source = "in/3@17",
          .line = 0,
          .column = 2,
          .field = "card",
          .stage = "payments",
          .reason = "expected more",
          .message = OriginalMessage{.topic = "in",
                                     .partition = 3,
                                     .offset = 17,
                                     .timestamp = Timestamp{5ms},
                                     .key = "k",
                                     .headers = {{"trace", "7"}, {"none", {}}}}};
}

/// The messages that a sink makes of a letter, as ScriptedTransactions writes them down.
std::vector<std::string> written(const DeadLetter& letter, SinkOptions<DeadLetter> options = {}) {
  const auto script = std::make_shared<ScriptedTransactions>();
  options.brokers = "b:1";
  options.topic = "out";
  kafka::Sink<DeadLetter> sink{std::move(options), script};
  SinkContext context = testing::sink_context();
  const Status opened = sink.open(context);
  if (!opened.ok()) return {opened.to_string()};
  std::vector<DeadLetter> letters{letter};
  EXPECT_TRUE(sink.write(letters));
  return script->written;
}

TEST(KafkaDeadLetter, IsTheMessageAgainWithWhereItStoodAndWhatIsWrong) {
  EXPECT_THAT(kafka::detail::headers_of(of_message()),
              ElementsAre(Header{"trace", "7"}, Header{"none", {}}, Header{"__millstream.errors.topic", "in"},
                          Header{"__millstream.errors.partition", "3"}, Header{"__millstream.errors.offset", "17"},
                          Header{"__millstream.errors.timestamp", "5"}, Header{"__millstream.errors.column", "2"},
                          Header{"__millstream.errors.field", "card"}, Header{"__millstream.errors.stage", "payments"},
                          Header{"__millstream.errors.message", "expected more"}));
  EXPECT_THAT(written(of_message()), ElementsAre(StartsWith("k={ trace:7 none: __millstream.errors.topic:in ")));
  EXPECT_THAT(written(of_message(), {.format = Format::kRaw}), ElementsAre(StartsWith("k={ trace:7 ")));
}

TEST(KafkaDeadLetter, OfAFileHasTheFileAndTheLine) {
  const DeadLetter letter{.bytes = "a,b", .source = "in.csv", .line = 7, .field = {}, .stage = "in", .reason = "no"};
  EXPECT_THAT(kafka::detail::headers_of(letter),
              ElementsAre(Header{"__millstream.errors.source", "in.csv"}, Header{"__millstream.errors.line", "7"},
                          Header{"__millstream.errors.stage", "in"}, Header{"__millstream.errors.message", "no"}));
  EXPECT_THAT(written(letter), ElementsAre(StartsWith("a,b __millstream.errors.source:in.csv ")));
}

// It was sent to the input again, and is bad still.
TEST(KafkaDeadLetter, OfALetterSaysTheNewestOnly) {
  DeadLetter letter = of_message();
  letter.message->headers = kafka::detail::headers_of(of_message());
  letter.message->offset = 99;
  const std::vector<Header> headers = kafka::detail::headers_of(letter);
  EXPECT_EQ(headers.size(), kafka::detail::headers_of(of_message()).size());
  EXPECT_EQ(headers[4], (Header{"__millstream.errors.offset", "99"}));
}

TEST(KafkaDeadLetter, OptionsOfTheSinkSayMore) {
  EXPECT_THAT(written(of_message(), {.key = [](const DeadLetter& letter) { return std::optional{letter.stage}; },
                                     .headers = [](const DeadLetter&) { return std::vector<Header>{{"more", "1"}}; }}),
              ElementsAre(::testing::AllOf(StartsWith("payments={ trace:7 "), HasSubstr(" more:1"))));
  EXPECT_THAT(written(of_message(), {.format = Format::kJson}),
              ElementsAre(::testing::AllOf(StartsWith("{\"bytes\":\"{\",\"source\":\"in/3@17\","),
                                           HasSubstr("\"message\":{\"topic\":\"in\""))));
  EXPECT_THAT(written(of_message(), {.format = Format::kCsv}), ElementsAre(HasSubstr("does not fit CSV")));
}

TEST_F(KafkaMockSource, ABadMessageIsInItsLetterWithAllThatItHad) {
  cluster.create("numbers", 1);
  LogWriter{cluster.brokers()}.write(
      "numbers", {{.value = "no number", .key = "k", .timestamp_ms = 1700000000000, .headers = {{"trace", "7"}}},
                  {.has_value = false}});
  auto reader = open(kafka::source<int>(options({.stop_at_end = true})));
  ASSERT_TRUE(testing::read_until(reader, 1));
  ASSERT_EQ(reader.bad.size(), 2U);
  EXPECT_EQ(reader.bad[0].bytes, "no number");
  EXPECT_EQ(reader.bad[0].source, "numbers/0@0");
  EXPECT_EQ(reader.bad[0].message, (OriginalMessage{.topic = "numbers",
                                                    .partition = 0,
                                                    .offset = 0,
                                                    .timestamp = Timestamp{1700000000000ms},
                                                    .key = "k",
                                                    .headers = {{"trace", "7"}}}));
  ASSERT_TRUE(reader.bad[1].message);
  EXPECT_FALSE(reader.bad[1].message->has_value);
  EXPECT_EQ(reader.bad[1].message->key, std::nullopt);
  // The mock brokers know no transactions, and need none here.
  cluster.create("bad", 1);
  kafka::Sink<DeadLetter> sink{{.brokers = cluster.brokers(), .topic = "bad"}};
  SinkContext context = testing::sink_context();
  ASSERT_TRUE(sink.open(context).ok());
  ASSERT_TRUE(sink.write(reader.bad));
  ASSERT_TRUE(sink.close(SinkEnd::kFinished).ok());
  const std::vector<Logged> letters = testing::read_log(cluster.brokers(), "bad", 1);
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].value, "no number");
  EXPECT_EQ(letters[0].key, "k");
  EXPECT_EQ(letters[0].headers.front(), std::pair(std::string{"trace"}, std::string{"7"}));
  EXPECT_FALSE(letters[1].has_value);
  EXPECT_FALSE(letters[1].key);
}

}  // namespace
}  // namespace millstream::inline v0
