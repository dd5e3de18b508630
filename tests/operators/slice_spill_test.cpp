// Tumbling and sliding windows whose slices leave memory while they are open: whatever leaves when, and wherever the
// stage is cut and restored, it gives what one gives that holds them all.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "operators/slice_stages.hpp"
#include "operators/window_cuts.hpp"

namespace millstream::test {
namespace {

/// Owns nothing, so nobody counts what entries own.
struct Counted {
  std::int64_t create() const { return 0; }
  void add(std::int64_t& count, const Event&) const { ++count; }
  void merge(std::int64_t& count, std::int64_t later) const { count += later; }
  Values result(std::int64_t count) const { return {count}; }
};

// All leaves that may; some; what does not fit of a few windows, those before which fired from stacks.
constexpr std::size_t kShares[] = {1, 300, 1200};

TEST(SliceSpill, GivesWhatThoseInMemoryGive) {
  for (const TimeWindow& window : {tumbling(100us), sliding(90us, 30us), sliding(100us, 15us).offset(7us),
                                   sliding(90us, 60us), sliding(400us, 10us)}) {
    for (const WindowOptions& options : slice_options()) {
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
void fill(Shards& shards, std::int64_t keys = kKeys) {
  for (std::int64_t n = 0; n < 3 * keys; ++n) {
    shards.push(record(n % keys, n, n / keys * 10, -100), true);
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

/// Owns 800 bytes of each slice, and counts the keys of all three of them that are given out without a merge between.
struct Heavy {
  std::shared_ptr<std::int64_t> together = std::make_shared<std::int64_t>(0);
  std::shared_ptr<std::int64_t> most = std::make_shared<std::int64_t>(0);
  std::string create() const { return {}; }
  void add(std::string& all, const Event&) const { all.append(800, 'x'); }
  void merge(std::string& all, const std::string& later) const {
    *together = 0;
    all.append(later);
  }
  Values result(const std::string& all) const {
    if (all.size() == 2400) *most = std::max(*most, ++*together);
    return {static_cast<std::int64_t>(all.size())};
  }
};

// What entries own counts, too: so few groups are merged together that it comes to no more than a part of the share.
TEST(SliceSpill, AFiringCountsWhatAccumulatorsOwn) {
  const Heavy heavy;
  Shards shards{sliced(heavy, sliding(30us, 10us), {}), 1, 1024, 64, at(0), nullptr, 400'000};
  fill(shards, 3'000);
  EXPECT_GT(shards.pieces(), 0U);
  shards.push(record(kKeys, 1, 5000, 2000), true);
  shards.end(false);
  EXPECT_GT(*heavy.most, 1);
  EXPECT_LT(*heavy.most, 400'000 / 2400);
  Results results;
  shards.collect(results);
  EXPECT_EQ(results.count, 15'000U);
}

}  // namespace
}  // namespace millstream::test
