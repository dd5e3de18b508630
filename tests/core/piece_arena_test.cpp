// Pieces are apart from each other, begin on cache lines, and come back.
#include "millstream/core/piece_arena.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

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

}  // namespace
}  // namespace millstream::test
