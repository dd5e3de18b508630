// Which sinks can decide by one transaction: every two of them must be able to.
#include <gmock/gmock.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/millstream.hpp"

namespace millstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Event {
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(Event, (), (id))

/// Two of these have one transaction where neither, or only one, asks for a place.
struct DecidingAt {
  std::string place;
  struct Placed final : Decider {
    explicit Placed(std::string at) : place{std::move(at)} {}
    std::string why_not_joined(const Decider& other) const override {
      const std::string& another = static_cast<const Placed&>(other).place;
      return place.empty() || another.empty() || place == another ? "" : "they are at " + place + " and " + another;
    }
    Result<bool> fence(const DeciderContext&) override { return true; }
    Result<std::optional<Decision>> read(const DeciderContext&) override { return std::optional{Decision{}}; }
    DecisionStep prepare(const DecisionDraft&) override { return DecisionStep::done(); }
    DecisionStep decide(const DecisionDraft&) override { return DecisionStep::done(); }
    void give_up() override {}
    void close() override {}
    std::string place;
  };
  std::shared_ptr<Placed> make_decider() const { return std::make_shared<Placed>(place); }
  void decide_by(const std::shared_ptr<Placed>&) {}
  void write(const Event&) {}
  std::string prepare() { return {}; }
  void commit(const std::string&) {}
};

TEST(DecidingSinks, AgreeEachWithEachOther) {
  Dataflow flow{"decisions"};
  auto source = flow.from(memory::source(std::vector<Event>{}));
  source.to(DecidingAt{}).named("any");
  source.to(DecidingAt{"a"}).named("first");
  source.to(DecidingAt{"a"}).named("same");
  EXPECT_THAT(flow.graph().mistakes(true), IsEmpty());
  source.to(DecidingAt{"b"}).named("other");
  EXPECT_THAT(flow.graph().mistakes(true),
              ElementsAre(AllOf(HasSubstr("stage 'other'"), HasSubstr("sink 'first'"), HasSubstr("at a and b"))));
}

}  // namespace
}  // namespace millstream
