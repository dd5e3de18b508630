// When a checkpoint holds everything and not what has changed.
#include "runtime/segment_chain.hpp"

#include <gtest/gtest.h>

namespace millstream {
namespace {

TEST(SegmentChain, BeginsAnewWhenItHasGrownOrLostSomething) {
  const auto bytes = [](std::uint64_t size) { return SegmentHandle{{"name", size, 0}, {1, 1}, 0, {0, 1024}}; };
  SegmentChain chain{100};
  EXPECT_TRUE(chain.wants_whole());
  chain.committed({bytes(1000)}, true);
  EXPECT_FALSE(chain.wants_whole());
  chain.committed({bytes(1000), bytes(120)}, false);
  EXPECT_FALSE(chain.wants_whole());  // above its bytes, below a quarter
  chain.committed({bytes(1000), bytes(120), bytes(130)}, false);
  EXPECT_TRUE(chain.wants_whole());
  EXPECT_EQ(chain.segments().size(), 3U);
  chain.committed({bytes(10)}, true);
  chain.committed({bytes(10), bytes(99)}, false);
  EXPECT_FALSE(chain.wants_whole());  // above a quarter, below its bytes
  chain.lost();
  EXPECT_TRUE(chain.wants_whole());
  chain.committed({bytes(10)}, true);
  int changes = 0;
  for (; !chain.wants_whole(); ++changes) chain.committed({bytes(10)}, false);
  EXPECT_EQ(changes, 256);
}

}  // namespace
}  // namespace millstream
