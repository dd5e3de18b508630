// The life of a job: how it ends, who is told, and that nothing hangs.
#include "millstream/runtime/job.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <stop_token>

#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

using Result = WindowResult<std::int64_t, std::int64_t>;

// Endless ticks counted by key in one window that only the end can fire.
struct CountingJob {
  SharedCounts counts = make_counts();
  memory::Sink<Result> results = memory::sink<Result>();
  Dataflow flow{"counting"};
  explicit CountingJob(std::uint32_t splits = 3) {
    flow.from(EndlessSource{counts, splits})
        .event_time(&Tick::at, monotonic())
        .key_by(&Tick::key)
        .window(tumbling(24h * 365 * 100))
        .aggregate(count())
        .to(results);
  }
  [[nodiscard]] std::uint64_t counted() const {
    std::int64_t sum = 0;
    for (const Result& each : results.records()) sum += each.value;
    return static_cast<std::uint64_t>(sum);
  }
};

TEST(Job, RunsToTheEndOfItsInput) {
  auto out = memory::sink<int>();
  Dataflow flow{"numbers"};
  flow.from(memory::split_source<int>({{1, 2, 3}, {4}, {}})).map([](int i) { return i * 2; }).to(out);
  const JobResult result = run(flow, quiet(2));
  EXPECT_EQ(result.state, JobState::kFinished);
  EXPECT_EQ(result.exit_code(), 0);
  EXPECT_EQ(result.metrics.records_in, 4U);
  EXPECT_EQ(result.metrics.records_out, 4U);
  auto records = out.records();
  std::sort(records.begin(), records.end());
  EXPECT_EQ(records, (std::vector<int>{2, 4, 6, 8}));
}

TEST(Job, StopFinishesWhatCameInAndLeavesWindowsOpen) {
  CountingJob job;
  Job running = start(job.flow, quiet(3));
  ASSERT_TRUE(eventually([&] { return job.counts->emitted > 100'000; }));
  running.stop();
  const JobResult result = running.wait();
  EXPECT_EQ(result.state, JobState::kFinished);
  EXPECT_EQ(result.metrics.records_in, job.counts->emitted);
  EXPECT_EQ(result.metrics.stage("source/event_time/key_by/exchange/window")->records_in, job.counts->emitted);
  EXPECT_EQ(job.results.size(), 0U);
}

TEST(Job, DrainAlsoFiresThem) {
  CountingJob job;
  Job running = start(job.flow, quiet(3));
  ASSERT_TRUE(eventually([&] { return job.counts->emitted > 100'000; }));
  EXPECT_EQ(running.status().state, JobState::kRunning);
  running.drain();
  EXPECT_TRUE(running.wait().ok());
  EXPECT_EQ(running.status().state, JobState::kFinished);
  EXPECT_EQ(job.results.size(), 7U);
  EXPECT_EQ(job.counted(), job.counts->emitted);
  for (const SplitStatus& split : running.status().splits) EXPECT_TRUE(split.finished) << split.split;
}

TEST(Job, CancelEndsAtOnceAndPublishesNothing) {
  const SharedCounts counts = make_counts();
  Dataflow flow{"cancelled"};
  flow.from(EndlessSource{counts, 2}).to(CountingSink{counts});
  Job running = start(flow, quiet(2));
  ASSERT_TRUE(eventually([&] { return counts->taken > 0; }));
  running.cancel();
  EXPECT_TRUE(running.wait_for(5s));
  const JobResult result = running.wait();
  EXPECT_EQ(result.state, JobState::kCancelled);
  EXPECT_EQ(result.exit_code(), 130);
  EXPECT_EQ(counts->closed_aborted, 2);
  EXPECT_EQ(counts->closed_finished, 0);
}

TEST(Job, TheDestructorEndsAJobThatRuns) {
  const SharedCounts counts = make_counts();
  Dataflow flow{"dropped"};
  flow.from(EndlessSource{counts}).to(CountingSink{counts});
  const auto begin = std::chrono::steady_clock::now();
  {
    Job running = start(flow, quiet(2));
    ASSERT_TRUE(eventually([&] { return counts->taken > 0; }));
    Job moved = std::move(running);
    moved = start(flow, quiet(1));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
  EXPECT_EQ(counts->closed_aborted, 3);
}

TEST(Job, AStopTokenDrains) {
  CountingJob job;
  std::stop_source source;
  RunOptions options = quiet(2);
  options.stop = source.get_token();
  Job running = start(job.flow, options);
  ASSERT_TRUE(eventually([&] { return job.counts->emitted > 1'000; }));
  source.request_stop();
  EXPECT_TRUE(running.wait().ok());
  EXPECT_EQ(job.counted(), job.counts->emitted);

  // One that was requested before the start: nothing is taken in.
  CountingJob late;
  EXPECT_TRUE(run(late.flow, options).ok());
  EXPECT_EQ(late.counts->emitted, 0U);
}

TEST(Job, SignalsDrainWhenAsked) {
  CountingJob job;
  RunOptions options = quiet(1);
  options.handle_signals = true;
  Job running = start(job.flow, options);
  ASSERT_TRUE(eventually([&] { return job.counts->emitted > 1'000; }));
  std::this_thread::sleep_for(50ms);  // the handler is installed by a thread of its own
  std::raise(SIGINT);
  EXPECT_TRUE(running.wait().ok());
  EXPECT_EQ(job.counted(), job.counts->emitted);
}

TEST(Job, SeveralJobsOfOneDataflow) {
  CountingJob job;
  Job first = start(job.flow, quiet(2));
  Job second = start(job.flow, quiet(1));
  ASSERT_TRUE(eventually([&] { return first.status().records_in > 1'000 && second.status().records_in > 1'000; }));
  first.drain();
  EXPECT_TRUE(first.wait().ok());
  second.cancel();
  EXPECT_EQ(second.wait().state, JobState::kCancelled);
  EXPECT_EQ(job.counted(), first.metrics().records_in);
}

TEST(Job, RunsOnTheCallingThreadWhenAsked) {
  auto here = std::make_shared<bool>(false);
  auto out = memory::sink<int>();
  Dataflow flow{"here"};
  flow.from(memory::source<int>({1, 2}))
      .peek([here, me = std::this_thread::get_id()](int) { *here = std::this_thread::get_id() == me; })
      .to(out);
  RunOptions options = quiet(1);
  options.calling_thread = true;
  EXPECT_TRUE(run(flow, options).ok());
  EXPECT_TRUE(*here);
}

TEST(Job, PinnedAndSpinning) {
  CountingJob job;
  RunOptions options = quiet(2);
  options.pin = true;
  options.idle = IdleStrategy::kSpin;
  Job running = start(job.flow, options);
  ASSERT_TRUE(eventually([&] { return job.counts->emitted > 1'000; }));
  running.drain();
  EXPECT_TRUE(running.wait().ok());
  EXPECT_EQ(job.counted(), job.counts->emitted);
}

TEST(Job, WrongOptionsAreReportedTogether) {
  CountingJob job;
  RunOptions options = quiet(65);
  options.batch = 0;
  options.calling_thread = true;
  options.exchange_slots = 0;
  std::string logged;
  options.log = [&](LogLevel level, std::string_view message) {
    EXPECT_EQ(level, LogLevel::kError);
    logged = message;
  };
  Job refused = start(job.flow, options);
  const JobResult result = refused.wait();
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.status().error, result.status);
  EXPECT_EQ(logged, result.status.message());
  for (const char* part : {"shards is 65", "batch is 0", "exchange_slots is 0"}) {
    EXPECT_NE(result.status.message().find(part), std::string::npos) << part;
  }
  refused.stop();
  refused.drain();
  refused.cancel();
}

TEST(Job, MistakesOfGraphAndOptionsAreReportedTogether) {
  Dataflow flow{"unfinished"};
  (void)flow.from(EndlessSource{make_counts()}).map([](const Tick& tick) { return tick.key; });
  RunOptions options = quiet(65);
  options.batch = 0;
  const JobResult both = run(flow, options);
  EXPECT_EQ(both.state, JobState::kFailed);
  EXPECT_EQ(both.status.code(), ErrorCode::kInvalidArgument);
  const JobResult of_graph = run(flow, quiet(1));
  const JobResult of_options = run(CountingJob{}.flow, options);
  EXPECT_NE(of_graph.status.message().find("dataflow 'unfinished' cannot be started:"), std::string::npos);
  EXPECT_EQ(of_graph.status.message().find("run options"), std::string::npos);
  EXPECT_EQ(of_options.status.message().find("the run options are wrong:"), 0U);
  EXPECT_EQ(both.status.message(), of_graph.status.message() + "\n" + of_options.status.message());
}

TEST(Job, NeedsMemoryForItsQueues) {
  CountingJob job;
  RunOptions options = quiet(4);
  options.memory = std::make_shared<MemoryBudget>(std::size_t{1000});
  const JobResult result = run(job.flow, options);
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_NE(result.status.message().find("memory budget"), std::string::npos) << result.status.to_string();
  EXPECT_EQ(options.memory->used_bytes(), 0U);
}

struct UnlistedSource {
  bool throws = false;
  millstream::Result<std::vector<Split>> splits(SourceContext&) const {
    if (throws) throw std::runtime_error{"no broker"};
    return Status{ErrorCode::kNotFound, "no such topic"};
  }
  Poll poll(SourceOutput<Tick>&) { return Poll::done(); }
};

TEST(Job, SourcesThatCannotBeListedAreAllReported) {
  Dataflow flow{"unlisted"};
  const SharedCounts counts = make_counts();
  flow.from(UnlistedSource{true}).named("first").to(CountingSink{counts});
  flow.from(EndlessSource{counts}).named("second").to(CountingSink{counts});
  flow.from(UnlistedSource{false}).named("third").to(CountingSink{counts});
  const JobResult result = run(flow, quiet(2));
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_EQ(result.status.code(), ErrorCode::kUserFailure);
  EXPECT_EQ(result.status.message(),
            "2 sources cannot be read:\n  - source 'first': threw: no broker\n  - source 'third': no such topic");
  EXPECT_EQ(counts->emitted, 0U);
}

struct Uncopied {
  Uncopied() = default;
  Uncopied(const Uncopied& other) : copies{other.copies} {
    if (++*copies > 20) throw std::runtime_error{"no more copies"};
  }
  Uncopied& operator=(const Uncopied&) = default;
  std::shared_ptr<int> copies = std::make_shared<int>(0);
  Tick operator()(const Tick& t) const { return t; }
};

TEST(Job, AStageThatCannotBeMadeIsAStatus) {
  Dataflow flow{"unmade"};
  const SharedCounts counts = make_counts();
  flow.from(EndlessSource{counts}).map(Uncopied{}).named("the map").to(CountingSink{counts});
  const JobResult result = run(flow, quiet(32));
  EXPECT_EQ(result.state, JobState::kFailed);
  EXPECT_EQ(result.status.message(), "making the stage 'the map': threw: no more copies");
}

// --- failures ---

struct FailingSource {
  std::string where;
  std::int64_t next = 0;
  bool opened = false;
  Status open(SplitContext&) {
    if (where == "open") return {ErrorCode::kIo, "no such file"};
    opened = true;
    return {};
  }
  Position position() const {
    EXPECT_TRUE(opened) << "what could not be opened has no position";
    return {};
  }
  millstream::Result<Poll> poll(SourceOutput<Tick>& out) {
    if (where == "throw") throw std::runtime_error{"source threw"};
    if (where == "poll" && next > 100) return Status{ErrorCode::kIo, "disk on fire"};
    out.emit(Tick{next++});
    return next < 1'000 ? Poll::more() : Poll::done();
  }
  Status close() {
    if (where == "close") return {ErrorCode::kIo, "cannot close"};
    return {};
  }
};
struct FailingSink {
  std::string where;
  SharedCounts counts;
  std::int64_t taken = 0;
  Status open(SinkContext&) {
    if (where == "sink open") return {ErrorCode::kIo, "read-only"};
    return {};
  }
  Status write(const Tick&) {
    if (where == "sink throw") throw std::runtime_error{"sink threw"};
    if (where == "sink write" && ++taken > 100) return {ErrorCode::kIo, "disk full"};
    return {};
  }
  Status flush() {
    if (where == "sink flush") return {ErrorCode::kIo, "cannot flush"};
    return {};
  }
  Status close(SinkEnd end) {
    (end == SinkEnd::kFinished ? counts->closed_finished : counts->closed_aborted).fetch_add(1);
    if (where == "sink close") return {ErrorCode::kIo, "cannot rename"};
    return {};
  }
};

TEST(Job, AFailureAnywhereEndsItAndNamesThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"open", "no such file"},     {"throw", "source threw"},   {"poll", "disk on fire"},
      {"close", "cannot close"},    {"map", "map threw"},        {"sink open", "read-only"},
      {"sink throw", "sink threw"}, {"sink write", "disk full"}, {"sink close", "cannot rename"},
      {"key", "key threw"},
  };
  for (const auto& [where, reason] : cases) {
    for (const std::uint32_t shards : {1U, 3U}) {
      const SharedCounts counts = make_counts();
      Dataflow flow{"failing"};
      const std::string place = where;
      flow.from(FailingSource{where})
          .named("the source")
          .map([place](const Tick& t) {
            if (place == "map" && t.number == 500) throw std::runtime_error{"map threw"};
            return t;
          })
          .key_by([place](const Tick& t) {
            if (place == "key" && t.number == 500) throw std::runtime_error{"key threw"};
            return t.key;
          })
          .reduce([](const Tick&, const Tick& b) { return b; })
          .to(FailingSink{where, counts})
          .named("the sink");
      const JobResult result = run(flow, quiet(shards));
      EXPECT_EQ(result.state, JobState::kFailed) << where;
      EXPECT_EQ(result.exit_code(), 1);
      EXPECT_NE(result.status.message().find(reason), std::string::npos) << where << ": " << result.status.to_string();
      if (place.starts_with("sink")) {
        EXPECT_NE(result.status.message().find("'the sink'"), std::string::npos) << result.status.to_string();
      }
      // What failed before the end publishes nowhere.
      if (place != "close" && place != "sink close") {
        EXPECT_EQ(counts->closed_finished, 0) << where;
      }
    }
  }
}

TEST(Job, TheLogHookMayAskForItsStatus) {
  Dataflow flow{"asked"};
  const SharedCounts counts = make_counts();
  flow.from(FailingSource{"poll"}).to(CountingSink{counts});
  Job* job = nullptr;
  std::atomic<bool> started{false};
  JobState seen = JobState::kRunning;
  std::uint64_t records = 0;
  RunOptions options = quiet(1);
  options.log = [&](LogLevel, std::string_view) {
    while (!started) std::this_thread::yield();
    seen = job->status().state;
    records = job->metrics().records_in;
  };
  Job failing = start(flow, options);
  job = &failing;
  started = true;
  ASSERT_TRUE(failing.wait_for(10s));
  EXPECT_EQ(seen, JobState::kFailed);
  EXPECT_GT(records, 0U);
}

TEST(Job, NonStandardExceptionsAreFailuresToo) {
  Dataflow flow{"int"};
  auto out = memory::sink<int>();
  flow.from(memory::source<int>({1, 2}))
      .map([](int i) {
        if (i == 2) throw 17;
        return i;
      })
      .to(out);
  EXPECT_EQ(run(flow, quiet(1)).status.code(), ErrorCode::kUserFailure);
}

}  // namespace
}  // namespace millstream::test
