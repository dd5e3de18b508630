// A job's only sink that is exactly once, replaced by another one between two runs.
#include <gmock/gmock.h>

#include "connectors/kafka/scripted_transactions.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/kafka.hpp"
#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScriptedTransactions;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

/// One word, then nothing.
struct OneWord {
  std::uint64_t next = 0;
  SplitContext* context = nullptr;
  std::vector<Split> splits(SourceContext&) const { return {{"0"}}; }
  void open(SplitContext& c) {
    context = &c;
    next = c.split().start.offset;
  }
  Poll poll(SourceOutput<std::string>& out) {
    if (next == 0) out.emit("word" + std::to_string(next++));
    return Poll::idle_until(context->clock().now() + 1h);
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
};

TEST(KafkaReplacedSink, HaltsAndSaysHowTheOutputIsKept) {
  const auto script = std::make_shared<ScriptedTransactions>();
  const TemporaryFolder folder;
  const auto run_with = [&](const std::vector<std::string>& topics) {
    Dataflow flow{"job"};
    auto words = flow.from(OneWord{}).named("in");
    for (const std::string& topic : topics) {
      words.to(kafka::Sink<std::string>{{.brokers = "b:1", .topic = topic}, script}).named(topic);
    }
    Job job = start(flow, {.shards = 1, .state_dir = folder / "state", .checkpoint = {.interval = 5ms}, .log = {}});
    EXPECT_TRUE(
        test::eventually([&] { return job.status().checkpoints > 1 || job.status().state == JobState::kFailed; }, 20s));
    job.stop();
    return job.wait();
  };
  JobResult result = run_with({"old"});
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  result = run_with({"new"});
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidArgument) << result.status.to_string();
  EXPECT_THAT(result.status.message(),
              AllOf(HasSubstr("has output of the sink 'old' that is to be published, and the graph has no such sink"),
                    HasSubstr("run once with both sinks, until a checkpoint is there")));
  EXPECT_THAT(script->committed, ElementsAre("old: word0")) << "nothing was changed";
  // As it says.
  result = run_with({"old", "new"});
  ASSERT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  result = run_with({"new"});
  EXPECT_EQ(result.state, JobState::kFinished) << result.status.to_string();
  EXPECT_THAT(script->committed, ElementsAre("old: word0"));
}

}  // namespace
}  // namespace millstream::inline v0
