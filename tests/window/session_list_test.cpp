// The sessions of a key as a small set, and as bytes.
#include "millstream/window/session_list.hpp"

#include <gtest/gtest.h>

#include <random>

namespace millstream::test {
namespace {

using List = SessionList<std::int64_t>;

Session<std::int64_t> session_at(std::int64_t start) {
  return {Timestamp{Duration{start}}, Timestamp{Duration{start + 5}}, start * 10, 0, 1, false};
}
std::vector<std::int64_t> accumulators(const List& list) {
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < list.size(); ++i) all.push_back(list[i].acc);
  std::sort(all.begin(), all.end());
  return all;
}

TEST(SessionList, IsASetThatSurvivesItsBytes) {
  std::mt19937_64 random{5};
  List list;
  std::vector<std::int64_t> expected;
  for (std::int64_t n = 0; n < 500; ++n) {
    if (list.empty() || random() % 2 == 0) {
      list.push(session_at(n));
      expected.push_back(n * 10);
    } else {
      const std::size_t at = random() % list.size();
      std::erase(expected, list[at].acc);
      list.remove(at);
    }
    ASSERT_EQ(list.size(), expected.size());
    ASSERT_EQ(list.single(), expected.size() == 1);
    ASSERT_EQ(accumulators(list), expected);
    std::string bytes;
    {
      ByteWriter out{bytes};
      Codec<List>::encode(list, out);
    }
    ByteReader in{bytes};
    List copy;
    ASSERT_TRUE(Codec<List>::decode(in, copy));
    ASSERT_EQ(in.remaining(), 0U);
    ASSERT_EQ(accumulators(copy), expected);
    ByteReader cut{std::string_view{bytes}.substr(0, bytes.size() - 1)};
    ASSERT_FALSE(Codec<List>::decode(cut, copy));
  }
}

}  // namespace
}  // namespace millstream::test
