// Jobs on threads whose sink decides: nobody waits for its calls but the checkpoint itself, a call that never comes
// back is left alone, and a job that restarts asks a new decider.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "millstream/millstream.hpp"
#include "millstream/testing/memory_file_system.hpp"
#include "runtime/eventually.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using ::testing::HasSubstr;

/// Everything that a test can do to the deciders of a job, and what they were asked.
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;  // decide() waits
  std::atomic<int> made{0};
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

  void hold(bool on) {
    const std::scoped_lock lock{mutex};
    held = on;
    changed.notify_all();
  }
};

class ScriptedDecider final : public Decider {
 public:
  explicit ScriptedDecider(std::shared_ptr<Script> script) : script_{std::move(script)} { ++script_->made; }

  Result<bool> fence(const DeciderContext&) override { return ++script_->fenced % 2 == 0; }  // the first one is pending
  Result<std::optional<Decision>> read(const DeciderContext&) override { return std::optional{script_->newest}; }
  DecisionStep prepare(const DecisionDraft&) override { return DecisionStep::done(); }
  DecisionStep decide(const DecisionDraft& draft) override {
    {
      std::unique_lock lock{script_->mutex};
      ++script_->waiting;
      script_->changed.wait(lock, [&] { return !script_->held; });
    }
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
  void give_up() override { ++script_->given_up; }
  void close() override { ++script_->closed; }
  std::chrono::nanoseconds stuck_after() const override { return script_->stuck_after; }

 private:
  std::shared_ptr<Script> script_;
};

struct ScriptedSink {
  std::shared_ptr<Script> script;
  std::shared_ptr<ScriptedDecider> decider;
  std::shared_ptr<ScriptedDecider> make_decider() const { return std::make_shared<ScriptedDecider>(script); }
  void decide_by(std::shared_ptr<ScriptedDecider> made) { decider = std::move(made); }
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

class DeciderTest : public ::testing::Test {
 protected:
  Job start(RestartPolicy restart = {}) {
    Dataflow flow{"numbers"};
    flow.from(Numbers{}).named("numbers").to(ScriptedSink{script_, nullptr}).named("sink");
    return millstream::start(flow, {.shards = 1,
                                    .state_dir = "state",
                                    .checkpoint = {.interval = 2ms},
                                    .restart = restart,
                                    .log = nullptr,
                                    .file_system = &files_});
  }
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  testing::MemoryFileSystem files_{system_clock()};
};

TEST_F(DeciderTest, RecordsGoOnWhileItDecides) {
  Job job = start();
  ASSERT_TRUE(eventually([&] { return script_->decided >= 2; }));
  script_->hold(true);
  const int waiting = script_->waiting;
  ASSERT_TRUE(eventually([&] { return script_->waiting > waiting; }));
  const std::uint64_t written = script_->written;
  EXPECT_TRUE(eventually([&] { return script_->written > written + 5; }));
  script_->hold(false);
  const int decided = script_->decided;
  EXPECT_TRUE(eventually([&] { return script_->decided > decided + 1; }));
  job.stop();
  EXPECT_EQ(job.wait().exit_code(), 0);
  EXPECT_EQ(script_->made - script_->closed, 1);  // the graph made one to see whether there is one
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
  script_->stuck_after = 20ms;
  script_->hold(true);
  Job job = start();
  const JobResult result = job.wait();
  EXPECT_EQ(result.status.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.status.message(), HasSubstr("does not come back"));
  EXPECT_EQ(script_->closed, 0);
  // Its thread ends by itself when the call does.
  std::weak_ptr<Script> gone = script_;
  script_->hold(false);
  EXPECT_TRUE(eventually([&] { return script_->decided == 1; }));
}

}  // namespace
}  // namespace millstream
