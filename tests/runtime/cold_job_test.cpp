// Jobs on threads whose keyed state is many times what their tables may hold, in a real RocksDB: they count right, also
// when they are stopped and go on, with another number of shards or in memory again; and what their options are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <stdexcept>

#include "connectors/temporary_folder.hpp"
#include "millstream/core/random.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kKeys = 40'000;
constexpr std::int64_t kRecords = 160'000;
constexpr auto kGap = 20s;                               // about half the event time between two of a key
constexpr std::size_t kMemory = std::size_t{512} << 10;  // a few thousand entries a shard

/// Each key some times, in no order; a millisecond of event time apart.
struct KeysSource {
  SharedCounts counts;
  std::shared_ptr<std::atomic<bool>> fails;               // once, in the middle
  std::shared_ptr<std::atomic<std::uint64_t>> emits_max;  // so many it gives, about, and waits to be stopped
  SplitContext* context = nullptr;
  std::int64_t next = 0;
  std::vector<Split> splits(SourceContext&) const { return {{"a"}, {"b"}}; }
  void open(SplitContext& c) {
    context = &c;
    next = static_cast<std::int64_t>(c.split().start.offset);
  }
  Poll poll(SourceOutput<Tick>& out) {
    const std::uint64_t max = emits_max->load();
    for (; out.room() > 0 && next < kRecords / 2 && counts->emitted.load() < max; ++next) {
      if (next == kRecords / 4 && fails->exchange(false)) throw std::runtime_error{"a source that fails once"};
      Random random{context->split_number(), static_cast<std::uint64_t>(next)};
      out.emit(Tick{1, static_cast<std::int64_t>(random.below(kKeys)), Timestamp{next * 1ms}});
      counts->emitted.fetch_add(1);
    }
    if (next >= kRecords / 2) return Poll::done();
    return counts->emitted.load() < max ? Poll::more() : Poll::idle_until(context->clock().now() + 1ms);
  }
  [[nodiscard]] Position position() const { return {static_cast<std::uint64_t>(next), {}}; }
};

/// The last of each key: what came before a restart may come again.
struct Totals {
  std::mutex mutex;
  std::map<std::int64_t, std::int64_t> by_key;
  [[nodiscard]] std::int64_t sum() {
    const std::scoped_lock lock{mutex};
    std::int64_t all = 0;
    for (const auto& [key, count] : by_key) all += count;
    return all;
  }
};
struct TotalsSink {
  std::shared_ptr<Totals> totals;
  void write(const Tick& tick) {
    const std::scoped_lock lock{totals->mutex};
    std::int64_t& most = totals->by_key[tick.key];
    most = std::max(most, tick.number);
  }
};

/// The count of each key, and behind its last multiple of four a list, which goes at the next one.
struct Counting {
  ValueState<std::int64_t> count;
  ListState<std::string> behind_four;
  void open(OperatorContext& c) {
    count = c.value_state<std::int64_t>("count");
    behind_four = c.list_state<std::string>("behind four");
  }
  void process(const Tick& tick, Collector<Tick>& out) {
    const std::int64_t n = count.value_or(0) + 1;
    count.set(n);
    n % 4 == 0 ? behind_four.clear() : behind_four.add(std::string(40, 'x'));
    if (behind_four.size() != static_cast<std::size_t>(n % 4)) throw std::runtime_error{"a list of another count"};
    out.emit({n, tick.key, {}});
  }
};

class ColdJob : public ::testing::Test {
 protected:
  [[nodiscard]] Dataflow flow() const {
    Dataflow flow{"totals"};
    auto keys = flow.from(KeysSource{counts_, fails_, emits_max_})
                    .named("keys")
                    .event_time(&Tick::at, bounded_disorder(0s))
                    .key_by(&Tick::key);
    // Each window and session under a key of its own: what fires again behind a restart is the same.
    if (sliding_) {
      keys.window(sliding(kWindow, kSlide))
          .aggregate(count())
          .named("windows")
          .map([](const auto& r) {
            return Tick{r.value, r.key + kKeys * (r.window_end.time_since_epoch() / kSlide), {}};
          })
          .to(TotalsSink{totals_});
      return flow;
    }
    if (windowed_) {
      keys.window(tumbling(kWindow))
          .aggregate(count())
          .named("windows")
          .map([](const auto& r) {
            return Tick{r.value, r.key + kKeys * (r.window_end.time_since_epoch() / kWindow), {}};
          })
          .to(TotalsSink{totals_});
      return flow;
    }
    if (sessions_) {
      keys.window(session(kGap))
          .aggregate(count())
          .named("sessions")
          .map([](const auto& r) {
            return Tick{r.value, r.key + kKeys * (r.window_start.time_since_epoch() / 1ms), {}};
          })
          .to(TotalsSink{totals_});
      return flow;
    }
    if (custom_) {
      keys.process(Counting{}).named("counting").to(TotalsSink{totals_});
      return flow;
    }
    keys.reduce([](const Tick& sum, const Tick& next) { return Tick{sum.number + next.number, sum.key, {}}; })
        .named("reduced")
        .to(TotalsSink{totals_});
    return flow;
  }
  [[nodiscard]] RunOptions options(std::uint32_t shards, StateBackend state) const {
    RunOptions options = quiet(shards);
    options.state_dir = folder_ / "state";
    options.state = state;
    options.checkpoint = {.interval = 100ms, .rebase_bytes = std::uint64_t{1} << 20};
    return options;
  }
  /// How it ended, and what it has written to the store. It does not end before it is stopped, however late that is.
  std::pair<JobResult, std::uint64_t> run(const RunOptions& options, std::uint64_t stop_behind = kNever) {
    emits_max_->store(stop_behind == kNever ? kNever : stop_behind + kRecords / 16);
    Dataflow job_flow = flow();
    Job job = start(job_flow, options);
    std::uint64_t spilled = 0;
    while (!job.wait_for(1ms)) {
      spilled = std::max(spilled, job.status().spilled_bytes);
      if (counts_->emitted.load() > stop_behind) job.stop();
    }
    spilled = std::max(spilled, job.status().spilled_bytes);
    return {job.wait(), spilled};
  }

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  static constexpr Duration kWindow = 40s;  // of 80,000 records
  bool custom_ = false;                     // a custom operator counts
  static constexpr Duration kSlide = kWindow / 4;
  bool windowed_ = false;  // windows do
  bool sliding_ = false;   // windows that share slices do
  bool sessions_ = false;  // sessions are counted
  testing::TemporaryFolder folder_;
  SharedCounts counts_ = make_counts();
  std::shared_ptr<std::atomic<bool>> fails_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::atomic<std::uint64_t>> emits_max_ = std::make_shared<std::atomic<std::uint64_t>>(kNever);
  std::shared_ptr<Totals> totals_ = std::make_shared<Totals>();
};

TEST_F(ColdJob, NeedsAPlaceAndThreads) {
  RunOptions wrong = quiet(1);
  wrong.state = rocksdb({.cache_bytes = 1000, .readers = 0});
  const auto [result, spilled] = run(wrong);
  EXPECT_EQ(result.status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.status.message(), HasSubstr("needs a state_dir"));
  EXPECT_THAT(result.status.message(), HasSubstr("cache_bytes of ms::rocksdb() is 1000"));
  EXPECT_THAT(result.status.message(), HasSubstr("readers of ms::rocksdb() is 0"));
}

TEST_F(ColdJob, RemovesWhatAKilledRunLeftWhateverItsBackend) {
  std::filesystem::create_directories(folder_ / "state/cold");
  std::ofstream{folder_ / "state/cold/round-7-0.sst"} << "half of a file";
  EXPECT_TRUE(run(options(1, in_memory())).first.ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/cold"));
}

#ifdef MILLSTREAM_ROCKSDB

const StateBackend kSmall = rocksdb({.memory_bytes = kMemory, .cache_bytes = std::size_t{1} << 20});
// For some 40,000 open sessions, whose keys and calendar stay.
const StateBackend kForSessions = rocksdb({.memory_bytes = 4 * kMemory, .cache_bytes = std::size_t{1} << 20});

TEST_F(ColdJob, CountsRightWithStateThatDoesNotFit) {
  const auto [result, spilled] = run(options(2, kSmall));
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(totals_->sum(), kRecords);
  EXPECT_GT(spilled, std::uint64_t{1} << 20);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/cold"));
}

TEST_F(ColdJob, GoesOnFromItsCheckpointHoweverManyShardsAndWhereverItsStateIs) {
  EXPECT_TRUE(run(options(2, kSmall), kRecords / 4).first.ok());
  EXPECT_TRUE(run(options(3, kSmall), kRecords / 2).first.ok());
  EXPECT_TRUE(run(options(1, in_memory()), 3 * kRecords / 4).first.ok());
  EXPECT_LT(totals_->sum(), kRecords);
  const auto [last, spilled] = run(options(2, kSmall));
  EXPECT_TRUE(last.ok()) << last.status.to_string();
  EXPECT_EQ(totals_->sum(), kRecords);
  EXPECT_GT(spilled, 0U);
}

TEST_F(ColdJob, StatesOfOperatorsNeedNotFitEither) {
  custom_ = true;
  EXPECT_TRUE(run(options(2, kSmall), kRecords / 4).first.ok());
  EXPECT_TRUE(run(options(1, in_memory()), kRecords / 2).first.ok());
  const auto [last, spilled] = run(options(3, kSmall));
  EXPECT_TRUE(last.ok()) << last.status.to_string();
  EXPECT_EQ(totals_->sum(), kRecords);
  EXPECT_GT(spilled, std::uint64_t{1} << 20);
}

TEST_F(ColdJob, WindowsNeedNotFitEither) {
  windowed_ = true;
  const auto [first, spilled_first] = run(options(2, kSmall), 2 * kRecords / 5);
  EXPECT_TRUE(first.ok()) << first.status.to_string();
  EXPECT_TRUE(run(options(1, in_memory()), 3 * kRecords / 5).first.ok());
  EXPECT_TRUE(run(options(3, kSmall), 4 * kRecords / 5).first.ok());
  EXPECT_LT(totals_->sum(), kRecords);
  const auto [last, spilled_last] = run(options(2, kSmall));
  EXPECT_TRUE(last.ok()) << last.status.to_string();
  EXPECT_EQ(totals_->sum(), kRecords);
  EXPECT_GT(spilled_first, std::uint64_t{512} << 10);
  EXPECT_GT(spilled_last, 0U);
}

TEST_F(ColdJob, SlidingWindowsNeedNotFitEither) {
  sliding_ = true;
  const auto [first, spilled_first] = run(options(2, kSmall), 2 * kRecords / 5);
  EXPECT_TRUE(first.ok()) << first.status.to_string();
  EXPECT_TRUE(run(options(1, in_memory()), 3 * kRecords / 5).first.ok());
  EXPECT_TRUE(run(options(3, kSmall), 4 * kRecords / 5).first.ok());
  const auto [last, spilled_last] = run(options(2, kSmall));
  EXPECT_TRUE(last.ok()) << last.status.to_string();
  EXPECT_EQ(totals_->sum(), kWindow / kSlide * kRecords);
  EXPECT_GT(spilled_first, std::uint64_t{512} << 10);
  EXPECT_GT(spilled_last, 0U);
}

TEST_F(ColdJob, SessionsNeedNotFitEither) {
  sessions_ = true;
  EXPECT_TRUE(run(options(2, kForSessions), kRecords / 2).first.ok());
  EXPECT_TRUE(run(options(1, in_memory()), 5 * kRecords / 8).first.ok());
  const auto [last, spilled] = run(options(3, kForSessions));
  EXPECT_TRUE(last.ok()) << last.status.to_string();
  EXPECT_EQ(totals_->sum(), kRecords);
  EXPECT_GT(spilled, std::uint64_t{1} << 20);
}

// All that is in memory has changed since the last checkpoint: the next one does not wait for its time.
TEST_F(ColdJob, TakesCheckpointsAsItNeedsThem) {
  RunOptions seldom = options(2, kSmall);
  seldom.checkpoint.interval = 24h;
  const auto [result, spilled] = run(seldom);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_EQ(totals_->sum(), kRecords);
  EXPECT_GT(spilled, std::uint64_t{1} << 20);
}

TEST_F(ColdJob, RestartsItself) {
  fails_->store(true);
  RunOptions restarting = options(2, kSmall);
  restarting.restart = {.max_restarts = 1, .initial_backoff = 1ms};
  const auto [result, spilled] = run(restarting);
  EXPECT_TRUE(result.ok()) << result.status.to_string();
  EXPECT_FALSE(fails_->load());
  EXPECT_EQ(totals_->sum(), kRecords);
}

TEST_F(ColdJob, IsRefusedWhereItsStoreHasNoMemory) {
  RunOptions small = options(1, rocksdb());
  small.memory = std::make_shared<MemoryBudget>(std::size_t{4} << 20);
  EXPECT_THAT(run(small).first.status.message(), HasSubstr("the store of ms::rocksdb() needs"));
}

#else

TEST_F(ColdJob, IsRefusedWhereTheLibraryHasNoRocksDb) {
  EXPECT_EQ(run(options(2, rocksdb())).first.status.code(), ErrorCode::kUnsupported);
}

#endif

}  // namespace
}  // namespace millstream::test
