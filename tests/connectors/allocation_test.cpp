// Sources allocate nothing per record once they have seen their longest one. Counts every operator new of the process.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "connectors/compress.hpp"
#include "connectors/drive.hpp"
#include "connectors/readings.hpp"
#include "connectors/temporary_folder.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Not inlined, or the compiler sees malloc and free where it expects new and delete, and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace millstream::inline v0 {
namespace {

using testing::Reading;

/// Allocations of all polls but the first ten.
template <class T, class S>
std::size_t steady_allocations(S source, const std::string& split, std::size_t records_expected) {
  SplitContext context{{"source", &posix_file_system(), &system_clock(), 1}, {split, {}}, 0, {}, {}};
  const Status opened = source.open(context);
  EXPECT_TRUE(opened.ok()) << opened.to_string();
  Batch<T> batch{100};
  std::vector<DeadLetter> bad;
  std::size_t records = 0;
  std::size_t before = 0;
  for (int polls = 0;; ++polls) {
    if (polls == 10) before = allocations.load(std::memory_order_relaxed);
    SourceOutput<T> out{batch, batch.capacity(), bad};
    const Result<Poll> result = testing::as_result(source.poll(out));
    EXPECT_TRUE(result);
    records += batch.size();
    batch.clear_values();
    if (!result || result->kind == Poll::Kind::kDone) break;
  }
  EXPECT_EQ(records, records_expected);
  EXPECT_TRUE(bad.empty());
  return allocations.load(std::memory_order_relaxed) - before;
}

TEST(Allocation, FilesAreReadWithoutOnePerRecord) {
  testing::TemporaryFolder folder;
  const std::vector<Reading> readings(20'000, Reading{"sensor", 1, {}, Timestamp{}});  // strings that need no heap
  const std::string json = testing::to_json_lines(readings);
  const std::string csv = testing::to_csv(readings);
  for (const auto& [name, bytes] :
       std::map<std::string, std::string>{{"a.json", json}, {"a.csv", csv}, {"a.json.gz", testing::gzip(json)}}) {
    const std::string path = folder.write(name, bytes);
    // A few while the buffer grows to its largest chunk.
    EXPECT_LE((steady_allocations<Reading>(file::source<Reading>({.path = path}), path, readings.size())), 5U) << name;
  }
}

TEST(Allocation, MemoryAndGeneratorAllocateNothing) {
  EXPECT_EQ((steady_allocations<int>(memory::source(std::vector<int>(20'000)), "0", 20'000)), 0U);
  const auto generator = generator::source<int>(
      {.make = [](std::uint64_t i, Random& random) { return static_cast<int>(i + random.below(3)); },
       .count = 20'000,
       .rate = 1e12});
  EXPECT_EQ((steady_allocations<int>(generator, "0", 20'000)), 0U);
}

}  // namespace
}  // namespace millstream::inline v0
