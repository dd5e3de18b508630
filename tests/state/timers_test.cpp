// TimerQueue against an ordered set, and its saved form.
#include "millstream/state/timers.hpp"
#include "millstream/testing/recorded_snapshot.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "millstream/core/random.hpp"

namespace millstream {
namespace {

Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }

TEST(TimerQueue, FiresByTimeThenGroupThenRegistration) {
  TimerQueue queue;
  EXPECT_EQ(queue.next(), kTimestampMax);
  EXPECT_TRUE(queue.add("late", 1, at(20), ""));
  EXPECT_TRUE(queue.add("second", 7, at(10), "x"));
  EXPECT_TRUE(queue.add("third", 7, at(10), ""));
  EXPECT_TRUE(queue.add("first", 2, at(10), "y"));
  EXPECT_EQ(queue.next(), at(10));
  TimerQueue::Due due;
  std::vector<std::string> keys;
  while (queue.pop(at(10), due)) keys.push_back(due.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(queue.next(), at(20));
}

TEST(TimerQueue, SameKeyTimeAndNameIsOneTimer) {
  TimerQueue queue;
  EXPECT_TRUE(queue.add("k", 1, at(5), "a"));
  EXPECT_FALSE(queue.add("k", 1, at(5), "a"));
  EXPECT_TRUE(queue.add("k", 1, at(5), "b"));
  EXPECT_TRUE(queue.add("k", 1, at(6), "a"));
  EXPECT_TRUE(queue.add("l", 1, at(5), "a"));
  EXPECT_EQ(queue.size(), 4U);
  EXPECT_TRUE(queue.cancel("k", at(5), "a"));
  EXPECT_FALSE(queue.cancel("k", at(5), "a"));
  EXPECT_EQ(queue.size(), 3U);
}

TEST(TimerQueue, ExtremeTimes) {
  TimerQueue queue;
  EXPECT_TRUE(queue.add("never", 0, kTimestampMax, ""));
  EXPECT_TRUE(queue.add("always", 0, kTimestampMin, ""));
  TimerQueue::Due due;
  EXPECT_TRUE(queue.pop(kTimestampMin, due));
  EXPECT_EQ(due.key, "always");
  EXPECT_FALSE(queue.pop(at(0), due));
  EXPECT_TRUE(queue.pop(kTimestampMax, due));
}

class TimerQueueModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(TimerQueueModel, EqualsAnOrderedSet) {
  Random random{GetParam()};
  TimerQueue queue;
  // time, group, sequence, key, name
  using Key = std::tuple<Timestamp, std::uint32_t, std::uint64_t, std::string, std::string>;
  std::set<Key> model;
  std::uint64_t sequence = 0;
  const auto find = [&](const std::string& key, Timestamp time, const std::string& name) {
    return std::find_if(model.begin(), model.end(), [&](const Key& k) {
      return std::get<0>(k) == time && std::get<3>(k) == key && std::get<4>(k) == name;
    });
  };
  std::int64_t now = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::uint64_t number = random.below(40);
    // Some keys and names are too long for a small string.
    const std::string key = std::to_string(number) + std::string(number % 3 == 0 ? 30 : 0, 'k');
    const std::string name = random.chance(0.3) ? std::string(20, 'n') : "";
    const Timestamp time = at(now + random.between(-5, 30));
    const auto group = static_cast<std::uint32_t>(number % 5);
    switch (random.below(4)) {
      case 0:
      case 1: {
        const bool there = find(key, time, name) != model.end();
        EXPECT_EQ(queue.add(key, group, time, name), !there);
        if (!there) model.emplace(time, group, sequence++, key, name);
        break;
      }
      case 2: {
        const auto found = find(key, time, name);
        EXPECT_EQ(queue.cancel(key, time, name), found != model.end());
        if (found != model.end()) model.erase(found);
        break;
      }
      default: {
        now += static_cast<std::int64_t>(random.below(4));
        TimerQueue::Due due;
        while (queue.pop(at(now), due)) {
          ASSERT_FALSE(model.empty());
          const Key& first = *model.begin();
          EXPECT_EQ(std::tie(due.time, due.group, due.key, due.name),
                    std::tie(std::get<0>(first), std::get<1>(first), std::get<3>(first), std::get<4>(first)));
          model.erase(model.begin());
        }
        EXPECT_TRUE(model.empty() || std::get<0>(*model.begin()) > at(now));
        break;
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.next(), model.empty() ? kTimestampMax : std::get<0>(*model.begin()));
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, TimerQueueModel, ::testing::Range<std::uint64_t>(1, 9));

TEST(TimerQueue, RestoresWhatItSavedByGroup) {
  TimerQueue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.add("key" + std::to_string(i), static_cast<std::uint32_t>(i % 10), at(i / 100), i % 2 == 0 ? "n" : "");
  }
  testing::RecordedSnapshot saved;
  queue.save(0, saved);
  TimerQueue restored;
  for (const auto& entry : saved.entries()) {
    if (entry.key_group < 3 || entry.key_group >= 6) continue;
    ASSERT_TRUE(restored.restore({0, entry.key_group, entry.key, entry.value}));
  }
  EXPECT_EQ(restored.size(), 300U);
  TimerQueue::Due expected;
  TimerQueue::Due due;
  while (queue.pop(kTimestampMax, expected)) {
    if (expected.group < 3 || expected.group >= 6) continue;
    ASSERT_TRUE(restored.pop(kTimestampMax, due));
    EXPECT_EQ(due.key, expected.key);
    EXPECT_EQ(due.time, expected.time);
    EXPECT_EQ(due.name, expected.name);
  }
  EXPECT_EQ(restored.size(), 0U);
}

TEST(TimerQueue, RestoresNothingFromOtherBytes) {
  TimerQueue queue;
  EXPECT_FALSE(queue.restore({0, 0, "short", {}}));
  EXPECT_FALSE(queue.restore({0, 0, std::string(8, '\0') + '\5' + "name", {}}));
  EXPECT_FALSE(queue.restore({0, kKeyGroups, std::string(9, '\0'), {}}));
  EXPECT_FALSE(queue.restore({0, 0, std::string(9, '\0'), "more"}));
  EXPECT_EQ(queue.size(), 0U);
}

}  // namespace
}  // namespace millstream
