// Dead letters beside the output, in one transaction, on a real broker: however often the job is cut off, each is there
// once; and sinks that join a job, or leave it, between two runs.
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "connectors/kafka/real_broker.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using testing::Logged;
using testing::LogWriter;
using testing::read_log;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

struct Number {
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Number, (), (number))

constexpr int kPartitions = 3;
constexpr int kBadEvery = 7;

bool is_bad(int i) { return i % kBadEvery == 3; }
std::string text(int i) { return (is_bad(i) ? "bad " : "{\"number\":") + std::to_string(i) + (is_bad(i) ? "" : "}"); }

using Counts = std::map<std::string, int>;  // how often each value is in a topic

class KafkaDeadLetters : public testing::OnBroker {
 protected:
  void SetUp() override {
    OnBroker::SetUp();
    if (broker == nullptr) return;
    in = broker->make_topic("numbers", kPartitions);
    out = broker->make_topic("good", 2);
    bad = broker->make_topic("bad", 2);
    name = "job-of-" + in;
  }
  void write(int from, int to) const {
    std::vector<Logged> messages;
    for (int i = from; i < to; ++i) {
      messages.push_back({.value = text(i),
                          .key = "key " + std::to_string(i),
                          .partition = i % kPartitions,
                          .headers = {{"number", std::to_string(i)}}});
    }
    LogWriter{broker->brokers()}.write(in, messages);
  }
  [[nodiscard]] kafka::SourceOptions source(bool stop_at_end) const {
    return {
        .brokers = broker->brokers(), .topic = in, .stop_at_end = stop_at_end, .on_bad_record = OnError::kDeadLetter};
  }
  [[nodiscard]] RunOptions options(std::uint32_t shards) const {
    return {.shards = shards, .state_dir = state / "state", .checkpoint = {.interval = 50ms}, .log = {}};
  }
  [[nodiscard]] std::vector<Logged> letters() const { return read_log(broker->brokers(), bad, 2); }
  [[nodiscard]] static Counts counts(const std::vector<Logged>& messages) {
    Counts all;
    for (const Logged& message : messages) ++all[message.value];
    return all;
  }
  [[nodiscard]] static Counts expected(int to, bool are_bad) {
    Counts all;
    for (int i = 0; i < to; ++i) {
      if (is_bad(i) == are_bad) ++all[text(i)];
    }
    return all;
  }
  static void cut_off(Job& job) {
    EXPECT_TRUE(
        test::eventually([&] { return job.status().checkpoints > 1 || job.status().state == JobState::kFailed; }, 20s));
    job.cancel();
    EXPECT_EQ(job.wait().state, JobState::kCancelled) << job.status().error.to_string();
  }

  TemporaryFolder state;
  std::string in;
  std::string out;
  std::string bad;
  std::string name;
};

std::string header(const Logged& letter, const std::string& of) {
  for (const auto& [name, value] : letter.headers) {
    if (name == "__millstream.errors." + of) return value;
  }
  return {};
}

TEST_F(KafkaDeadLetters, OfKafkaAndOfFilesAreThereOnceWithTheOutputHoweverOftenTheJobIsCutOff) {
  constexpr int kMessages = 14'000;
  constexpr int kLines = 7'000;
  constexpr int kLives = 4;
  {
    std::ofstream file{state / "lines.jsonl"};
    for (int i = 0; i < kLines; ++i) file << text(kMessages + i) << '\n';
  }
  const auto flow_of = [&](bool stop_at_end) {
    Dataflow flow{name};
    auto messages = flow.from(kafka::source<Number>(source(stop_at_end))).named("messages");
    messages.side_output(dead_letters).to(kafka::sink({.brokers = broker->brokers(), .topic = bad})).named("letters");
    auto lines = flow.from(file::source<Number>({.path = state / "lines.jsonl", .on_bad_record = OnError::kDeadLetter}))
                     .named("lines");
    lines.side_output(dead_letters)
        .to(kafka::sink({.brokers = broker->brokers(), .topic = bad}))
        .named("letters of lines");
    messages.merge(lines).named("all").to(kafka::sink({.brokers = broker->brokers(), .topic = out})).named("out");
    return flow;
  };
  for (int life = 0; life < kLives; ++life) {
    write(life * kMessages / kLives, (life + 1) * kMessages / kLives);
    const Dataflow flow = flow_of(false);
    Job job = start(flow, options(1 + static_cast<std::uint32_t>(life) % 3));
    cut_off(job);
  }
  const JobResult result = run(flow_of(true), options(2));
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_TRUE(counts(read_log(broker->brokers(), out, 2)) == expected(kMessages + kLines, false));
  EXPECT_TRUE(counts(letters()) == expected(kMessages + kLines, true));
  for (const Logged& letter : letters()) {
    const int i = std::atoi(letter.value.substr(4).c_str());
    if (i < kMessages) {
      ASSERT_EQ(letter.key, "key " + std::to_string(i));
      ASSERT_EQ(letter.headers.front(), std::pair(std::string{"number"}, std::to_string(i)));
      ASSERT_EQ(header(letter, "topic"), in);
      ASSERT_EQ(header(letter, "partition"), std::to_string(i % kPartitions));
      ASSERT_EQ(header(letter, "offset"), std::to_string(i / kPartitions));
      ASSERT_EQ(header(letter, "stage"), "messages");
    } else {
      ASSERT_EQ(letter.key, std::nullopt);
      ASSERT_EQ(header(letter, "source"), state / "lines.jsonl");
      ASSERT_EQ(header(letter, "line"), std::to_string(i - kMessages + 1));
      ASSERT_EQ(header(letter, "stage"), "lines");
    }
    ASSERT_NE(header(letter, "message"), "");
  }
}

// Where no offsets of a source say it, too, the decision has to be found by the topics of the sinks alone.
TEST_F(KafkaDeadLetters, ASinkMayJoinAndLeaveBetweenTwoRuns) {
  constexpr int kMessages = 4'000;
  constexpr int kRuns = 4;
  for (int life = 0; life < kRuns; ++life) {
    write(life * kMessages / kRuns, (life + 1) * kMessages / kRuns);
    // In the third run it stands before the other one, and so does its pointer.
    const bool with_letters = life % 2 == 0;
    Dataflow flow{name};
    kafka::SourceOptions from = source(false);
    from.brokers += "," + from.brokers;  // which makes it another place
    auto numbers = flow.from(kafka::source<Number>(from)).named("numbers");
    auto taken = numbers.side_output(dead_letters);
    if (with_letters) {
      taken.to(kafka::sink({.brokers = broker->brokers(), .topic = bad})).named("letters");
    } else {
      taken.to(memory::sink<DeadLetter>()).named("dropped letters");
    }
    numbers.to(kafka::sink({.brokers = broker->brokers(), .topic = out})).named("out");
    Job job = start(flow, options(2));
    EXPECT_TRUE(
        test::eventually([&] { return job.status().checkpoints > 1 || job.status().state == JobState::kFailed; }, 20s));
    job.stop();
    const JobResult result = job.wait();
    ASSERT_EQ(result.state, JobState::kFinished) << life << ": " << result.status.to_string();
  }
  // Each stopped when it had come to a checkpoint, wherever that was; the rest comes now.
  Dataflow flow{name};
  kafka::SourceOptions from = source(true);
  from.brokers += "," + from.brokers;
  auto numbers = flow.from(kafka::source<Number>(from)).named("numbers");
  numbers.side_output(dead_letters).to(kafka::sink({.brokers = broker->brokers(), .topic = bad})).named("letters");
  numbers.to(kafka::sink({.brokers = broker->brokers(), .topic = out})).named("out");
  const JobResult result = run(flow, options(1));
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_TRUE(counts(read_log(broker->brokers(), out, 2)) == expected(kMessages, false));
  for (const auto& [value, count] : counts(letters())) EXPECT_EQ(count, 1) << value;
}

}  // namespace
}  // namespace millstream::inline v0
