// Axes, and charts of odd input.
#include <gtest/gtest.h>

#include <limits>

#include "report/axis.hpp"
#include "report/charts.hpp"

namespace report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Ticks = std::vector<double>;

TEST(NiceTicks, AreRoundAndCoverTheRange) {
  EXPECT_EQ(nice_ticks(0, 10, 5), (Ticks{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(nice_ticks(0, 47, 5), (Ticks{0, 10, 20, 30, 40, 50}));
  EXPECT_EQ(nice_ticks(-3, 3, 3), (Ticks{-4, -2, 0, 2, 4}));
  EXPECT_EQ(nice_ticks(0, 172, 5), (Ticks{0, 50, 100, 150, 200}));
}

TEST(NiceTicks, OfNoRangeAreFromZeroToOne) {
  for (const auto& [low, high] : {std::pair{5.0, 5.0}, {2.0, 1.0}, {kNan, 1.0}, {0.0, kInfinity}, {-1e308, 1e308}}) {
    const Ticks ticks = nice_ticks(low, high, 5);
    EXPECT_EQ(ticks.front(), 0);
    EXPECT_EQ(ticks.back(), 1);
  }
}

TEST(LogTicks, ArePowersOfTen) {
  EXPECT_EQ(log_ticks(3, 400), (Ticks{1, 10, 100, 1000}));
  EXPECT_EQ(log_ticks(10, 10), (Ticks{10, 100}));
  EXPECT_EQ(log_ticks(0, 5), (Ticks{1, 10}));
  EXPECT_EQ(log_ticks(kInfinity, 0), (Ticks{1, 10}));
}

TEST(Nines, AreCounted) {
  EXPECT_DOUBLE_EQ(nines(0), 0);
  EXPECT_NEAR(nines(0.5), 0.30103, 1e-5);
  EXPECT_NEAR(nines(0.9), 1, 1e-9);
  EXPECT_NEAR(nines(0.9999), 4, 1e-9);
}

TEST(ShortNumber, HasThreeDigits) {
  EXPECT_EQ(short_number(0.347), "0.347");
  EXPECT_EQ(short_number(999.7), "1 k");
  EXPECT_EQ(short_number(57'123'000), "57.1 M");
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(-1500), "-1.5 k");
  EXPECT_EQ(short_number(kNan), "-");
}

TEST(Text, IsEscapedAndCutBetweenCharacters) {
  EXPECT_EQ(escape("a<b>&\"\n"), "a&lt;b&gt;&amp;&quot;?");
  EXPECT_EQ(shorten("four", 4), "four");
  EXPECT_EQ(shorten("\u00e4\u00e4\u00e4\u00e4", 3), "\u00e4\u00e4\u2026");
}

void expect_drawn(const std::string& svg) {
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
  EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
}

TEST(Charts, TakeNothing) {
  expect_drawn(bars("none", "share", {}, std::nullopt));
  expect_drawn(percentiles("none", {}));
  expect_drawn(percentiles("none", {{"empty", Style::kSolid, {}}}));
  expect_drawn(lines("none", {.x = "", .y = ""}, {}));
}

TEST(Charts, TakeOddValues) {
  expect_drawn(bars("odd", "share",
                    {{.label = "a", .value = kNan},
                     {.label = "b", .value = -2},
                     {.label = std::string(5000, 'x'), .value = kInfinity, .note = "note"}},
                    Reference{1, "one"}));
  expect_drawn(percentiles("odd", {{"a", Style::kSolid, {{0.5, -1}, {0.9, kNan}, {0.99, 0}}}}));
  expect_drawn(percentiles("one", {{"a", Style::kSolid, {{0.5, 3}}}}));
  expect_drawn(lines("odd", {.x = "", .y = "", .log_y = true},
                     {{"a", Style::kSolid, {{kNan, 1}, {1, kInfinity}, {-1, 2}, {1, -5}}}}));
  expect_drawn(lines("one", {.x = "", .y = ""}, {{"a", Style::kSolid, {{1, 1}}}}));
}

TEST(Charts, CutLongNamesButKeepTheNote) {
  const std::string svg =
      bars("t", "share", {{.label = std::string(500, 'x'), .value = 1, .note = "0.83"}}, std::nullopt);
  EXPECT_NE(svg.find("\u2026: 0.83<"), std::string::npos);
}

TEST(Charts, NameRarePercentilesInFull) {
  const std::string svg = percentiles("t", {{"a", Style::kSolid, {{0.9999, 3}, {1, 4}}}});
  EXPECT_NE(svg.find(">p99.99<"), std::string::npos);
  EXPECT_NE(svg.find(">max<"), std::string::npos);
}

TEST(Charts, ShadeSpansWithinTheAxesAndNoNarrowerThanALine) {
  const std::string svg = lines("spans",
                                {.x = "s",
                                 .y = "us",
                                 .cuts = {5, kNan},
                                 .spans_name = "checkpoint",
                                 .spans = {{2, 2}, {-100, 4}, {8, kInfinity}, {9, 100}},
                                 .marks = false},
                                {{"a", Style::kSolid, {{0, 1}, {10, 3}}}, {"one", Style::kDashed, {{4, 2}}}});
  expect_drawn(svg);
  EXPECT_NE(svg.find(">checkpoint<"), std::string::npos);
  EXPECT_NE(svg.find("width=\"1.5\" height=\"200.0\" fill=\"#ccc\""), std::string::npos) << svg;
  EXPECT_NE(svg.find("x=\"48.0\" y=\"60.0\" width=\"119.2\""), std::string::npos) << svg;  // from the axis on
  EXPECT_EQ(svg.find("<circle"), std::string::npos) << svg;
  EXPECT_NE(svg.find("width=\"6\" height=\"6\""), std::string::npos) << "a lone point is no line, so it has a mark";
}

TEST(Charts, TakeInstantsBeforeTheBegin) {
  const std::string svg = lines("before", {.x = "ms", .y = "messages"}, {{"a", Style::kSolid, {{-400, 1}, {400, 3}}}});
  expect_drawn(svg);
  EXPECT_NE(svg.find(">-400<"), std::string::npos) << svg;
  EXPECT_NE(svg.find("<polyline points=\"48.0,"), std::string::npos) << svg;
}

TEST(Charts, GoldenLine) {
  const std::string svg = lines("two", {.x = "s", .y = "us"}, {{"a", Style::kSolid, {{0, 0}, {10, 10}}}});
  EXPECT_NE(svg.find("<polyline points=\"48.0,260.0 346.0,60.0\" fill=\"none\" stroke=\"#000\""), std::string::npos)
      << svg;
}

}  // namespace
}  // namespace report
