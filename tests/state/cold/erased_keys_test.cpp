// Keys that have gone while the cold store may have something of them, and those of which it cannot.
#include "state/cold/erased_keys.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "millstream/state/state_handles.hpp"
#include "millstream/state/state_store.hpp"
#include "state/cold/tier.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const auto kAny = [](std::string_view) { return true; };
const auto kNone = [](std::string_view) { return false; };

std::vector<std::string> give(ErasedKeys& keys) {
  std::vector<std::string> given;
  keys.give(kAny, [&](std::string_view key) {
    given.emplace_back(key);
    return true;
  });
  std::sort(given.begin(), given.end());
  return given;
}

TEST(ErasedKeys, AreKnownUntilTheirRemovalIsTaken) {
  ErasedKeys keys;
  keys.add("a", false);
  keys.add("b", false);
  keys.add("a", false);
  EXPECT_EQ(keys.waiting(), 2U);
  EXPECT_THAT(give(keys), ElementsAre("a", "b"));
  EXPECT_EQ(keys.waiting(), 0U);
  EXPECT_THAT(give(keys), IsEmpty());
  keys.add("b", false);  // it came back, went to the store once more, and has gone again
  keys.taken(kNone);
  EXPECT_FALSE(keys.contains("a"));
  EXPECT_TRUE(keys.contains("b"));
  EXPECT_THAT(give(keys), ElementsAre("b"));
  keys.forget("b");
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(keys.bytes(), 0U);
}

TEST(ErasedKeys, AreNotForAWalkThatBeginsBehindThem) {
  ErasedKeys keys;
  keys.add("before", false);
  EXPECT_THAT(give(keys), ElementsAre("before"));
  keys.begin_walk();
  keys.add("told", true);
  keys.add("since", false);
  keys.add("before", false);
  EXPECT_EQ(keys.told("before"), true);
  EXPECT_EQ(keys.told("told"), true);
  EXPECT_EQ(keys.told("since"), false);
  EXPECT_EQ(keys.told("never"), std::nullopt);
  EXPECT_THAT(give(keys), ElementsAre("before", "since", "told"));
  // The walk may have read it already.
  keys.taken(kAny);
  EXPECT_EQ(keys.told("since"), false);
  keys.end_walk();
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(keys.bytes(), 0U);
}

TEST(ErasedKeys, OnlyThoseGoThatMay) {
  ErasedKeys keys;
  keys.add("a", false);
  keys.add("b", false);
  std::vector<std::string> given;
  keys.give([](std::string_view key) { return key == "b"; },
            [&](std::string_view key) {
              given.emplace_back(key);
              return true;
            });
  EXPECT_THAT(given, ElementsAre("b"));
  EXPECT_EQ(keys.waiting(), 1U);
  keys.add("c", false);
  given.clear();
  keys.give(kAny, [&](std::string_view key) {
    given.emplace_back(key);
    return false;
  });
  EXPECT_EQ(given.size(), 1U);
  EXPECT_EQ(keys.waiting(), 1U);
}

// A table of which something lies in the store, and through which other keys come and go.
TEST(ErasedKeys, AreNoneOfThoseThatTheStoreNeverHad) {
  OrderedWorld world;
  const std::unique_ptr<ColdStore> disk = *world.open({.folder = world.path("cold"), .columns = {"c"}});
  Tier tier{*disk, 0};
  KeySpace<std::int64_t> keys;
  StateStore store{keys, nullptr, true, &tier, "stage"};
  ValueState<std::int64_t> seen{store.add<std::int64_t>("seen", {})};
  store.share_memory();
  const auto enter = [&](const std::int64_t& key) { keys.enter(key, hash_key(key), 0xffffffff); };
  std::string key;
  std::string value;
  encode_value(std::int64_t{-1}, key);
  encode_value(std::optional<Timestamp>{}, value);
  encode_value(std::int64_t{1}, value);
  ASSERT_TRUE(store.restore({2, key_group_of(hash_key(std::int64_t{-1})), key, value}).ok());
  ASSERT_TRUE(store.end_restore().ok());
  ASSERT_EQ(read_all(*disk, 0)->size(), 1U);
  for (std::int64_t i = 0; i < 1000; ++i) {
    enter(i);
    seen.set(i);
    seen.clear();
  }
  EXPECT_TRUE(store.cold()[0]->has_room(false)) << "what is gone takes memory";
}

}  // namespace
}  // namespace millstream::test
