// Custom operators that throw or are used wrongly, and how else they may be made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "operators/process_driver.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Fussy {
  ValueState<int> count;
  OperatorContext* context = nullptr;
  void open(OperatorContext& c) {
    context = &c;
    count = c.value_state<int>("count");
  }
  void process(const Click& click, Collector<std::string>& out) {
    count.update([](int& n) { ++n; });
    if (click.page == "bad") throw std::runtime_error{"no such page"};
    if (click.page == "odd") throw 7;
    if (click.page == "timer") context->timers().register_event_time(at(10), "doom");
    out.emit(click.page + std::to_string(*count.get()));
  }
  void on_timer(const Timer&, Collector<std::string>&) { throw std::runtime_error{"too late"}; }
  void on_watermark(Timestamp t, Collector<std::string>&) {
    if (t == at(20)) throw std::runtime_error{"high water"};
  }
};

TEST(Process, SkipsRecordsAndTimersThatThrow) {
  Keyed<std::string> driver{Fussy{}, {.on_error = OnError::kSkip}};
  driver.push({1, "a"}, at(0));
  driver.push({1, "bad"}, at(0));
  driver.push({1, "odd"}, at(0));
  driver.push({1, "timer"}, at(0));
  driver.watermark(at(15));
  driver.push({1, "b"}, at(0));
  driver.watermark(at(20));
  driver.push({1, "c"}, at(0));
  driver.drain();
  EXPECT_THAT(driver.output().values(), ElementsAre("a1", "timer4", "b5", "c6"));
  EXPECT_EQ(driver.metrics().skipped.read(), 4U);
  EXPECT_TRUE(driver.output().ended());
}

TEST(Process, DeadLettersSayWhatThrew) {
  StageDriver<Click, std::string> driver{keyed(Fussy{}), {.on_error = OnError::kDeadLetter, .name = "fussy"}};
  auto& letters = driver.side(dead_letters);
  driver.key_by(&Click::user);
  driver.open();
  driver.push({1, "bad"}, at(0));
  driver.push({1, "timer"}, at(0));
  driver.watermark(at(15));
  driver.drain();
  ASSERT_EQ(letters.records().size(), 2U);
  EXPECT_EQ(letters.records()[0].value.bytes, R"({"user":1,"page":"bad"})");
  EXPECT_EQ(letters.records()[0].value.reason, "no such page");
  EXPECT_EQ(letters.records()[1].value.reason, "on_timer('doom' at 1970-01-01T00:00:00.00001Z): too late");
  EXPECT_EQ(letters.records()[1].value.stage, "fussy");
}

TEST(Process, FailsTheJobByDefault) {
  for (const std::string page : {"bad", "timer", "water"}) {
    Keyed<std::string> driver{Fussy{}, {.name = "fussy"}};
    driver.push({1, page}, at(0));
    driver.watermark(at(20));
    driver.push({1, "behind"}, at(0));
    driver.flush();
    ASSERT_TRUE(driver.context().failed());
    EXPECT_EQ(driver.context().failure().code(), ErrorCode::kUserFailure);
    EXPECT_THAT(driver.context().failure().message(), HasSubstr("stage 'fussy'"));
    EXPECT_THAT(driver.output().values(), ::testing::Not(::testing::Contains("behind2")));
  }
}

/// Makes one mistake.
struct Mistaken {
  std::string mistake;
  ValueState<int> value;
  OperatorContext* context = nullptr;
  Status open(OperatorContext& c) {
    context = &c;
    if (mistake == "twice") value = c.value_state<int>("v");
    if (mistake == "unnamed") value = c.value_state<int>("");
    if (mistake == "negative") value = c.value_state<int>("w", {.ttl = -1s});
    value = c.value_state<int>("v");
    if (mistake == "timers") (void)c.timers();
    if (mistake == "throws") throw std::runtime_error{"no way"};
    if (mistake == "status") return {ErrorCode::kUnavailable, "nobody there"};
    if (mistake == "early") value.set(1);
    return {};
  }
  void process(const Click&, Collector<int>& out) {
    if (mistake == "late") (void)context->value_state<int>("late");
    if (mistake == "key") (void)context->key<std::string>();
    value.set(1);
    out.emit(1);
  }
  void on_watermark(Timestamp, Collector<int>&) {
    if (mistake == "watermark") value.set(2);
  }
  void close() {
    if (mistake == "close") throw std::runtime_error{"not now"};
  }
};

TEST(Process, MistakesFailTheJobInWords) {
  const std::pair<const char*, const char*> cases[] = {
      {"twice", "stage 'm': state 'v': the operator has asked for a state of that name already"},
      {"unnamed", "a state needs a name"},
      {"negative", "state 'w': a negative time to live"},
      {"timers", "the operator has no member on_timer"},
      {"throws", "stage 'm', open: threw: no way"},
      {"status", "stage 'm', open: nobody there"},
      {"early", "stage 'm', open: threw: keyed state or a timer was used without a current key"},
      {"late", "state 'late': states are asked for in open()"},
      {"key", "key<K>() was called with a type that is not the one that key_by gives"},
      {"watermark", "on_watermark(1970-01-01T00:00:00.000005Z): keyed state or a timer was used without a current key"},
      {"close", "stage 'm': close threw: not now"},
  };
  for (const auto& [mistake, message] : cases) {
    Keyed<int> driver{Mistaken{mistake, {}, nullptr}, {.name = "m"}};
    driver.push({1, ""}, at(0));
    driver.watermark(at(5));
    driver.end();
    ASSERT_TRUE(driver.context().failed()) << mistake;
    EXPECT_THAT(driver.context().failure().message(), HasSubstr(message)) << mistake;
  }
  StageDriver<Click, int> driver{plain(Mistaken{}), {.name = "m"}};
  driver.open();
  EXPECT_THAT(driver.context().failure().message(), HasSubstr("the operator is not keyed"));
}

/// Neither copied nor moved.
struct Pinned {
  explicit Pinned(int n) : number{n} {}
  Pinned(const Pinned&) = delete;
  int number;
  void process(const Click&, Collector<int>& out) { out.emit(number); }
};

TEST(Process, OperatorsMayBeMadeInPlace) {
  const auto make = [] { return Pinned{7}; };
  static_assert(kMakesOperator<decltype(make)> && !kMakesOperator<Pinned> && !kMakesOperator<Dedupe>);
  StageDriver<Click, int> driver{std::make_unique<ProcessStage<Click, Pinned>>(std::in_place, make, 16U)};
  driver.open();
  driver.push({});
  driver.flush();
  EXPECT_THAT(driver.output().values(), ElementsAre(7));
}

TEST(Process, FunctionsMayBeOperators) {
  const auto f = [n = 0](const Click& click, auto& out, OperatorContext& c) mutable {
    out.emit(click.page + std::to_string(++n) + (c.shard() == 0 ? "" : "?"));
  };
  using Op = FunctionOperator<Click, std::string, std::remove_const_t<decltype(f)>>;
  StageDriver<Click, std::string> driver{plain(Op{f})};
  driver.open();
  driver.push({1, "a"});
  driver.push({1, "b"});
  driver.drain();
  EXPECT_THAT(driver.output().values(), ElementsAre("a1", "b2"));
}

struct Dice {
  void process(const Click&, Collector<std::uint64_t>& out, OperatorContext& c) { out.emit(c.random()()); }
};

TEST(Process, RandomNumbersComeFromTheSeed) {
  const auto roll = [](std::uint64_t seed, std::uint32_t shard, std::string name) {
    StageDriver<Click, std::uint64_t> driver{plain(Dice{}), {.shard = shard, .seed = seed, .name = std::move(name)}};
    driver.open();
    driver.push({});
    driver.push({});
    driver.flush();
    return driver.output().values();
  };
  EXPECT_EQ(roll(1, 0, "a"), roll(1, 0, "a"));
  EXPECT_NE(roll(1, 0, "a"), roll(2, 0, "a"));
  EXPECT_NE(roll(1, 0, "a"), roll(1, 1, "a"));
  EXPECT_NE(roll(1, 0, "a"), roll(1, 0, "b"));
}

}  // namespace
}  // namespace millstream::test
