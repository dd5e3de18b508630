// What values own on the heap, and which types can own nothing.
#include "millstream/codec/heap_bytes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "millstream/io/dead_letter.hpp"
#include "millstream/window/distinct_sketch.hpp"
#include "millstream/window/quantile_sketch.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream {
namespace {

struct Plain {
  std::int64_t a = 0;
  double b = 0;
};
BOOST_DESCRIBE_STRUCT(Plain, (), (a, b))
struct Text {
  std::int64_t a = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Text, (), (a, text))
struct Tree {
  std::string name;
  std::vector<Tree> children;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (name, children))
struct Own {
  std::shared_ptr<int> hidden;
  [[nodiscard]] std::size_t heap_bytes() const { return 77; }
};
struct Opaque {
  std::shared_ptr<int> hidden;
};

static_assert(!kOwnsHeap<Plain> && !kOwnsHeap<int> && !kOwnsHeap<std::tuple<int, Plain>> && !kOwnsHeap<Timestamp>);
static_assert(!kOwnsHeap<std::optional<double>> && !kOwnsHeap<WindowResult<std::int64_t, double>> &&
              !kOwnsHeap<Opaque>);
static_assert(heap_bytes(Plain{}) == 0);
static_assert(kOwnsHeap<std::string> && kOwnsHeap<Text> && kOwnsHeap<Tree> && kOwnsHeap<DeadLetter> && kOwnsHeap<Own>);
static_assert(kOwnsHeap<DistinctSketch> && kOwnsHeap<std::tuple<int, QuantileSketch>>);
static_assert(kOwnsHeap<Late<Text>> && kOwnsHeap<std::variant<int, std::string>> && kOwnsHeap<std::vector<int>>);

TEST(HeapBytes, CountsWhatAValueOwns) {
  EXPECT_EQ(heap_bytes(Text{1, "short"}), 0U);
  const Text text{1, std::string(1000, 'x')};
  EXPECT_GE(heap_bytes(text), 1000U);
  EXPECT_LE(heap_bytes(text), 1100U);
  EXPECT_EQ(heap_bytes(Late<Text>{text, {}}), heap_bytes(text));
  EXPECT_EQ(heap_bytes(std::optional{text}), heap_bytes(text));
  EXPECT_EQ(heap_bytes(std::variant<int, Text>{text}), heap_bytes(text));
  EXPECT_EQ(heap_bytes(std::pair{1, text}), heap_bytes(text));
  EXPECT_EQ(heap_bytes(std::array<Text, 2>{text, text}), 2 * heap_bytes(text));
  EXPECT_EQ(heap_bytes(Own{}), 77U);

  std::vector<std::int64_t> numbers;
  numbers.reserve(100);
  EXPECT_EQ(heap_bytes(numbers), 800U);
  const std::map<std::int64_t, std::string> map{{1, std::string(500, 'x')}, {2, ""}};
  EXPECT_GE(heap_bytes(map), 500 + 2 * sizeof(std::pair<std::int64_t, std::string>));
  EXPECT_GE(heap_bytes(std::set<std::int64_t>{1, 2, 3}), 3 * sizeof(std::int64_t));
  const Tree tree{"root", {{std::string(300, 'a'), {}}, {std::string(400, 'b'), {{std::string(200, 'c'), {}}}}}};
  EXPECT_GE(heap_bytes(tree), 900 + 3 * sizeof(Tree));
  EXPECT_LE(heap_bytes(tree), 1200 + 3 * sizeof(Tree));
}

}  // namespace
}  // namespace millstream
