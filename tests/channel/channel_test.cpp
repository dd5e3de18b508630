// The pieces that move records: ring, columns and marks of batches, merging of inputs.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <semaphore>
#include <thread>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/channel/exchange.hpp"
#include "millstream/channel/input_merge.hpp"
#include "millstream/channel/ring.hpp"

namespace millstream {
namespace {

Timestamp at(std::int64_t n) { return Timestamp{Duration{n}}; }
Watermarks both(std::int64_t n) { return {at(n), at(n)}; }

// A shard that sleeps on a semaphore.
class SleepingSignal final : public ShardSignal {
 public:
  // Looks, sleeps if that finds nothing, looks again. False if nobody woke it for long, though it then finds something.
  template <class Look>
  bool wait_for(Look&& look) {
    while (!look()) {
      prepare_to_park();
      const bool found = look();
      if (!found && !semaphore_.try_acquire_for(std::chrono::seconds{5})) return false;
      unpark();
      if (found) return true;
    }
    return true;
  }

 private:
  void wake() noexcept override { semaphore_.release(); }
  std::counting_semaphore<> semaphore_{0};
};

// An empty batch whose home is the channel.
template <class T>
Batch<T>* take(Channel& channel) {
  if (BatchBase* batch = channel.reuse()) return static_cast<Batch<T>*>(batch);
  auto* batch = new Batch<T>(kBatchRecordsMax);
  batch->home = &channel;
  return batch;
}

// With few slots every batch may put a side to sleep; one wake-up that is lost, and it sleeps for ever.
TEST(Channel, LosesNoWakeUp) {
  for (const std::size_t slots : {1U, 2U, 3U, 16U}) {
    SleepingSignal producer;
    SleepingSignal consumer;
    Channel channel{slots, producer, consumer};
    constexpr std::uint64_t kCount = 100'000;
    std::atomic<bool> lost{false};
    std::thread sending{[&] {
      for (std::uint64_t i = 0; i < kCount && !lost; ++i) {
        if (!producer.wait_for([&] { return channel.has_room(); })) {
          lost = true;
          break;
        }
        Batch<std::uint64_t>* batch = take<std::uint64_t>(channel);
        batch->emplace_back(i);
        channel.send(batch);
      }
    }};
    for (std::uint64_t i = 0; i < kCount && !lost; ++i) {
      BatchHandle batch;
      if (!consumer.wait_for([&] { return static_cast<bool>(batch = BatchHandle{channel.receive()}); })) {
        lost = true;
        break;
      }
      ASSERT_EQ(static_cast<Batch<std::uint64_t>&>(*batch).values()[0], i);
    }
    sending.join();
    EXPECT_FALSE(lost) << slots;
  }
}

// A producer that sleeps for another reason is not woken by each batch that the consumer takes.
TEST(Channel, WakesAProducerOnlyForRoom) {
  class CountingSignal final : public ShardSignal {
   public:
    int woken = 0;

   private:
    void wake() noexcept override { ++woken; }
  };
  CountingSignal producer;
  CountingSignal consumer;
  Channel channel{4, producer, consumer};
  const auto send = [&] { channel.send(take<int>(channel)); };
  for (int i = 0; i < 10; ++i) {
    send();
    producer.prepare_to_park();
    BatchHandle{channel.receive()};
  }
  EXPECT_EQ(producer.woken, 0);
  while (channel.has_room()) send();
  producer.prepare_to_park();
  BatchHandle{channel.receive()};
  EXPECT_EQ(producer.woken, 0);
  BatchHandle{channel.receive()};
  EXPECT_EQ(producer.woken, 1);  // half empty
  EXPECT_TRUE(channel.has_room());
  producer.prepare_to_park();
  while (BatchHandle{channel.receive()}) {
  }
  EXPECT_EQ(producer.woken, 1);
}

TEST(Ring, IsFullAndEmptyAtItsLimits) {
  for (const std::size_t slots : {1U, 3U, 16U}) {
    Ring<std::uint64_t> ring{slots};
    std::uint64_t value = 0;
    for (std::uint64_t lap = 0; lap < 5; ++lap) {
      EXPECT_FALSE(ring.pop(value));
      for (std::uint64_t i = 0; i < slots; ++i) EXPECT_TRUE(ring.push(i));
      EXPECT_FALSE(ring.push(99));
      EXPECT_EQ(ring.room(), 0U);
      for (std::uint64_t i = 0; i < slots; ++i) {
        ASSERT_TRUE(ring.pop(value));
        EXPECT_EQ(value, i);
      }
      EXPECT_TRUE(ring.has_room(slots));
    }
  }
}

TEST(Ring, KeepsOrderBetweenTwoThreads) {
  for (const std::size_t slots : {1U, 2U, 16U}) {
    Ring<std::uint64_t> ring{slots};
    const std::uint64_t count = slots * 5'000;  // with one slot each element may cost a switch of threads
    std::thread producer{[&] {
      for (std::uint64_t i = 0; i < count;) {
        if (ring.push(i)) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    }};
    std::uint64_t value = 0;
    for (std::uint64_t expected = 0; expected < count;) {
      if (ring.pop(value)) {
        ASSERT_EQ(value, expected++);
      } else {
        std::this_thread::yield();
      }
    }
    producer.join();
  }
}

// Which watermark each record sees, and what holds at the end.
std::vector<Watermarks> seen(const BatchBase& batch) {
  std::vector<Watermarks> all;
  std::size_t mark = 0;
  Watermarks now = batch.start;
  for (std::uint32_t i = 0; i < batch.size(); ++i) {
    while (mark < batch.marks.size() && batch.marks[mark].position <= i) now = batch.marks[mark++].at;
    all.push_back(now);
  }
  all.push_back(batch.end());
  return all;
}

TEST(Batch, KeepColumnsLeavesEachKeptRecordItsTimeAndItsWatermark) {
  std::mt19937 random{3};
  BatchPool<std::int64_t> pool{64};
  for (int round = 0; round < 2000; ++round) {
    Batch<std::int64_t>* batch = pool.take();
    batch->start = both(0);
    const auto size = static_cast<std::uint32_t>(random() % 20);
    std::int64_t watermark = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      batch->times.enable()[i] = at(i);
      batch->hashes.enable()[i] = i * 10;
      batch->emplace_back(i);
      if (random() % 3 == 0) batch->mark(both(++watermark));
    }
    const std::vector<Watermarks> before = seen(*batch);
    std::vector<std::uint32_t> kept;
    for (std::uint32_t i = 0; i < size; ++i) {
      if (random() % 2 == 0) kept.push_back(i);
    }
    batch->keep_columns(kept.data(), static_cast<std::uint32_t>(kept.size()));
    batch->set_size(static_cast<std::uint32_t>(kept.size()));
    const std::vector<Watermarks> after = seen(*batch);
    for (std::size_t k = 0; k < kept.size(); ++k) {
      EXPECT_EQ(after[k], before[kept[k]]);
      EXPECT_EQ(batch->times.data()[k], at(kept[k]));
      EXPECT_EQ(batch->hashes.data()[k], kept[k] * 10);
    }
    EXPECT_EQ(after.back(), before.back());
    BatchReturn{}(batch);
  }
}

TEST(Batch, TwoMarksAtOnePlaceAreTheLaterOne) {
  Batch<int> batch{4};
  batch.mark(both(1));
  EXPECT_EQ(batch.start, both(1));
  batch.emplace_back(7);
  batch.mark(both(2));
  batch.mark(both(3));
  ASSERT_EQ(batch.marks.size(), 1U);
  EXPECT_EQ(batch.marks.front(), (Mark{1, both(3)}));
}

TEST(InputMerge, TheSlowestInputHoldsTheWatermark) {
  InputMerge merge{2};
  const auto from = [&](std::uint32_t input, std::int64_t watermark, Control control = Control::kNone) {
    Batch<int> batch{4};
    batch.mark(both(watermark));
    batch.control = control;
    merge.rewrite(input, batch);
    return std::pair{batch.end().merged, batch.control};
  };
  EXPECT_EQ(from(0, 10).first, kTimestampMin);
  EXPECT_EQ(from(1, 4).first, at(4));
  EXPECT_EQ(from(1, 30).first, at(10));
  // An idle input does not count; when all are idle, so is the merge, and the watermark stays.
  EXPECT_EQ(from(0, 10, Control::kIdle), (std::pair{at(30), Control::kNone}));
  EXPECT_EQ(from(1, 30, Control::kIdle), (std::pair{at(30), Control::kIdle}));
  EXPECT_EQ(from(0, 10, Control::kActive), (std::pair{at(30), Control::kActive}));
  EXPECT_EQ(from(0, 12).first, at(30)) << "one that returns goes on from the merged watermark";
  EXPECT_EQ(from(0, 40, Control::kEnd).second, Control::kIdle) << "the other one is idle still";
  EXPECT_EQ(from(1, 50, Control::kEnd).second, Control::kEnd);
}

}  // namespace
}  // namespace millstream
