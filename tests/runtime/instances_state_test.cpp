// What goes with the partitions when the number of instances changes beside values: timers and time; and what keeps it
// from changing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "millstream/connectors/file.hpp"
#include "runtime/instances_job.hpp"

namespace millstream {
namespace {

using namespace instances;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct At {
  std::string card;
  std::int32_t partition = 0;
  Timestamp at;
};
BOOST_DESCRIBE_STRUCT(At, (), (card, partition, at))

class InstancesState : public ::testing::Test {
 protected:
  static constexpr Duration kNeverStopped = std::chrono::hours{1};

  auto payments(Dataflow& flow, const InstanceShare& share, Duration pause = {}) {
    return flow
        .from(kit::LogSource{
            .broker = &world.broker, .topic = topic, .fetch_records_max = 4, .pause = pause, .share = share})
        .named("in")
        .map([](const kit::LogRecord& r) {
          return At{r.key, static_cast<std::int32_t>(r.partition),
                    Timestamp{std::chrono::seconds{static_cast<std::int64_t>(r.offset)}}};
        });
  }
  static auto by_card() {
    return [](const At& p) { return PartitionKey{p.card, p.partition}; };
  }
  Status run(const Dataflow& flow, Duration stop_at = 5ms) {
    return kit::Simulator{{.before_step =
                               [stop_at](kit::Simulation& job) {
                                 if (job.now() >= Timestamp{stop_at}) job.stop();
                               },
                           .file_system = &world.files,
                           .state_dir = "state",
                           .checkpoint = {.interval = 20ms}}}
        .run(flow)
        .status;
  }
  /// Into the topic "out".
  auto out(const InstanceShare& share) {
    return kit::LogSink{{.broker = &world.broker,
                         .topic = "out",
                         .group = "group",
                         .transactional_id = "state-" + std::to_string(share.instance),
                         .instance = share.instance,
                         .source_stage = "in",
                         .source_topic = topic}};
  }
  std::multimap<std::string, std::string> given() {
    std::multimap<std::string, std::string> all;
    for (std::uint32_t p = 0; p < 3; ++p) {
      for (const kit::LogRecord& r : world.broker.committed({"out", p})) all.emplace(r.key, r.value);
    }
    return all;
  }
  World world{1, 600};
  std::string topic = "in";
};

/// Says how many there were when there is no more to come, by a timer of each key.
struct AtTheEnd {
  ValueState<std::int64_t> seen;
  Timers timers;
  void open(OperatorContext& c) {
    seen = c.value_state<std::int64_t>("seen");
    timers = c.timers();
  }
  void process(const At&, Collector<kit::LogRecord>&) {
    seen.set(seen.value_or(0) + 1);
    if (seen.value_or(0) == 1) timers.register_event_time(Timestamp{std::chrono::hours{1'000}});
  }
  void on_timer(const Timer&, Collector<kit::LogRecord>& out, OperatorContext& c) {
    out.emit({c.key<PartitionKey<std::string>>().key, std::to_string(seen.value_or(0))});
  }
};

class InstancesTimers : public InstancesState {
 protected:
  Status run_timers(const InstanceShare& share, Duration stop_at = kNeverStopped) {
    Dataflow flow{"timers"};
    payments(flow, share, 50ms)
        .event_time(&At::at, monotonic())
        .key_by(by_card())
        .process(AtTheEnd{})
        .named("at the end")
        .to(out(share))
        .named("out");
    return run(flow, stop_at);
  }
};

TEST_F(InstancesTimers, GoWithTheirKeys) {
  std::multimap<std::string, std::string> wanted;
  std::map<std::string, int> counts;
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    for (const kit::LogRecord& r : world.broker.committed({"in", p})) ++counts[r.key];
  }
  for (const auto& [card, count] : counts) wanted.emplace(card, std::to_string(count));
  for (const std::uint32_t instances : {3U, 2U, 4U}) {
    for (std::uint32_t i = 0; i < instances; ++i) {
      const Status ran = run_timers({i, instances}, instances == 4 ? kNeverStopped : 200ms);
      ASSERT_TRUE(ran.ok()) << ran.to_string();
    }
    EXPECT_EQ(given(), instances == 4 ? wanted : decltype(wanted){});
  }
}

// The instance that read it had not come to its end itself.
TEST_F(InstancesTimers, FireOfAPartitionThatWasReadToItsEndBefore) {
  topic = "uneven";
  world.broker.create_topic(topic, 2);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(world.broker.append({topic, 0}, {"short", "1"}), kit::LogReply::kOk);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(world.broker.append({topic, 1}, {"long", "1"}), kit::LogReply::kOk);
  world.broker.end_topic(topic);
  ASSERT_TRUE(run_timers({0, 1}, 200ms).ok());
  EXPECT_TRUE(given().empty());
  for (std::uint32_t i = 0; i < 2; ++i) ASSERT_TRUE(run_timers({i, 2}).ok());
  EXPECT_EQ(given(), (std::multimap<std::string, std::string>{{"long", "200"}, {"short", "3"}}));
}

/// Says which records come behind the watermark.
struct Behind {
  void process(const At& p, Collector<kit::LogRecord>& out, OperatorContext& c) {
    if (c.watermark() > p.at) out.emit({p.card, to_string(c.watermark())});
  }
};

// One of the old instances was never started: what it would have read begins where it begins.
TEST_F(InstancesState, APartitionThatNobodyHasReadIsNotBehindTheOthers) {
  for (const InstanceShare& share : {InstanceShare{0, 2}, InstanceShare{0, 1}}) {
    Dataflow flow{"behind"};
    payments(flow, share, 50ms)
        .event_time(&At::at, monotonic())
        .key_by(by_card())
        .process(Behind{})
        .named("behind")
        .to(out(share))
        .named("out");
    const Status ran = run(flow, share.instances == 2 ? 200ms : kNeverStopped);
    ASSERT_TRUE(ran.ok()) << ran.to_string();
  }
  EXPECT_EQ(given(), (std::multimap<std::string, std::string>{}));
}

TEST_F(InstancesState, OutputThatIsPreparedBelongsToItsInstance) {
  const auto flow = [&](const InstanceShare& share) {
    Dataflow made{"files"};
    payments(made, share)
        .key_by(by_card())
        .aggregate(count())
        .map([](const auto& each) { return Total{each.key.key, static_cast<std::int64_t>(each.value)}; })
        .to(file::sink<Total>({.directory = "out-" + std::to_string(share.instance)}))
        .named("files");
    return made;
  };
  ASSERT_TRUE(run(flow({0, 1})).ok());
  const Status refused = run(flow({0, 2}));
  EXPECT_EQ(refused.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.message(), HasSubstr("the sink 'files' prepares its output"));
}

}  // namespace
}  // namespace millstream
