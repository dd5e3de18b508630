// Deliveries that are told to their logs together.
#include "connectors/kafka/delivery_group.hpp"

#include <gmock/gmock.h>

#include <thread>
#include <utility>
#include <vector>

namespace millstream::inline v0 {
namespace {

using kafka::detail::DeliveryGroup;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// What was told, call by call: messages and bytes.
struct Told final : kafka::detail::DeliveryLog {
  std::vector<std::pair<std::size_t, std::size_t>> calls;
  void delivered(std::size_t messages, std::size_t bytes) override { calls.emplace_back(messages, bytes); }
  void failed(std::size_t, Status) override {}
};

TEST(KafkaDeliveryGroup, TellsAllAtItsEnd) {
  Told log;
  {
    const DeliveryGroup group;
    for (std::size_t i = 1; i <= 10; ++i) DeliveryGroup::delivered(log, i);
    EXPECT_THAT(log.calls, IsEmpty());
  }
  EXPECT_THAT(log.calls, ElementsAre(Pair(10, 55)));
  {
    const DeliveryGroup empty;
  }
  EXPECT_EQ(log.calls.size(), 1U);
}

TEST(KafkaDeliveryGroup, DoesNotKeepAWriterWaitingForMoreThanSome) {
  Told log;
  {
    const DeliveryGroup group;
    for (int i = 0; i < 256; ++i) DeliveryGroup::delivered(log, 2);
    EXPECT_THAT(log.calls, IsEmpty());
    DeliveryGroup::delivered(log, 2);
    EXPECT_THAT(log.calls, ElementsAre(Pair(256, 512)));
    for (int i = 0; i < 443; ++i) DeliveryGroup::delivered(log, 1);
  }
  EXPECT_THAT(log.calls, ElementsAre(Pair(256, 512), Pair(256, 257), Pair(188, 188)));
}

TEST(KafkaDeliveryGroup, TellsEachWriterOfItsOwn) {
  Told one;
  Told other;
  {
    const DeliveryGroup group;
    for (int i = 0; i < 3; ++i) DeliveryGroup::delivered(one, 1);
    DeliveryGroup::delivered(other, 10);
    EXPECT_THAT(one.calls, ElementsAre(Pair(3, 3)));
    DeliveryGroup::delivered(other, 10);
    DeliveryGroup::delivered(one, 1);
    EXPECT_THAT(other.calls, ElementsAre(Pair(2, 20)));
  }
  EXPECT_THAT(one.calls, ElementsAre(Pair(3, 3), Pair(1, 1)));
  EXPECT_THAT(other.calls, ElementsAre(Pair(2, 20)));
}

// A log that serves its client when it hears of something.
TEST(KafkaDeliveryGroup, WithinAnotherIsOneOfItsOwn) {
  Told log;
  const DeliveryGroup around;
  DeliveryGroup::delivered(log, 1);
  {
    const DeliveryGroup group;
    DeliveryGroup::delivered(log, 2);
  }
  EXPECT_THAT(log.calls, ElementsAre(Pair(1, 2)));
  DeliveryGroup::delivered(log, 3);
  EXPECT_THAT(log.calls, ElementsAre(Pair(1, 2))) << "it goes on";
}

TEST(KafkaDeliveryGroup, IsOneOfItsThread) {
  Told log;
  const DeliveryGroup group;
  std::thread{[&] { DeliveryGroup::delivered(log, 1); }}.join();
  EXPECT_THAT(log.calls, ElementsAre(Pair(1, 1))) << "there is none there, so it is told at once";
}

}  // namespace
}  // namespace millstream::inline v0
