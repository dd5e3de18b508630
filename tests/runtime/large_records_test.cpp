// Records with a lot of heap memory: what is in flight is bounded in bytes, whatever the sink does, and everything
// arrives.
#include <gtest/gtest.h>

#include <functional>

#include "millstream/connectors/generator.hpp"
#include "millstream/connectors/memory.hpp"
#include "millstream/testing/simulator.hpp"
#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

constexpr std::size_t kRecordBytes = 100'000;

struct Page {
  std::int64_t number = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Page, (), (number, text))

/// `count` pages, as many in a poll as there is room for.
struct PageSource {
  SharedCounts counts;
  std::int64_t count = 1'000'000;
  std::int64_t next = 0;
  Poll poll(SourceOutput<Page>& out) {
    for (; out.room() > 0 && next < count; counts->emitted.fetch_add(1)) {
      out.emit(Page{next++, std::string(kRecordBytes, 'x')});
    }
    return next < count ? Poll::more() : Poll::done();
  }
};

struct PageSink {
  SharedCounts counts;
  std::chrono::microseconds pause{0};
  void write(const Page& page) {
    EXPECT_EQ(page.text.size(), kRecordBytes);
    counts->taken.fetch_add(1);
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
};

enum class Shape { kLine, kOneKey, kManyKeys, kBroadcast, kFlatMap };

void declare(Dataflow& flow, Shape shape, const PageSource& source, const PageSink& sink) {
  const auto pages = flow.from(source);
  const auto last = [](const Page&, const Page& b) { return b; };
  switch (shape) {
    case Shape::kLine:
      pages.map([](Page p) { return p; }).to(sink);
      return;
    case Shape::kOneKey:
      pages.key_by([](const Page&) { return std::int64_t{1}; }).reduce(last).to(sink);
      return;
    case Shape::kManyKeys:
      pages.key_by([](const Page& p) { return p.number % 5; }).reduce(last).to(sink);
      return;
    case Shape::kBroadcast:
      pages.broadcast().to(sink);
      return;
    case Shape::kFlatMap:
      pages.flat_map<Page>([](const Page& p, Collector<Page>& out) { out.emit(p); }).rebalance().to(sink);
      return;
  }
}

TEST(LargeRecords, BehindASlowSinkMemoryIsBounded) {
  for (const Shape shape : {Shape::kLine, Shape::kOneKey, Shape::kManyKeys, Shape::kBroadcast, Shape::kFlatMap}) {
    SCOPED_TRACE(static_cast<int>(shape));
    const SharedCounts counts = make_counts();
    Dataflow flow{"pages"};
    declare(flow, shape, PageSource{counts}, PageSink{counts, 2ms});
    Job job = start(flow, quiet(2));
    ASSERT_TRUE(eventually([&] { return counts->taken > 30; }));
    for (int look = 0; look < 20; ++look) {
      const std::uint64_t taken = counts->taken;
      const std::uint64_t in_flight = counts->emitted - (shape == Shape::kBroadcast ? taken / 2 : taken);
      // The rings to two shards, and a batch in each stage.
      EXPECT_LE(in_flight * kRecordBytes, 2 * kExchangeHeapBytes + 12 * (kBatchHeapBytes + kRecordBytes));
      std::this_thread::sleep_for(5ms);
    }
    job.cancel();
    EXPECT_TRUE(job.wait_for(5s));
  }
}

// Waiting for bytes wakes up again, in whatever order the shards are stepped.
TEST(LargeRecords, AllArrive) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const auto shape = static_cast<Shape>(seed % 5);
    const SharedCounts counts = make_counts();
    Dataflow flow{"pages"};
    declare(flow, shape, PageSource{counts, 60}, PageSink{counts});
    const auto shards = static_cast<std::uint32_t>(1 + seed % 3);
    const auto result = testing::Simulator{{.seed = seed, .shards = shards, .batch = 16}}.run(flow);
    EXPECT_TRUE(result.ok()) << result.status.to_string();
    EXPECT_EQ(counts->taken, shape == Shape::kBroadcast ? 60 * shards : 60);
  }
}

TEST(LargeRecords, AllArriveBetweenThreads) {
  for (const Shape shape : {Shape::kOneKey, Shape::kManyKeys, Shape::kBroadcast}) {
    const SharedCounts counts = make_counts();
    Dataflow flow{"pages"};
    declare(flow, shape, PageSource{counts, 3'000}, PageSink{counts});
    Job job = start(flow, quiet(3));
    ASSERT_TRUE(job.wait_for(60s));
    EXPECT_EQ(counts->taken, shape == Shape::kBroadcast ? 9'000 : 3'000);
  }
}

// The library's own sources look at the room before each record.
TEST(LargeRecords, SourcesCloseABatchByItsBytes) {
  const auto make = [](std::uint64_t i) { return Page{static_cast<std::int64_t>(i), std::string(kRecordBytes, 'x')}; };
  Batch<Page> batch{100};
  std::vector<DeadLetter> bad;
  SourceOutput<Page> out{batch, 100, bad};
  EXPECT_EQ(generator::Make<Page>{make}({.first = 0, .step = 1, .count = 50, .seed = 1}, out), 1U);
  EXPECT_EQ(out.room(), 0U);

  const std::vector<Page> pages(50, make(1));
  const SharedCounts counts = make_counts();
  Dataflow flow{"pages"};
  flow.from(memory::source(pages)).to(PageSink{counts});
  flow.from(generator::source<Page>({.make = make, .count = 50})).to(PageSink{counts});
  EXPECT_TRUE(run(flow, quiet(1)).ok());
  EXPECT_EQ(counts->taken, 100U);
}

}  // namespace
}  // namespace millstream::test
