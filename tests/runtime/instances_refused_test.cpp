// What keeps the number of instances from changing, and keys that do not say the truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

class InstancesRefused : public ::testing::Test {
 protected:
  auto payments(Dataflow& flow, const InstanceShare& share) {
    return flow.from(kit::LogSource{.broker = &world.broker, .topic = "in", .share = share})
        .named("in")
        .map([](const kit::LogRecord& r) {
          return At{r.key, static_cast<std::int32_t>(r.partition),
                    Timestamp{std::chrono::seconds{static_cast<std::int64_t>(r.offset)}}};
        });
  }
  static auto by_card() {
    return [](const At& p) { return PartitionKey{p.card, p.partition}; };
  }
  Status run(const Dataflow& flow) {
    return kit::Simulator{{.before_step =
                               [](kit::Simulation& job) {
                                 if (job.steps() == 20) job.stop();
                               },
                           .file_system = &world.files,
                           .state_dir = "state",
                           .checkpoint = {.interval = 1ms}}}
        .run(flow)
        .status;
  }
  World world{1};
};

TEST_F(InstancesRefused, WindowsAreNotDealtOut) {
  const auto flow = [&](const InstanceShare& share) {
    Dataflow made{"windows"};
    payments(made, share)
        .event_time(&At::at, monotonic())
        .key_by(by_card())
        .window(tumbling(10s))
        .aggregate(count())
        .named("per 10 s")
        .to(memory::Sink<WindowResult<PartitionKey<std::string>, std::int64_t>>{});
    return made;
  };
  for (int life = 0; life < 2; ++life) {
    for (const std::uint32_t i : {0U, 1U}) {
      const Status ran = run(flow({i, 2}));
      ASSERT_TRUE(ran.ok()) << ran.to_string();
    }
  }
  const Status refused = run(flow({0, 3}));
  EXPECT_EQ(refused.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("cannot change from 2 to 3: instance 0 of 2"),
                                       HasSubstr("the stage 'per 10 s' has windows")));
  const Status again = run(flow({0, 2}));
  EXPECT_TRUE(again.ok()) << again.to_string();
}

TEST_F(InstancesRefused, OutputThatIsPreparedBelongsToItsInstance) {
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
