// Cells are apart from each other whatever their sizes, and slabs serve again when they are empty.
#include "state/cold/block_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "millstream/core/random.hpp"

namespace millstream::test {
namespace {

struct Block {
  unsigned char* at;
  std::size_t bytes;
  unsigned char mark;
};

Block take(BlockMemory& memory, std::size_t bytes, unsigned char mark) {
  auto* at = static_cast<unsigned char*>(memory.take(bytes));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 16, 0U);
  std::memset(at, mark, bytes);
  return {at, bytes, mark};
}

bool is_whole(const Block& block) {
  for (std::size_t i = 0; i < block.bytes; ++i) {
    if (block.at[i] != block.mark) return false;
  }
  return true;
}

// From a few bytes to filters of small files, and more of them than the memory was made for.
void churn(BlockMemory& memory, std::uint64_t seed) {
  Random random{seed};
  std::vector<Block> blocks;
  for (int i = 0; i < 20'000; ++i) {
    if (blocks.size() < 300 && random.below(5) < 3) {
      const std::size_t bytes = random.below(10) == 0 ? random.below(100'000) : 1 + random.below(8'192);
      blocks.push_back(take(memory, bytes, static_cast<unsigned char>(i)));
    } else if (!blocks.empty()) {
      std::swap(blocks[random.below(blocks.size())], blocks.back());
      ASSERT_TRUE(is_whole(blocks.back()));
      memory.give_back(blocks.back().at);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) {
    EXPECT_TRUE(is_whole(block));
    memory.give_back(block.at);
  }
}

TEST(ColdBlockMemory, BlocksDoNotOverlap) {
  BlockMemory memory{256 << 10};
  churn(memory, 1);
}

TEST(ColdBlockMemory, AnyThreadMayTakeAndGiveBack) {
  BlockMemory memory{1 << 20};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 3; ++i) threads.emplace_back([&, i] { churn(memory, i); });
  for (std::thread& thread : threads) thread.join();
  std::vector<Block> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(take(memory, 4'100, 7));
  std::thread other{[&] {
    for (const Block& block : blocks) memory.give_back(block.at);
  }};
  other.join();
}

TEST(ColdBlockMemory, SlabsServeAnySizeAgain) {
  constexpr std::size_t kBytes = 4 << 20;
  BlockMemory memory{kBytes};
  for (const std::size_t bytes : {4'000U, 4'200U, 700U, 8'000U}) {
    std::vector<Block> blocks;
    for (std::size_t used = 0; used < kBytes; used += BlockMemory::used_for(bytes)) {
      blocks.push_back(take(memory, bytes, 1));
    }
    for (const Block& block : blocks) memory.give_back(block.at);
  }
  EXPECT_LE(memory.slab_bytes(), kBytes + kBytes / 8);
}

TEST(ColdBlockMemory, WhatItUsesIsLittleMoreThanWhatIsAskedFor) {
  constexpr std::size_t kBytes = 4 << 20;
  BlockMemory memory{kBytes};
  Random random{5};
  std::vector<Block> blocks;
  std::size_t asked = 0;
  for (int i = 0; i < 50'000; ++i) {
    if (asked < kBytes) {
      const std::size_t bytes = 3'900 + random.below(250);
      blocks.push_back(take(memory, bytes, 1));
      asked += bytes;
      continue;
    }
    std::swap(blocks[random.below(blocks.size())], blocks.back());
    asked -= blocks.back().bytes;
    memory.give_back(blocks.back().at);
    blocks.pop_back();
  }
  EXPECT_LE(memory.slab_bytes(), kBytes + kBytes / 8);
  for (const Block& block : blocks) memory.give_back(block.at);
}

}  // namespace
}  // namespace millstream::test
