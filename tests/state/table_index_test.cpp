// The index against a plain map, with hashes that fill lines, share fragments and run past the end of a sub-table.
#include "millstream/state/table_index.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <unordered_map>
#include <vector>

namespace millstream {
namespace {

// Entries are numbers of keys; `hash_of` decides how badly the keys collide.
template <class HashOf>
void compare_with_map(HashOf hash_of, std::uint32_t keys, int steps) {
  TableIndex index;
  std::unordered_map<std::uint32_t, std::uint32_t> model;  // key -> entry
  std::vector<std::uint32_t> key_of_entry;
  std::mt19937 random{7};
  const auto find = [&](std::uint32_t key) {
    return index.find(hash_of(key), [&](std::uint32_t entry) { return key_of_entry[entry] == key; });
  };
  for (int step = 0; step < steps; ++step) {
    const auto key = static_cast<std::uint32_t>(random() % keys);
    const auto it = model.find(key);
    if (it == model.end()) {
      ASSERT_EQ(find(key), TableIndex::kNone);
      const auto entry = static_cast<std::uint32_t>(key_of_entry.size());
      key_of_entry.push_back(key);
      const std::uint32_t got = index.find_or_insert(
          hash_of(key), [&](std::uint32_t other) { return key_of_entry[other] == key; }, [&] { return entry; });
      ASSERT_EQ(got, entry);
      model.emplace(key, entry);
    } else if (random() % 2 == 0) {
      index.erase(hash_of(key), it->second);
      model.erase(it);
      ASSERT_EQ(find(key), TableIndex::kNone);
    } else {
      ASSERT_EQ(find(key), it->second);
    }
  }
  for (std::uint32_t key = 0; key < keys; ++key) {
    const auto it = model.find(key);
    ASSERT_EQ(find(key), it == model.end() ? TableIndex::kNone : it->second);
  }
  while (!index.clear_some()) {
  }
  for (std::uint32_t key = 0; key < keys; ++key) ASSERT_EQ(find(key), TableIndex::kNone);
}

std::uint64_t mixed(std::uint64_t n) { return (n + 1) * 0x9e3779b97f4a7c15 ^ ((n + 1) * 0xbf58476d1ce4e5b9 >> 32); }

TEST(TableIndex, EqualsAMap) { compare_with_map(mixed, 100'000, 1'000'000); }
TEST(TableIndex, EqualsAMapWhereFewKeysFitALine) { compare_with_map(mixed, 50, 100'000); }
TEST(TableIndex, EqualsAMapWhereKeysShareFragments) {
  compare_with_map([](std::uint32_t key) { return mixed(key) & 0xf000000f; }, 1'000, 100'000);
}
TEST(TableIndex, EqualsAMapWhereAllKeysMeetInOneLine) {
  compare_with_map([](std::uint32_t key) { return std::uint64_t{key} << 10 | 0x3ff; }, 2'000, 100'000);
}
TEST(TableIndex, AHashOfZeroIsAKeyLikeAnyOther) {
  TableIndex index;
  index.insert(0, 41);
  index.insert(1, 42);
  EXPECT_EQ(index.find(0, [](std::uint32_t entry) { return entry == 41; }), 41U);
  EXPECT_EQ(index.find(1, [](std::uint32_t entry) { return entry == 42; }), 42U);
  index.erase(0, 41);
  EXPECT_EQ(index.find(0, [](std::uint32_t entry) { return entry == 41; }), TableIndex::kNone);
}

TEST(TableIndex, FindsAColumnOfHashes) {
  TableIndex index;
  std::vector<std::uint64_t> hashes;
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    hashes.push_back(mixed(i));
    if (i % 3 != 0) index.insert(hashes.back(), i);
  }
  std::vector<std::uint32_t> found(hashes.size());
  index.find_first(hashes.data(), hashes.size(), found.data());
  std::size_t others = 0;  // another key with the same fragment is allowed, and rare
  for (std::uint32_t i = 0; i < 60'000; ++i) others += found[i] != (i % 3 != 0 ? i : TableIndex::kNone) ? 1U : 0U;
  EXPECT_LE(others, 2U);

  // Asking for lines and entries ahead finds the same.
  std::vector<std::uint64_t> entries(60'000);
  void* const block = entries.data();
  std::vector<std::uint32_t> found_ahead(hashes.size());
  index.find_first(hashes.data(), hashes.size(), found_ahead.data(), {&block, 16, sizeof(std::uint64_t)});
  EXPECT_EQ(found_ahead, found);
}

}  // namespace
}  // namespace millstream
