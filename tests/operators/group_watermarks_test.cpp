// What shards say of their key groups, and what a stage that goes on for several of them makes of it.
#include "millstream/operators/group_watermarks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millstream/operators/window_snapshot.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }
std::uint64_t in_group(std::uint32_t group) { return with_key_group(0, group); }

struct Said {
  std::string key;
  Timestamp watermark;
};
std::vector<Said> said_by(const GroupWatermarks& fired, std::uint32_t shard, std::uint32_t shards,
                          Timestamp watermark) {
  std::vector<Said> all;
  fired.for_each_entry(shard, shards, watermark,
                       [&](std::string_view key, Timestamp said) { all.push_back({std::string{key}, said}); });
  return all;
}
bool hear(GroupWatermarks& fired, const std::vector<Said>& all, const KeyGroups* groups = nullptr) {
  for (const Said& each : all) {
    if (!fired.restore({0, kEveryShard, each.key, {}, groups}, each.watermark)) return false;
  }
  return true;
}

TEST(GroupWatermarks, OneSilenceHoldsForAllShards) {
  GroupWatermarks fired;
  EXPECT_TRUE(fired.empty());
  EXPECT_FALSE(fired.passed(in_group(0), kTimestampMin + 1us));
  ASSERT_TRUE(hear(fired, said_by({}, 0, 2, at(50))));
  ASSERT_TRUE(hear(fired, said_by({}, 1, 2, at(10))));
  EXPECT_EQ(fired.least(), at(10));
  EXPECT_EQ(fired.begin(), at(50));
  EXPECT_TRUE(fired.passed(in_group(511), at(50)));
  EXPECT_FALSE(fired.passed(in_group(511), at(51)));
  EXPECT_TRUE(fired.passed(in_group(512), at(10)));
  EXPECT_FALSE(fired.passed(in_group(512), at(11)));
  fired.catch_up(at(49));
  EXPECT_FALSE(fired.empty());
  fired.catch_up(at(50));
  EXPECT_TRUE(fired.empty());
  EXPECT_FALSE(fired.passed(in_group(0), at(1)));
}

// Of instances each has its groups, and the next checkpoint says of them what theirs did until all are there.
TEST(GroupWatermarks, OfInstancesBeginAtTheLeastAndStayWhereTheyAre) {
  KeyGroups of_first;
  of_first.set(3).set(700);
  KeyGroups of_second;
  of_second.set(4);
  GroupWatermarks fired;
  for (const std::uint32_t shard : {0U, 1U}) ASSERT_TRUE(hear(fired, said_by({}, shard, 2, at(50)), &of_first));
  ASSERT_TRUE(hear(fired, said_by({}, 0, 1, at(20)), &of_second));
  EXPECT_EQ(fired.begin(), at(20));
  EXPECT_EQ(fired.furthest(), at(50));
  EXPECT_EQ(fired.of(in_group(3)), at(50));
  EXPECT_EQ(fired.of(in_group(4)), at(20));
  EXPECT_EQ(fired.of(in_group(5)), kTimestampMin);

  // It has come to 30, and goes on with three shards.
  GroupWatermarks next;
  for (const std::uint32_t shard : {0U, 1U, 2U}) ASSERT_TRUE(hear(next, said_by(fired, shard, 3, at(30))));
  EXPECT_EQ(next.least(), at(30));
  EXPECT_EQ(next.begin(), at(30));
  EXPECT_EQ(next.of(in_group(3)), at(50));
  EXPECT_EQ(next.of(in_group(4)), at(30));
  EXPECT_EQ(next.of(in_group(700)), at(50));

  // Another change, of which only one group is taken over.
  KeyGroups taken;
  taken.set(700);
  GroupWatermarks last;
  for (const std::uint32_t shard : {0U, 1U, 2U}) ASSERT_TRUE(hear(last, said_by(next, shard, 3, at(35)), &taken));
  EXPECT_EQ(last.begin(), at(35));
  EXPECT_EQ(last.of(in_group(700)), at(50));
  EXPECT_EQ(last.of(in_group(3)), kTimestampMin);
  last.catch_up(at(50));
  EXPECT_EQ(said_by(last, 0, 1, at(60)).size(), 1U);
}

TEST(GroupWatermarks, OfShardsThatDoNotSayWhoseTheyAreTheLeastCounts) {
  GroupWatermarks fired;
  fired.restore_all({0, kEveryShard, "watermark", {}}, at(50));
  fired.restore_all({0, kEveryShard, "watermark", {}}, at(40));
  EXPECT_EQ(fired.of(in_group(0)), at(40));
  KeyGroups groups;
  groups.set(9);
  GroupWatermarks part;
  part.restore_all({0, kEveryShard, "watermark", {}, &groups}, at(50));
  EXPECT_EQ(part.of(in_group(9)), at(50));
  EXPECT_EQ(part.of(in_group(8)), kTimestampMin);
}

TEST(GroupWatermarks, TakeNothingElse) {
  std::string good;
  append_ordered(0, good);
  append_ordered(512, good);
  std::string far;
  append_ordered(0, far);
  append_ordered(1025, far);
  std::string back;
  append_ordered(6, back);
  append_ordered(4, back);
  std::string behind;
  append_ordered(1025, behind);
  append_ordered(1024, behind);
  for (const std::string& key :
       {far, back, behind, good + "x", good.substr(1), std::string{}, std::string{"watermark"}}) {
    GroupWatermarks fired;
    EXPECT_FALSE(fired.restore({0, kEveryShard, key, {}}, at(1))) << key.size();
  }
  GroupWatermarks fired;
  EXPECT_FALSE(fired.restore({0, 7, good, {}}, at(1)));
  EXPECT_TRUE(fired.restore({0, kEveryShard, good, {}}, at(1)));
  EXPECT_FALSE(fired.restore({0, kEveryShard, good, {}}, at(1)));  // two shards with the same groups
}

}  // namespace
}  // namespace millstream
