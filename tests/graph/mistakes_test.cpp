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

/// A sink whose transaction decides, or not.
struct Deciding {
  bool decides = true;
  struct Nothing final : Decider {
    Result<bool> fence(const DeciderContext&) override { return true; }
    Result<std::optional<Decision>> read(const DeciderContext&) override { return std::optional{Decision{}}; }
    DecisionStep prepare(const DecisionDraft&) override { return DecisionStep::done(); }
    DecisionStep decide(const DecisionDraft&) override { return DecisionStep::done(); }
    void give_up() override {}
    void close() override {}
    std::string describe() const override { return "by nothing"; }
  };
  std::shared_ptr<Nothing> make_decider() const { return decides ? std::make_shared<Nothing>() : nullptr; }
  void decide_by(const std::shared_ptr<Nothing>&) {}
  void write(const Event&) {}
  std::string prepare() { return {}; }
  void commit(const std::string&) {}
};

TEST(Mistakes, TwoSinksThatDecide) {
  Dataflow flow{"decisions"};
  auto source = flow.from(events());
  source.to(Deciding{}).named("first");
  source.to(Deciding{.decides = false}).named("other");
  EXPECT_THAT(flow.graph().mistakes(true), IsEmpty());
  source.to(Deciding{}).named("second");
  EXPECT_THAT(flow.graph().mistakes(true),
              Contains(HasSubstr("stage 'second': its transaction decides what counts of the job's output (by "
                                 "nothing), and so does that of the sink 'first' (by nothing)")));
}

// Nothing is decided there, and the sinks promise less.
TEST(Mistakes, TwoSinksThatDecideAreNoneInARunWithoutCheckpoints) {
  Dataflow flow{"decisions"};
  auto source = flow.from(events());
  source.to(Deciding{}).named("first");
  source.to(Deciding{}).named("second");
  EXPECT_TRUE(flow.check().ok()) << flow.check().to_string();
  EXPECT_FALSE(flow.check(true).ok());
  const JobResult without = run(flow, {.shards = 1});
  EXPECT_TRUE(without.status.ok()) << without.status.to_string();
  const JobResult with = run(flow, {.shards = 1, .state_dir = ::testing::TempDir() + "two_decide"});
  EXPECT_EQ(with.status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(with.status.message(), HasSubstr("two transactions cannot be committed as one"));
}

TEST(Mistakes, ANameTwice) {
  Dataflow flow{"names"};
  auto source = flow.from(events());
  source.filter([](const Event&) { return true; }).named("same").to(memory::sink<Event>());
  source.filter([](const Event&) { return true; }).named("same").to(memory::sink<Event>());
  EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("two stages are named 'same'")));
}

TEST(Mistakes, ANameThatIsTheIdOfAnotherStage) {
  Dataflow flow{"ids"};
  auto source = flow.from(events());
  source.filter([](const Event&) { return true; }).to(memory::sink<Event>());
  source.map([](const Event& e) { return e; }).named("source").to(memory::sink<Event>());
  source.map([](const Event& e) { return e; }).named("source/filter").to(memory::sink<Event>());
  const std::vector<std::string> all = flow.graph().mistakes();
  EXPECT_THAT(all, SizeIs(2));
  EXPECT_THAT(all, Contains(HasSubstr("named 'source', which is also the id that another stage has")));
  EXPECT_THAT(all, Contains(HasSubstr("named 'source/filter', which is also")));
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
  auto c = flow.from(events());
  c.event_time(&Event::at, monotonic()).event_time(&Event::at, monotonic()).to(memory::sink<Event>());
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

TEST(Mistakes, EventTimeTwiceOnOneSourceOrBehindASideOutput) {
  Dataflow flow{"twice"};
  auto source = flow.from(events());
  source.event_time(&Event::at, monotonic().idle_after(1s)).to(memory::sink<Event>());
  source.event_time(&Event::at, monotonic()).to(memory::sink<Event>());
  const auto parts = flow.from(events()).split({{"even", [](const Event& e) { return e.id % 2 == 0; }}});
  parts.branch("even").event_time(&Event::at, monotonic()).to(memory::sink<Event>());
  const std::vector<std::string> all = flow.graph().mistakes();
  EXPECT_THAT(all, SizeIs(2));
  EXPECT_THAT(all, Contains(HasSubstr("the source 'source' has its event time from 'source/event_time' already")));
  EXPECT_THAT(all, Contains(HasSubstr("before the side output 'even' of 'source#2/split'")));
}

TEST(Mistakes, AMergeOfStreamsOfTwoDataflows) {
  Dataflow one{"one"};
  Dataflow other{"other"};
  auto strings = one.from(memory::source(std::vector<std::string>{}));
  auto mine = strings.map([](const std::string&) { return Event{}; });
  mine.merge(other.from(events())).to(memory::sink<Event>());
  EXPECT_THAT(one.graph().mistakes(),
              ::testing::ElementsAre(HasSubstr("merges a stream of the dataflow 'other' into one of 'one'")));
}

TEST(Mistakes, InputsOfDifferentTypes) {
  Dataflow flow{"types"};
  auto numbers = flow.from(memory::source(std::vector<int>{}));
  auto merged = flow.from(events()).merge();
  merged.place().node().inputs.push_back(numbers.place().at);
  merged.to(memory::sink<Event>());
  EXPECT_THAT(flow.graph().mistakes(), ::testing::ElementsAre(HasSubstr("records of different types")));
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

TEST(Mistakes, SideOutputsThatGoNowhere) {
  Dataflow flow{"dangling sides"};
  const auto parts = flow.from(events()).split({{"even", [](const Event& e) { return e.id % 2 == 0; }},
                                                {"odd", [](const Event& e) { return e.id % 2 != 0; }},
                                                {"large", [](const Event& e) { return e.id > 9; }}});
  parts.branch("even").to(memory::sink<Event>());
  [[maybe_unused]] const auto odd = parts.branch("odd");
  auto counted = flow.from(events())
                     .event_time(&Event::at, monotonic())
                     .key_by(&Event::id)
                     .window(tumbling(1s))
                     .aggregate(count());
  counted.to(Counts{});
  [[maybe_unused]] const auto late = counted.side_output(late_records<Event>);
  const std::vector<std::string> all = flow.graph().mistakes();
  EXPECT_THAT(all, SizeIs(3));
  EXPECT_THAT(all, Contains(HasSubstr("'odd' was asked for and goes nowhere")));
  EXPECT_THAT(all, Contains(HasSubstr("nobody takes its branch 'large'")));
  EXPECT_THAT(all, Contains(HasSubstr("'late_records' was asked for and goes nowhere")));
}

TEST(Mistakes, BranchesAndTagsThatCannotBe) {
  const auto any = [](const Event&) { return true; };
  Dataflow flow{"branches"};
  const auto parts =
      flow.from(events()).split({{"a", any}, {"a", any}, {"b", nullptr}, {"", any}, {"dead_letters", any}});
  parts.branch("a").to(memory::sink<Event>());
  parts.branch("b").to(memory::sink<Event>());
  auto copied = flow.from(events()).process<Event>([](const Event& e, Collector<Event>& out) { out.emit(e); });
  copied.side_output(OutputTag<int>{"twice"}).to(memory::sink<int>());
  copied.side_output(OutputTag<Event>{"twice"}).to(memory::sink<Event>());
  copied.side_output(OutputTag<Event>{"dead_letters"}).to(memory::sink<Event>());
  copied.side_output(OutputTag<Event>{""}).to(memory::sink<Event>());
  const std::vector<std::string> all = flow.graph().mistakes();
  EXPECT_THAT(all, SizeIs(7));
  EXPECT_THAT(all, Contains(HasSubstr("two branches are named 'a'")));
  EXPECT_THAT(all, Contains(HasSubstr("the branch 'b' has no predicate")));
  EXPECT_THAT(all, Contains(HasSubstr("a branch has no name")));
  EXPECT_THAT(all, Contains(HasSubstr("a branch is named 'dead_letters'")));
  EXPECT_THAT(all, Contains(HasSubstr("'twice' is asked for by two tags of different types")));
  EXPECT_THAT(all, Contains(HasSubstr("'dead_letters' has records of another type")));
  EXPECT_THAT(all, Contains(HasSubstr("a tag without a name")));
}

TEST(Mistakes, DeadLettersHaveNoEventTime) {
  Dataflow flow{"letters in time"};
  auto mapped = flow.from(events()).event_time(&Event::at, monotonic()).map([](const Event& e) { return e; });
  mapped.on_error(OnError::kDeadLetter).to(memory::sink<Event>());
  auto letters = mapped.side_output(dead_letters).key_by(&DeadLetter::stage);
  using PerStage = memory::Sink<WindowResult<std::string, std::int64_t>>;
  letters.window(tumbling(1s).processing_time()).aggregate(count()).named("by the clock").to(PerStage{});
  EXPECT_TRUE(flow.check().ok());
  letters.window(tumbling(1s)).aggregate(count()).named("in event time").to(PerStage{});
  EXPECT_THAT(flow.graph().mistakes(), ::testing::ElementsAre(HasSubstr("dead letters have none")));
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

TEST(Mistakes, OfASideOutputItsOwnTypeDecidesWhetherItCanBeCopied) {
  using Moved = std::unique_ptr<Event>;
  const auto id = [](const Moved& e) { return e->id; };
  Dataflow letters{"copyable letters of records that move"};
  auto moved = letters.from(events()).map([](const Event& e) { return std::make_unique<Event>(e); });
  moved.on_error(OnError::kDeadLetter).map(id).to(memory::sink<std::int64_t>());
  auto taken = moved.side_output(dead_letters);
  taken.to(memory::sink<DeadLetter>());
  taken.to(memory::sink<DeadLetter>());
  EXPECT_THAT(letters.graph().mistakes(), IsEmpty());

  struct Moves {
    void process(const Event& e, Collector<std::int64_t>& out, OperatorContext& context) {
      out.emit(e.id);
      context.emit(OutputTag<Moved>{"moved"}, std::make_unique<Event>(e));
    }
  };
  Dataflow side{"records that move beside copyable ones"};
  auto ids = side.from(events()).process(Moves{});
  ids.to(memory::sink<std::int64_t>());
  ids.to(memory::sink<std::int64_t>());
  auto beside = ids.side_output(OutputTag<Moved>{"moved"});
  beside.map(id).to(memory::sink<std::int64_t>());
  beside.map(id).to(memory::sink<std::int64_t>());
  EXPECT_THAT(side.graph().mistakes(),
              ::testing::ElementsAre(HasSubstr("the records of its side output 'moved' cannot be copied")));
}

TEST(Mistakes, ManyDiamondsAreCheckedInAMoment) {
  Dataflow flow{"diamonds"};
  auto stream = flow.from(events()).event_time(&Event::at, monotonic());
  const auto all = [](const Event&) { return true; };
  for (int i = 0; i < 60; ++i) stream = stream.filter(all).merge(stream.filter(all));
  stream.key_by(&Event::id).window(tumbling(1s)).aggregate(count()).to(Counts{});
  EXPECT_THAT(flow.graph().mistakes(), IsEmpty());
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

TEST(Describe, NamesInDotAreQuoted) {
  Dataflow flow{R"(a "flow" \)"};
  const auto parts =
      flow.from(memory::source(std::vector<int>{1})).named("C:\\in\n\"first\"").split({{R"(odd \ "1")", [](int i) {
                                                                                          return i % 2 == 1;
                                                                                        }}});
  parts.branch(R"(odd \ "1")").to(memory::sink<int>());
  parts.rest().to(memory::sink<int>());
  const std::string dot = flow.describe_dot();
  EXPECT_THAT(dot, HasSubstr(R"(digraph "a \"flow\" \\" {)"));
  EXPECT_THAT(dot, HasSubstr(R"(n0 [label="C:\\in\n\"first\"")"));
  EXPECT_THAT(dot, HasSubstr(R"([label="odd \\ \"1\""])"));
}

}  // namespace
}  // namespace millstream
