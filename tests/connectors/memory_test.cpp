// The memory source and sink.
#include "millstream/connectors/memory.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <numeric>
#include <thread>

#include "connectors/drive.hpp"

namespace millstream::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(MemorySource, EmitsAllRecordsInOrder) {
  EXPECT_EQ(testing::read_all<int>(memory::source(numbers(12345))), numbers(12345));
  EXPECT_THAT(testing::read_all<int>(memory::source(std::vector<int>{})), IsEmpty());
  EXPECT_THAT(testing::read_all<std::string>(memory::source(std::vector<std::string>{"a", "b"})),
              ElementsAre("a", "b"));
  EXPECT_THAT(testing::read_all<bool>(memory::source(std::vector<bool>{true, false})), ElementsAre(true, false));
}

TEST(MemorySource, CanBeReadTwice) {
  const auto source = memory::source(std::vector<std::string>{"a", "b"});
  EXPECT_EQ(testing::read_all<std::string>(source), testing::read_all<std::string>(source));
}

TEST(MemorySource, HasOneSplitPerInnerVector) {
  const auto source = memory::split_source(std::vector<std::vector<int>>{{1, 2}, {}, {3}});
  const auto splits = testing::list_splits(source);
  ASSERT_TRUE(splits);
  ASSERT_EQ(splits->size(), 3U);
  EXPECT_EQ(splits->at(2).id, "2");
  EXPECT_THAT(testing::read_all<int>(source), ElementsAre(1, 2, 3));
}

TEST(MemorySource, GoesOnAtAPosition) {
  Random random{7};
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(testing::read_with_restarts<int>(memory::source(numbers(777)), {"0", {}}, random), numbers(777));
  }
}

TEST(MemorySource, RefusesWhatItDoesNotHave) {
  const auto source = memory::source(numbers(3));
  testing::SplitReader<int, memory::Source<int>> unknown{source, {"1", {}}, posix_file_system(), system_clock()};
  EXPECT_EQ(unknown.opened.code(), ErrorCode::kNotFound);
  testing::SplitReader<int, memory::Source<int>> behind{source, {"0", {4, {}}}, posix_file_system(), system_clock()};
  EXPECT_EQ(behind.opened.code(), ErrorCode::kInvalidData);
}

TEST(MemorySource, MovesWhatCannotBeCopiedOnce) {
  using Pointer = std::unique_ptr<int>;
  std::vector<Pointer> pointers;
  for (int i = 0; i < 5; ++i) pointers.push_back(std::make_unique<int>(i));
  const auto source = memory::source(std::move(pointers));
  testing::SplitReader<Pointer, memory::Source<Pointer>> first{source, {"0", {}}, posix_file_system(), system_clock()};
  ASSERT_TRUE(first.poll(3));
  ASSERT_EQ(first.records.size(), 3U);
  EXPECT_EQ(*first.records[2], 2);
  testing::SplitReader<Pointer, memory::Source<Pointer>> again{source, {"0", {}}, posix_file_system(), system_clock()};
  EXPECT_EQ(again.opened.code(), ErrorCode::kUnsupported);
  testing::SplitReader<Pointer, memory::Source<Pointer>> rest{
      source, {"0", first.position()}, posix_file_system(), system_clock()};
  ASSERT_TRUE(rest.drain());
  EXPECT_EQ(rest.records.size(), 2U);
}

TEST(MemorySink, ShowsTheRecordsOfAllItsCopiesByShard) {
  auto out = memory::sink<std::string>();
  auto one = out;
  auto two = out;
  SinkContext context0 = testing::sink_context(posix_file_system(), system_clock(), 0, 2);
  SinkContext context1 = testing::sink_context(posix_file_system(), system_clock(), 1, 2);
  one.open(context1);
  two.open(context0);
  std::vector<std::string> a{"a1", "a2"};
  std::vector<std::string> b{"b1"};
  EXPECT_EQ(one.write(a), 2U);
  EXPECT_EQ(two.write(b), 1U);
  EXPECT_EQ(out.size(), 3U);
  EXPECT_THAT(out.records(), ElementsAre("b1", "a1", "a2"));
  EXPECT_THAT(out.take(), ElementsAre("b1", "a1", "a2"));
  EXPECT_EQ(out.size(), 0U);
}

TEST(MemorySink, CanBeReadWhileShardsWrite) {
  auto out = memory::sink<int>();
  constexpr int kShards = 3;
  constexpr int kRounds = 500;
  std::vector<std::jthread> shards;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    shards.emplace_back([out, shard]() mutable {
      SinkContext context = testing::sink_context(posix_file_system(), system_clock(), shard, kShards);
      out.open(context);
      for (int i = 0; i < kRounds; ++i) {
        std::vector<int> some{i, i};
        out.write(some);
      }
    });
  }
  std::size_t taken = 0;
  for (int i = 0; i < 50; ++i) taken += out.take().size();
  shards.clear();
  EXPECT_EQ(taken + out.size(), std::size_t{2} * kShards * kRounds);
}

}  // namespace
}  // namespace millstream::inline v0
