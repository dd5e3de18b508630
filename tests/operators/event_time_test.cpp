// The watermarks of the splits that one shard reads, where one comes later.
#include "millstream/operators/event_time.hpp"

#include <gtest/gtest.h>

namespace millstream::inline v0 {
namespace {

using namespace std::chrono_literals;

Timestamp at(Duration since) { return Timestamp{since}; }

TEST(SplitMarker, ASplitThatComesBeginsWhereTheOthersAreAndHoldsThemThere) {
  const auto progress = std::make_shared<SplitProgress>(std::vector<std::string>{"a", "b"});
  SplitMarker marker{progress, {0, 1}, monotonic(), 10s};
  EXPECT_TRUE(marker.observe(0, at(75s), nullptr));
  EXPECT_TRUE(marker.observe(1, at(50s), nullptr));
  ASSERT_EQ(progress->add("of another shard"), 2U);
  ASSERT_EQ(progress->add("c"), 3U);
  marker.take_up(3);
  marker.take_up(3);
  EXPECT_EQ(marker.at(3).split, at(50s));
  EXPECT_EQ(marker.at(3).merged, at(50s));
  EXPECT_EQ(progress->watermark(3), at(50s)) << "nobody waits for it to get there";
  EXPECT_TRUE(marker.observe(1, at(80s), nullptr));
  EXPECT_EQ(marker.at(0).merged, at(50s));
  EXPECT_FALSE(marker.observe(3, at(20s), nullptr));
  EXPECT_EQ(marker.at(3).split, at(50s)) << "that record is late";
  EXPECT_TRUE(marker.observe(3, at(63s), nullptr));
  EXPECT_EQ(marker.at(0).merged, at(60s));
  progress->set_state(3, SplitState::kFinished);
  marker.settle(3, false);
  EXPECT_EQ(marker.at(0).merged, at(70s));
}

}  // namespace
}  // namespace millstream::inline v0
