// A job that is stopped, drained or cancelled at any moment, and what must hold then: what came in is finished, a
// window fires only if all splits have passed its end, and nothing is published after a cancel.
#include <gtest/gtest.h>

#include <numeric>

#include "model/execution.hpp"
#include "model/window_reference.hpp"

namespace millstream::model {
namespace {

enum class End { kStop, kDrain, kCancel };

// Keeps what it is given only if the job ends in good order.
struct PublishingSink {
  std::shared_ptr<std::vector<Collected>> published = std::make_shared<std::vector<Collected>>();
  std::shared_ptr<int> aborted = std::make_shared<int>(0);
  std::vector<Collected> kept{};
  void write(const Collected& result) { kept.push_back(result); }
  void close(SinkEnd end) {
    if (end == SinkEnd::kFinished) {
      published->insert(published->end(), kept.begin(), kept.end());
    } else {
      ++*aborted;
    }
  }
};

void run(Random& random, const Execution& execution, End end) {
  const StreamShape shape = random_shape(random, 1 + random.below(5));
  const Splits splits = random_stream(random, shape);
  WindowSetup setup;
  setup.watermarks = random_watermarks(random, shape.bound);
  setup.step = 50us;
  setup.windows_of = [](Timestamp at) { return uniform_windows(at, 50us, 50us, 0us); };
  EventSource source{splits, execution.seed, 0.05};
  PublishingSink sink;
  Dataflow flow{"stopping"};
  auto late = memory::sink<Late<Event>>();
  auto windows = flow.from(source)
                     .event_time(&Event::at, setup.watermarks.strategy())
                     .key_by(&Event::key)
                     .window(tumbling(50us))
                     .aggregate(collect(&Event::value));
  windows.to(sink);
  windows.side_output(late_records<Event>).to(late);
  const std::uint64_t when = random.below(random.chance(0.5) ? 200 : 2'000);
  bool asked = false;
  testing::SimulatorOptions options;
  options.seed = execution.seed;
  options.shards = execution.shards;
  options.batch = execution.batch;
  options.exchange_slots = execution.slots;
  options.before_step = [&](testing::Simulation& job) {
    if (job.steps() != when) return;
    asked = true;
    if (end == End::kStop) job.stop();
    if (end == End::kDrain) job.drain();
    if (end == End::kCancel) job.cancel();
  };
  const testing::SimulationResult result = testing::Simulator{options}.run(flow);
  if (end == End::kCancel && asked) {
    EXPECT_EQ(result.state, JobState::kCancelled);
    EXPECT_EQ(*sink.aborted, static_cast<int>(execution.shards));
    EXPECT_TRUE(sink.published->empty());
    return;
  }
  ASSERT_TRUE(result.ok()) << result.status.to_string();

  const Splits read = source.read();
  WindowsModel model = WindowsModel::finals(read, setup);
  if (end == End::kStop) {
    Timestamp reached = kTimestampMax;
    for (std::size_t s = 0; s < read.size(); ++s) {
      if (read[s].size() == splits[s].size() && result.steps < when) continue;
      MarkModel marks{setup.watermarks, setup.step};
      for (const Event& event : read[s]) marks.see(event);
      // A split may have been seen to end before the stop came; then it held nothing back.
      if (read[s].size() < splits[s].size()) reached = std::min(reached, marks.mark());
    }
    const auto open = [&](const Pane& pane) { return pane.end > reached; };
    std::vector<Pane> fired;
    for (const Collected& each : *sink.published) fired.push_back(pane_of(each));
    for (const Pane& pane : fired) EXPECT_FALSE(open(pane)) << pane.text();
    // Those that fired are whole.
    std::vector<std::string> whole = finals_of(model.panes, false);
    for (const std::string& each : finals_of(fired, false)) {
      EXPECT_TRUE(std::binary_search(whole.begin(), whole.end(), each) ||
                  std::find(whole.begin(), whole.end(), each) != whole.end())
          << each;
    }
  } else {
    std::vector<Pane> fired;
    for (const Collected& each : *sink.published) fired.push_back(pane_of(each));
    expect_same("final panes", finals_of(model.panes, false), finals_of(fired, false));
  }
  std::vector<std::string> late_lines;
  for (const Late<Event>& each : late.records()) late_lines.push_back(late_text(each.record.value, each.late_by));
  expect_same_set("late records", model.late, late_lines);
}

TEST(Stopping, StopLeavesWindowsOpen) {
  simulate([](Random& random, const Execution& execution) { run(random, execution, End::kStop); });
}
TEST(Stopping, DrainFiresThem) {
  simulate([](Random& random, const Execution& execution) { run(random, execution, End::kDrain); });
}
TEST(Stopping, CancelPublishesNothing) {
  simulate([](Random& random, const Execution& execution) { run(random, execution, End::kCancel); });
}

// The same seed makes the same decisions and the same trace.
TEST(Simulator, SameSeedSameTrace) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::vector<std::uint64_t> hashes;
    for (int again = 0; again < 2; ++again) {
      Random random{seed};
      const StreamShape shape = random_shape(random, 3);
      auto results = memory::sink<Collected>();
      Dataflow flow{"trace"};
      flow.from(EventSource{random_stream(random, shape), seed, 0.05})
          .event_time(&Event::at, bounded_disorder(shape.bound))
          .key_by(&Event::key)
          .window(tumbling(50us))
          .aggregate(collect(&Event::value))
          .to(results);
      const auto result = testing::Simulator{{.seed = seed, .shards = 3, .batch = 7, .exchange_slots = 2}}.run(flow);
      EXPECT_TRUE(result.ok());
      hashes.push_back(result.trace_hash);
    }
    EXPECT_EQ(hashes[0], hashes[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace millstream::model
