// A sink's stage at barriers: prepare behind all that came before, commit once, recover before open.
#include "millstream/operators/sink_stage.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <stdexcept>

#include "millstream/testing/stage_driver.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::StageDriver;

// What was called, in order.
using Calls = std::shared_ptr<std::vector<std::string>>;

struct Diary {
  Calls calls;
  std::size_t room = 100;  // records that a write takes
  bool prepare_fails = false;

  void note(std::string call) { calls->push_back(std::move(call)); }
  void open(SinkContext& at) {
    note(std::string{"open"} + (at.checkpointed() ? " checkpointed" : "") + (at.restored() ? " restored" : ""));
  }
  std::size_t write(std::span<int> records) {
    const std::size_t taken = std::min(room, records.size());
    for (const int record : records.first(taken)) note(std::to_string(record));
    return taken;
  }
  Result<std::string> prepare() {
    if (prepare_fails) return Status{ErrorCode::kIo, "the disk is gone"};
    note("prepare");
    return "handle " + std::to_string(calls->size());
  }
  void commit(const std::string& handle) { note("commit " + handle); }
  Status recover(SinkContext& at, std::span<const std::string> commit, std::span<const std::string> abort) {
    if (commit.empty()) throw std::runtime_error{"nothing to commit"};
    note("recover " + commit[0] + " not " + abort[0] + (at.checkpointed() && at.restored() ? " restored" : ""));
    return {};
  }
};

struct Plain {
  void write(const int&) {}
};

// As the runtime: a snapshot where a barrier is reached.
struct Saving final : BarrierListener {
  void reached(Stage& stage) override { stage.save(snapshot); }
  testing::RecordedSnapshot snapshot;
};

template <class Snk>
std::unique_ptr<SinkStage<int, Snk>> stage_of(Snk sink) {
  return std::make_unique<SinkStage<int, Snk>>(std::move(sink));
}

TEST(SinkStage, PreparesWhenTheBatchOfTheBarrierIsTaken) {
  const auto calls = std::make_shared<std::vector<std::string>>();
  auto owned = stage_of(Diary{.calls = calls, .room = 2});
  auto& stage = *owned;
  StageDriver<int, int> driver{std::move(owned)};
  Saving saving;
  driver.context().barriers = &saving;
  driver.open();
  for (const int i : {1, 2, 3}) driver.push(i);
  BatchPool<int> pool;
  driver.flush();
  EXPECT_THAT(*calls, ElementsAre("open checkpointed", "1", "2"));
  EXPECT_EQ(stage.barrier(), 0U);
  driver.advance(std::chrono::milliseconds{2});

  BatchOf<int> with_barrier;
  with_barrier.reset(pool.take());
  for (const int i : {4, 5, 6}) with_barrier->emplace_back(int{i});
  with_barrier->control = Control::kBarrier;
  stage.push(std::move(with_barrier));
  EXPECT_EQ(stage.barrier(), 0U) << "a record of the batch is not taken yet";
  EXPECT_FALSE(stage.ready());
  driver.advance(std::chrono::milliseconds{2});
  EXPECT_EQ(stage.barrier(), 1U);
  EXPECT_THAT(saving.snapshot.prepared(), ElementsAre("handle 8"));
  driver.push(7);
  driver.flush();
  stage.commit_prepared();
  stage.commit_prepared();
  EXPECT_THAT(*calls,
              ElementsAre("open checkpointed", "1", "2", "3", "4", "5", "6", "prepare", "7", "commit handle 8"));
}

TEST(SinkStage, PreparesBehindTheEndToo) {
  const auto calls = std::make_shared<std::vector<std::string>>();
  auto owned = stage_of(Diary{.calls = calls});
  auto& stage = *owned;
  StageDriver<int, int> driver{std::move(owned)};
  driver.context().barriers = nullptr;  // a job without checkpoints
  driver.open();
  driver.push(1);
  driver.end();
  testing::RecordedSnapshot last;
  stage.save(last);
  EXPECT_THAT(last.prepared(), ElementsAre("handle 3"));
  stage.commit_prepared();
  EXPECT_THAT(*calls, ElementsAre("open", "1", "prepare", "commit handle 3"));
}

/// Keeps what it takes until its gate is open.
struct Keeping {
  Calls calls;
  std::shared_ptr<bool> open_gate = std::make_shared<bool>(false);
  std::shared_ptr<Waker> waker = std::make_shared<Waker>();
  std::size_t room = 100;  // records that a drain sends
  std::vector<int> kept = {};
  std::shared_ptr<bool> draining = std::make_shared<bool>(false);  // in the newest drain()
  SinkContext* opened = nullptr;

  void open(SinkContext& context) {
    opened = &context;
    *waker = context.waker();
  }
  void write(const int& record) { kept.push_back(record); }
  bool drain() {
    *draining = opened->draining();
    if (!*open_gate) return false;
    const auto sent = kept.begin() + static_cast<std::ptrdiff_t>(std::min(room, kept.size()));
    std::for_each(kept.begin(), sent, [&](int record) { calls->push_back(std::to_string(record)); });
    kept.erase(kept.begin(), sent);
    return kept.empty();
  }
  std::string prepare() {
    calls->push_back("prepare");
    return "handle";
  }
  void commit(const std::string&) {}
};

TEST(SinkStage, ABarrierAndTheEndWaitForWhatTheSinkKeeps) {
  const auto calls = std::make_shared<std::vector<std::string>>();
  const Keeping sink{.calls = calls};
  auto owned = stage_of(sink);
  auto& stage = *owned;
  StageDriver<int, int> driver{std::move(owned)};
  Saving saving;
  driver.context().barriers = &saving;
  driver.open();
  BatchPool<int> pool;
  BatchOf<int> with_barrier;
  with_barrier.reset(pool.take());
  with_barrier->emplace_back(1);
  with_barrier->control = Control::kBarrier;
  stage.push(std::move(with_barrier));
  driver.advance(std::chrono::milliseconds{5});
  EXPECT_EQ(stage.barrier(), 0U);
  EXPECT_FALSE(stage.ready());
  EXPECT_TRUE(*sink.draining);
  *sink.open_gate = true;
  driver.advance(std::chrono::milliseconds{5});
  EXPECT_EQ(stage.barrier(), 1U);
  EXPECT_THAT(*calls, ElementsAre("1", "prepare"));
  // Woken, it sends what it keeps though nothing comes.
  *sink.open_gate = false;
  driver.push(2);
  driver.flush();
  *sink.open_gate = true;
  sink.waker->wake();
  stage.step();
  EXPECT_THAT(*calls, ElementsAre("1", "prepare", "2"));
  EXPECT_FALSE(*sink.draining) << "no barrier waits";
  *sink.open_gate = false;
  driver.push(3);
  BatchOf<int> last;
  last.reset(pool.take());
  last->control = Control::kEnd;
  driver.flush();
  stage.push(std::move(last));
  EXPECT_FALSE(stage.finished());
  EXPECT_TRUE(*sink.draining);
  *sink.open_gate = true;
  driver.advance(std::chrono::milliseconds{5});
  EXPECT_TRUE(stage.finished());
}

TEST(SinkStage, WhatHasNoRoomWhenTheSinkIsWokenIsSentWhenThereIs) {
  const auto calls = std::make_shared<std::vector<std::string>>();
  const Keeping sink{.calls = calls, .room = 1};
  auto owned = stage_of(sink);
  auto& stage = *owned;
  StageDriver<int, int> driver{std::move(owned)};
  driver.open();
  for (const int i : {1, 2, 3}) driver.push(i);
  driver.flush();
  *sink.open_gate = true;
  sink.waker->wake();
  stage.step();
  EXPECT_THAT(*calls, ElementsAre("1"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_NE(stage.retry_at_ns(), kNeverNs);
    driver.advance(std::chrono::milliseconds{2});
  }
  EXPECT_THAT(*calls, ElementsAre("1", "2", "3"));
  EXPECT_EQ(stage.retry_at_ns(), kNeverNs);
}

TEST(SinkStage, ASinkWithoutPrepareGivesNoHandle) {
  auto owned = stage_of(Plain{});
  auto& stage = *owned;
  StageDriver<int, int> driver{std::move(owned)};
  EXPECT_TRUE(stage.recover({}, {}).ok());
  driver.open();
  driver.push(1);
  EXPECT_THAT(driver.barrier().prepared(), IsEmpty());
  stage.commit_prepared();
  EXPECT_FALSE(driver.context().failed());
}

TEST(SinkStage, APrepareThatFailsFailsTheJob) {
  StageDriver<int, int> driver{
      stage_of(Diary{.calls = std::make_shared<std::vector<std::string>>(), .prepare_fails = true})};
  driver.open();
  EXPECT_THAT(driver.barrier().prepared(), IsEmpty());
  EXPECT_EQ(driver.context().failure().message(), "sink 'stage': the disk is gone");
}

TEST(SinkStage, RecoversBeforeItOpens) {
  const auto calls = std::make_shared<std::vector<std::string>>();
  auto owned = stage_of(Diary{.calls = calls});
  auto& stage = *owned;
  StageDriver<int, int> driver{std::move(owned)};
  Saving saving;
  driver.context().barriers = &saving;
  driver.context().restored = true;
  EXPECT_THAT(stage.recover({}, {}).message(), HasSubstr("the sink threw: nothing to commit"));
  EXPECT_FALSE(driver.context().failed());
  const std::vector<std::string> decided{"a"};
  const std::vector<std::string> others{"b"};
  EXPECT_TRUE(stage.recover(decided, others).ok());
  driver.open();
  EXPECT_THAT(*calls, ElementsAre("recover a not b restored", "open checkpointed restored"));
}

}  // namespace
}  // namespace millstream::inline v0
