// The generator: golden events, random access, and the rules that queries rely on.
#include "nexmark/generator.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "millstream/codec/encode.hpp"

namespace nexmark {
namespace {

using millstream::Timestamp;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::DoubleNear;
using testing::Ge;
using testing::Le;

std::string line(const Event& event) {
  std::string text;
  millstream::encode_json(event, text);
  return text;
}

// The first hundred, and some far behind. `MILLSTREAM_UPDATE_GOLDEN=1` writes the file anew.
std::vector<std::string> golden_events() {
  const Generator generator;
  std::vector<std::string> lines;
  for (std::uint64_t n = 0; n < 100; ++n) lines.push_back(line(generator.event(n)));
  for (std::uint64_t n = 1'000'000'000; n < 1'000'000'050; n += 7) lines.push_back(line(generator.event(n)));
  const Generator other{{.seed = 2, .rate = 1'000, .out_of_order_group = 10}};
  for (std::uint64_t n = 40; n < 60; ++n) lines.push_back(line(other.event(n)));
  return lines;
}

TEST(Generator, MakesTheGoldenEvents) {
  const std::string path = NEXMARK_GOLDEN_FILE;
  const std::vector<std::string> lines = golden_events();
  if (std::getenv("MILLSTREAM_UPDATE_GOLDEN") != nullptr) {
    std::ofstream file{path};
    for (const std::string& text : lines) file << text << '\n';
  }
  std::ifstream file{path};
  ASSERT_TRUE(file) << path;
  std::vector<std::string> golden;
  for (std::string text; std::getline(file, text);) golden.push_back(text);
  EXPECT_EQ(lines, golden);
}

TEST(Generator, MakesAnyEventAloneAndTheSameInAnyOrder) {
  const Generator generator{{.seed = 5}};
  const Generator again{{.seed = 5}};
  std::vector<Event> forward;
  for (std::uint64_t n = 0; n < 1000; ++n) forward.push_back(generator.event(n));
  for (std::uint64_t n = 1000; n-- > 0;) EXPECT_EQ(again.event(n), forward[n]) << n;
  const Generator other{{.seed = 6}};
  EXPECT_NE(other.event(10), forward[10]);
}

TEST(Generator, MakesOnePersonThreeAuctionsAndFortySixBidsOfFiftyWithIdsInARow) {
  const Generator generator;
  std::map<std::size_t, int> kinds;
  std::int64_t next_person = Generator::kFirstPersonId + 1;  // id 0 is not emitted, for event ids begin with 1
  std::int64_t next_auction = Generator::kFirstAuctionId;
  for (std::uint64_t n = 0; n < 5000; ++n) {
    const Event event = generator.event(n);
    ++kinds[event.index()];
    if (const Person* person = std::get_if<Person>(&event)) {
      EXPECT_EQ(person->id, next_person++);
    } else if (const Auction* auction = std::get_if<Auction>(&event)) {
      EXPECT_EQ(auction->id, next_auction++);
    }
  }
  EXPECT_EQ(kinds, (std::map<std::size_t, int>{{0, 100}, {1, 300}, {2, 4600}}));
}

TEST(Generator, TimesFollowTheRateAndGroupsAreOutOfOrderButNeverBehindTheWatermark) {
  const Generator ordered{{.rate = 2'000}};
  EXPECT_EQ(ordered.time(0), Generator::kBaseTime);
  EXPECT_EQ(ordered.time(2'001), Generator::kBaseTime + milliseconds{1000});
  EXPECT_EQ(ordered.time(2'002), Generator::kBaseTime + milliseconds{1001});

  const Generator groups{{.rate = 1'000, .out_of_order_group = 100}};
  std::set<Timestamp> times;
  int backwards = 0;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    const Event event = groups.event(n);
    const Timestamp time = std::visit([](const auto& e) { return e.date_time; }, event);
    EXPECT_EQ(time, groups.time(n));
    EXPECT_GE(time, groups.watermark(n));
    if (n > 0 && time < groups.time(n - 1)) ++backwards;
    times.insert(time);
  }
  EXPECT_EQ(times.size(), 1000U);  // each event once
  EXPECT_GT(backwards, 100);
}

// Events from all over a long stream: half of all bids go to an auction that stays hot for 1,700 events.
constexpr std::uint64_t kSamples = 200'000;
template <class F>
void sample(F&& f) {
  const Generator generator;
  for (std::uint64_t i = 0; i < kSamples; ++i) f(generator.event(1'000'000 + i * 4'999));
}

TEST(Generator, SelectivitiesAreThoseThatTheQueriesExpect) {
  double bids = 0, q2 = 0, q14 = 0, q21 = 0, named = 0, auctions = 0, q20 = 0;
  sample([&](const Event& event) {
    if (const Auction* auction = std::get_if<Auction>(&event)) {
      ++auctions;
      q20 += auction->category == Generator::kFirstCategoryId ? 1 : 0;
    }
    const Bid* bid = std::get_if<Bid>(&event);
    if (bid == nullptr) return;
    ++bids;
    q2 += bid->auction % 123 == 0 ? 1 : 0;
    const double euros = 0.908 * static_cast<double>(bid->price);
    q14 += euros > 1'000'000 && euros < 50'000'000 ? 1 : 0;
    const bool is_named = !bid->channel.starts_with("channel-");
    named += is_named ? 1 : 0;
    q21 += is_named || bid->url.find("&channel_id=") != std::string::npos ? 1 : 0;
  });
  EXPECT_THAT(q2 / bids, DoubleNear(0.0081, 0.001));
  EXPECT_THAT(q14 / bids, DoubleNear(0.283, 0.005));
  EXPECT_THAT(q20 / auctions, DoubleNear(0.20, 0.015));
  EXPECT_THAT(q21 / bids, DoubleNear(0.95, 0.005));
  EXPECT_THAT(named / bids, DoubleNear(0.5, 0.005));
}

TEST(Generator, SizesAndHotIdsAreThoseOfTheRules) {
  double bids = 0, bytes = 0, hot_auctions = 0, hot_bidders = 0, auctions = 0, hot_sellers = 0;
  sample([&](const Event& event) {
    if (const Bid* bid = std::get_if<Bid>(&event)) {
      ++bids;
      bytes += 32 + static_cast<double>(bid->extra.size());
      EXPECT_THAT(bid->extra.size(), AllOf(Ge(54U), Le(81U)));
      EXPECT_THAT(bid->price, AllOf(Ge(100), Le(100'000'000)));
      hot_auctions += bid->auction % 100 == 0 ? 1 : 0;  // ids begin with 1000
      hot_bidders += bid->bidder % 100 == 1 ? 1 : 0;
    } else if (const Auction* auction = std::get_if<Auction>(&event)) {
      ++auctions;
      hot_sellers += auction->seller % 100 == 0 ? 1 : 0;
      EXPECT_GE(auction->reserve, auction->initial_bid);
      // Twice the time of 1,666 events: 3 or 4 ms, at a million a second.
      EXPECT_THAT(auction->expires - auction->date_time, AllOf(Ge(milliseconds{1}), Le(milliseconds{4})));
    }
  });
  EXPECT_THAT(bytes / bids, DoubleNear(100, 1));
  EXPECT_THAT(hot_auctions / bids, DoubleNear(0.5 + 0.5 / 111, 0.01));
  EXPECT_THAT(hot_bidders / bids, DoubleNear(0.75 + 0.25 / 100, 0.01));
  EXPECT_THAT(hot_sellers / auctions, DoubleNear(0.75 + 0.25 / 100, 0.015));
}

TEST(Generator, NamesOnlyIdsThatAreThereOrComeSoon) {
  const Generator generator;
  std::int64_t last_auction = Generator::kFirstAuctionId - 1;
  std::int64_t last_person = Generator::kFirstPersonId;
  for (std::uint64_t n = 0; n < 100'000; ++n) {
    const Event event = generator.event(n);
    if (const Person* person = std::get_if<Person>(&event)) last_person = person->id;
    if (const Auction* auction = std::get_if<Auction>(&event)) last_auction = auction->id;
    const Bid* bid = std::get_if<Bid>(&event);
    if (bid == nullptr) continue;
    EXPECT_LE(bid->auction, last_auction + 10);
    EXPECT_GE(bid->auction, std::max<std::int64_t>(last_auction - 100, Generator::kFirstAuctionId));
    EXPECT_LE(bid->bidder, last_person + 10);
    EXPECT_GE(bid->bidder, std::max<std::int64_t>(last_person - 1000, Generator::kFirstPersonId));
  }
}

}  // namespace
}  // namespace nexmark
