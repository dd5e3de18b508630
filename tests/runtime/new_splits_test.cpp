// What a decider is told of splits that begin at their start, and what becomes of a job whose decider does not admit
// them: nothing is changed, and the user hears what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/eventually.hpp"

namespace millstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Pair;
using namespace std::chrono_literals;

/// What all runs share: what was decided, and whom the decider does not admit.
struct Decisions {
  Decision newest;
  std::string refused;  // this split
  int pending = 1;      // so many calls say "again"
  bool in_doubt = false;
  std::vector<DecisionSource> read_for;
  std::vector<DecisionSource> asked;
};

class AdmittingDecider final : public Decider {
 public:
  explicit AdmittingDecider(std::shared_ptr<Decisions> decisions) : decisions_{std::move(decisions)} {}
  Result<bool> fence(const DeciderContext&) override { return true; }
  Result<std::optional<Decision>> read(const DeciderContext& context) override {
    decisions_->read_for = context.sources;
    return std::optional{decisions_->newest};
  }
  Result<bool> admit(const DeciderContext& context) override {
    if (decisions_->pending-- > 0) return false;
    decisions_->asked = context.sources;
    for (const DecisionSource& source : context.sources) {
      for (const std::string& split : source.new_splits) {
        if (split == decisions_->refused) return Status{ErrorCode::kInvalidData, "others have read '" + split + "'"};
      }
    }
    return true;
  }
  DecisionStep prepare(const DecisionDraft&) override { return DecisionStep::done(); }
  DecisionStep decide(const DecisionDraft& draft) override {
    if (decisions_->in_doubt) return DecisionStep::in_doubt({ErrorCode::kUnavailable, "no answer"});
    decisions_->newest = {Decision::Kind::kDecided, draft.checkpoint, draft.positions, {}};
    return DecisionStep::done();
  }
  void give_up() override {}
  void close() override {}

 private:
  std::shared_ptr<Decisions> decisions_;
};

struct AdmittingSink {
  std::shared_ptr<Decisions> decisions;
  std::shared_ptr<int> written;
  [[nodiscard]] std::shared_ptr<AdmittingDecider> make_decider() const {
    return std::make_shared<AdmittingDecider>(decisions);
  }
  void decide_by(const std::shared_ptr<AdmittingDecider>&) {}
  void write(const std::uint64_t&) { ++*written; }
  std::string prepare() { return "admitting"; }
  void commit(const std::string&) {}
};

/// Each split is one number.
struct Partitions {
  std::vector<std::string> names;
  std::uint64_t next = 0;
  [[nodiscard]] std::vector<Split> splits(SourceContext&) const {
    std::vector<Split> all;
    for (const std::string& name : names) all.push_back({name});
    return all;
  }
  void open(SplitContext& context) { next = context.split().start.offset; }
  Poll poll(SourceOutput<std::uint64_t>& out) {
    if (next == 0) out.emit(next++);
    return Poll::done();
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
  [[nodiscard]] static std::string reads_from() { return "the log"; }
};

class NewSplits : public ::testing::Test {
 protected:
  JobResult live(std::vector<std::string> splits, std::optional<std::uint64_t> accept = {}) {
    decisions->pending = 1;
    decisions->asked.clear();
    *written = 0;
    Dataflow flow{"job"};
    flow.from(Partitions{std::move(splits)}).named("in").to(AdmittingSink{decisions, written}).named("out");
    RunOptions options{.shards = 1, .state_dir = "state", .log = nullptr, .file_system = &files};
    options.accept_checkpoint = accept;
    return run(flow, options);
  }

  std::shared_ptr<Decisions> decisions = std::make_shared<Decisions>();
  std::shared_ptr<int> written = std::make_shared<int>(0);
  testing::MemoryFileSystem files{system_clock()};
};

TEST_F(NewSplits, AreToldBesideThoseThatCheckpointsName) {
  ASSERT_EQ(live({"t/1", "t/0"}).exit_code(), 0);
  ASSERT_EQ(decisions->asked.size(), 1U);
  EXPECT_EQ(decisions->asked.front().stage, "in");
  EXPECT_EQ(decisions->asked.front().reads_from, "the log");
  EXPECT_THAT(decisions->asked.front().splits, IsEmpty());
  EXPECT_THAT(decisions->asked.front().new_splits, ElementsAre("t/0", "t/1"));
  ASSERT_EQ(live({"t/0", "t/1", "t/2"}).exit_code(), 0);
  ASSERT_EQ(decisions->asked.size(), 1U);
  EXPECT_THAT(decisions->asked.front().splits, ElementsAre("t/0", "t/1"));
  EXPECT_THAT(decisions->asked.front().new_splits, ElementsAre("t/2"));
  ASSERT_EQ(live({"t/0", "t/1", "t/2"}).exit_code(), 0);
  EXPECT_THAT(decisions->asked, IsEmpty()) << "nothing is new";
}

// The process dies between the manifest and the decision of the first checkpoint with them.
TEST_F(NewSplits, OfACheckpointThatWasNotDecidedAreToldAsSuch) {
  ASSERT_EQ(live({"t/0"}).exit_code(), 0);
  const std::uint64_t decided = decisions->newest.checkpoint.id;
  decisions->in_doubt = true;
  ASSERT_EQ(live({"t/0", "t/1"}).status.code(), ErrorCode::kUnavailable);
  decisions->in_doubt = false;
  ASSERT_EQ(live({"t/0", "t/1"}).exit_code(), 0);
  ASSERT_EQ(decisions->read_for.size(), 1U);
  const DecisionSource& in = decisions->read_for.front();
  EXPECT_THAT(in.splits, ElementsAre("t/0", "t/1"));
  EXPECT_THAT(in.first_named, ElementsAre(Pair("t/0", Le(decided)), Pair("t/1", Gt(decided))));
}

/// Of two splits the first ends.
struct HalfEnded {
  std::shared_ptr<std::vector<std::string>> told;
  bool ends = false;
  SplitContext* context = nullptr;
  [[nodiscard]] std::vector<Split> splits(SourceContext& c) const {
    *told = c.restored_splits;
    return {{"a"}, {"b"}};
  }
  void open(SplitContext& c) {
    context = &c;
    ends = c.split().id == "a";
  }
  Poll poll(SourceOutput<std::uint64_t>&) {
    return ends ? Poll::done() : Poll::idle_until(context->clock().now() + std::chrono::hours{1});
  }
  [[nodiscard]] static Position position() { return {}; }
};

TEST_F(NewSplits, ASourceIsToldInWhichTheJobGoesOn) {
  const auto told = std::make_shared<std::vector<std::string>>();
  const auto live_a_while = [&] {
    Dataflow flow{"job"};
    flow.from(HalfEnded{told}).to(AdmittingSink{decisions, written});
    Job job = start(flow, {.shards = 1,
                           .state_dir = "state",
                           .checkpoint = {.interval = std::chrono::milliseconds{5}},
                           .log = nullptr,
                           .file_system = &files});
    EXPECT_TRUE(test::eventually([&] { return job.status().checkpoints > 2; }));
    job.stop();
    EXPECT_EQ(job.wait().exit_code(), 0);
  };
  live_a_while();
  EXPECT_THAT(*told, IsEmpty());
  live_a_while();
  EXPECT_THAT(*told, ElementsAre("b"));
}

TEST_F(NewSplits, ThatOthersHaveReadHaltAJobWithoutCheckpoints) {
  decisions->refused = "t/0";
  const JobResult halted = live({"t/0"});
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(halted.status.message(), AllOf(HasSubstr("sink 'out'"), HasSubstr("others have read 't/0'"),
                                             HasSubstr("nothing was changed"), HasSubstr("reset its groups")));
  EXPECT_EQ(*written, 0);
  EXPECT_EQ(decisions->newest.kind, Decision::Kind::kNone);
}

TEST_F(NewSplits, ThatOthersHaveReadHaltAJobUntilItsCheckpointIsAccepted) {
  ASSERT_EQ(live({"t/0"}).exit_code(), 0);
  const std::uint64_t newest = decisions->newest.checkpoint.id;
  decisions->refused = "t/1";
  const JobResult halted = live({"t/0", "t/1"});
  EXPECT_EQ(halted.status.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(halted.status.message(), AllOf(HasSubstr("others have read 't/1'"), HasSubstr("state_dir 'state'"),
                                             HasSubstr("accept_checkpoint = " + std::to_string(newest) + " goes on")));
  EXPECT_EQ(*written, 0);
  EXPECT_EQ(live({"t/0", "t/1"}, newest + 1).status.code(), ErrorCode::kInvalidData) << "that is another one";
  EXPECT_EQ(live({"t/0", "t/1"}, newest).exit_code(), 0);
  EXPECT_EQ(*written, 1);
}

}  // namespace
}  // namespace millstream
