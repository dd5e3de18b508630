// PieceVector against std::vector, and that pieces are used again.
#include "millstream/core/piece_vector.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace millstream {
namespace {

TEST(PieceVector, GrowsAndIsTakenDownPieceByPiece) {
  SparePieces<std::shared_ptr<int>> spare;
  const auto value = std::make_shared<int>(1);
  for (const std::size_t count : {1U, 4096U, 4097U, 50'000U, 10U}) {
    PieceVector<std::shared_ptr<int>> values;
    EXPECT_TRUE(values.empty());
    for (std::size_t i = 0; i < count; ++i) values.push_back(i % 3 == 0 ? value : std::make_shared<int>(2), spare);
    ASSERT_EQ(values.size(), count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(*values[i], i % 3 == 0 ? 1 : 2) << i;
    std::size_t left = count;
    while (!values.empty()) {
      const std::size_t dropped = values.drop_piece(spare);
      ASSERT_GT(dropped, 0U);
      ASSERT_LE(dropped, 4096U);
      left -= dropped;
      ASSERT_EQ(values.size(), left);
    }
    EXPECT_EQ(values.drop_piece(spare), 0U);
    EXPECT_EQ(value.use_count(), 1);
  }
  EXPECT_EQ(spare.size(), 13U);  // the most that there ever were at a time
}

}  // namespace
}  // namespace millstream
