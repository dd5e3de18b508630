// StateTable against std::map: look-up, growth, erasure, clearing, and saving by key group.
#include "millstream/state/state_table.hpp"
#include "millstream/state/table_snapshot.hpp"
#include "millstream/testing/recorded_snapshot.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace millstream {
namespace {

template <class Table>
auto contents(const Table& table) {
  std::map<decltype(table.entry(0).key), decltype(table.entry(0).value)> all;
  table.for_each([&](std::uint32_t number) { all.emplace(table.entry(number).key, table.entry(number).value); });
  return all;
}

TEST(StateTable, ResolvesABatchWithNewAndRepeatedKeys) {
  StateTable<std::int64_t, std::int64_t> table;
  std::map<std::int64_t, std::int64_t> model;
  std::mt19937_64 random{1};
  for (const std::size_t batch : {1U, 7U, 1024U}) {
    for (int round = 0; round < 200; ++round) {
      std::vector<std::int64_t> keys(batch);
      std::vector<std::uint64_t> hashes(batch);
      std::vector<std::uint32_t> numbers(batch);
      for (auto& key : keys) key = static_cast<std::int64_t>(random() % 50'000) - 25'000;
      hash_keys(keys.data(), sizeof(std::int64_t), batch, hashes.data());
      table.resolve(
          hashes, [&](std::size_t i) { return keys[i]; }, [](std::size_t) { return std::int64_t{0}; }, numbers.data());
      for (std::size_t i = 0; i < batch; ++i) {
        ASSERT_EQ(table.entry(numbers[i]).key, keys[i]);
        ++table.entry(numbers[i]).value;
        ++model[keys[i]];
      }
    }
  }
  EXPECT_EQ(contents(table), model);
  EXPECT_EQ(table.size(), model.size());
}

TEST(StateTable, GrowsWithoutMovingEntriesAndFindsAllOfThem) {
  StateTable<std::int64_t, std::int64_t> table;
  constexpr std::int64_t kKeys = 300'000;
  std::vector<const std::int64_t*> places;
  for (std::int64_t key = 0; key < kKeys; ++key) {
    const std::uint32_t number = table.find_or_insert(key, hash_key(key), [&] { return key * 3; });
    if (key >= 100'000) places.push_back(&table.entry(number).value);
  }
  for (std::int64_t key = 0; key < kKeys; ++key) {
    const std::uint32_t number = table.find(key, hash_key(key));
    ASSERT_NE(number, table.kNone);
    ASSERT_EQ(table.entry(number).value, key * 3);
    if (key >= 100'000) {
      ASSERT_EQ(&table.entry(number).value, places[static_cast<std::size_t>(key - 100'000)]);
    }
  }
  EXPECT_EQ(table.find(-1, hash_key(std::int64_t{-1})), table.kNone);
}

TEST(StateTable, ErasesAndReusesAsAMapDoes) {
  StateTable<std::string, std::string> table;
  std::map<std::string, std::string> model;
  std::mt19937_64 random{2};
  for (int step = 0; step < 60'000; ++step) {
    const std::string key = "key " + std::to_string(random() % 3000);
    const std::uint64_t hash = hash_key(key);
    const std::uint32_t found = table.find(key, hash);
    ASSERT_EQ(found != table.kNone, model.contains(key));
    if (found != table.kNone && random() % 2 == 0) {
      table.erase(found, hash);
      model.erase(key);
    } else {
      const std::string value = "a value that is no small string " + std::to_string(step);
      table.entry(table.find_or_insert(key, hash, [] { return std::string{}; })).value = value;
      model[key] = value;
    }
  }
  EXPECT_EQ(contents(table), model);
}

TEST(StateTable, ClearsInBoundedStepsAndServesAgain) {
  StateTable<std::int64_t, std::string> table;
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t key = 0; key < 20'000; ++key) {
      (void)table.find_or_insert(key, hash_key(key), [&] { return std::to_string(key); });
    }
    EXPECT_EQ(table.size(), 20'000U);
    int calls = 1;
    while (!table.clear_some()) ++calls;
    EXPECT_GT(calls, 1);
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(table.find(5, hash_key(std::int64_t{5})), table.kNone);
  }
}

// A hash whose every bit pattern is chosen: keys that share a fragment are told apart by the key itself.
TEST(StateTable, TellsCollidingHashesApart) {
  StateTable<std::int64_t, std::int64_t> table;
  constexpr std::uint64_t kHash = 0x1234567800000042;
  std::vector<std::int64_t> keys{10, 20, 30, 10, 40, 20};
  const std::vector<std::uint64_t> hashes(keys.size(), kHash);
  std::vector<std::uint32_t> numbers(keys.size());
  table.resolve(
      hashes, [&](std::size_t i) { return keys[i]; }, [](std::size_t) { return std::int64_t{0}; }, numbers.data());
  EXPECT_EQ(table.size(), 4U);
  EXPECT_EQ(numbers[0], numbers[3]);
  EXPECT_EQ(numbers[1], numbers[5]);
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(table.entry(numbers[i]).key, keys[i]);
  table.erase(numbers[1], kHash);
  EXPECT_EQ(table.find(20, kHash), table.kNone);
  EXPECT_EQ(table.find(40, kHash), numbers[4]);
}

TEST(StateTable, WhatOneNumberOfShardsSavedAnyOtherLoads) {
  std::map<std::int64_t, std::string> model;
  for (std::int64_t key = 0; key < 5000; ++key) model[key * 77] = "v" + std::to_string(key);
  const auto shard_tables = [](std::uint32_t shards) {
    std::vector<std::unique_ptr<StateTable<std::int64_t, std::string>>> tables;
    for (std::uint32_t i = 0; i < shards; ++i) {
      tables.push_back(std::make_unique<StateTable<std::int64_t, std::string>>());
    }
    return tables;
  };
  auto from = shard_tables(3);
  for (const auto& [key, value] : model) {
    auto& table = *from[shard_of(hash_key(key), 3)];
    (void)table.find_or_insert(key, hash_key(key), [&, v = value] { return v; });
  }
  for (const std::uint32_t shards : {1U, 2U, 8U}) {
    auto to = shard_tables(shards);
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      for (const auto& table : from) {
        testing::RecordedSnapshot saved;
        save_table(*table, 0, {}, saved);
        for (const auto& entry : saved.entries()) {
          if (shard_of_group(entry.key_group, shards) != shard) continue;
          ASSERT_TRUE(restore_to_table(*to[shard], entry.key_group, entry.key, entry.value));
        }
      }
    }
    std::map<std::int64_t, std::string> all;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      for (const auto& [key, value] : contents(*to[shard])) {
        EXPECT_EQ(shard_of(hash_key(key), shards), shard);
        all.emplace(key, value);
      }
    }
    EXPECT_EQ(all, model);
  }
}

TEST(StateTable, AValueThatCannotBeMadeLeavesNoEntry) {
  StateTable<std::string, std::string> table;
  const auto insert = [&](const std::string& key) {
    return table.find_or_insert(key, hash_key(key), [&] { return "the value of " + key; });
  };
  const auto fail = [&](const std::string& key) {
    EXPECT_THROW((void)table.find_or_insert(key, hash_key(key), []() -> std::string { throw std::bad_alloc{}; }),
                 std::bad_alloc);
    EXPECT_EQ(table.find(key, hash_key(key)), table.kNone);
  };
  fail("first");
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.end_number(), 0U);
  const std::uint32_t one = insert("one");
  insert("two");
  const std::uint32_t gone = insert("gone");
  table.erase(gone, hash_key(std::string{"gone"}));
  table.erase(one, hash_key(std::string{"one"}));
  fail("into a hole");
  EXPECT_FALSE(table.live(one));
  EXPECT_EQ(insert("three"), one);
  EXPECT_EQ(insert("four"), gone);
  EXPECT_EQ(insert("five"), 3U);
  EXPECT_EQ(contents(table), (std::map<std::string, std::string>{{"two", "the value of two"},
                                                                 {"three", "the value of three"},
                                                                 {"four", "the value of four"},
                                                                 {"five", "the value of five"}}));
}

TEST(StateTable, ErasesManyAtOnce) {
  StateTable<std::int8_t, bool> table;  // entries smaller than what a free place holds
  std::map<std::int8_t, bool> model;
  std::mt19937_64 random{4};
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> numbers;
    for (int i = 0; i < 90; ++i) {
      const auto key = static_cast<std::int8_t>(random() % 100);
      const bool gone = random() % 3 == 0;
      numbers.push_back(table.find_or_insert(key, hash_key(key), [] { return false; }));
      table.entry(numbers.back()).value = model[key] = gone;
    }
    table.erase_if(numbers, [&](std::uint32_t number) { return table.entry(number).value; });
    std::erase_if(model, [](const auto& each) { return each.second; });
    ASSERT_EQ(contents(table), model);
    ASSERT_EQ(table.size(), model.size());
  }
}

TEST(StateTable, RestoreRefusesWhatSaveDidNotGive) {
  StateTable<std::int64_t, std::string> table;
  EXPECT_FALSE(restore_to_table(table, 0, "\xff\xff\xff\x7f garbage", "\1x"));
  EXPECT_FALSE(restore_to_table(table, 0, std::string(8, '\0'), "\2x"));
  EXPECT_TRUE(table.empty());
}

}  // namespace
}  // namespace millstream
