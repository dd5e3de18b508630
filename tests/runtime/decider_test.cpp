// Jobs on threads whose sink decides: nobody waits for its calls but the checkpoint itself, a call that never comes
// back is left alone, and a job that restarts asks a new decider.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/eventually.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using ::testing::HasSubstr;

enum class Call { kNone, kFence, kRead, kPrepare, kDecide, kGiveUp, kClose };

class ScriptedDecider;

/// Everything that a test can do to the deciders of a job, and what they were asked.
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  Call held = Call::kNone;  // does not come back
  std::atomic<Call> throws{Call::kNone};
  std::weak_ptr<ScriptedDecider> last_made;
  std::atomic<int> made{0};
  std::atomic<int> joined{0};
  std::set<const void*> given;  // to sinks
  std::atomic<int> fenced{0};
  std::atomic<int> decided{0};
  std::atomic<int> given_up{0};
  std::atomic<int> closed{0};
  std::atomic<int> waiting{0};
  std::atomic<int> aborts{0};    // so many decisions come to nothing
  std::atomic<int> failures{0};  // and so many leave everything as it is
  std::atomic<std::uint64_t> written{0};
  std::chrono::nanoseconds stuck_after = std::chrono::nanoseconds::max();
  Decision newest;

  void hold(Call call) {
    const std::scoped_lock lock{mutex};
    held = call;
    changed.notify_all();
  }
  void come_to(Call call) {
    if (throws == call) throw std::runtime_error{"not today"};
    std::unique_lock lock{mutex};
    if (held != call) return;
    ++waiting;
    // In the end by itself: a job that waits for it fails its test, and does not hang it.
    changed.wait_for(lock, 30s, [&] { return held != call; });
  }
};

class ScriptedDecider final : public Decider {
 public:
  explicit ScriptedDecider(std::shared_ptr<Script> script) : script_{std::move(script)} { ++script_->made; }

  std::string why_not_joined(const Decider&) const override { return {}; }
  void join(const Decider& other) override {
    EXPECT_NE(&other, this);
    ++script_->joined;
  }
  Result<bool> fence(const DeciderContext&) override {
    script_->come_to(Call::kFence);
    return ++script_->fenced % 2 == 0;  // the first one is pending
  }
  Result<std::optional<Decision>> read(const DeciderContext&) override {
    script_->come_to(Call::kRead);
    return std::optional{script_->newest};
  }
  DecisionStep prepare(const DecisionDraft&) override {
    script_->come_to(Call::kPrepare);
    return DecisionStep::done();
  }
  DecisionStep decide(const DecisionDraft& draft) override {
    script_->come_to(Call::kDecide);
    if (script_->aborts > 0) {
      --script_->aborts;
      return DecisionStep::aborted({ErrorCode::kUnavailable, "the log has dropped it"});
    }
    if (script_->failures > 0) {
      --script_->failures;
      return DecisionStep::failed({ErrorCode::kUnavailable, "not now"});
    }
    script_->newest = {Decision::Kind::kDecided, draft.checkpoint, draft.positions, {}};
    ++script_->decided;
    return DecisionStep::done();
  }
  void give_up() override {
    script_->come_to(Call::kGiveUp);
    ++script_->given_up;
  }
  void close() override {
    script_->come_to(Call::kClose);
    ++script_->closed;
  }
  std::chrono::nanoseconds stuck_after() const override { return script_->stuck_after; }

 private:
  std::shared_ptr<Script> script_;
};

struct ScriptedSink {
  std::shared_ptr<Script> script;
  std::shared_ptr<ScriptedDecider> decider;
  std::shared_ptr<ScriptedDecider> make_decider() const {
    auto made = std::make_shared<ScriptedDecider>(script);
    const std::scoped_lock lock{script->mutex};
    script->last_made = made;
    return made;
  }
  void decide_by(std::shared_ptr<ScriptedDecider> made) {
    decider = std::move(made);
    script->given.insert(decider.get());
  }
  void write(const std::uint64_t&) { ++script->written; }
  std::string prepare() { return "scripted"; }
  void commit(const std::string&) {}
};

struct Numbers {
  std::uint64_t next = 0;
  SplitContext* context = nullptr;
  void open(SplitContext& c) {
    context = &c;
    next = c.split().start.offset;
  }
  Poll poll(SourceOutput<std::uint64_t>& out) {
    if (out.room() > 0) out.emit(next++);
    return Poll::idle_until(context->clock().now() + 1ms);
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
};

constexpr std::chrono::milliseconds kStuckAfter{2000};  // a thread that others keep from running comes back by then

class DeciderTest : public ::testing::Test {
 protected:
  Job start(RestartPolicy restart = {}, CheckpointOptions checkpoint = {.interval = 2ms}) {
    Dataflow flow{"numbers"};
    flow.from(Numbers{}).named("numbers").to(ScriptedSink{script_, nullptr}).named("sink");
    return millstream::start(flow, {.shards = 1,
                                    .state_dir = state_dir_,
                                    .checkpoint = checkpoint,
                                    .restart = restart,
                                    .log = nullptr,
                                    .file_system = &files_});
  }
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::string state_dir_ = "state";
  testing::MemoryFileSystem files_{system_clock()};
};

TEST_F(DeciderTest, RecordsGoOnWhileItDecides) {
  Job job = start();
  ASSERT_TRUE(eventually([&] { return script_->decided >= 2; }));
  script_->hold(Call::kDecide);
  ASSERT_TRUE(eventually([&] { return script_->waiting > 0; }));
  const std::uint64_t written = script_->written;
  EXPECT_TRUE(eventually([&] { return script_->written > written + 5; }));
  script_->hold(Call::kNone);
  const int decided = script_->decided;
  EXPECT_TRUE(eventually([&] { return script_->decided > decided + 1; }));
  job.stop();
  EXPECT_EQ(job.wait().exit_code(), 0);
  EXPECT_EQ(script_->made - script_->closed, 1);  // the graph made one to see whether there is one
}

TEST_F(DeciderTest, SinksThatCanShareOneDoAndMayJoinAndLeaveBetweenTwoRuns) {
  const std::vector<std::vector<std::string>> runs{{"b"}, {"a", "b"}, {"a"}, {"b", "a", "c"}};
  for (const std::vector<std::string>& names : runs) {
    script_->given.clear();
    script_->joined = 0;
    const int decided = script_->decided;
    const std::uint64_t written = script_->written;
    Dataflow flow{"numbers"};
    auto numbers = flow.from(Numbers{}).named("numbers");
    for (const std::string& name : names) numbers.to(ScriptedSink{script_, nullptr}).named(name);
    Job job = millstream::start(flow, {.shards = 2,
                                       .state_dir = state_dir_,
                                       .checkpoint = {.interval = 2ms},
                                       .log = nullptr,
                                       .file_system = &files_});
    EXPECT_TRUE(eventually([&] { return script_->decided > decided + 1 || job.status().state == JobState::kFailed; }));
    job.stop();
    const JobResult result = job.wait();
    ASSERT_EQ(result.exit_code(), 0) << result.status.to_string();
    EXPECT_GT(script_->written, written);
    EXPECT_EQ(script_->given.size(), 1U);
    EXPECT_EQ(static_cast<std::size_t>(script_->joined), names.size() - 1);
  }
}

TEST_F(DeciderTest, WhatItCouldNotDecideIsGivenUp) {
  script_->failures = 2;
  Job job = start();
  EXPECT_TRUE(eventually([&] { return script_->decided >= 2; }));
  EXPECT_EQ(script_->given_up, 2);
  EXPECT_EQ(job.status().checkpoints_failed, 2U);
  job.stop();
  EXPECT_EQ(job.wait().exit_code(), 0);
}

TEST_F(DeciderTest, AnAbortRewindsTheJob) {
  script_->aborts = 1;
  Job job = start({.max_restarts = 3, .initial_backoff = 1ms});
  EXPECT_TRUE(eventually([&] { return script_->decided >= 2; }));
  EXPECT_EQ(job.status().restarts, 1U);
  EXPECT_EQ(script_->closed, 1);
  job.stop();
  EXPECT_EQ(job.wait().exit_code(), 0);
}

TEST_F(DeciderTest, ACallThatDoesNotComeBackIsLeftAlone) {
  script_->stuck_after = kStuckAfter;
  script_->hold(Call::kDecide);
  const JobResult result = start().wait();
  EXPECT_EQ(result.status.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.status.message(), HasSubstr("does not come back"));
  EXPECT_EQ(script_->closed, 0);
  // Its thread ends by itself when the call does, and all that it has kept goes.
  EXPECT_FALSE(script_->last_made.expired());
  script_->hold(Call::kNone);
  EXPECT_TRUE(eventually([&] { return script_->last_made.expired(); }));
  EXPECT_EQ(script_->decided, 1);
}

TEST_F(DeciderTest, ACancelDoesNotWaitForACallThatDoesNotComeBack) {
  script_->stuck_after = 3 * kStuckAfter;
  script_->hold(Call::kDecide);
  Job job = start();
  ASSERT_TRUE(eventually([&] { return script_->waiting > 0; }));
  job.cancel();
  EXPECT_TRUE(job.wait_for(20s));
  script_->hold(Call::kNone);
  EXPECT_EQ(job.wait().state, JobState::kCancelled);
  EXPECT_TRUE(eventually([&] { return script_->last_made.expired(); }));
}

TEST_F(DeciderTest, NeitherDoesACheckpointThatTakesTooLong) {
  script_->stuck_after = 2 * kStuckAfter;
  script_->hold(Call::kPrepare);
  Job job = start({}, {.interval = 2ms, .timeout = kStuckAfter / 2, .tolerated_failures = 0});
  EXPECT_TRUE(job.wait_for(20s));
  EXPECT_EQ(script_->waiting, 1);
  script_->hold(Call::kNone);
  const JobResult result = job.wait();
  EXPECT_EQ(result.status.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.status.message(), HasSubstr("it was not complete after"));
}

TEST_F(DeciderTest, AJobDoesNotBeginByACallThatDoesNotComeBack) {
  script_->stuck_after = kStuckAfter;
  for (const Call call : {Call::kFence, Call::kRead}) {
    script_->hold(call);
    Job job = start();
    job.stop();
    const JobResult result = job.wait();
    EXPECT_EQ(result.status.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(result.status.message(), HasSubstr("sink 'sink': a call of the decider does not come back"));
    script_->hold(Call::kNone);
    EXPECT_TRUE(eventually([&] { return script_->last_made.expired(); }));
  }
  EXPECT_EQ(script_->waiting, 2);
}

TEST_F(DeciderTest, AJobEndsThoughItsCloseDoesNot) {
  script_->stuck_after = kStuckAfter;
  script_->hold(Call::kClose);
  Job job = start();
  ASSERT_TRUE(eventually([&] { return script_->decided > 0; }));
  job.stop();
  EXPECT_TRUE(job.wait_for(20s));
  EXPECT_EQ(script_->closed, 0);
  script_->hold(Call::kNone);
  EXPECT_EQ(job.wait().exit_code(), 0);
  EXPECT_TRUE(eventually([&] { return script_->closed == 1 && script_->last_made.expired(); }));
}

TEST_F(DeciderTest, OnlyWhatWasToBeDecidedCanBeInDoubt) {
  script_->failures = 1;
  for (const Call call : {Call::kPrepare, Call::kDecide, Call::kGiveUp}) {
    script_->throws = call;
    state_dir_ += "-again";
    const JobResult result = start().wait();
    EXPECT_EQ(result.status.code(), ErrorCode::kUserFailure);
    EXPECT_THAT(result.status.message(), HasSubstr("the decider threw: not today"));
    EXPECT_THAT(result.status.message(),
                HasSubstr(call == Call::kDecide ? " is committed is not known" : "the output since the checkpoint"));
    EXPECT_THAT(result.status.message(), HasSubstr("checkpoint 1 "));
  }
}

}  // namespace
}  // namespace millstream
