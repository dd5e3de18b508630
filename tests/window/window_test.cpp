// What windows, triggers and options say about themselves and refuse.
#include "millstream/window/window.hpp"

#include <gtest/gtest.h>

namespace millstream::test {
namespace {

using namespace std::chrono_literals;

template <class Window>
void expect_refused(const Window& window, std::string_view part) {
  const Status status = window.validate();
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(Window, DescribesItself) {
  EXPECT_EQ(tumbling(90s).describe(), "tumbling(90s)");
  EXPECT_EQ(sliding(3h, 1h).offset(15min).describe(), "sliding(3h, 1h).offset(15min)");
  EXPECT_EQ(tumbling(24h).in_zone("Europe/Berlin").describe(), "tumbling(1d).in_zone(\"Europe/Berlin\")");
  EXPECT_EQ(tumbling(5ms).processing_time().describe(), "tumbling(5ms).processing_time()");
  EXPECT_EQ(session(30min).describe(), "session(30min)");
  EXPECT_EQ(count_window(5).describe(), "count_window(5)");
  EXPECT_EQ(count_window(5, 2).describe(), "count_window(5, 2)");
  EXPECT_EQ(WindowOptions{}.describe(), "");
  EXPECT_EQ((WindowOptions{.allowed_lateness = 2h, .discarding = true, .trigger = early_every(3).early_interval(1s)})
                .describe(),
            ".allowed_lateness(2h).trigger(early_every(3).early_interval(1s)).discarding()");
}

TEST(Window, RefusesWhatMakesNoSense) {
  for (const auto& fine : {tumbling(1us), sliding(3h, 1h), tumbling(24h).in_zone("Asia/Kolkata").offset(-6h)}) {
    EXPECT_TRUE(fine.validate().ok()) << fine.describe();
  }
  expect_refused(tumbling(0s), "at least 1us");
  expect_refused(tumbling(999ns), "at least 1us");
  expect_refused(sliding(1h, 0s), "at least 1us");
  expect_refused(sliding(1h, 2h), "would be lost");
  expect_refused(sliding(1h, 7us), "choose a slide that divides the size");
  expect_refused(tumbling(24h).in_zone("Europe/Berln"), "Europe/Berln");
  expect_refused(tumbling(500ms).in_zone("Europe/Berlin"), "whole seconds");
  expect_refused(session(0s), "gap");
  expect_refused(count_window(0), "at least 1 record");
  expect_refused(count_window(2, 3), "would be lost");
  EXPECT_FALSE(count_window(2).validate({.allowed_lateness = 1s}).ok());
  EXPECT_FALSE(global_window().validate({.late_by_merged = true}).ok());
  EXPECT_FALSE(tumbling(1s).processing_time().validate({.trigger = early_interval_event(1s)}).ok());
  EXPECT_TRUE(tumbling(1s).validate({.allowed_lateness = 1s, .trigger = early_interval_event(1s)}).ok());
  expect_refused(early_every(0), "at least 1");
  expect_refused(early_interval(0s), "at least 1us");
  expect_refused(early_interval_event(-1s), "at least 1us");
  expect_refused(WindowOptions{.allowed_lateness = -1s}, "give 0 or more");
  expect_refused(WindowOptions{.close_after = 0s}, "close_after");
}

TEST(Window, SaysWhatTheWatermarkStepMustDivide) {
  EXPECT_EQ(tumbling(1min).boundary_step(), 1min);
  EXPECT_EQ(sliding(90s, 60s).boundary_step(), 30s);
  EXPECT_EQ(sliding(3h, 1h).offset(-15min).boundary_step(), 15min);
  EXPECT_EQ(tumbling(24h).in_zone("Europe/Berlin").boundary_step(), 1s);
  EXPECT_EQ(session(30min).boundary_step(), 1ms);
  EXPECT_EQ(WindowOptions{}.boundary_step(), 0s);
  EXPECT_EQ(WindowOptions{.allowed_lateness = 2h}.boundary_step(), 2h);
  EXPECT_EQ(WindowOptions{.trigger = early_interval_event(1s)}.boundary_step(), 1ms);
}

TEST(Window, SessionsByTheRecord) {
  struct Click {
    std::chrono::seconds gap;
  };
  const auto by_member = session(&Click::gap);
  EXPECT_EQ(by_member.gap_of(Click{3s}), 3s);
  EXPECT_EQ(by_member.gap_of(Click{-3s}), 1us);
  EXPECT_EQ(session([](const Click& c) { return 2 * c.gap; }).gap_of(Click{3s}), 6s);
  EXPECT_TRUE(by_member.validate().ok());
}

}  // namespace
}  // namespace millstream::test
