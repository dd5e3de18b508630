// Nexmark's events: an auction site on which persons open auctions and bid. Names and types are those of
// nexmark/nexmark, in our spelling.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>
#include <variant>

#include "millstream/core/timestamp.hpp"

namespace nexmark {

struct Person {
  std::int64_t id = 0;
  std::string name = {};
  std::string email_address = {};
  std::string credit_card = {};
  std::string city = {};
  std::string state = {};
  millstream::Timestamp date_time{};
  std::string extra = {};
  friend bool operator==(const Person&, const Person&) = default;
};
BOOST_DESCRIBE_STRUCT(Person, (), (id, name, email_address, credit_card, city, state, date_time, extra))

/// Prices are cents.
struct Auction {
  std::int64_t id = 0;
  std::string item_name = {};
  std::string description = {};
  std::int64_t initial_bid = 0;
  std::int64_t reserve = 0;
  millstream::Timestamp date_time{};
  millstream::Timestamp expires{};
  std::int64_t seller = 0;
  std::int64_t category = 0;
  std::string extra = {};
  friend bool operator==(const Auction&, const Auction&) = default;
};
BOOST_DESCRIBE_STRUCT(Auction, (),
                      (id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra))

struct Bid {
  std::int64_t auction = 0;
  std::int64_t bidder = 0;
  std::int64_t price = 0;
  std::string channel = {};
  std::string url = {};
  millstream::Timestamp date_time{};
  std::string extra = {};
  friend bool operator==(const Bid&, const Bid&) = default;
};
BOOST_DESCRIBE_STRUCT(Bid, (), (auction, bidder, price, channel, url, date_time, extra))

using Event = std::variant<Person, Auction, Bid>;

}  // namespace nexmark
