// What a transactional sink keeps back: whose turn it is, order, bounds, waking.
#include "millstream/io/epoch_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace millstream {
namespace {

using ::testing::ElementsAre;

class EpochBufferTest : public ::testing::Test {
 protected:
  bool drain(std::size_t room = 100) {
    return buffer_.drain([&](const int& record) {
      if (room == 0) return false;
      --room;
      sent_.push_back(record);
      return true;
    });
  }
  bool keep(int record, std::size_t bytes) { return buffer_.keep(record, bytes); }
  std::shared_ptr<EpochPasses> passes_ = std::make_shared<EpochPasses>();
  EpochBuffer<int> buffer_{passes_, {.records = 3, .bytes = 10}};
  std::vector<int> sent_;
};

TEST_F(EpochBufferTest, KeepsWhatComesBehindABarrierUntilThatIsOver) {
  EXPECT_TRUE(buffer_.may_pass());
  buffer_.barrier();
  EXPECT_FALSE(buffer_.may_pass());
  EXPECT_TRUE(keep(1, 1));
  EXPECT_TRUE(keep(2, 1));
  EXPECT_FALSE(drain());
  EXPECT_TRUE(sent_.empty());
  passes_->let_next_pass();
  EXPECT_FALSE(buffer_.may_pass());  // what waits goes first
  EXPECT_FALSE(drain(1));
  EXPECT_TRUE(drain());
  EXPECT_THAT(sent_, ElementsAre(1, 2));
  EXPECT_TRUE(buffer_.may_pass());
}

// A checkpoint may be given up before all copies have come to its barrier.
TEST_F(EpochBufferTest, AnEpochMayPassAheadOfItsBarrier) {
  passes_->let_next_pass();
  EXPECT_TRUE(buffer_.may_pass());
  buffer_.barrier();
  EXPECT_TRUE(buffer_.may_pass());
}

TEST_F(EpochBufferTest, IsBoundedInRecordsAndBytes) {
  buffer_.barrier();
  EXPECT_TRUE(keep(1, 50));  // alone one may be larger
  EXPECT_FALSE(keep(2, 1));
  passes_->let_next_pass();
  EXPECT_TRUE(drain());
  buffer_.barrier();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(keep(i, 1));
  EXPECT_FALSE(keep(3, 1));
}

TEST_F(EpochBufferTest, ARecordThatIsRefusedStaysWithItsOwner) {
  EpochBuffer<std::string> buffer{passes_, {.records = 1}};
  std::string first = "first, in memory of its own";
  std::string second = "second, in memory of its own";
  EXPECT_TRUE(buffer.keep(first, 1));
  EXPECT_FALSE(buffer.keep(second, 1));
  EXPECT_EQ(second, "second, in memory of its own");
}

/// Counts those that there are.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

// A sink that is a little slower than its input sends one and is given one.
TEST_F(EpochBufferTest, IsBoundedThoughItIsNeverEmpty) {
  EpochBuffer<Counted> buffer{passes_, {.records = 10, .bytes = 10}};
  Counted record;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(buffer.keep(record, 1));
  int most = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    bool room = true;
    EXPECT_FALSE(buffer.drain([&](const Counted&) { return std::exchange(room, false); }));
    ASSERT_TRUE(buffer.keep(record, 1));
    most = std::max(most, Counted::alive);
  }
  EXPECT_LE(most, 21) << "one of them is the record that is given";
  EXPECT_FALSE(buffer.keep(record, 1));
}

TEST_F(EpochBufferTest, SendsNoMoreAtOnceThanAStepOfAShardMayTake) {
  EpochBuffer<int> buffer{passes_};
  constexpr int kKept = 1'000'000;
  buffer.barrier();
  for (int i = 0; i < kKept; ++i) ASSERT_TRUE(buffer.keep(i, 1));
  int sent = 0;
  const auto in_order = [&](int record) { return record == sent && ++sent > 0; };
  EXPECT_FALSE(buffer.drain(in_order));
  EXPECT_FALSE(buffer.paused()) << "none may pass yet";
  passes_->let_next_pass();
  for (int before = 0; !buffer.drain(in_order); before = sent) {
    ASSERT_TRUE(buffer.paused());
    ASSERT_LE(sent - before, 10'000);
  }
  EXPECT_FALSE(buffer.paused());
  EXPECT_EQ(sent, kKept);
}

TEST_F(EpochBufferTest, WakesEveryCopy) {
  int woken = 0;
  for (int i = 0; i < 3; ++i) passes_->add(Waker{[&] { ++woken; }});
  passes_->let_next_pass();
  EXPECT_EQ(woken, 3);
}

}  // namespace
}  // namespace millstream
