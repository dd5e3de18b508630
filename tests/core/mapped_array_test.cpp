// What was appended stays while the array grows and moves, and memory in use is what was written.
#include "millstream/core/mapped_array.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace millstream::test {
namespace {

std::size_t resident_bytes(const MappedArray<char>& array, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> there((bytes + page - 1) / page);
  void* const first = const_cast<char*>(array.data());
  EXPECT_EQ(::mincore(first, bytes, there.data()), 0);
  std::size_t pages = 0;
  for (const unsigned char page_is : there) pages += page_is & 1;
  return pages * page;
}

TEST(MappedArray, KeepsItsContentWhileItGrows) {
  MappedArray<std::uint64_t> array;
  EXPECT_TRUE(array.empty());
  EXPECT_EQ(array.memory_bytes(), 0U);
  EXPECT_EQ(array.begin(), array.end());
  for (std::uint64_t i = 0; i < 200'000; ++i) array.push_back(i);
  ASSERT_EQ(array.size(), 200'000U);
  std::uint64_t expected = 0;
  for (const std::uint64_t value : array) ASSERT_EQ(value, expected++);
  array.append(nullptr, 0);
  EXPECT_EQ(array.size(), 200'000U);
}

TEST(MappedArray, HoldsNoMoreMemoryThanWasWritten) {
  MappedArray<char> array;
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 23; ++i) array.append(piece.data(), piece.size());
  EXPECT_GE(array.memory_bytes(), array.size());
  EXPECT_LT(array.memory_bytes(), array.size() + 65'536);
  EXPECT_EQ(resident_bytes(array, array.memory_bytes() + 65'536), array.memory_bytes());
}

TEST(MappedArray, CountsWhatItHasTouchedAfterItWasCleared) {
  MappedArray<char> array;
  const std::string piece(500'000, 'x');
  array.append(piece.data(), piece.size());
  const std::size_t full = array.memory_bytes();
  array.clear();
  EXPECT_TRUE(array.empty());
  EXPECT_EQ(array.memory_bytes(), full);
  array.append(piece.data(), 10);
  EXPECT_EQ(array.memory_bytes(), full);
  EXPECT_EQ(std::string(array.data(), array.size()), "xxxxxxxxxx");
}

TEST(MappedArray, LeavesNothingBehindWhenItIsMovedFrom) {
  MappedArray<int> array;
  array.push_back(7);
  MappedArray<int> other{std::move(array)};
  ASSERT_EQ(other.size(), 1U);
  EXPECT_EQ(other[0], 7);
  MappedArray<int> third = std::exchange(other, {});
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(other.memory_bytes(), 0U);
  other.push_back(8);
  EXPECT_EQ(other[0], 8);
  EXPECT_EQ(third[0], 7);
}

}  // namespace
}  // namespace millstream::test
