// NumberSet beside std::set, for every kind of number, and through its codec; and that a table which is read in its own
// order into others does not pile up there.
#include "millstream/window/number_set.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/codec/encode.hpp"
#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream {
namespace {

enum class Color : std::uint16_t {};

template <class V>
std::string bits_of(const V& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
template <class V>
std::set<std::string> contents(const NumberSet<V>& set) {
  std::set<std::string> all;
  for (const V value : set) EXPECT_TRUE(all.insert(bits_of(value)).second);
  return all;
}
template <class V>
NumberSet<V> copy_by_codec(const NumberSet<V>& set) {
  std::string bytes;
  encode_value(set, bytes);
  NumberSet<V> copy;
  EXPECT_TRUE(decode_value(bytes, copy));
  return copy;
}

template <class V>
class NumberSetOf : public testing::Test {};
using Kinds = testing::Types<std::int64_t, std::uint64_t, std::int32_t, std::uint16_t, std::int8_t, double, float,
                             Color, Timestamp, std::chrono::sys_days>;
TYPED_TEST_SUITE(NumberSetOf, Kinds);

TYPED_TEST(NumberSetOf, IsASet) {
  std::mt19937_64 random{1};
  const auto some_number = [&](unsigned different) {
    // Zeros in the low and in the high bits, and zero itself.
    std::uint64_t bits = random() % different;
    if (different % 2 == 0) bits <<= 8 * (sizeof(TypeParam) - 1);
    TypeParam value;
    std::memcpy(static_cast<void*>(&value), &bits, sizeof value);
    return value;
  };
  for (int round = 0; round < 200; ++round) {
    NumberSet<TypeParam> sets[2];
    std::set<std::string> models[2];
    const unsigned different = 1 + static_cast<unsigned>(random() % (round % 10 == 0 ? 3000 : 40));
    for (unsigned i = 0; i < different; ++i) {
      const std::size_t which = random() % 2;
      const TypeParam value = some_number(different);
      sets[which].insert(value);
      models[which].insert(bits_of(value));
      ASSERT_EQ(sets[which].size(), models[which].size());
    }
    for (const std::size_t which : {0U, 1U}) {
      ASSERT_EQ(contents(sets[which]), models[which]);
      ASSERT_EQ(contents(copy_by_codec(sets[which])), models[which]);
    }
    sets[0].insert_all(sets[1]);
    sets[0].insert_all(sets[0]);
    models[0].insert(models[1].begin(), models[1].end());
    ASSERT_EQ(contents(sets[0]), models[0]);
    sets[0].clear();
    ASSERT_EQ(sets[0].size(), 0U);
    ASSERT_EQ(sets[0].begin(), sets[0].end());
  }
}

TEST(NumberSet, TakesFloatingPointNumbersByTheirBits) {
  NumberSet<double> set;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double value : {nan, 0.0, -0.0, nan, 1.5, -0.0}) set.insert(value);
  EXPECT_EQ(set.size(), 4U);
}

TEST(NumberSet, IsWrittenAsJson) {
  NumberSet<std::int64_t> set;
  for (const std::int64_t value : {5, 0, -7}) set.insert(value);
  std::string json;
  encode_json(set, json);
  EXPECT_EQ(json, "[0,5,-7]");
}

// Were these quadratic, they would take minutes.
TEST(NumberSet, TakesTheValuesOfALargeOneInAnyOrder) {
  for (const std::int64_t size : {180'000, 260'000, 366'000}) {
    NumberSet<std::int64_t> large;
    for (std::int64_t value = 0; value < size; ++value) large.insert(value * 7919);
    EXPECT_LE(heap_bytes(large), static_cast<std::size_t>(size) * 8 * 3);
    EXPECT_EQ(copy_by_codec(large).size(), static_cast<std::size_t>(size));
    for (const std::int64_t own : {9, 80'000, 170'000, 200'000}) {
      NumberSet<std::int64_t> other;
      for (std::int64_t value = 1; value <= own; ++value) other.insert(-value);
      other.insert_all(large);
      EXPECT_EQ(other.size(), static_cast<std::size_t>(size + own));
    }
  }
}

}  // namespace
}  // namespace millstream
