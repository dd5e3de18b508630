// Which shard gets what a source has found, and what is left out.
#include "millstream/io/split_arrivals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace millstream::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Shards {
  explicit Shards(std::vector<std::size_t> splits, std::vector<std::string> ids = {"a", "b", "c"})
      : woken(splits.size(), 0), progress{std::make_shared<SplitProgress>(std::move(ids))} {
    for (std::size_t i = 0; i < splits.size(); ++i) {
      readers.push_back({splits[i], Waker{[this, i] { ++woken[i]; }}});
    }
  }
  void begin() { arrivals.begin(progress, readers); }
  std::vector<std::string> take(std::uint32_t shard) {
    std::vector<std::string> ids;
    for (const SplitArrivals::Arrival& each : arrivals.take(shard)) {
      EXPECT_EQ(progress->id(each.number), each.split.id);
      ids.push_back(each.split.id);
    }
    return ids;
  }

  std::vector<int> woken;
  std::shared_ptr<SplitProgress> progress;
  std::vector<SplitArrivals::Reader> readers;
  SplitArrivals arrivals;
};

TEST(SplitArrivals, GoToTheShardThatReadsTheFewest) {
  Shards shards{{2, 1}};
  shards.begin();
  shards.arrivals.add({{"d"}, {"e"}, {"f"}});
  EXPECT_THAT(shards.take(1), ElementsAre("d", "f"));
  EXPECT_THAT(shards.take(0), ElementsAre("e"));
  EXPECT_THAT(shards.woken, ElementsAre(1, 2));
  EXPECT_EQ(shards.progress->splits(), 6U);
  EXPECT_FALSE(shards.arrivals.any(0));
}

TEST(SplitArrivals, ThatTheRunHasAreLeftOut) {
  Shards shards{{3}};
  shards.begin();
  shards.arrivals.add({{"b"}, {"d"}, {"d"}});
  shards.arrivals.add({{"a"}, {"d"}, {"e"}});
  EXPECT_TRUE(shards.arrivals.any(0));
  EXPECT_THAT(shards.take(0), ElementsAre("d", "e"));
}

TEST(SplitArrivals, GoToNoShardThatReadsNoneOrHasEnded) {
  Shards shards{{2, 1, 0}};
  shards.begin();
  EXPECT_TRUE(shards.arrivals.close(1));
  shards.arrivals.add({{"d"}, {"e"}});
  EXPECT_FALSE(shards.arrivals.close(0)) << "it has something to read";
  EXPECT_THAT(shards.take(0), ElementsAre("d", "e"));
  EXPECT_TRUE(shards.arrivals.close(0));
  shards.arrivals.add({{"f"}});
  EXPECT_THAT(shards.take(0), IsEmpty());
  EXPECT_EQ(shards.progress->splits(), 5U);
}

TEST(SplitArrivals, OfBeforeTheRunHasBegunWait) {
  Shards shards{{2, 1}};
  shards.arrivals.add({{"a"}, {"d"}});
  EXPECT_FALSE(shards.arrivals.any(1));
  shards.begin();
  EXPECT_THAT(shards.take(1), ElementsAre("d"));
}

TEST(SplitProgress, KeepsWhatItSaysOfSplitsWhenMoreCome) {
  SplitProgress progress{{"0"}};
  const std::string& first = progress.id(0);
  progress.set_watermark(0, Timestamp{Duration{50}});
  for (std::uint32_t i = 1; i < 1000; ++i) ASSERT_EQ(progress.add(std::to_string(i)), i);
  EXPECT_EQ(&first, &progress.id(0));
  for (std::uint32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(progress.id(i), std::to_string(i));
    EXPECT_EQ(progress.watermark(i), Timestamp{Duration{50}}) << "where the slowest was";
  }
}

}  // namespace
}  // namespace millstream::inline v0
