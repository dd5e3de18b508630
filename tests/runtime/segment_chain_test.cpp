// Which segments a manifest names, and when a shard says everything and not what has changed.
#include "runtime/segment_chain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "millstream/core/random.hpp"
#include "runtime/seeds.hpp"

namespace millstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kAll = ~std::uint64_t{0};

SegmentHandle segment(std::uint64_t epoch, std::uint32_t shard, std::uint64_t bytes = 10) {
  return {{std::to_string(epoch) + "-" + std::to_string(shard), bytes, 0}, {epoch, 1}, shard, {0, 1024}};
}
std::vector<std::string> names(const SegmentChain& chain) {
  std::vector<std::string> all;
  for (const SegmentHandle& each : chain.segments()) all.push_back(each.file.name);
  return all;
}

TEST(SegmentChain, BeginsAnewWhenItHasGrown) {
  SegmentChain chain{1, 100};
  EXPECT_EQ(chain.wants_whole(), 1U);
  chain.add(segment(1, 0, 1000), true);
  EXPECT_EQ(chain.wants_whole(), 0U);
  chain.add(segment(2, 0, 120), false);
  EXPECT_EQ(chain.wants_whole(), 0U);  // above its bytes, below a quarter
  chain.add(segment(3, 0, 130), false);
  EXPECT_EQ(chain.wants_whole(), kAll);
  EXPECT_THAT(names(chain), ElementsAre("1-0", "2-0", "3-0"));
  chain.add(segment(4, 0), true);
  EXPECT_THAT(names(chain), ElementsAre("4-0"));
  chain.add(segment(5, 0, 99), false);
  EXPECT_EQ(chain.wants_whole(), 0U);  // above a quarter, below its bytes
}

TEST(SegmentChain, HasOneWholeAndSoManyChanges) {
  SegmentChain chain{2, 1'000'000};
  for (std::uint64_t epoch = 1; epoch <= 257; ++epoch) {
    EXPECT_EQ(chain.wants_whole() & 3, epoch == 1 ? 3U : 0U) << epoch;
    for (std::uint32_t shard = 0; shard < 2; ++shard) chain.add(segment(epoch, shard), epoch == 1);
  }
  EXPECT_EQ(chain.wants_whole(), kAll);
}

TEST(SegmentChain, OfOneShardWithWhatItHasLost) {
  SegmentChain chain{3, 1000};
  for (std::uint32_t shard = 0; shard < 3; ++shard) chain.add(segment(1, shard), true);
  chain.committed();
  chain.add(segment(2, 0), false);
  chain.lost(1);
  chain.add(segment(2, 2), false);
  EXPECT_EQ(chain.wants_whole(), 2U);
  EXPECT_THAT(names(chain), ElementsAre("1-0", "1-2", "2-0", "2-2"));
  chain.add(segment(3, 1), true);
  EXPECT_EQ(chain.wants_whole(), 0U);
  EXPECT_THAT(names(chain), ElementsAre("1-0", "1-2", "2-0", "2-2", "3-1"));
}

TEST(SegmentChain, WithoutWhatWasKeptOfFailedCheckpoints) {
  SegmentChain chain{2, 1000};
  for (std::uint32_t shard = 0; shard < 2; ++shard) chain.add(segment(1, shard), true);
  chain.committed();
  chain.drop_kept();  // nothing is
  EXPECT_THAT(names(chain), ElementsAre("1-0", "1-1"));
  chain.add(segment(2, 0), false);
  chain.drop_kept();
  EXPECT_EQ(chain.wants_whole(), 1U);
  EXPECT_THAT(names(chain), ElementsAre("1-1"));
  chain.add(segment(3, 0), true);
  chain.add(segment(3, 1), false);
  chain.drop_kept();
  EXPECT_EQ(chain.wants_whole(), 3U);
  EXPECT_THAT(names(chain), IsEmpty());
}

/// What a shard has said, by segment: the numbers of its changes, or that it was everything up to some number.
TEST(SegmentChain, NamesAllThatAShardHasEverSaid) {
  test::for_all_seeds("runtime_segment_chain", 500, [](std::uint64_t seed) -> std::string {
    Random random{seed};
    const auto shards = static_cast<std::uint32_t>(1 + random.below(4));
    SegmentChain chain{shards, random.below(300)};
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> said;  // first and last epoch in a segment
    std::set<std::string> committed;
    for (std::uint64_t epoch = 1; epoch < 60; ++epoch) {
      const std::uint64_t whole = chain.wants_whole();
      bool complete = true;
      for (std::uint32_t shard = 0; shard < shards; ++shard) {
        if (random.chance(0.1)) {
          chain.lost(shard);
          complete = false;
          continue;
        }
        const SegmentHandle made = segment(epoch, shard, 1 + random.below(50));
        said[made.file.name] = {(whole >> shard & 1) != 0 ? 1 : epoch, epoch};
        chain.add(made, (whole >> shard & 1) != 0);
      }
      if (!complete || random.chance(0.3)) {
        if (random.chance(0.2)) {
          chain.drop_kept();
          for (const std::string& name : names(chain)) {
            if (!committed.contains(name)) return name + " is named, which was deleted";
          }
        }
        continue;
      }
      std::vector<std::uint64_t> covered(shards);
      for (const SegmentHandle& each : chain.segments()) {
        const auto [first, last] = said[each.file.name];
        if (first > covered[each.shard] + 1) return "a gap before " + each.file.name;
        covered[each.shard] = last;
      }
      for (const std::uint64_t last : covered) {
        if (last != epoch) return "something is missing in epoch " + std::to_string(epoch);
      }
      chain.committed();
      for (const std::string& name : names(chain)) committed.insert(name);
    }
    return "";
  });
}

}  // namespace
}  // namespace millstream
