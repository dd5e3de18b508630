// What the splits of a source share: each run and each stage has its own, as long as a split may need it.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>

#include "millstream/millstream.hpp"
#include "runtime/eventually.hpp"
#include "runtime/jobs.hpp"

namespace millstream::inline v0 {
namespace {

using namespace test;

struct Seen {
  std::atomic<int> alive{0};
  std::atomic<int> opened{0};
  std::mutex mutex;
  std::map<std::string, std::multiset<std::shared_ptr<void>>> by_source;
};

struct SharingSource {
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  bool ends = false;
  bool keeps = false;

  std::vector<Split> splits(SourceContext& context) const {
    ++seen->alive;
    context.shared = std::shared_ptr<void>{new int, [seen = seen](int* token) {
                                             --seen->alive;
                                             delete token;
                                           }};
    return {{"a"}, {"b"}, {"c"}};
  }
  void open(SplitContext& context) {
    ++seen->opened;
    if (!keeps) return;
    const std::scoped_lock lock{seen->mutex};
    seen->by_source[context.source_name()].insert(context.shared());
  }
  Poll poll(SourceOutput<Tick>&) { return ends ? Poll::done() : Poll::waiting(); }
};

TEST(SharedBySplits, EveryRunAndEveryStageHasItsOwn) {
  const SharingSource source{.keeps = true};
  const SharedCounts counts = make_counts();
  Dataflow flow{"sharing"};
  flow.from(source).named("first").to(CountingSink{counts});
  flow.from(source).named("second").to(CountingSink{counts});
  Job one = start(flow, quiet(2));
  Job other = start(flow, quiet(2));
  EXPECT_TRUE(eventually([&] { return source.seen->opened == 12; }));
  one.cancel();
  other.cancel();
  one.wait();
  other.wait();
  std::set<std::shared_ptr<void>> all;
  for (const auto& [name, tokens] : source.seen->by_source) {
    EXPECT_EQ(tokens.size(), 6U) << name;
    for (const std::shared_ptr<void>& token : tokens) EXPECT_EQ(tokens.count(token), 3U) << name;
    all.insert(tokens.begin(), tokens.end());
  }
  EXPECT_EQ(all.size(), 4U);
  EXPECT_FALSE(all.contains(nullptr));
  source.seen->by_source.clear();
}

TEST(SharedBySplits, ItGoesWithTheLastSplit) {
  const SharingSource ending{.ends = true};
  const SharedCounts counts = make_counts();
  Dataflow flow{"sharing"};
  flow.from(ending).named("ending").to(CountingSink{counts});
  flow.from(SharingSource{}).named("lasting").to(CountingSink{counts});
  Job job = start(flow, quiet(2));
  EXPECT_TRUE(eventually([&] { return ending.seen->opened == 3 && ending.seen->alive == 0; }));
  EXPECT_EQ(job.status().state, JobState::kRunning);
  job.cancel();
  job.wait();
}

struct UnlistedSource {
  Result<std::vector<Split>> splits(SourceContext&) const { return Status{ErrorCode::kNotFound, "no such topic"}; }
  Poll poll(SourceOutput<Tick>&) { return Poll::done(); }
};

TEST(SharedBySplits, ARunThatIsEndedOrNeverBeginsKeepsNothing) {
  const SharingSource source;
  const SharedCounts counts = make_counts();
  Dataflow stopped{"stopped"};
  stopped.from(source).named("first").to(CountingSink{counts});
  Job job = start(stopped, quiet(2));
  job.cancel();
  job.wait();
  EXPECT_EQ(source.seen->alive, 0);
  Dataflow unmade{"unmade"};
  unmade.from(source).named("first").to(CountingSink{counts});
  unmade.from(UnlistedSource{}).named("second").to(CountingSink{counts});
  EXPECT_EQ(run(unmade, quiet(2)).state, JobState::kFailed);
  EXPECT_EQ(source.seen->alive, 0);
}

}  // namespace
}  // namespace millstream::inline v0
