#include "nexmark/generator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace nexmark {
namespace {

using millstream::Random;
using millstream::Timestamp;
using std::chrono::milliseconds;

// Of 50 ids: 1 person, 3 auctions, 46 bids.
constexpr std::int64_t kPersons = 1;
constexpr std::int64_t kAuctions = 3;
constexpr std::int64_t kIds = 50;
constexpr std::int64_t kActivePeople = 1000;
constexpr std::int64_t kInFlightAuctions = 100;
constexpr std::int64_t kIdLead = 10;     // ids that are not there yet may be named
constexpr std::int64_t kHotGroup = 100;  // the first (bidders: second) of so many is hot
constexpr std::uint64_t kHotAuctionRatio = 2;
constexpr std::uint64_t kHotSellerRatio = 4;
constexpr std::uint64_t kHotBidderRatio = 4;
constexpr std::uint64_t kCategories = 5;
constexpr std::uint64_t kNamedChannels = 4;
constexpr std::uint64_t kNumberedChannels = 10'000;
constexpr std::uint64_t kChannelStream = std::uint64_t{1} << 63;  // of random numbers; events use those from 1 on
constexpr std::size_t kPersonBytes = 200;                         // on average
constexpr std::size_t kAuctionBytes = 500;
constexpr std::size_t kBidBytes = 100;
constexpr std::size_t kWordMin = 3;

constexpr std::array kStates{"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr std::array kCities{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                             "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::array kFirstNames{"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                 "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::array kLastNames{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"};
constexpr std::array kChannelNames{"Apple", "Google", "Facebook", "Baidu"};

template <std::size_t N>
const char* one_of(const std::array<const char*, N>& all, Random& random) {
  return all[random.below(N)];
}

std::int64_t below(Random& random, std::int64_t bound) {
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
}

// Lower-case letters, eight from each draw: a byte b becomes the letter of number b * 26 / 256.
std::string letters(Random& random, std::size_t count) {
  constexpr std::uint64_t kEven = 0x00ff00ff00ff00ff;
  std::string text((count + 7) / 8 * 8, 'a');
  for (std::size_t at = 0; at < count; at += 8) {
    const std::uint64_t bits = random();
    const std::uint64_t even = ((bits & kEven) * 26 >> 8) & kEven;
    const std::uint64_t odd = ((bits >> 8 & kEven) * 26) & ~kEven;
    const std::uint64_t eight = 0x6161616161616161 + (even | odd);
    std::memcpy(text.data() + at, &eight, sizeof eight);
  }
  text.resize(count);
  return text;
}

// At least 3 and less than `length_max` characters, each 13th a `separator`; without spaces around it.
std::string words(Random& random, std::size_t length_max, char separator) {
  const std::size_t length = kWordMin + random.below(length_max - kWordMin);
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    text.push_back(random.below(13) == 0 ? separator : static_cast<char>('a' + random.below(26)));
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Pads a record to an average of `wanted` bytes, a fifth of the padding more or less.
std::string extra(Random& random, std::size_t bytes, std::size_t wanted) {
  if (bytes > wanted) return {};
  const std::size_t average = wanted - bytes;
  const auto delta = static_cast<std::size_t>(std::llround(static_cast<double>(average) * 0.2));
  return letters(random, average - delta + (delta == 0 ? 0 : random.below(2 * delta)));
}

std::int64_t price(Random& random) { return std::llround(100 * std::pow(10.0, random.unit() * 6)); }

// Counted from 0, as are all ids until they go into an event.
std::int64_t last_person(std::int64_t id) { return id / kIds; }
std::int64_t last_auction(std::int64_t id) {
  const std::int64_t epoch = id / kIds;
  const std::int64_t rest = id % kIds;
  if (rest < kPersons) return (epoch - 1) * kAuctions + kAuctions - 1;
  return epoch * kAuctions + std::min(rest - kPersons, kAuctions - 1);
}
std::int64_t any_person(std::int64_t id, Random& random) {
  const std::int64_t people = last_person(id) + 1;
  const std::int64_t active = std::min(people, kActivePeople);
  return people - active + below(random, active + kIdLead);
}
std::int64_t any_auction(std::int64_t id, Random& random) {
  const std::int64_t last = last_auction(id);
  const std::int64_t first = std::max<std::int64_t>(last - kInFlightAuctions, 0);
  return first + below(random, last - first + 1 + kIdLead);
}

std::uint32_t reversed(std::uint32_t bits) {
  std::uint32_t out = 0;
  for (int i = 0; i < 32; ++i, bits >>= 1) out = out << 1 | (bits & 1);
  return out;
}

std::string base_url(Random& random) {
  std::string url = "https://www.nexmark.com/";
  for (int folder = 0; folder < 3; ++folder) url.append(words(random, 5, '_')).push_back('/');
  return url.append("item.htm?query=1");
}

}  // namespace

Generator::Generator(const GeneratorOptions& options) : options_{options}, microseconds_an_event_{1e6 / options.rate} {
  for (std::uint64_t i = 0; i < kNamedChannels + kNumberedChannels; ++i) {
    Random random{options_.seed, kChannelStream + i};
    Channel channel{i < kNamedChannels ? kChannelNames[i] : "channel-" + std::to_string(i - kNamedChannels),
                    base_url(random)};
    if (i >= kNamedChannels && random.below(10) > 0) {
      const auto mirrored = static_cast<std::int32_t>(reversed(static_cast<std::uint32_t>(i - kNamedChannels)));
      channel.url.append("&channel_id=").append(std::to_string(std::abs(std::int64_t{mirrored})));
    }
    channels_.push_back(std::move(channel));
  }
}

std::uint64_t Generator::adjusted(std::uint64_t n) const {
  const std::uint64_t group = options_.out_of_order_group;
  return n / group * group + n * 953 % group;
}

Timestamp Generator::time_of(std::uint64_t adjusted) const {
  const auto us = static_cast<std::int64_t>(static_cast<double>(adjusted) * microseconds_an_event_);
  return kBaseTime + milliseconds{us / 1000};
}

Event Generator::event(std::uint64_t n) const {
  const std::uint64_t number = adjusted(n);
  const auto id = static_cast<std::int64_t>(number) + 1;
  const Random random{options_.seed, static_cast<std::uint64_t>(id)};
  const std::int64_t rest = id % kIds;
  if (rest < kPersons) return person(id, number, random);
  if (rest < kPersons + kAuctions) return auction(id, number, random);
  return bid(id, number, random);
}

Person Generator::person(std::int64_t id, std::uint64_t adjusted, Random random) const {
  Person person;
  person.id = kFirstPersonId + last_person(id);
  person.name = one_of(kFirstNames, random);
  person.name.append(" ").append(one_of(kLastNames, random));
  person.email_address = words(random, 7, ' ');
  person.email_address.append("@").append(words(random, 5, ' ')).append(".com");
  for (int group = 0; group < 4; ++group) {
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), group == 0 ? "%04u" : " %04u",
                  static_cast<unsigned>(random.below(10'000)));
    person.credit_card.append(digits.data());
  }
  person.city = one_of(kCities, random);
  person.state = one_of(kStates, random);
  person.date_time = time_of(adjusted);
  person.extra = extra(random,
                       8 + person.name.size() + person.email_address.size() + person.credit_card.size() +
                           person.city.size() + person.state.size(),
                       kPersonBytes);
  return person;
}

Auction Generator::auction(std::int64_t id, std::uint64_t adjusted, Random random) const {
  Auction auction;
  auction.id = kFirstAuctionId + last_auction(id);
  const bool hot = random.below(kHotSellerRatio) > 0;
  auction.seller = kFirstPersonId + (hot ? last_person(id) / kHotGroup * kHotGroup : any_person(id, random));
  auction.category = kFirstCategoryId + static_cast<std::int64_t>(random.below(kCategories));
  auction.initial_bid = price(random);
  auction.date_time = time_of(adjusted);
  // Twice the time in which as many auctions are opened as are in flight.
  const Timestamp ahead = time_of(adjusted + static_cast<std::uint64_t>(kInFlightAuctions * kIds / kAuctions));
  const auto horizon = std::chrono::duration_cast<milliseconds>(ahead - auction.date_time).count();
  auction.expires =
      auction.date_time + milliseconds{1 + below(random, std::max<std::int64_t>(std::int64_t{horizon} * 2, 1))};
  auction.item_name = words(random, 20, ' ');
  auction.description = words(random, 100, ' ');
  auction.reserve = auction.initial_bid + price(random);
  auction.extra = extra(random, 8 + auction.item_name.size() + auction.description.size() + 5 * 8, kAuctionBytes);
  return auction;
}

Bid Generator::bid(std::int64_t id, std::uint64_t adjusted, Random random) const {
  Bid bid;
  const bool hot_auction = random.below(kHotAuctionRatio) > 0;
  bid.auction = kFirstAuctionId + (hot_auction ? last_auction(id) / kHotGroup * kHotGroup : any_auction(id, random));
  const bool hot_bidder = random.below(kHotBidderRatio) > 0;
  // The second of a group, so that hot bidders are not the hot sellers.
  bid.bidder = kFirstPersonId + (hot_bidder ? last_person(id) / kHotGroup * kHotGroup + 1 : any_person(id, random));
  bid.price = price(random);
  const bool named = random.below(2) > 0;
  const Channel& channel =
      channels_[named ? random.below(kNamedChannels) : kNamedChannels + random.below(kNumberedChannels)];
  bid.channel = channel.name;
  bid.url = channel.url;
  bid.date_time = time_of(adjusted);
  bid.extra = extra(random, 4 * 8, kBidBytes);
  return bid;
}

}  // namespace nexmark
