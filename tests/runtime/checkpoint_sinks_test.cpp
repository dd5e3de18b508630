// Checkpoints whose sinks cannot prepare, or take too long.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "millstream/connectors/generator.hpp"
#include "millstream/millstream.hpp"
#include "runtime/checkpointed_jobs.hpp"

namespace millstream::test {
namespace {

/// Shows what it was told to commit; one of its prepares fails.
struct PreparingSink {
  struct Shared {
    std::mutex mutex;
    std::vector<std::int64_t> shown;
    std::map<std::string, std::vector<std::int64_t>> prepared;
    int until_failure = 0;
  };
  std::shared_ptr<Shared> shared;
  std::vector<std::int64_t> pending;
  std::size_t covered = 0;  // of them, by the newest prepare
  void write(const Tick& tick) { pending.push_back(tick.value); }
  Result<std::string> prepare() {
    const std::scoped_lock lock{shared->mutex};
    if (--shared->until_failure == 0) return Status{ErrorCode::kIo, "no room to prepare"};
    const std::string handle = "handle " + std::to_string(shared->prepared.size());
    shared->prepared[handle] = pending;
    covered = pending.size();
    return handle;
  }
  void commit(const std::string& handle) {
    show(handle);
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(covered));
  }
  void recover(SinkContext&, std::span<const std::string> commit, std::span<const std::string>) const {
    for (const std::string& handle : commit) show(handle);
  }
  void show(const std::string& handle) const {
    const std::scoped_lock lock{shared->mutex};
    std::vector<std::int64_t>& ticks = shared->prepared[handle];
    shared->shown.insert(shared->shown.end(), ticks.begin(), ticks.end());
    ticks.clear();
  }
};

/// 1,000 ticks, of which the last comes when the sink has failed: there are as many checkpoints before it as that
/// takes.
struct TicksUpToTheFailure {
  std::shared_ptr<PreparingSink::Shared> shared;
  std::uint64_t next = 0;
  SplitContext* context = nullptr;
  std::vector<Split> splits(SourceContext&) const { return {{"0"}}; }
  void open(SplitContext& c) {
    context = &c;
    next = c.split().start.offset;
  }
  Poll poll(SourceOutput<Tick>& out) {
    for (int i = 0; i < 4 && next < 999; ++i) out.emit(Tick{0, static_cast<std::int64_t>(next++)});
    {
      const std::scoped_lock lock{shared->mutex};
      if (next < 999 || shared->until_failure > 0) return Poll::idle_until(context->clock().now() + 1ms);
    }
    out.emit(Tick{0, static_cast<std::int64_t>(next++)});
    return Poll::done();
  }
  [[nodiscard]] Position position() const { return {next, {}}; }
};

TEST_F(CheckpointedJobs, WhatASinkCouldNotPrepareIsNotInACheckpoint) {
  for (int failing = 1; failing <= 6; ++failing) {
    const std::string folder = state() + std::to_string(failing);
    const auto shared = std::make_shared<PreparingSink::Shared>();
    shared->until_failure = failing;
    Dataflow flow{"prepare"};
    flow.from(TicksUpToTheFailure{shared}).to(PreparingSink{shared, {}, 0});
    const Quiet options{folder, 1};
    EXPECT_EQ(run(flow, options).status.code(), ErrorCode::kIo);
    const JobResult second = run(flow, options);
    EXPECT_TRUE(second.ok()) << second.status.to_string();
    std::vector<std::int64_t> all(1000);
    std::iota(all.begin(), all.end(), 0);
    std::sort(shared->shown.begin(), shared->shown.end());
    EXPECT_EQ(shared->shown, all) << failing;
  }
}

/// Has no room until it is told.
struct ShutSink {
  std::shared_ptr<std::atomic<bool>> shut;
  SinkContext* context = nullptr;
  void open(SinkContext& c) { context = &c; }
  std::size_t write(std::span<Tick> ticks) {
    if (!*shut) return ticks.size();
    context->retry_at(context->clock().now() + 5ms);
    return 0;
  }
};

TEST_F(CheckpointedJobs, ACheckpointThatTakesTooLongIsGivenUpAndTheJobGoesOn) {
  const auto shut = std::make_shared<std::atomic<bool>>(true);
  Dataflow flow{"shut"};
  flow.from(generator::source<Tick>({.make = [](std::uint64_t) { return Tick{}; }, .count = 500, .rate = 0}))
      .to(ShutSink{shut});
  Quiet options{state(), 1};
  options.checkpoint.timeout = 20ms;
  std::mutex mutex;
  std::string said;
  options.log = [&](LogLevel, std::string_view message) {
    const std::scoped_lock lock{mutex};
    said += std::string{message} + "\n";
  };
  Job job = start(flow, options);
  for (int i = 0; i < 2000 && job.status().checkpoints_failed == 0; ++i) std::this_thread::sleep_for(5ms);
  const std::uint64_t before = job.status().checkpoints;  // the first may have come before any record
  *shut = false;
  const JobResult result = job.wait();
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_GT(job.status().checkpoints, before);
  const std::scoped_lock lock{mutex};
  EXPECT_NE(said.find("it was not complete after 20 ms"), std::string::npos) << said;
  EXPECT_NE(said.find("the job goes on and tries again"), std::string::npos) << said;
}

}  // namespace
}  // namespace millstream::test
