// Blocks are apart from each other whatever their sizes, and what is free goes back to the system.
#include "state/cold/block_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
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
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 4096, 0U);
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

// Pages of the process that are resident, less those of files: in bytes.
std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t size = 0;
  std::size_t resident = 0;
  std::size_t shared = 0;
  statm >> size >> resident >> shared;
  return (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Blocks come and go by chance, of sizes that change: as in a cache whose stages are busy at different hours.
TEST(ColdBlockMemory, WhatIsResidentIsWhatIsInUseWhateverSizesBlocksHadBefore) {
  constexpr std::size_t kBytes = 32 << 20;
  BlockMemory memory{kBytes};
  Random random{5};
  std::vector<Block> blocks;
  blocks.reserve(kBytes / 4096);
  [[maybe_unused]] const std::size_t before = resident_bytes();
  std::size_t used = 0;
  const auto give_one_back = [&] {
    std::swap(blocks[random.below(blocks.size())], blocks.back());
    used -= BlockMemory::used_for(blocks.back().bytes);
    memory.give_back(blocks.back().at);
    blocks.pop_back();
  };
  const std::size_t large[] = {4'000, 6'000, 9'000, 20'000, 60'000, 300};
  for (const std::size_t bytes : large) {
    for (int i = 0; i < 30'000; ++i) {
      const std::size_t next = random.below(10) == 0 ? 4'000 : bytes;
      while (used + BlockMemory::used_for(next) > kBytes) give_one_back();
      blocks.push_back(take(memory, next, 1));
      used += BlockMemory::used_for(next);
    }
    EXPECT_LE(memory.spare_bytes(), kBytes / 16) << bytes;
#ifndef __SANITIZE_THREAD__  // which has pages of its own for each of these
    const std::size_t resident = resident_bytes() - before;
    EXPECT_LE(resident, kBytes + kBytes / 8) << bytes;
    EXPECT_GE(resident, kBytes - kBytes / 8) << bytes;  // or it says nothing
#endif
  }
  while (!blocks.empty()) give_one_back();
#ifndef __SANITIZE_THREAD__
  EXPECT_LE(resident_bytes() - before, kBytes / 8);
#endif
}

}  // namespace
}  // namespace millstream::test
