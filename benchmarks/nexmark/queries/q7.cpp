// q7, highest bid: the bids with the highest price in each 10 seconds.
#include <algorithm>
#include <map>

#include "millstream/stream/windowed_stream.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using namespace std::chrono_literals;

struct HighestBid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  ms::Timestamp date_time;
  std::string extra;
  BOOST_DESCRIBE_CLASS(HighestBid, (), (auction, bidder, price, date_time, extra), (), ())
};

/// All of them, where there are several.
template <class AnyBid>
struct Highest {
  using Acc = std::vector<Bid>;
  Acc create() const { return {}; }
  void add(Acc& acc, const AnyBid& bid) const {
    if (!acc.empty() && bid.price < acc.front().price) return;
    if (!acc.empty() && bid.price > acc.front().price) acc.clear();
    acc.push_back(owned(bid));
  }
  Acc result(const Acc& acc) const { return acc; }
};

HighestBid row(const Bid& bid) { return {bid.auction, bid.bidder, bid.price, bid.date_time, bid.extra}; }

template <class AnyEvent>
void declare(const ms::Stream<AnyEvent>& events, const Outlet& out) {
  out.take(timed_bids(events)
               .window_all(ms::tumbling(10s))
               .aggregate(Highest<BidOf<AnyEvent>>{})
               .template flat_map<HighestBid>([](const auto& highest, ms::Collector<HighestBid>& rows) {
                 for (const Bid& bid : highest.value) rows.emit(row(bid));
               }));
}

ms::Timestamp window_of(ms::Timestamp at) {
  return ms::Timestamp{at.time_since_epoch() / ms::Duration{10s} * ms::Duration{10s}};
}

// Twice through the input: what has the highest price of its window in the first pass is folded in the second.
Digest model(const Input& input) {
  const auto number_of = [](const Bid& bid) { return bid.date_time.time_since_epoch() / ms::Duration{10s}; };
  std::map<std::int64_t, std::int64_t> highest;  // by the number of the window
  input.for_each_bid([&](const Bid& bid) {
    std::int64_t& price = highest[number_of(bid)];
    price = std::max(price, bid.price);
  });
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    if (bid.price != highest[number_of(bid)]) return;
    digest.fold(HighestBid{bid.auction, bid.bidder, bid.price, bid.date_time, bid.extra});
  });
  return digest;
}

Digest hand(const Input& input) {
  Digest digest;
  std::vector<Bid> highest;
  ms::Timestamp end{};
  const auto fire = [&] {
    for (const Bid& bid : highest) digest.fold(row(bid));
    highest.clear();
  };
  input.for_each_bid([&](const auto& bid) {
    if (bid.date_time >= end) {
      fire();
      end = window_of(bid.date_time) + 10s;
    }
    if (!highest.empty() && bid.price < highest.front().price) return;
    if (!highest.empty() && bid.price > highest.front().price) highest.clear();
    highest.push_back(owned(bid));
  });
  fire();
  return digest;
}

}  // namespace

Query q7() {
  return {.name = "q7",
          .what = "highest bids",
          .declare = declare<Event>,
          .model = model,
          .declare_views = declare<EventView>,
          .hand = hand};
}

}  // namespace nexmark
