// Tumbling and sliding windows whose slices leave memory while they are open: whatever leaves when, and wherever the
// stage is cut and restored, it gives what one gives that holds them all.
#include <gtest/gtest.h>

#include <algorithm>

#include "millstream/operators/slice_window.hpp"
#include "operators/window_cuts.hpp"

namespace millstream::test {
namespace {

/// The values in order: in which order slices are merged that have late ones says nothing.
struct Sorted {
  Values create() const { return {}; }
  void add(Values& all, const Event& e) const { all.push_back(e.value); }
  void merge(Values& all, const Values& later) const { all.insert(all.end(), later.begin(), later.end()); }
  Values result(Values all) const {
    std::sort(all.begin(), all.end());
    return all;
  }
};
/// Owns nothing, so nobody counts what entries own.
struct Counted {
  std::int64_t create() const { return 0; }
  void add(std::int64_t& count, const Event&) const { ++count; }
  void merge(std::int64_t& count, std::int64_t later) const { count += later; }
  Values result(std::int64_t count) const { return {count}; }
};

template <class Agg>
Make sliced(Agg agg, TimeWindow window, WindowOptions options) {
  return [=](std::uint32_t fill) {
    return std::make_unique<SliceWindowStage<std::int64_t, Event, Agg, Key>>(&Event::key, agg, *SliceGrid::make(window),
                                                                             options, fill);
  };
}

// All leaves that may; some; what does not fit of a few windows, those before which fired from stacks.
constexpr std::size_t kShares[] = {1, 300, 1200};

std::vector<WindowOptions> all_options() {
  std::vector<WindowOptions> all;
  for (const Duration lateness : {0us, 45us, 500us}) {
    for (const bool discarding : {false, true}) {
      for (const bool by_merged : {false, true}) {
        all.push_back({.allowed_lateness = lateness, .discarding = discarding, .late_by_merged = by_merged});
      }
    }
  }
  return all;
}

TEST(SliceSpill, GivesWhatThoseInMemoryGive) {
  for (const TimeWindow& window : {tumbling(100us), sliding(90us, 30us), sliding(100us, 15us).offset(7us),
                                   sliding(90us, 60us), sliding(400us, 10us)}) {
    for (const WindowOptions& options : all_options()) {
      for (const std::size_t share : kShares) {
        // What these have open is less.
        if (share > 300 && (window.is_tumbling() || options.allowed_lateness == 0us)) continue;
        SCOPED_TRACE(window.describe() + options.describe() + " " + std::to_string(share) + " bytes");
        expect_same_for_seeds(sliced(Sorted{}, window, options), {.cold_bytes = share}, 8);
        expect_same_for_seeds(sliced(Sorted{}, window, options), {.cold_bytes = share}, 4, {.disorder_us = 250});
        expect_same_for_seeds(sliced(Counted{}, window, options), {.cold_bytes = share}, 4);
        if (HasFailure()) return;
      }
    }
  }
}

constexpr std::int64_t kKeys = 20'000;

/// Each key in each of three slices; all of it saved.
void fill(Shards& shards) {
  for (std::int64_t n = 0; n < 3 * kKeys; ++n) {
    shards.push(record(n % kKeys, n, n / kKeys * 10, -100), true);
    if (n % 1000 == 999) {
      shards.begin_barrier();
      static_cast<void>(shards.end_barrier());
    }
  }
}

// Some key groups at a time: the keys of a window are never in memory together.
TEST(SliceSpill, AFiringNeedsNoMoreMemoryThanSomeKeyGroups) {
  const Make make = sliced(Counted{}, sliding(30us, 10us), {});
  Results expected;
  Shards warm{make, 1, 1024, 64, at(0)};
  fill(warm);
  warm.push(record(kKeys, 1, 5000, 2000), true);
  warm.end(false);
  warm.collect(expected);
  ASSERT_EQ(expected.count, static_cast<std::size_t>(5 * kKeys));

  const auto memory = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  Shards cold{make, 1, 1024, 64, at(0), memory, 200'000};
  fill(cold);
  EXPECT_GT(cold.pieces(), 0U);
  const std::size_t before = memory->used_bytes();
  cold.push(record(kKeys, 1, 5000, 2000), true);
  cold.end(false);
  EXPECT_LT(memory->used_bytes(), before + 200'000);  // all keys of a window are 0.6 MB
  Results results;
  cold.collect(results);
  EXPECT_EQ(results.given, expected.given);
}

}  // namespace
}  // namespace millstream::test
