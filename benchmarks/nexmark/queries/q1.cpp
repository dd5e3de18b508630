// q1, currency conversion: the price of each bid in euros.
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

template <class Text>
struct EuroBid {
  std::int64_t auction;
  std::int64_t bidder;
  double price;
  ms::Timestamp date_time;
  Text extra;
  BOOST_DESCRIBE_CLASS(EuroBid, (), (auction, bidder, price, date_time, extra), (), ())
};

template <class AnyEvent>
void declare(const ms::Stream<AnyEvent>& events, const Outlet& out) {
  out.take(bids(events).map([](auto&& bid) {
    return EuroBid{bid.auction, bid.bidder, 0.908 * static_cast<double>(bid.price), bid.date_time,
                   std::move(bid.extra)};
  }));
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    digest.fold(EuroBid{bid.auction, bid.bidder, 0.908 * static_cast<double>(bid.price), bid.date_time, bid.extra});
  });
  return digest;
}

// Without a copy of the text.
Digest hand(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const auto& bid) {
    digest.fold_fields(bid.auction, bid.bidder, 0.908 * static_cast<double>(bid.price), bid.date_time, bid.extra);
  });
  return digest;
}

}  // namespace

Query q1() {
  return {.name = "q1",
          .what = "prices in euros",
          .declare = declare<Event>,
          .model = model,
          .declare_views = declare<EventView>,
          .hand = hand};
}

}  // namespace nexmark
