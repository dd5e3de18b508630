// The handles of keyed state against std containers by key; time to live, its sweep, and the saved form.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "millstream/core/random.hpp"
#include "millstream/state/state_handles.hpp"
#include "millstream/state/state_store.hpp"
#include "millstream/testing/recorded_snapshot.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;

Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }

template <class K>
struct Fixture {
  KeySpace<K> keys;
  std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>(std::size_t{1} << 40);
  StateStore store{keys, budget, false};

  // The key stays entered until the next one is.
  void enter(K key) {
    current = std::move(key);
    keys.enter(current, hash_key(current), 0xffffffff);
  }
  template <class V>
  ValueState<V> value(std::string name, StateOptions options = {}) {
    return ValueState<V>{store.template add<V>(std::move(name), options)};
  }
  template <class V>
  ListState<V> list(std::string name, StateOptions options = {}) {
    return ListState<V>{store.template add<typename ListState<V>::Content>(std::move(name), options)};
  }
  template <class MK, class MV>
  MapState<MK, MV> map(std::string name, StateOptions options = {}) {
    return MapState<MK, MV>{store.template add<typename MapState<MK, MV>::Content>(std::move(name), options)};
  }
  K current{};
};

TEST(ValueState, IsOneValueForEachKey) {
  Fixture<std::string> f;
  ValueState<int> count = f.value<int>("count");
  f.enter("a");
  EXPECT_EQ(count.get(), nullptr);
  EXPECT_FALSE(count.exists());
  EXPECT_EQ(count.value_or(7), 7);
  EXPECT_EQ(count.exchange(1), 0);
  EXPECT_EQ(count.exchange(2), 1);
  f.enter("b");
  EXPECT_FALSE(count.exists());
  count.update([](int& n) { n += 10; });
  count.update([](int& n) { n += 10; });
  EXPECT_EQ(*count.get(), 20);
  f.enter("a");
  EXPECT_EQ(*count.get(), 2);
  count.clear();
  EXPECT_FALSE(count.exists());
  count.set(5);
  EXPECT_EQ(count.value_or(0), 5);
}

TEST(ListState, KeepsTheOrderOfAdding) {
  Fixture<int> f;
  ListState<std::string> list = f.list<std::string>("list");
  f.enter(1);
  EXPECT_TRUE(list.empty());
  list.add("x");
  const std::vector<std::string> more{"y", "z"};
  list.add_all(more);
  EXPECT_EQ(list.get(), (std::vector<std::string>{"x", "y", "z"}));
  f.enter(2);
  EXPECT_EQ(list.size(), 0U);
  f.enter(1);
  list.set({"w"});
  EXPECT_EQ(list.get(), std::vector<std::string>{"w"});
  list.set({});
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(f.store.find("list")->size(), 0U);
}

TEST(MapState, IsAMapForEachKey) {
  Fixture<int> f;
  MapState<std::string, int> map = f.map<std::string, int>("map");
  f.enter(1);
  EXPECT_TRUE(map.empty());
  map.put("b", 2);
  map.put("a", 1);
  map.update("a", [](int& n) { n += 100; });
  map.update("c", [](int& n) { n += 3; });
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(*map.get("a"), 101);
  EXPECT_EQ(map.get("d"), nullptr);
  EXPECT_EQ(map.value_or("d", 9), 9);
  std::vector<std::pair<std::string, int>> all;
  map.for_each([&](const std::string& key, const int& value) { all.emplace_back(key, value); });
  EXPECT_EQ(all, (std::vector<std::pair<std::string, int>>{{"a", 101}, {"b", 2}, {"c", 3}}));
  f.enter(2);
  EXPECT_FALSE(map.contains("a"));
  f.enter(1);
  map.erase("a");
  map.erase("a");
  map.erase("b");
  map.erase("c");
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(f.store.find("map")->size(), 0U) << "an empty map holds no memory";
}

TEST(StateHandles, SayWhatIsWrong) {
  ValueState<int> unmade;
  EXPECT_THROW(unmade.set(1), std::logic_error);
  EXPECT_THROW((void)ListState<int>{}.get(), std::logic_error);
  EXPECT_THROW((MapState<int, int>{}.put(1, 1)), std::logic_error);
  EXPECT_THROW(Timers{}.register_event_time(at(0)), std::logic_error);
  Fixture<int> f;
  ValueState<int> value = f.value<int>("value");
  EXPECT_THROW((void)value.get(), std::logic_error) << "no key yet";
  EXPECT_THROW(Timers{f.store.timers()}.register_event_time(at(0)), std::logic_error);
  f.enter(1);
  value.set(1);
  f.keys.leave();
  EXPECT_THROW(value.set(2), std::logic_error);
  EXPECT_THROW(value.clear(), std::logic_error);
}

// Random work on all kinds of state, many keys, with the batch's keys looked up before or not.
class StateModel : public ::testing::TestWithParam<std::size_t> {};

TEST_P(StateModel, EqualsStandardContainers) {
  const std::size_t batch = GetParam();
  Random random{batch};
  Fixture<std::uint64_t> f;
  ValueState<std::uint64_t> value = f.value<std::uint64_t>("value");
  MapState<std::uint64_t, std::string> map = f.map<std::uint64_t, std::string>("map");
  std::map<std::uint64_t, std::uint64_t> values;
  std::map<std::uint64_t, std::map<std::uint64_t, std::string>> maps;
  // So many keys that the tables are worth preparing.
  for (std::uint64_t key = 0; key < 60'000; ++key) {
    f.enter(key);
    value.set(key);
    values[key] = key;
  }
  EXPECT_TRUE(f.keys.worth_preparing());
  std::vector<std::uint64_t> keys(batch);
  std::vector<const std::uint64_t*> pointers(batch);
  std::vector<std::uint64_t> hashes(batch);
  for (int round = 0; round < 40'000; round += static_cast<int>(batch)) {
    for (std::size_t i = 0; i < batch; ++i) {
      keys[i] = random.chance(0.5) ? random.below(20) : 59'990 + random.below(100);
      pointers[i] = &keys[i];
      hashes[i] = hash_key(keys[i]);
    }
    f.keys.prepare(pointers, hashes.data());
    for (std::size_t i = 0; i < batch; ++i) {
      const std::uint64_t key = keys[i];
      f.keys.enter(key, hashes[i], static_cast<std::uint32_t>(i));
      const std::uint64_t* found = value.get();
      ASSERT_EQ(found != nullptr, values.contains(key));
      if (found != nullptr) {
        ASSERT_EQ(*found, values[key]);
      }
      switch (random.below(4)) {
        case 0:
          value.clear();
          values.erase(key);
          break;
        case 1:
          value.update([](std::uint64_t& v) { ++v; });
          ++values[key];
          break;
        case 2: {
          const std::uint64_t inner = random.below(5);
          map.put(inner, std::to_string(round));
          maps[key][inner] = std::to_string(round);
          break;
        }
        default: {
          const std::uint64_t inner = random.below(5);
          map.erase(inner);
          maps[key].erase(inner);
          break;
        }
      }
      ASSERT_EQ(map.size(), maps[key].size());
    }
    f.store.maintain();
  }
  EXPECT_EQ(f.store.find("value")->size(), values.size());
  EXPECT_GT(f.budget->used_bytes(), 0U);
}
INSTANTIATE_TEST_SUITE_P(Batches, StateModel, ::testing::Values(1, 7, 1024));

TEST(Ttl, ValueExpiresAfterTheLastWrite) {
  Fixture<int> f;
  f.keys.now = at(0);
  ValueState<int> value = f.value<int>("value", {.ttl = 10us});
  f.enter(1);
  value.set(1);
  f.keys.now = at(9);
  EXPECT_EQ(value.value_or(0), 1);
  f.keys.now = at(10);
  EXPECT_FALSE(value.exists());
  EXPECT_EQ(value.exchange(2), 0);
  f.keys.now = at(19);
  EXPECT_EQ(value.value_or(0), 2);
  // A wall clock that is set back only makes state live longer.
  f.keys.now = at(-1000);
  EXPECT_EQ(value.value_or(0), 2);
}

TEST(Ttl, ReadingKeepsAliveWhereThatIsAskedFor) {
  Fixture<int> f;
  f.keys.now = at(0);
  ValueState<int> value = f.value<int>("value", {.ttl = 10us, .ttl_update = TtlUpdate::kOnReadAndWrite});
  MapState<int, int> map = f.map<int, int>("map", {.ttl = 10us, .ttl_update = TtlUpdate::kOnReadAndWrite});
  f.enter(1);
  value.set(1);
  map.put(1, 1);
  map.put(2, 2);
  f.keys.now = at(8);
  EXPECT_TRUE(value.exists());
  EXPECT_TRUE(map.contains(1));
  f.keys.now = at(16);
  EXPECT_TRUE(value.exists());
  EXPECT_TRUE(map.contains(1));
  EXPECT_FALSE(map.contains(2)) << "each entry has a life of its own";
  EXPECT_EQ(map.size(), 1U);
}

TEST(Ttl, ElementsExpireOnTheirOwn) {
  Fixture<int> f;
  f.keys.now = at(0);
  ListState<int> list = f.list<int>("list", {.ttl = 10us});
  MapState<int, int> map = f.map<int, int>("map", {.ttl = 10us});
  f.enter(1);
  list.add(1);
  map.put(1, 1);
  f.keys.now = at(5);
  list.add(2);
  map.put(2, 2);
  f.keys.now = at(10);
  EXPECT_EQ(list.get(), std::vector<int>{2});
  EXPECT_EQ(map.get(1), nullptr);
  EXPECT_EQ(*map.get(2), 2);
  int visited = 0;
  map.for_each([&](int, int) { ++visited; });
  EXPECT_EQ(visited, 1);
  map.update(1, [](int& v) { v += 5; });
  EXPECT_EQ(*map.get(1), 5) << "an expired value is not updated but made anew";
  f.keys.now = at(30);
  EXPECT_TRUE(list.empty());
  EXPECT_TRUE(map.empty());
}

TEST(Ttl, SweepKeepsMemoryInProportionToWhatLives) {
  Fixture<std::uint64_t> f;
  ValueState<bool> seen = f.value<bool>("seen", {.ttl = 1000us});
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    f.keys.now = at(static_cast<std::int64_t>(i));
    f.enter(i);  // never again
    EXPECT_FALSE(seen.exchange(true));
    if (i % 64 == 63) {
      f.store.maintain();
      if (i % 6400 == 6399) most = std::max(most, f.store.find("seen")->size());
    }
  }
  EXPECT_LE(most, 2500U);
  EXPECT_GE(most, 1000U);
}

TEST(Ttl, SweepGoesThroughTheElementsOfOneKey) {
  Fixture<int> f;
  f.keys.now = at(0);
  MapState<int, int> map = f.map<int, int>("map", {.ttl = 1000us});
  ListState<int> list = f.list<int>("list", {.ttl = 1000us});
  f.enter(1);
  std::size_t most = 0;
  for (int i = 0; i < 50'000; ++i) {
    f.keys.now = at(i);
    map.put(i, i);
    list.add(i);
    f.store.maintain();
    if (i % 500 != 0) continue;
    testing::RecordedSnapshot saved;
    f.store.save(0, saved);
    std::size_t bytes = 0;
    for (const auto& entry : saved.entries()) bytes += entry.key.size() + entry.value.size();
    most = std::max(most, bytes);
  }
  // 1,000 living elements of 16 and 12 bytes.
  EXPECT_LE(most, 2U * 1000U * 32U);
}

TEST(StateStore, LoadsByKeyGroupWhatWasSaved) {
  const auto fill = [](Fixture<std::uint64_t>& f, ValueState<std::string>& value, ListState<int>& list,
                       MapState<int, int>& map) {
    f.keys.now = at(100);
    value = f.value<std::string>("value", {.ttl = 1s});
    list = f.list<int>("list");
    map = f.map<int, int>("map");
  };
  Fixture<std::uint64_t> whole;
  ValueState<std::string> value;
  ListState<int> list;
  MapState<int, int> map;
  fill(whole, value, list, map);
  Timers timers{whole.store.timers()};
  for (std::uint64_t key = 0; key < 1000; ++key) {
    whole.enter(key);
    value.set(std::to_string(key));
    list.add(static_cast<int>(key));
    list.add(2);
    map.put(static_cast<int>(key), 3);
    timers.register_event_time(at(static_cast<std::int64_t>(key)), "t");
    timers.register_processing_time(at(5));
  }
  std::size_t found = 0;
  std::size_t timers_found = 0;
  constexpr std::uint32_t kParts = 3;
  for (std::uint32_t part = 0; part < kParts; ++part) {
    testing::RecordedSnapshot saved;
    whole.store.save(0, saved);
    Fixture<std::uint64_t> f;
    fill(f, value, list, map);
    for (const auto& entry : saved.entries()) {
      if (shard_of_group(entry.key_group, kParts) != part) continue;
      ASSERT_TRUE(f.store.restore({entry.state, entry.key_group, entry.key, entry.value}).ok());
    }
    for (std::uint64_t key = 0; key < 1000; ++key) {
      if (shard_of(hash_key(key), kParts) != part) continue;
      f.enter(key);
      EXPECT_EQ(value.value_or(""), std::to_string(key));
      EXPECT_EQ(list.get(), (std::vector<int>{static_cast<int>(key), 2}));
      EXPECT_EQ(map.value_or(static_cast<int>(key), 0), 3);
      ++found;
    }
    timers_found += f.store.timers().event_time.size() + f.store.timers().processing_time.size();
    // The time to live goes on from where it was.
    f.keys.now = at(1'000'100);
    f.enter(f.current);
    EXPECT_FALSE(value.exists());

    for (std::size_t i = 0; i < saved.entries().size(); i += 97) {
      const auto& entry = saved.entries()[i];
      const std::string_view cut = std::string_view{entry.key}.substr(0, entry.key.size() / 2);
      Fixture<std::uint64_t> other;
      fill(other, value, list, map);
      EXPECT_EQ(other.store.restore({entry.state, entry.key_group, cut, entry.value}).code(), ErrorCode::kInvalidData);
    }
  }
  EXPECT_EQ(found, 1000U);
  EXPECT_EQ(timers_found, 2000U);
}

TEST(StateStore, NamesTheStateThatCannotBeRead) {
  Fixture<int> f;
  (void)f.value<int>("old");
  const Status status = f.store.restore({2, 0, std::string(4, '\0'), "x"});
  EXPECT_EQ(status.code(), ErrorCode::kInvalidData);
  EXPECT_NE(status.message().find("'old'"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace millstream
