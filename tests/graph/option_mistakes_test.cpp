// Options that cannot be, and options that would be accepted and mean nothing, are mistakes of the graph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Event {
  std::int64_t id = 0;
  Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, at))

using Counts = memory::Sink<WindowResult<std::int64_t, std::int64_t>>;

auto events() { return memory::source(std::vector<Event>{}); }

// What is wrong with a dataflow that counts in these windows.
template <class W, class Set>
std::vector<std::string> mistakes_of(W window, Set set, bool timed = true) {
  Dataflow flow{"counts"};
  const Stream<Event> source = flow.from(events());
  const Stream<Event> input = timed ? source.event_time(&Event::at, monotonic()) : source;
  set(input.key_by(&Event::id).window(window)).aggregate(count()).to(Counts{});
  return flow.graph().mistakes();
}
std::vector<std::string> mistakes_of(WatermarkStrategy strategy) {
  Dataflow flow{"times"};
  flow.from(events()).event_time(&Event::at, std::move(strategy)).to(memory::sink<Event>());
  return flow.graph().mistakes();
}

const auto as_it_is = [](const auto& w) { return w; };
const auto late = [](const auto& w) { return w.allowed_lateness(1h); };
const auto open = [](const auto& w) { return w.keep_while_open(); };
const auto early = [](const auto& w) { return w.trigger(early_every(2)); };
const auto ticking = [](const auto& w) { return w.trigger(early_interval(1s)); };
const auto watching = [](const auto& w) { return w.trigger(early_interval_event(1s)); };
const auto fresh = [](const auto& w) { return w.discarding(); };
const auto closing = [](const auto& w) { return w.close_after(1s); };

TEST(OptionMistakes, WindowsThatCannotBe) {
  EXPECT_THAT(mistakes_of(tumbling(0s), as_it_is), ElementsAre(HasSubstr("at least 1us")));
  EXPECT_THAT(mistakes_of(tumbling(24h).in_zone("Mars/Olympus"), as_it_is), ElementsAre(HasSubstr("Mars/Olympus")));
  EXPECT_THAT(mistakes_of(tumbling(1s), [](const auto& w) { return w.allowed_lateness(-1s); }),
              ElementsAre(HasSubstr("allowed_lateness is -1s: give 0 or more")));
  EXPECT_THAT(mistakes_of(tumbling(1s), [](const auto& w) { return w.close_after(0s); }),
              ElementsAre(HasSubstr("close_after")));
}

TEST(OptionMistakes, CountWindowsTakeNone) {
  EXPECT_THAT(mistakes_of(count_window(3), as_it_is, false), IsEmpty());
  const auto refused = ElementsAre(HasSubstr("complete by their count alone"));
  EXPECT_THAT(mistakes_of(count_window(3), late), refused);
  EXPECT_THAT(mistakes_of(count_window(3), early), refused);
  EXPECT_THAT(mistakes_of(count_window(3), fresh), refused);
  EXPECT_THAT(mistakes_of(count_window(3, 2), open), refused);
  EXPECT_THAT(mistakes_of(count_window(3), closing), refused);
}

TEST(OptionMistakes, WindowsByTheClockKnowNoWatermark) {
  const TimeWindow window = tumbling(1s).processing_time();
  for (const auto& fine : {mistakes_of(window, as_it_is, false), mistakes_of(window, early, false),
                           mistakes_of(window, ticking, false), mistakes_of(window, fresh, false)}) {
    EXPECT_THAT(fine, IsEmpty());
  }
  EXPECT_THAT(mistakes_of(window, late), ElementsAre(HasSubstr("no record is late, so .allowed_lateness(1h)")));
  EXPECT_THAT(mistakes_of(window, open), ElementsAre(HasSubstr("no record is late, so .keep_while_open()")));
  EXPECT_THAT(mistakes_of(window, watching), ElementsAre(HasSubstr("use early_interval, or drop .processing_time()")));
}

TEST(OptionMistakes, TheGlobalWindowNeverEnds) {
  EXPECT_THAT(mistakes_of(global_window(), early, false), IsEmpty());
  EXPECT_THAT(mistakes_of(global_window(), closing, false), IsEmpty());
  EXPECT_THAT(mistakes_of(global_window(), watching), IsEmpty());
  EXPECT_THAT(mistakes_of(global_window(), watching, false), ElementsAre(HasSubstr("its input has none")));
  EXPECT_THAT(mistakes_of(global_window(), late), ElementsAre(HasSubstr(".allowed_lateness(1h) means nothing")));
  EXPECT_THAT(mistakes_of(global_window(), open), ElementsAre(HasSubstr(".keep_while_open() means nothing")));
}

TEST(OptionMistakes, ATriggerThatFollowsTheWatermarkMakesItsStepFine) {
  Dataflow flow{"step"};
  flow.from(events())
      .event_time(&Event::at, monotonic())
      .key_by(&Event::id)
      .window(global_window())
      .trigger(early_interval_event(1s))
      .aggregate(count())
      .to(Counts{});
  EXPECT_EQ(flow.graph().watermark_step(), kFinestStep);
}

TEST(OptionMistakes, OtherWindowsTakeAll) {
  const auto all = [](const auto& w) { return fresh(closing(open(late(watching(w))))); };
  EXPECT_THAT(mistakes_of(tumbling(1s), all), IsEmpty());
  EXPECT_THAT(mistakes_of(sliding(3s, 1s), all), IsEmpty());
  EXPECT_THAT(mistakes_of(session(1s), all), IsEmpty());
  EXPECT_THAT(mistakes_of(session([](const Event&) { return 1s; }), all), IsEmpty());
}

TEST(OptionMistakes, LateRecordsWhereNoneIsLate) {
  Dataflow flow{"never late"};
  auto counted = flow.from(events()).key_by(&Event::id).window(count_window(3)).aggregate(count());
  counted.to(Counts{});
  counted.side_output(late_records<Event>).to(memory::sink<Late<Event>>());
  EXPECT_THAT(flow.graph().mistakes(), ElementsAre(HasSubstr("no side output 'late_records'")));
}

TEST(OptionMistakes, WatermarkStrategies) {
  for (const WatermarkStrategy& fine :
       {monotonic(), bounded_disorder(0s), monotonic().idle_after(1us).align_within(0s),
        adaptive_disorder({.percentile = 1.0, .bound_min = Duration{0}, .bound_max = Duration{0}})}) {
    EXPECT_THAT(mistakes_of(fine), IsEmpty());
  }
  EXPECT_THAT(mistakes_of(bounded_disorder(-5s)), ElementsAre(HasSubstr("the bound is -5s: give 0 or more")));
  EXPECT_THAT(mistakes_of(monotonic().idle_after(-1s)), ElementsAre(HasSubstr("monotonic: idle_after is -1s")));
  EXPECT_THAT(mistakes_of(monotonic().idle_after(0s)), ElementsAre(HasSubstr("at least 1us")));
  EXPECT_THAT(mistakes_of(monotonic().align_within(-1s)), ElementsAre(HasSubstr("align_within is -1s")));
  EXPECT_THAT(mistakes_of(adaptive_disorder({.percentile = 99.9})), ElementsAre(HasSubstr("write 0.999 for 99.9 %")));
  EXPECT_THAT(mistakes_of(adaptive_disorder({.percentile = 0})), SizeIs(1));
  EXPECT_THAT(mistakes_of(adaptive_disorder({.percentile = std::numeric_limits<double>::quiet_NaN()})), SizeIs(1));
  EXPECT_THAT(mistakes_of(adaptive_disorder({.bound_min = 2s, .bound_max = 1s})), Contains(HasSubstr("bound_max 1s")));
  EXPECT_THAT(mistakes_of(WatermarkStrategy{nullptr, "mine"}), ElementsAre(HasSubstr("mine: it has no factory")));
}

}  // namespace
}  // namespace millstream
