// Pieces are apart from each other, begin on cache lines, come back, and are touched ahead.
#include "millstream/core/piece_arena.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "runtime/eventually.hpp"

namespace millstream::test {
namespace {

TEST(PieceArena, PiecesDoNotOverlapAcrossRegions) {
  constexpr std::size_t kBytes = 5'000'000;  // a few to a region
  PieceArena arena{kBytes};
  std::vector<unsigned char*> pieces;
  for (unsigned char n = 0; n < 20; ++n) {
    pieces.push_back(static_cast<unsigned char*>(arena.take()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pieces.back()) % 64, 0U);
    pieces.back()[0] = pieces.back()[kBytes / 2] = pieces.back()[kBytes - 1] = n;
  }
  for (unsigned char n = 0; n < 20; ++n) {
    EXPECT_EQ(pieces[n][0], n);
    EXPECT_EQ(pieces[n][kBytes / 2], n);
    EXPECT_EQ(pieces[n][kBytes - 1], n);
  }
}

TEST(PieceArena, GivesOutAgainWhatCameBack) {
  PieceArena arena{100};
  std::set<void*> pieces;
  for (int n = 0; n < 1000; ++n) pieces.insert(arena.take());
  EXPECT_EQ(pieces.size(), 1000U);
  for (void* piece : pieces) arena.give_back(piece);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(pieces.erase(arena.take()), 1U);
}

TEST(PieceArena, APieceMayBeLargerThanARegion) {
  PieceArena arena{std::size_t{100} * 1024 * 1024};
  auto* first = static_cast<char*>(arena.take());
  auto* second = static_cast<char*>(arena.take());
  first[0] = 1;
  second[0] = 2;
  EXPECT_EQ(first[0], 1);
}

constexpr std::size_t kHugePage = 2 * 1024 * 1024;

bool touches_for_others() {
#ifdef MADV_POPULATE_WRITE
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool touches = ::madvise(page, 4096, MADV_POPULATE_WRITE) == 0;
  ::munmap(page, 4096);
  return touches;
#else
  return false;
#endif
}

TEST(PieceArena, TheNextHugePageOfALargeOneIsResidentBeforeItIsTouched) {
  if (!touches_for_others()) GTEST_SKIP() << "this system does not know how to";
  constexpr std::size_t kPieces = 24;  // of which 16 are a region
  PieceArena arena{kHugePage};
  std::vector<unsigned char*> pieces;
  for (std::size_t n = 0; n < kPieces; ++n) {
    auto* piece = static_cast<unsigned char*>(arena.take());
    unsigned char resident = 0;
    EXPECT_TRUE(n < 4 || eventually([&] { return ::mincore(piece, 4096, &resident) == 0 && (resident & 1) != 0; }))
        << n;
    pieces.push_back(piece);
  }
}

TEST(PieceArena, WhatIsWrittenMeanwhileStays) {
  constexpr std::size_t kBytes = 256 * 1024;
  for (int round = 0; round < 20; ++round) {
    PieceArena arena{kBytes};
    std::vector<unsigned char*> pieces;
    for (unsigned char n = 0; n < 150; ++n) {
      pieces.push_back(static_cast<unsigned char*>(arena.take()));
      std::memset(pieces.back(), n + 1, kBytes);
    }
    for (unsigned char n = 0; n < 150; ++n) {
      EXPECT_TRUE(std::all_of(pieces[n], pieces[n] + kBytes, [&](unsigned char byte) { return byte == n + 1; }));
    }
  }
}

TEST(PieceArena, MayGoWhileItsMemoryIsTouchedAhead) {
  std::vector<std::thread> owners;
  for (int owner = 0; owner < 4; ++owner) {
    owners.emplace_back([] {
      for (int round = 0; round < 100; ++round) {
        PieceArena arena{kHugePage / 2};
        for (int n = 0; n < round % 8; ++n) *static_cast<int*>(arena.take()) = n;
      }
    });
  }
  for (std::thread& owner : owners) owner.join();
}

}  // namespace
}  // namespace millstream::test
