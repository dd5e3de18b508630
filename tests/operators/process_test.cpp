// Custom operators: lifecycle, context, side outputs, timers and backpressure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "millstream/window/aggregates.hpp"
#include "operators/process_driver.hpp"

namespace millstream::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Process, ForgetsAfterItsTimeToLive) {
  Keyed<Click> driver{Dedupe{}};
  const auto pages = [&] {
    std::vector<std::string> all;
    for (const Click& click : driver.output().values()) all.push_back(click.page);
    return all;
  };
  driver.push({1, "a"}, at(5));
  driver.push({2, "b"}, at(3));
  driver.push({1, "c"}, at(7));
  driver.flush();
  EXPECT_THAT(pages(), ElementsAre("a", "b"));
  EXPECT_EQ(driver.output().records()[0].time, at(5));
  driver.advance(59min);
  driver.push({1, "d"}, at(7));
  driver.flush();  // a write: it lives from here on
  driver.advance(59min);
  driver.push({1, "e"}, at(7));
  driver.push({2, "f"}, at(7));
  driver.flush();
  EXPECT_THAT(pages(), ElementsAre("a", "b", "f"));
  EXPECT_EQ(driver.metrics().records_in.read(), 6U);
}

TEST(Process, KeyMayComeFromAFunction) {
  StageDriver<Click, Click> driver{keyed(Dedupe{}, [](const Click& c) { return c.user % 2; })};
  driver.key_by([](const Click& c) { return c.user % 2; });
  driver.open();
  for (std::int64_t i = 0; i < 10; ++i) driver.push({i, ""});
  driver.flush();
  EXPECT_EQ(driver.output().values().size(), 2U);
}

/// Says what happens to it.
struct Diary {
  std::shared_ptr<std::vector<std::string>> lines = std::make_shared<std::vector<std::string>>();
  OperatorContext* context = nullptr;
  Status open(OperatorContext& c) {
    context = &c;
    lines->push_back("open " + c.stage() + " " + std::to_string(c.shard()) + "/" + std::to_string(c.shards()));
    c.log(LogLevel::kInfo, "hello");
    return {};
  }
  void process(const Click& click, Collector<std::string>& out, OperatorContext& c) {
    lines->push_back("process " + click.page + " at " + to_string(c.timestamp()));
    if (click.page.starts_with("t")) c.timers().register_event_time(at(std::stoi(click.page.substr(1))), click.page);
    out.emit("p" + click.page);
  }
  void on_timer(const Timer& timer, Collector<std::string>& out) {
    lines->push_back("timer " + std::string{timer.name} + " of " + std::to_string(context->key<std::int64_t>()) +
                     " watermark " + std::to_string(context->watermark().time_since_epoch().count()));
    out.emit("t" + std::string{timer.name});
  }
  void on_watermark(Timestamp watermark, Collector<std::string>& out) {
    lines->push_back("watermark " + to_string(watermark));
    out.emit("w");
  }
  void close(Collector<std::string>& out) {
    lines->push_back("close");
    out.emit("c");
  }
};

TEST(Process, OrderOfRecordsTimersAndWatermarks) {
  Diary diary;
  Keyed<std::string> driver{diary, {.shard = 1, .shards = 4, .name = "diary"}};
  EXPECT_THAT(*diary.lines, ElementsAre("open diary 1/4"));
  EXPECT_THAT(driver.log(), ElementsAre("stage 'diary': hello"));
  diary.lines->clear();
  driver.push({1, "t20"}, at(1));
  driver.push({2, "t10"}, at(2));
  driver.watermark({at(50), at(9)});
  driver.push({3, "x"}, at(60));
  driver.watermark({at(50), at(30)});
  driver.watermark({at(50), at(31)});  // the same place: one mark
  driver.push({3, "t31"}, at(61));     // in the past: fires at the next mark
  driver.watermark({at(51), at(31)});  // only the split's: nothing fires
  driver.push({3, "y"}, at(62));
  driver.watermark(at(70));
  driver.drain();
  EXPECT_THAT(
      *diary.lines,
      ElementsAre("process t20 at 1970-01-01T00:00:00.000001Z", "process t10 at 1970-01-01T00:00:00.000002Z",
                  "watermark 1970-01-01T00:00:00.000009Z", "process x at 1970-01-01T00:00:00.00006Z",
                  "timer t10 of 2 watermark 31", "timer t20 of 1 watermark 31", "watermark 1970-01-01T00:00:00.000031Z",
                  "process t31 at 1970-01-01T00:00:00.000061Z", "process y at 1970-01-01T00:00:00.000062Z",
                  "timer t31 of 3 watermark 9223372036854775807", "watermark +infinity", "close"));
  std::vector<std::string> results;
  for (const auto& record : driver.output().records()) {
    const auto us = record.time->time_since_epoch().count();
    const bool none = record.at.merged == kTimestampMin;
    results.push_back(record.value + " " + std::to_string(us) + "|" +
                      (none ? "-" : std::to_string(record.at.merged.time_since_epoch().count())));
  }
  // Results of a mark leave in front of it.
  EXPECT_THAT(results, ElementsAre("pt20 1|-", "pt10 2|-", "w 9|-", "px 60|9", "tt10 10|9", "tt20 20|9", "w 31|9",
                                   "pt31 61|31", "py 62|31", "tt31 31|31", "w 31|31", "c 31|9223372036854775807"));
  EXPECT_EQ(driver.output().records()[8].at.split, at(51)) << "marks of the split keep their places too";
  EXPECT_TRUE(driver.output().ended());
  EXPECT_TRUE(driver.stage().finished());
}

TEST(Process, StopLeavesTimersUnfired) {
  Diary diary;
  Keyed<std::string> driver{diary};
  driver.push({1, "t100"}, at(1));
  driver.watermark(at(50));
  driver.idle();
  EXPECT_TRUE(driver.output().idle());
  driver.active();
  driver.end();
  EXPECT_THAT(driver.output().values(), ElementsAre("pt100", "w", "c"));
  EXPECT_TRUE(driver.output().ended());
}

TEST(Process, CloseIsForTheRegularEndOnly) {
  Diary diary;
  {
    Keyed<std::string> driver{diary};
    driver.close(false);
  }
  EXPECT_THAT(*diary.lines, ElementsAre("open stage 0/1"));
}

const OutputTag<std::string> pages{"pages"};
const OutputTag<std::int64_t> users{"users"};

struct Sides {
  void process(const Click& click, Collector<Click>& out, OperatorContext& c) {
    c.emit(pages, click.page);
    if (click.user % 2 == 0) c.emit(users, click.user);
    if (click.user % 3 == 0) out.emit(click);
  }
};

TEST(Process, SideOutputsKeepTimesAndMarks) {
  for (const std::uint32_t batch : {1U, 2U, 7U}) {
    StageDriver<Click, Click> driver{plain(Sides{}), {.batch_records = batch}};
    auto& to_pages = driver.side(pages);
    driver.open();  // nobody asks for the users
    for (std::int64_t i = 0; i < 40; ++i) {
      driver.push({i, std::to_string(i)}, at(i));
      if (i % 5 == 4) driver.watermark(at(i));
    }
    driver.drain();
    ASSERT_EQ(to_pages.records().size(), 40U);
    for (std::int64_t i = 0; i < 40; ++i) {
      const auto& record = to_pages.records()[static_cast<std::size_t>(i)];
      EXPECT_EQ(record.value, std::to_string(i));
      EXPECT_EQ(record.time, at(i));
      EXPECT_EQ(record.at.merged, i < 5 ? kTimestampMin : at(i / 5 * 5 - 1)) << i;
    }
    EXPECT_EQ(to_pages.watermark(), kTimestampMax);
    EXPECT_TRUE(to_pages.ended());
    EXPECT_EQ(driver.output().values().size(), 14U);
  }
}

TEST(Process, BatchesOfSideOutputsAreBoundedInBytes) {
  StageDriver<Click, Click> driver{plain(Sides{}), {.batch_records = 64}};
  auto& to_pages = driver.side(pages);
  driver.open();
  for (std::int64_t i = 0; i < 16; ++i) driver.push({i, std::string(kBatchHeapBytes, 'x')}, at(i));
  driver.drain();
  EXPECT_EQ(to_pages.records().size(), 16U);
  EXPECT_GE(to_pages.batches(), 16U);
}

struct Meter {
  AggregatingState<Click, std::int64_t> count;
  AggregatingState<Click, std::int64_t> sum;
  void open(OperatorContext& c) {
    count = c.aggregating_state<Click>("count", ::millstream::count());
    const auto length = [](const Click& click) { return static_cast<std::int64_t>(click.page.size()); };
    sum = c.aggregating_state<Click>("sum", ::millstream::sum(length));
  }
  void process(const Click& click, Collector<std::string>& out) {
    if (click.page == "?") {
      out.emit(std::to_string(count.get().value_or(0)) + "/" + std::to_string(sum.get().value_or(-1)));
      count.clear();
    } else {
      count.add(click);
      sum.add(click);
    }
  }
};

TEST(Process, AggregatingState) {
  Keyed<std::string> driver{Meter{}};
  driver.push({1, "?"});
  driver.push({1, "ab"});
  driver.push({1, "abc"});
  driver.push({2, "x"});
  driver.push({1, "?"});
  driver.push({2, "?"});
  driver.push({1, "?"});
  driver.flush();
  EXPECT_THAT(driver.output().values(), ElementsAre("0/-1", "2/5", "1/1", "0/5"));
  EXPECT_FALSE(driver.output().records()[0].time.has_value());
}

/// Each click rings after as many microseconds as its page says, by the wall clock.
struct Alarm {
  OperatorContext* context = nullptr;
  void open(OperatorContext& c) { context = &c; }
  void process(const Click& click, Collector<std::string>&) {
    const Timestamp due = context->processing_time() + Duration{std::abs(std::stoi(click.page))};
    if (click.page.starts_with("-")) {
      context->timers().cancel_processing_time(due, "alarm");
    } else {
      context->timers().register_processing_time(due, "alarm");
    }
  }
  void on_timer(const Timer& timer, Collector<std::string>& out, OperatorContext& c) {
    EXPECT_EQ(timer.domain, TimeDomain::kProcessingTime);
    out.emit(std::to_string(c.key<std::int64_t>()) + "@" + std::to_string(timer.time.time_since_epoch().count()));
  }
};

TEST(Process, ProcessingTimeTimers) {
  Keyed<std::string> driver{Alarm{}, {.now = at(1000)}};
  EXPECT_EQ(driver.stage().deadline(), kTimestampMax);
  driver.push({1, "50"});
  driver.push({2, "20"});
  driver.push({2, "20"});
  driver.push({3, "30"});
  driver.push({3, "-30"});
  driver.flush();
  EXPECT_EQ(driver.stage().deadline(), at(1020));
  driver.advance(19us);
  EXPECT_THAT(driver.output().values(), IsEmpty());
  EXPECT_EQ(driver.step(), Progress::kIdle);
  driver.advance(1us);
  EXPECT_THAT(driver.output().values(), ElementsAre("2@1020"));
  EXPECT_EQ(driver.stage().deadline(), at(1050));
  driver.advance(1h);
  EXPECT_THAT(driver.output().values(), ElementsAre("2@1020", "1@1050"));
  driver.push({1, "50"});
  driver.drain();
  driver.advance(1h);
  EXPECT_EQ(driver.output().values().size(), 2U) << "timers that are left at the end do not fire";
  EXPECT_EQ(driver.stage().deadline(), kTimestampMax);
}

/// Registers a timer each; answers with the number of the key.
struct Many {
  Timers timers;
  OperatorContext* context = nullptr;
  void open(OperatorContext& c) {
    context = &c;
    timers = c.timers();
  }
  void process(const Click& click, Collector<std::int64_t>& out) {
    timers.register_event_time(at(click.user % 10));
    if (click.page == "behind") out.emit(-1);
  }
  void on_timer(const Timer&, Collector<std::int64_t>& out) { out.emit(context->key<std::int64_t>()); }
};

TEST(Process, FiringIsBoundedAndEverythingBehindWaits) {
  Keyed<std::int64_t> driver{Many{}};
  constexpr std::int64_t kKeys = 5000;
  for (std::int64_t i = 0; i < kKeys; ++i) driver.push({i, ""}, at(i % 10));
  driver.flush();
  driver.watermark(at(100));
  driver.push({7, "behind"}, at(200));
  const std::size_t before = driver.steps();
  driver.output().set_room(3);
  driver.flush();
  EXPECT_LT(driver.output().values().size(), 3 * 16U + 1);
  EXPECT_EQ(driver.output().watermark(), kTimestampMin);
  EXPECT_FALSE(driver.stage().ready());
  EXPECT_EQ(driver.step(), Progress::kBlocked);
  driver.output().set_room(std::nullopt);
  driver.run();
  EXPECT_GE(driver.steps() - before, kKeys / ProcessStageBase::kTimersPerStep);
  const auto& records = driver.output().records();
  ASSERT_EQ(records.size(), static_cast<std::size_t>(kKeys + 1));
  for (std::size_t i = 0; i < records.size() - 1; ++i) {
    EXPECT_EQ(records[i].at.merged, kTimestampMin);
    if (i > 0) {
      EXPECT_LE(records[i - 1].time, records[i].time);
    }
  }
  EXPECT_EQ(records.back().value, -1);
  EXPECT_EQ(records.back().at.merged, at(100));
}

}  // namespace
}  // namespace millstream::test
