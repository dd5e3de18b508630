// Nexmark's events: an auction site on which persons open auctions and bid. Names and types are those of
// nexmark/nexmark, in our spelling. An event has its text, or is a view of text that lies elsewhere and outlives it.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "millstream/core/timestamp.hpp"

namespace nexmark {

template <class Text>
struct BasicPerson {
  std::int64_t id = 0;
  Text name = {};
  Text email_address = {};
  Text credit_card = {};
  Text city = {};
  Text state = {};
  millstream::Timestamp date_time{};
  Text extra = {};
  friend bool operator==(const BasicPerson&, const BasicPerson&) = default;
  BOOST_DESCRIBE_CLASS(BasicPerson, (), (id, name, email_address, credit_card, city, state, date_time, extra), (), ())
};
using Person = BasicPerson<std::string>;
using PersonView = BasicPerson<std::string_view>;

/// Prices are cents.
template <class Text>
struct BasicAuction {
  std::int64_t id = 0;
  Text item_name = {};
  Text description = {};
  std::int64_t initial_bid = 0;
  std::int64_t reserve = 0;
  millstream::Timestamp date_time{};
  millstream::Timestamp expires{};
  std::int64_t seller = 0;
  std::int64_t category = 0;
  Text extra = {};
  friend bool operator==(const BasicAuction&, const BasicAuction&) = default;
  BOOST_DESCRIBE_CLASS(BasicAuction, (),
                       (id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra),
                       (), ())
};
using Auction = BasicAuction<std::string>;
using AuctionView = BasicAuction<std::string_view>;

template <class Text>
struct BasicBid {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  Text channel = {};
  Text url = {};
  millstream::Timestamp date_time{};
  Text extra = {};
  friend bool operator==(const BasicBid&, const BasicBid&) = default;
  BOOST_DESCRIBE_CLASS(BasicBid, (), (auction, bidder, price, channel, url, date_time, extra), (), ())
};
using Bid = BasicBid<std::string>;
using BidView = BasicBid<std::string_view>;

using Event = std::variant<Person, Auction, Bid>;
using EventView = std::variant<PersonView, AuctionView, BidView>;

/// A bid with text of its own: what is kept, for views do not outlive what they look at.
[[nodiscard]] inline Bid owned(const BidView& bid) {
  return {bid.auction,           bid.bidder, bid.price, std::string{bid.channel}, std::string{bid.url}, bid.date_time,
          std::string{bid.extra}};
}
[[nodiscard]] inline const Bid& owned(const Bid& bid) { return bid; }
/// Into a bid that has had others: its memory is used again.
template <class Text>
void assign(Bid& to, const BasicBid<Text>& from) {
  to.auction = from.auction;
  to.bidder = from.bidder;
  to.price = from.price;
  to.channel = from.channel;
  to.url = from.url;
  to.date_time = from.date_time;
  to.extra = from.extra;
}

}  // namespace nexmark
