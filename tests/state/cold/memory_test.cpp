// That the memory of the store on RocksDB is what it says: the block cache never goes beyond its limit, pinned blocks
// included, and all the rest stays within kColdFixedBytes while rounds, merges, lookups and ranges go on at once.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHeapIsMeasured = false;  // a sanitizer has a heap of its own
#else
constexpr bool kHeapIsMeasured = true;
#endif

constexpr std::uint32_t kColumns = 8;
constexpr int kRounds = 40;
constexpr int kKeysOfRound = 25'000;
constexpr std::uint64_t kKeys = 400'000;

std::size_t heap_bytes() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

std::string key_of(std::uint64_t number) {
  std::string key;
  append_cold_key(key, 0, static_cast<std::uint32_t>(number % 1024), std::to_string(number * 0x9e3779b97f4a7c15));
  return key;
}

struct Peak {
  std::size_t heap = 0;
  std::size_t cache = 0;
  std::size_t pinned = 0;
};

// What a reader holds itself is its own memory: it is small, and never given back while the test measures.
void read(ColdStore& store, std::uint64_t seed, const std::atomic<bool>& over, std::atomic<std::uint64_t>& failures) {
  Random random{seed};
  ColdKeys keys;
  ColdAnswer answer;
  while (!over.load()) {
    const auto column = static_cast<std::uint32_t>(random.below(kColumns));
    keys.clear();
    for (int i = 0; i < 256; ++i) keys.add(key_of(random.below(kKeys)));
    if (!store.get(column, keys, answer).ok()) ++failures;
    const std::string end(4, '\xff');
    if (!store.scan(column, key_of(random.below(kKeys)), end, {.bytes = 64 << 10}, answer).ok()) ++failures;
  }
}

Peak run(const std::string& folder, std::size_t cache_bytes) {
  const std::size_t before = heap_bytes();
  std::vector<std::string> columns;
  for (std::uint32_t i = 0; i < kColumns; ++i) columns.push_back("stage/" + std::to_string(i));
  StoreResult opened =
      open_cold_store(posix_file_system(), {.folder = folder, .columns = columns, .cache_bytes = cache_bytes});
  EXPECT_TRUE(opened) << opened.error().to_string();
  if (!opened) return {};
  ColdStore& store = **opened;

  Peak peak;
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::size_t> sorting{0};  // 16 bytes a change
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 2; ++i) threads.emplace_back([&, i] { read(store, i, over, failures); });
  threads.emplace_back([&] {
    while (!over.load()) {
      const ColdStatistics now = store.statistics();
      peak.cache = std::max(peak.cache, now.cache_bytes);
      peak.pinned = std::max(peak.pinned, now.pinned_bytes);
      // Rounds, what sorts them and the blocks of the cache are not on the heap; what the cache keeps about each is.
      const std::size_t heap = heap_bytes();
      if (heap > before) peak.heap = std::max(peak.heap, heap - before + sorting.load());
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
  });
  Random random{7};
  RocksWorld world;
  for (int i = 0; i < kRounds; ++i) {
    const Status room = wait_for_room(world, store);
    EXPECT_TRUE(room.ok()) << room.to_string();
    ColdChanges changes;
    for (int k = 0; k < kKeysOfRound; ++k) {
      changes.put(static_cast<std::uint32_t>(k) % kColumns, key_of(random.below(kKeys)), random_bytes(random, 60));
    }
    const ColdRound round = round_of(std::move(changes));
    sorting.store(std::size_t{16} * kKeysOfRound);
    const Status taken = store.ingest(round);
    EXPECT_TRUE(taken.ok()) << taken.to_string();
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    sorting.store(0);
  }
  over.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0U);
  EXPECT_GT(store.statistics().file_bytes, 10 * cache_bytes);
  return peak;
}

TEST(ColdMemory, StaysWithinItsLimits) {
  for (const std::size_t cache_bytes : {kColdCacheBytesMin, 4 * kColdCacheBytesMin}) {
    testing::TemporaryFolder folder;
    const Peak peak = run(folder / "cold", cache_bytes);
    std::cout << "cache " << cache_bytes << ": at most " << peak.cache << " used, " << peak.pinned << " pinned, "
              << peak.heap << " beside it\n";
    EXPECT_LE(peak.cache, cache_bytes);
    EXPECT_GT(peak.cache, cache_bytes / 2);
    EXPECT_LE(peak.pinned, cache_bytes);
    if (kHeapIsMeasured) {
      EXPECT_LE(peak.heap, kColdFixedBytes);
    }
  }
}

}  // namespace
}  // namespace millstream::test
