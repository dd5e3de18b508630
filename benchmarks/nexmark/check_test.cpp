// That a wrong result is found: by the check, in a run that is started again, and in a measured one.
#include "nexmark/check.hpp"

#include <gmock/gmock.h>

#include "nexmark/modes.hpp"
#include "nexmark/queries/bids.hpp"

namespace nexmark {
namespace {

using millstream::Stream;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

constexpr RunSettings kSettings{.shards = 1, .checkpoint = 20ms, .state = {}};

Input input() { return {.generator = std::make_shared<Generator>(GeneratorOptions{.rate = 1000}), .events = 5000}; }

std::string wrong(const Query& query, const RunSettings& settings = kSettings) {
  return check_query(query, input(), settings).wrong;
}

// What is right; each test spoils one thing.
Query passed_through() { return {.name = "passed", .what = "", .declare = q0().declare, .model = q0().model}; }

TEST(Check, IsContentWithWhatIsRight) { EXPECT_EQ(wrong(passed_through()), ""); }

TEST(Check, FindsAResultThatIsMissing) {
  Query query = passed_through();
  query.declare = [](const Stream<Event>& events, const Outlet& out) {
    out.take(bids(events).filter([seen = 0](const Bid&) mutable { return ++seen != 4000; }));
  };
  EXPECT_EQ(wrong(query), "in one run: 4599 results, the model has 4600");
}

TEST(Check, FindsAResultThatCameTwice) {
  Query query = passed_through();
  query.declare = [](const Stream<Event>& events, const Outlet& out) {
    out.take(bids(events).flat_map<Bid>([seen = 0](const Bid& bid, millstream::Collector<Bid>& twice) mutable {
      twice.emit(bid);
      if (++seen == 1) twice.emit(bid);
    }));
  };
  EXPECT_EQ(wrong(query), "in one run: 4601 results, the model has 4600");
}

TEST(Check, FindsAFieldOfOneResult) {
  Query query = passed_through();
  query.model = [](const Input& events) {
    Digest digest;
    events.for_each_bid([&](Bid bid) {
      if (digest.results == 4599) bid.extra.back() = '!';
      digest.fold(bid);
    });
    return digest;
  };
  EXPECT_EQ(wrong(query), "in one run: 4600 results, the model has 4600, with other values");
}

// A count that is in no state: right as long as nobody stops the job.
TEST(Check, FindsWhatAJobForgetsWhenItIsStartedAgain) {
  Query query = passed_through();
  query.declare = [](const Stream<Event>& events, const Outlet& out) {
    out.take(bids(events).map([seen = std::int64_t{0}](Bid bid) mutable {
      bid.auction = ++seen;
      return bid;
    }));
  };
  query.model = [](const Input& events) {
    Digest digest;
    events.for_each_bid([&](Bid bid) {
      bid.auction = static_cast<std::int64_t>(digest.results) + 1;
      digest.fold(bid);
    });
    return digest;
  };
  EXPECT_EQ(wrong(query), "started again: 4600 results, the model has 4600, with other values");
}

TEST(Check, FindsWhatIsWrongByTheWallClock) {
  Query query = q12();
  ASSERT_EQ(wrong(query), "");
  query.model = q11().model;
  EXPECT_THAT(wrong(query), StartsWith("in one run: "));
}

TEST(Check, SaysThatAJobHasFailedAndThatNothingWasCompared) {
  Query query = passed_through();
  query.declare = [](const Stream<Event>& events, const Outlet& out) {
    out.take(bids(events).map([](const Bid& bid) -> Bid {
      if (bid.auction >= 1000) throw std::runtime_error{"this one fails"};
      return bid;
    }));
  };
  EXPECT_THAT(wrong(query), HasSubstr("this one fails"));
  query.model = [](const Input&) { return Digest{}; };
  EXPECT_EQ(wrong(query), "no results: it takes more events");
}

Wanted wanted(const std::vector<Query>& queries, std::uint32_t shards = 1) {
  Wanted what;
  what.queries = queries;
  what.input = input();
  what.run = {.shards = shards, .checkpoint = 20ms, .state = {}};
  what.rounds = 1;
  return what;
}

TEST(Modes, EndBadlyWhereOneQueryIsWrong) {
  Query spoilt = passed_through();
  spoilt.model = q1().model;
  EXPECT_TRUE(check(wanted({q0(), q2()})));
  EXPECT_FALSE(check(wanted({q0(), spoilt, q2()})));
  EXPECT_TRUE(measure(wanted({q0(), q2()})));
  EXPECT_FALSE(measure(wanted({q0(), spoilt, q2()})));
  spoilt.declare_views = q0().declare_views;
  spoilt.hand = q1().model;
  EXPECT_FALSE(compare_with_hand(wanted({q0(), spoilt})));
}

TEST(Modes, CompareOnlyWhatIsAFunctionOfTheInput) {
  Query spoilt = q18();
  spoilt.model = q1().model;
  EXPECT_FALSE(measure(wanted({spoilt}, 1)));
  EXPECT_TRUE(measure(wanted({spoilt}, 2))) << "which bid is the last depends on which split was faster";
}

}  // namespace
}  // namespace nexmark
