// SliceWindowStage cut at barriers and restored on other numbers of shards: it must give exactly what one shard gives
// that is never interrupted.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "millstream/operators/slice_window.hpp"
#include "operators/slice_stages.hpp"
#include "operators/window_cuts.hpp"

namespace millstream::test {
namespace {

const TimeWindow kWindows[] = {tumbling(100us),     tumbling(35us).offset(-9us),
                               sliding(90us, 30us), sliding(100us, 15us).offset(7us),
                               sliding(90us, 60us), sliding(400us, 10us)};

TEST(SliceWindowRestore, GivesWhatOneWholeRunGives) {
  for (const TimeWindow& window : kWindows) {
    for (const WindowOptions& options : slice_options()) {
      SCOPED_TRACE(window.describe() + options.describe());
      expect_same_for_seeds(sliced(Sorted{}, window, options), {}, 5);
      expect_same_for_seeds(sliced(Sorted{}, window, options), {}, 5, {.disorder_us = 250});
    }
  }
}

TEST(SliceWindowRestore, InLocalTime) {
  const StreamOptions march{.from_us = 985'390'000'000'000,  // 2001-03-23T23:26:40Z, two nights before summer time
                            .per_record_us = 3'000'000'000,
                            .disorder_us = 60'000'000'000,
                            .bound_us = 20'000'000'000};
  for (const TimeWindow& window : {tumbling(24h).in_zone("Europe/Berlin"), sliding(2h, 1h).in_zone("Europe/Berlin")}) {
    expect_same_for_seeds(sliced(Sorted{}, window, {.allowed_lateness = 10h}), {}, 20, march);
  }
}

TEST(SliceWindowRestore, AtTheEndsOfTime) {
  for (const TimeWindow& window : kWindows) {
    for (const WindowOptions& options : slice_options()) {
      SCOPED_TRACE(window.describe() + options.describe());
      const std::vector<Input> once = extreme_stream();
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        // Every record comes some times, so that there are places to cut at.
        RunOptions o{.drain = seed % 2 == 0, .each_mark = true};
        for (const Input& input : once) o.inputs.insert(o.inputs.end(), 6, input);
        static_cast<void>(expect_same(sliced(Sorted{}, window, options), o, seed));
      }
    }
  }
}

// Of every state there is something to restore.
TEST(SliceWindowRestore, WithACutBehindEachRecord) {
  const Make make = sliced(Sorted{}, sliding(90us, 30us), {.allowed_lateness = 20us});
  std::set<std::uint32_t> seen;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    RunOptions o{.inputs = random_stream({.seed = seed, .records = 100, .keys = 5, .disorder_us = 250}),
                 .each_mark = true};
    const Results whole = run(make, o);
    Results cut;
    auto current = std::make_unique<Shards>(make, 1, 8, 8, at(0));
    for (std::size_t i = 0; i < o.inputs.size(); ++i) {
      current->push(o.inputs[i], true, true);
      const auto snapshots = current->barrier();
      for (const auto& snapshot : snapshots) {
        for (const auto& entry : snapshot.entries()) seen.insert(entry.state);
      }
      current->collect(cut, true);
      current = std::make_unique<Shards>(make, 1 + i % 4, 8, 8, at(0));
      current->restore(snapshots);
    }
    current->end(true);
    current->collect(cut, true);
    EXPECT_EQ(cut.given, whole.given);
    EXPECT_EQ(cut.late, whole.late);
    EXPECT_EQ(cut.behind, whole.behind);
  }
  EXPECT_EQ(seen, (std::set<std::uint32_t>{0, 1, 2, 3}));  // parts of slices and panes among them
}

TEST(SliceWindowRestore, NothingIsSavedOfWhatNoRecordCanReach) {
  Shards before{sliced(Sorted{}, sliding(90us, 30us), {.allowed_lateness = 10us}), 1, 8, 8, at(0)};
  before.push(record(1, 1, 5, 0), true);
  EXPECT_EQ(before.barrier()[0].entries().size(), 2U);
  before.push(record(1, 2, 1000, 1000), true);
  const RecordedSnapshot snapshot = before.barrier()[0];
  ASSERT_EQ(snapshot.entries().size(), 2U);
  EXPECT_EQ(snapshot.entries()[1].key.substr(0, 8), (std::string{"\x80\0\0\0\0\0\0\x21", 8}));  // slice 33
}

// A silence begins anew; one that has closed the windows holds.
TEST(SliceWindowRestore, ASilenceBeginsAnewAndOneThatHasClosedHolds) {
  const WindowOptions options{.close_after = 1s};
  for (const TimeWindow& window : {tumbling(100us), sliding(100us, 50us)}) {
    const Make make = sliced(Sorted{}, window, options);
    Shards before{make, 1, 8, 8, at(0)};
    before.push(record(1, 10, 55, 0), true);
    before.advance(900ms);
    const auto silence = std::make_shared<Silence>();
    Shards after{sliced(Sorted{}, window, options, silence), 2, 8, 8, at(0)};
    after.restore(before.barrier());
    Results results;
    after.advance(999ms);
    after.collect(results);
    EXPECT_EQ(results.count, 0U);
    after.advance(1ms);
    after.collect(results);
    EXPECT_EQ(results.count, window.is_tumbling() ? 1U : 2U);
    Results late;
    Shards third{make, 1, 8, 8, at(0)};
    third.restore(after.barrier());
    third.push(record(1, 11, 54, 0), true);
    third.end(true);
    third.collect(late);
    EXPECT_EQ(late.count, 0U);
    EXPECT_EQ(late.late[1].size(), 1U);
  }
}

// Of two shards one has closed after the silence when the barrier comes: what goes on for both gives each result once.
TEST(SliceWindowRestore, ASilenceThatOnlyOneShardHasFoundHoldsForAll) {
  for (const Duration lateness : {0us, 500us}) {
    for (const TimeWindow& window : {tumbling(100us), sliding(100us, 50us)}) {
      for (std::uint32_t shards = 1; shards <= 3; ++shards) {
        const WindowOptions options{.allowed_lateness = lateness, .close_after = 1s};
        Shards before{sliced(Sorted{}, window, options, std::make_shared<Silence>()), 2, 8, 8, at(0)};
        for (std::int64_t key = 0; key < 16; ++key) before.push(record(key, key, 55, 0), true);
        for (const std::size_t s : {0U, 1U}) before[s].flush();
        before[0].advance(1s);
        Results results;
        before.collect(results);
        ASSERT_GT(results.count, 0U);
        SaveAtOnce saved;
        before[1].context().barriers = &saved;
        auto snapshots = before.barrier();
        snapshots[1] = saved.snapshot;
        Shards after{sliced(Sorted{}, window, options, std::make_shared<Silence>()), shards, 8, 8, at(0)};
        after.restore(snapshots);
        after.collect(results);
        EXPECT_EQ(results.given.size(), 16U);
        for (const auto& [key, lines] : results.given) EXPECT_EQ(lines.size(), window.is_tumbling() ? 1U : 2U);
        const std::size_t on_time = results.count;
        after.push(record(3, 100, 56, 0), true);
        after.end(true);
        Results all;
        after.collect(all);
        std::size_t late = 0;
        for (const std::string& line : all.given[3]) {
          if (line.find("pane 1 late") != std::string::npos) ++late;
        }
        EXPECT_EQ(late, lateness == 0us ? 0U : on_time / 16);
        EXPECT_EQ(all.late[3].size(), lateness == 0us ? 1U : 0U);
      }
    }
  }
}

TEST(SliceWindowRestore, MemoryIsCounted) {
  const Make make = sliced(Sorted{}, sliding(1h, 1min), {});
  const auto memory = std::make_shared<MemoryBudget>(1 << 30);
  Shards before{make, 1, 64, 8, at(0), memory};
  for (std::int64_t key = 0; key < 1000; ++key) before.push(record(key, 1, 5 + 60'000'000 * (key % 3), 0), true);
  const auto snapshots = before.barrier();
  const auto memory_after = std::make_shared<MemoryBudget>(1 << 30);
  Shards after{make, 1, 64, 8, at(0), memory_after};
  after.restore(snapshots);
  EXPECT_GT(memory->used_bytes(), 16'000U);
  EXPECT_EQ(memory_after->used_bytes(), memory->used_bytes());
  before.end(true);
  after.end(true);
  EXPECT_EQ(memory_after->used_bytes(), memory->used_bytes());
}

TEST(SliceWindowRestore, AnotherGridIsAnotherSchema) {
  std::set<std::string> schemas;
  const TimeWindow others[] = {tumbling(1min), tumbling(1h), tumbling(1h).offset(1min), sliding(1h, 1min),
                               tumbling(1h).in_zone("Europe/Berlin")};
  for (const TimeWindow& window : others) schemas.insert(sliced(Sorted{}, window, {})(1)->states()[0].schema);
  EXPECT_EQ(schemas.size(), std::size(others));
  EXPECT_EQ(sliced(Sorted{}, tumbling(1h), {})(1)->states()[1].schema, "tuple<ordered, i64> -> list<i64>");
}

TEST(SliceWindowRestore, WrongBytesAreRefused) {
  for (const TimeWindow& window : {tumbling(100us), sliding(90us, 30us)}) {
    expect_wrong_bytes_refused(sliced(Sorted{}, window, {.allowed_lateness = 60us}));
  }
}

}  // namespace
}  // namespace millstream::test
