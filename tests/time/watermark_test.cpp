// Watermark strategies and their merging, by themselves.
#include "millstream/time/watermark.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/time/split_progress.hpp"
#include "millstream/time/watermark_merge.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

Timestamp us(std::int64_t t) { return Timestamp{Duration{t}}; }

TEST(WatermarkStrategy, MonotonicIsTheGreatestTime) {
  const auto generator = monotonic().make_generator();
  EXPECT_EQ(generator->observe(us(5), nullptr), us(5));
  EXPECT_EQ(generator->observe(us(3), nullptr), us(5));
  EXPECT_EQ(generator->observe(us(9), nullptr), us(9));
  EXPECT_EQ(generator->threshold(us(12)), us(12));
}

TEST(WatermarkStrategy, BoundedDisorderStaysBehind) {
  const auto generator = bounded_disorder(10us).make_generator();
  EXPECT_EQ(generator->observe(us(5), nullptr), us(-5));
  EXPECT_EQ(generator->observe(us(1), nullptr), us(-5));
  EXPECT_EQ(generator->threshold(us(20)), us(30));
  EXPECT_EQ(generator->observe(kTimestampMin + 3us, nullptr), us(-5));
  EXPECT_EQ(generator->observe(kTimestampMax - 1us, nullptr), kTimestampMax - 11us);
  EXPECT_EQ(bounded_disorder(90s).description(), "bounded_disorder(90s)");
  // Near the beginning of time there is nothing to say yet.
  EXPECT_EQ(bounded_disorder(10us).make_generator()->observe(kTimestampMin + 3us, nullptr), kTimestampMin);
}

// The bound follows the percentile of the disorder that was seen, from above, by at most 6.25 %.
TEST(WatermarkStrategy, AdaptiveDisorderTracksItsPercentile) {
  for (const double percentile : {0.5, 0.9, 0.999}) {
    Random random{7};
    const auto generator = adaptive_disorder({.percentile = percentile, .bound_min = 1us}).make_generator();
    std::vector<std::int64_t> behind;
    std::int64_t greatest = 0;
    Timestamp watermark = kTimestampMin;
    for (std::int64_t n = 0; n < 60'000; ++n) {
      const std::int64_t late = random.chance(0.1) ? random.between(0, 100'000) : random.between(0, 1'000);
      const std::int64_t at = n * 10 - late;
      greatest = std::max(greatest, at);
      behind.push_back(greatest - at);
      watermark = generator->observe(us(at), nullptr);
    }
    std::sort(behind.begin(), behind.end());
    const auto rank = static_cast<std::size_t>(percentile * static_cast<double>(behind.size()));
    const auto exact = static_cast<double>(behind[rank]);
    const auto bound = static_cast<double>((us(greatest) - watermark).count());
    EXPECT_GE(bound, exact * 0.97) << percentile;
    EXPECT_LE(bound, exact * 1.0625 * 1.03 + 1) << percentile;
  }
}

// While nothing is known nothing is late, and the percentile is never rounded down to a bound that one record exceeds.
TEST(WatermarkStrategy, AdaptiveDisorderBeginsWithTheGreatestBound) {
  const auto generator = adaptive_disorder({.percentile = 0.999, .bound_max = 1s}).make_generator();
  Timestamp watermark{};
  for (std::int64_t n = 0; n < 63; ++n) {
    watermark = generator->observe(us(n * 10'000 - (n == 40 ? 50'000 : 0)), nullptr);
    EXPECT_EQ(watermark, us(n == 40 ? 390'000 : n * 10'000) - 1s);
  }
  watermark = generator->observe(us(630'000), nullptr);
  EXPECT_LE(watermark, us(630'000 - 40'000));
  EXPECT_GE(watermark, us(630'000 - 43'000));
}

TEST(WatermarkStrategy, AdaptiveDisorderForgets) {
  const auto generator =
      adaptive_disorder({.percentile = 0.99, .bound_min = 10us, .bound_max = 5'000us}).make_generator();
  std::int64_t n = 0;
  Timestamp watermark{};
  for (; n < 100'000; ++n) watermark = generator->observe(us(n * 10 - (n % 2 == 0 ? 0 : 1'000'000)), nullptr);
  EXPECT_EQ(us((n - 2) * 10) - watermark, 5'000us);  // never above the maximum
  for (; n < 1'500'000; ++n) watermark = generator->observe(us(n * 10), nullptr);
  EXPECT_EQ(us((n - 1) * 10) - watermark, 10us);  // nor below the minimum
}

TEST(WatermarkStrategy, PunctuatedAsksTheRecord) {
  struct Record {
    bool last;
  };
  const auto strategy = watermark_from<Record>([n = 0](const Record& r, Timestamp at) mutable {
    ++n;
    return r.last && n > 1 ? std::optional<Timestamp>{at} : std::nullopt;
  });
  const auto first = strategy.make_generator();
  const auto second = strategy.make_generator();
  const Record no{false};
  const Record yes{true};
  EXPECT_EQ(first->observe(us(1), &yes), kTimestampMin);
  EXPECT_EQ(first->observe(us(2), &no), kTimestampMin);
  EXPECT_EQ(first->observe(us(3), &yes), us(3));
  EXPECT_EQ(second->observe(us(9), &yes), kTimestampMin);  // each split has a function of its own
}

TEST(WatermarkMerge, IsTheLeastOfThoseThatCount) {
  WatermarkMerge merge{3};
  EXPECT_EQ(merge.advance(0, us(10)), kTimestampMin);
  EXPECT_EQ(merge.advance(1, us(5)), kTimestampMin);
  EXPECT_EQ(merge.advance(2, us(7)), us(5));
  EXPECT_EQ(merge.advance(1, us(3)), us(5));  // a step back
  EXPECT_EQ(merge.advance(1, us(9)), us(7));
  EXPECT_EQ(merge.set_idle(2, true), us(9));
  EXPECT_EQ(merge.set_idle(2, true), us(9));
  EXPECT_EQ(merge.advance(0, us(20)), us(9));
  EXPECT_EQ(merge.advance(1, us(20)), us(20));
  // It goes on from where the others are.
  EXPECT_EQ(merge.set_idle(2, false), us(20));
  EXPECT_EQ(merge.advance(0, us(30)), us(20));
  EXPECT_EQ(merge.advance(2, us(25)), us(20));
  EXPECT_EQ(merge.advance(1, us(22)), us(22));
}

TEST(WatermarkMerge, AllIdleKeepsTheWatermark) {
  WatermarkMerge merge{2};
  merge.advance(0, us(10));
  merge.advance(1, us(20));
  EXPECT_EQ(merge.value(), us(10));
  EXPECT_EQ(merge.set_idle(0, true), us(20));
  EXPECT_FALSE(merge.all_idle());
  EXPECT_EQ(merge.set_idle(1, true), us(20));
  EXPECT_TRUE(merge.all_idle());
  EXPECT_EQ(merge.set_idle(0, false), us(20));
}

TEST(WatermarkMerge, AnInputThatWasReadToItsEndHoldsNobodyBack) {
  WatermarkMerge merge{2};
  merge.advance(0, us(10));
  merge.advance(1, us(5));
  merge.advance(1, kTimestampMax);
  EXPECT_EQ(merge.end(1), us(10));
  EXPECT_EQ(merge.advance(0, us(15)), us(15));
  merge.advance(0, kTimestampMax);
  EXPECT_EQ(merge.end(0), kTimestampMax);
  EXPECT_TRUE(merge.all_ended());
}

// The idle one may come back; what it brings then must not all be late.
TEST(WatermarkMerge, AnEndBesideAnIdleInputKeepsTheWatermark) {
  WatermarkMerge merge{2};
  merge.advance(0, us(10));
  merge.advance(1, us(5));
  EXPECT_EQ(merge.set_idle(1, true), us(10));
  EXPECT_EQ(merge.advance(0, kTimestampMax), us(10));
  EXPECT_EQ(merge.end(0), us(10));
  EXPECT_EQ(merge.set_idle(1, false), us(10));
  EXPECT_EQ(merge.advance(1, us(12)), us(12));
  merge.advance(1, kTimestampMax);
  EXPECT_EQ(merge.end(1), kTimestampMax);
}

// Windows that a stopped input left open are not fired by the others.
TEST(WatermarkMerge, AnInputThatWasStoppedStillHoldsBack) {
  WatermarkMerge merge{3};
  merge.advance(0, us(10));
  merge.advance(1, us(20));
  merge.advance(2, us(20));
  EXPECT_EQ(merge.end(0), us(10));
  EXPECT_EQ(merge.advance(1, us(30)), us(10));
  EXPECT_EQ(merge.end(0), us(10));
  merge.set_idle(1, true);
  EXPECT_EQ(merge.set_idle(2, true), us(10));
  EXPECT_TRUE(merge.all_idle());
  EXPECT_EQ(merge.end(1), us(10));
  EXPECT_EQ(merge.end(2), us(10));
}

// Whatever comes in whatever order, it never goes back and never passes an active input.
TEST(WatermarkMerge, AnInputThatComesBeginsWhereTheOthersAre) {
  WatermarkMerge merge{1};
  merge.advance(0, us(5));
  merge.set_idle(0, true);
  EXPECT_TRUE(merge.all_idle());
  EXPECT_EQ(merge.add_input(), 1U);
  EXPECT_FALSE(merge.all_idle());
  EXPECT_EQ(merge.value(), us(5));
  EXPECT_EQ(merge.advance(1, us(3)), us(5)) << "no step forward for it either";
  EXPECT_EQ(merge.advance(1, us(7)), us(7));
  merge.set_idle(0, false);
  EXPECT_EQ(merge.advance(1, us(9)), us(7));
}

TEST(WatermarkMerge, IsSoundOnRandomInput) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random{seed};
    const auto inputs = static_cast<std::uint32_t>(1 + random.below(6));
    WatermarkMerge merge{inputs};
    std::vector<Timestamp> at(inputs, kTimestampMin);
    std::vector<int> state(inputs, 0);  // 0 active, 1 idle, 2 ended
    Timestamp before = kTimestampMin;
    for (int n = 0; n < 400; ++n) {
      const auto i = static_cast<std::uint32_t>(random.below(inputs));
      const std::uint64_t what = random.below(12);
      if (state[i] == 2) continue;
      if (what == 0) {
        merge.end(i);
        state[i] = 2;
      } else if (what < 4) {
        state[i] = what % 2 == 0 ? 1 : 0;
        merge.set_idle(i, state[i] == 1);
        if (state[i] == 0) at[i] = std::max(at[i], merge.value());
      } else {
        const Timestamp to = us(random.between(-50, n));
        at[i] = std::max(at[i], to);
        merge.advance(i, to);
      }
      EXPECT_GE(merge.value(), before);
      const bool moved = merge.value() > before;
      for (std::uint32_t k = 0; k < inputs && moved; ++k) {
        EXPECT_TRUE(state[k] == 1 || merge.value() <= at[k]) << "seed " << seed;
      }
      before = merge.value();
    }
  }
}

TEST(SplitProgress, ASplitTooFarAheadWaitsForTheSlowestThatCounts) {
  SplitProgress progress{{"a", "b", "c"}};
  progress.drift = 10us;
  EXPECT_FALSE(progress.too_far_ahead(0));
  progress.set_watermark(0, us(100));
  EXPECT_TRUE(progress.too_far_ahead(0));  // the others have said nothing yet
  progress.set_watermark(1, us(95));
  progress.set_watermark(2, us(90));
  EXPECT_FALSE(progress.too_far_ahead(0));
  progress.set_watermark(0, us(101));
  EXPECT_TRUE(progress.too_far_ahead(0));
  progress.set_state(2, SplitState::kIdle);
  EXPECT_FALSE(progress.too_far_ahead(0));
  progress.set_watermark(0, us(106));
  EXPECT_TRUE(progress.too_far_ahead(0));
  progress.set_state(1, SplitState::kWaiting);  // it is opened when another one has ended, so nobody waits for it
  EXPECT_FALSE(progress.too_far_ahead(0));
  progress.set_state(1, SplitState::kFinished);
  EXPECT_FALSE(progress.too_far_ahead(0));
  progress.drift = std::nullopt;
  progress.set_state(1, SplitState::kActive);
  EXPECT_FALSE(progress.too_far_ahead(0));
}

}  // namespace
}  // namespace millstream
