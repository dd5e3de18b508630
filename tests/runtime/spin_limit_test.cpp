// How long a shard looks for work before it parks, after which waits.
#include "runtime/spin_limit.hpp"

#include <gtest/gtest.h>

namespace millstream {
namespace {

TEST(SpinLimit, ShortWaitsKeepItUpAndLongOnesBringItDown) {
  SpinLimit spin;
  for (int i = 0; i < 1'000; ++i) spin.waited(30'000);
  EXPECT_EQ(spin.ns(), SpinLimit::kMostNs);
  for (int i = 0; i < 10; ++i) spin.waited(10'000'000);
  EXPECT_EQ(spin.ns(), SpinLimit::kLeastNs);
  spin.waited(30'000);
  EXPECT_EQ(spin.ns(), SpinLimit::kMostNs);
}

TEST(SpinLimit, SpinsLittleWhileWaitsAreLong) {
  SpinLimit spin;
  std::int64_t spun = 0;
  bool tried = false;
  for (int i = 0; i < 10'000; ++i) {
    spun += spin.ns();
    spin.waited(1'000'000);
    tried |= i > 100 && spin.ns() == SpinLimit::kMostNs;
  }
  EXPECT_LT(spun, 10'000 * std::int64_t{4'000});  // 0.4 % of the time
  EXPECT_TRUE(tried);
}

}  // namespace
}  // namespace millstream
