// Graphs over a part of what several processes share: keys must be in one partition, and say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using ::testing::AllOf;
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

/// Reads its part of what several processes share.
struct Shared {
  std::uint32_t processes = 3;
  Poll poll(SourceOutput<Event>&) { return Poll::done(); }
  std::uint32_t shared_by() const { return processes; }
};

/// The same, and says which it reads.
struct Partitioned {
  std::uint32_t processes = 3;
  std::uint32_t process = 0;
  Poll poll(SourceOutput<Event>&) { return Poll::done(); }
  std::uint32_t shared_by() const { return processes; }
  std::uint32_t shared_as() const { return process; }
};

TEST(SharedInput, KeysByPartitionGoTogether) {
  const auto add = [](const Event& sum, const Event& next) { return Event{sum.id + next.id, next.at}; };
  const auto by_partition = [](const Event& e) { return PartitionKey{e.id, 0}; };
  const auto sink = memory::sink<Event>();
  {
    Dataflow flow{"parts"};
    flow.from(Partitioned{3, 1}).key_by(by_partition).reduce(add).key_by(by_partition).reduce(add).to(sink);
    EXPECT_THAT(flow.graph().mistakes(), IsEmpty());
    EXPECT_EQ(flow.graph().share(), (InstanceShare{1, 3}));
  }
  {
    Dataflow flow{"parts"};
    flow.from(Partitioned{3, 1}).key_by(&Event::id).keyed_by_partition().reduce(add).to(sink);
    EXPECT_THAT(flow.graph().mistakes(), IsEmpty());
    EXPECT_EQ(flow.graph().share(), std::nullopt);
  }
  {
    Dataflow flow{"parts"};
    auto keyed = flow.from(Partitioned{}).key_by(by_partition).reduce(add).named("first").key_by(&Event::id);
    keyed.keyed_by_partition().reduce(add).named("second").to(sink);
    EXPECT_THAT(flow.graph().mistakes(), Contains(HasSubstr("is keyed by ms::PartitionKey, and this one is not")));
  }
  {
    Dataflow flow{"parts"};
    auto other = flow.from(Partitioned{3, 2}).named("other");
    auto first = flow.from(Partitioned{3, 1}).named("first");
    other.merge(first, flow.from(events()).named("whole")).key_by(by_partition).reduce(add).to(sink);
    EXPECT_THAT(flow.graph().mistakes(),
                AllOf(Contains(HasSubstr("instance and instances are 1 of 3, those of the source 'other' 2 of 3")),
                      Contains(HasSubstr("stage 'whole'"))));
  }
}

TEST(SharedInput, AKeyByOverPartOfAnInputThatDoesNotSayTheKeyIsInOnePartition) {
  const auto add = [](const Event& sum, const Event& next) { return Event{sum.id + next.id, next.at}; };
  const auto mistakes = [&](std::uint32_t processes, bool first, bool second) {
    Dataflow flow{"parts"};
    auto source = flow.from(Shared{processes}).named("shared");
    auto both = source.merge(flow.from(events()).named("whole"));
    auto keyed = both.filter([](const Event&) { return true; }).key_by(&Event::id);
    if (first) keyed.keyed_by_partition();
    auto again = keyed.reduce(add).key_by(&Event::at);
    if (second) again.keyed_by_partition();
    again.reduce(add).to(memory::sink<Event>());
    return flow.graph().mistakes();
  };
  EXPECT_THAT(mistakes(1, false, false), IsEmpty());
  EXPECT_THAT(mistakes(3, true, true), IsEmpty());
  EXPECT_THAT(mistakes(3, false, false), SizeIs(2));
  EXPECT_THAT(mistakes(3, false, true), Contains(HasSubstr("its source 'shared' is shared by 3 processes")));
  EXPECT_THAT(mistakes(3, true, false), Contains(HasSubstr(".key_by(...).keyed_by_partition()")));
  EXPECT_THAT(mistakes(3, true, false), SizeIs(1)) << "each key_by has a key of its own";
}

TEST(SharedInput, AStatelessStreamOverPartOfAnInputIsNone) {
  Dataflow flow{"parts"};
  flow.from(Shared{}).rebalance().map([](const Event& e) { return e; }).to(memory::sink<Event>());
  EXPECT_THAT(flow.graph().mistakes(), IsEmpty());
}

}  // namespace
}  // namespace millstream
