// The operator harness as a user meets it: records, watermarks and time in, results and side outputs out.
#include "millstream/testing/operator_harness.hpp"

#include <gtest/gtest.h>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using namespace std::chrono_literals;
namespace kit = millstream::testing;

struct Click {
  std::string id;
  std::int64_t count = 1;
  friend bool operator==(const Click&, const Click&) = default;
};
BOOST_DESCRIBE_STRUCT(Click, (), (id, count))

Timestamp at(std::chrono::milliseconds since) { return Timestamp{since}; }

struct Dedupe {
  ValueState<bool> seen;
  void open(OperatorContext& c) { seen = c.value_state<bool>("seen", {.ttl = 1h}); }
  void process(const Click& click, Collector<Click>& out) {
    if (!seen.exchange(true)) out.emit(click);
  }
};

TEST(OperatorHarness, KeyedStateAndTheClock) {
  kit::OperatorHarness<Click, Click> h{[](Stream<Click> s) { return s.key_by(&Click::id).process(Dedupe{}); }};
  h.push({"a"});
  h.push({"a"});
  h.push({"b"});
  EXPECT_EQ(h.output(), (std::vector<Click>{{"a"}, {"b"}}));
  EXPECT_EQ(h.take().size(), 2U);
  h.advance_clock(59min);
  h.push({"b"});
  EXPECT_TRUE(h.output().empty());
  h.advance_clock(1min);
  EXPECT_EQ(h.now(), Timestamp{1h});
  h.push({"a"});
  h.push({"b"});  // seen a minute ago
  EXPECT_EQ(h.output(), (std::vector<Click>{{"a"}}));
  EXPECT_TRUE(h.status().ok());
}

TEST(OperatorHarness, WindowsWatermarksAndLateRecords) {
  kit::OperatorHarness<Click, WindowResult<std::string, std::int64_t>> h{
      [](Stream<Click> s) { return s.key_by(&Click::id).window(tumbling(10ms)).aggregate(sum(&Click::count)); }};
  const auto& late = h.side_output(late_records<Click>);
  h.push({"a", 2}, at(1ms));
  h.push({"a", 3}, at(9ms));
  h.push({"a", 5}, at(10ms));
  EXPECT_TRUE(h.output().empty());
  h.watermark(at(10ms));
  ASSERT_EQ(h.output().size(), 1U);
  EXPECT_EQ(h.output()[0].value, 5);
  EXPECT_EQ(h.recorded().records()[0].time, at(10ms) - 1us);
  EXPECT_EQ(h.output_watermark(), at(10ms));
  h.push({"a", 7}, at(8ms));
  ASSERT_EQ(late.records().size(), 1U);
  EXPECT_EQ(late.records()[0].value.late_by, Duration{2ms});
  EXPECT_EQ(h.metrics().late_dropped, 1U);
  h.finish();
  ASSERT_EQ(h.output().size(), 2U);
  EXPECT_EQ(h.output()[1].value, 5);
  EXPECT_TRUE(h.recorded().ended());
}

TEST(OperatorHarness, StopLeavesWindowsOpen) {
  kit::OperatorHarness<Click, WindowResult<std::string, std::int64_t>> h{
      [](Stream<Click> s) { return s.key_by(&Click::id).window(session(5ms)).aggregate(count()); }};
  h.push({"a"}, at(1ms));
  h.stop();
  EXPECT_TRUE(h.output().empty());
  EXPECT_TRUE(h.recorded().ended());
}

TEST(OperatorHarness, ProcessingTimeWindowsFireByTheClock) {
  kit::OperatorHarness<Click, WindowResult<std::string, std::int64_t>> h{
      [](Stream<Click> s) { return s.key_by(&Click::id).window(tumbling(1min).processing_time()).aggregate(count()); }};
  h.push({"a"});
  h.push({"a"});
  h.advance_clock(59s);
  EXPECT_TRUE(h.output().empty());
  h.advance_clock(1s);
  ASSERT_EQ(h.output().size(), 1U);
  EXPECT_EQ(h.output()[0].value, 2);
  EXPECT_EQ(h.output()[0].window_end, Timestamp{1min});
}

TEST(OperatorHarness, AMistakeInTheGraphShowsInTheStatus) {
  kit::OperatorHarness<Click, WindowResult<std::string, std::int64_t>> h{
      [](Stream<Click> s) { return s.key_by(&Click::id).window(tumbling(0s)).aggregate(count()); }};
  h.push({"a"}, at(1ms));
  EXPECT_EQ(h.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(h.output().empty());
  h.finish();
}

TEST(OperatorHarness, AThrowingFunctionShowsInTheStatus) {
  kit::OperatorHarness<Click, Click> h{[](Stream<Click> s) {
    return s.map([](const Click& c) -> Click {
      if (c.count < 0) throw std::runtime_error{"negative"};
      return c;
    });
  }};
  h.push({"a"});
  EXPECT_TRUE(h.status().ok());
  h.push({"b", -1});
  EXPECT_EQ(h.status().code(), ErrorCode::kUserFailure);
  EXPECT_NE(h.status().message().find("negative"), std::string::npos);
  h.push({"c"});
  EXPECT_EQ(h.output().size(), 1U);
}

}  // namespace
}  // namespace millstream
