// Every mistake of a graph is found before it starts, and all of them at once; and what describe() says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Event {
  std::int64_t id = 0;
  Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, at))

auto events() { return memory::source(std::vector<Event>{}); }
using Counts = memory::Sink<WindowResult<std::int64_t, std::int64_t>>;

TEST(Mistakes, ACorrectGraphHasNone) {
  Dataflow flow{"right"};
  flow.from(events())
      .event_time(&Event::at, monotonic())
      .key_by(&Event::id)
      .window(tumbling(1s))
      .aggregate(count())
      .to(Counts{});
  EXPECT_THAT(flow.graph().mistakes(), IsEmpty());
  EXPECT_TRUE(flow.check().ok());
}

TEST(Mistakes, NoSource) { EXPECT_THAT(Dataflow{"empty"}.graph().mistakes(), Contains(HasSubstr("no source"))); }

TEST(Mistakes, AStreamThatGoesNowhere) {
  Dataflow flow{"dangling"};
  [[maybe_unused]] auto filtered = flow.from(events()).filter([](const Event&) { return true; });
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("go nowhere")));
}

TEST(Mistakes, ANameTwice) {
  Dataflow flow{"names"};
  auto source = flow.from(events());
  source.filter([](const Event&) { return true; }).named("same").to(memory::sink<Event>());
  source.filter([](const Event&) { return true; }).named("same").to(memory::sink<Event>());
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("two stages are named 'same'")));
}

TEST(Mistakes, TwoUnnamedStagesWithStateAtOnePlace) {
  Dataflow flow{"unnamed"};
  auto keyed = flow.from(events()).event_time(&Event::at, monotonic()).key_by(&Event::id);
  keyed.window(tumbling(1s)).aggregate(count()).to(Counts{});
  keyed.window(tumbling(2s)).aggregate(count()).to(Counts{});
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("give them names")));
}

TEST(Mistakes, AnEventTimeWindowWithoutEventTime) {
  Dataflow flow{"untimed"};
  flow.from(events()).key_by(&Event::id).window(tumbling(1s)).aggregate(count()).to(Counts{});
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("its input has none")));
}

TEST(Mistakes, EventTimeBehindARebalanceAMergeOrItself) {
  Dataflow flow{"late event time"};
  auto a = flow.from(events());
  auto b = flow.from(events());
  a.rebalance().event_time(&Event::at, monotonic()).to(memory::sink<Event>());
  a.merge(b).event_time(&Event::at, monotonic()).to(memory::sink<Event>());
  b.event_time(&Event::at, monotonic()).event_time(&Event::at, monotonic()).to(memory::sink<Event>());
  const std::vector<std::string> all = flow.graph().mistakes();
  EXPECT_THAT(all, Contains(HasSubstr("before the first key_by")).Times(2));
  EXPECT_THAT(all, Contains(HasSubstr("has an event time already")));
}

TEST(Mistakes, AMergeOfTimedAndUntimedStreams) {
  Dataflow flow{"half timed"};
  auto timed = flow.from(events()).event_time(&Event::at, monotonic());
  timed.merge(flow.from(events())).to(memory::sink<Event>());
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("some of the merged streams have an event time")));
}

TEST(Mistakes, SideOutputs) {
  Dataflow flow{"sides"};
  auto counted = flow.from(events())
                     .event_time(&Event::at, monotonic())
                     .key_by(&Event::id)
                     .window(tumbling(1s))
                     .aggregate(count());
  counted.to(Counts{});
  counted.side_output(OutputTag<Event>{"unknown"}).to(memory::sink<Event>());
  counted.side_output(OutputTag<Event>{"late_records"}).to(memory::sink<Event>());
  const std::vector<std::string> all = flow.graph().mistakes();
  EXPECT_THAT(all, Contains(HasSubstr("no side output 'unknown'")));
  EXPECT_THAT(all, Contains(HasSubstr("of another type than the tag")));
}

TEST(Mistakes, DeadLettersThatNobodyTakes) {
  Dataflow flow{"letters"};
  flow.from(events()).map([](const Event& e) { return e; }).on_error(OnError::kDeadLetter).to(memory::sink<Event>());
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("nobody takes the letters")));
}

TEST(Mistakes, RecordsThatCannotBeCopiedHaveOneConsumer) {
  Dataflow flow{"moves"};
  auto moved = flow.from(events()).map([](const Event& e) { return std::make_unique<Event>(e); });
  const auto id = [](const std::unique_ptr<Event>& e) { return e->id; };
  moved.map(id).to(memory::sink<std::int64_t>());
  moved.map(id).to(memory::sink<std::int64_t>());
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("cannot be copied")));
}

TEST(Mistakes, WindowsThatCannotBe) {
  Dataflow flow{"windows"};
  auto keyed = flow.from(events()).event_time(&Event::at, monotonic()).key_by(&Event::id);
  keyed.window(tumbling(0s)).aggregate(count()).named("a").to(Counts{});
  keyed.window(tumbling(24h).in_zone("Mars/Olympus")).aggregate(count()).named("b").to(Counts{});
  keyed.window(tumbling(1s)).allowed_lateness(-1s).aggregate(count()).named("c").to(Counts{});
  EXPECT_THAT(flow.graph().mistakes(), SizeIs(3));
}

TEST(Mistakes, AllAtOnceInOneStatus) {
  Dataflow flow{"several"};
  auto source = flow.from(events());
  source.key_by(&Event::id).window(tumbling(1s)).aggregate(count()).to(Counts{});
  [[maybe_unused]] auto dangling = source.filter([](const Event&) { return true; });
  const Status status = flow.check();
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("dataflow 'several' cannot be started:"));
  EXPECT_THAT(status.message(), HasSubstr("its input has none"));
  EXPECT_THAT(status.message(), HasSubstr("go nowhere"));
}

TEST(Describe, TextAndDot) {
  Dataflow flow{"described"};
  flow.from(events())
      .named("events")
      .event_time(&Event::at, bounded_disorder(5s))
      .key_by(&Event::id)
      .window(tumbling(1s))
      .aggregate(count())
      .named("per second")
      .to(Counts{})
      .named("out");
  EXPECT_EQ(flow.describe(),
            "dataflow described\n"
            "  events: source\n"
            "  events/event_time: event_time bounded_disorder(5s) <- events\n"
            "  events/event_time/key_by: key_by <- events/event_time\n"
            "  events/event_time/key_by/exchange: exchange <- events/event_time/key_by\n"
            "  per second: window tumbling(1s) <- events/event_time/key_by/exchange\n"
            "  out: sink <- per second\n");
  EXPECT_THAT(flow.describe_dot(), HasSubstr("digraph \"described\" {"));
  EXPECT_THAT(flow.describe_dot(), HasSubstr("n4 [label=\"per second\\ntumbling(1s)\"];"));
  EXPECT_THAT(flow.describe_dot(), HasSubstr("n4 -> n5;"));
}

}  // namespace
}  // namespace millstream
