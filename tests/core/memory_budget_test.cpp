// What fits a budget, and that it fits once.
#include "millstream/core/memory_budget.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace ms = millstream;

namespace {

TEST(MemoryReservation, TakesWhatFits) {
  const auto budget = std::make_shared<ms::MemoryBudget>(100);
  ms::MemoryReservation held{budget};
  EXPECT_TRUE(held.try_resize(60));
  EXPECT_TRUE(held.try_resize(100));
  EXPECT_FALSE(held.try_resize(101));
  EXPECT_EQ(held.bytes(), 100);
  EXPECT_EQ(budget->used_bytes(), 100);
  EXPECT_TRUE(held.try_resize(30));
  EXPECT_EQ(budget->used_bytes(), 30);
}

TEST(MemoryReservation, TakesLessAlsoOfABudgetThatIsExceeded) {
  const auto budget = std::make_shared<ms::MemoryBudget>(100);
  ms::MemoryReservation held{budget};
  held.resize(300);
  EXPECT_FALSE(held.try_resize(301));
  EXPECT_TRUE(held.try_resize(200));
  EXPECT_EQ(budget->used_bytes(), 200);
}

TEST(MemoryReservation, WithoutABudgetEverythingFits) {
  ms::MemoryReservation held;
  EXPECT_TRUE(held.try_resize(1'000));
  EXPECT_EQ(held.bytes(), 1'000);
}

TEST(MemoryReservation, OfSeveralAtOnceAsManyAsFit) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 200; ++round) {
    const auto budget = std::make_shared<ms::MemoryBudget>(100);
    std::vector<ms::MemoryReservation> held(kThreads);
    std::vector<int> got(kThreads, 0);
    std::latch all_there{kThreads};
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        held[i] = ms::MemoryReservation{budget};
        all_there.arrive_and_wait();
        got[i] = held[i].try_resize(40) ? 1 : 0;
      });
    }
    threads.clear();
    int count = 0;
    for (const int each : got) count += each;
    EXPECT_EQ(count, 2);
    EXPECT_EQ(budget->used_bytes(), 80);
  }
}

}  // namespace
