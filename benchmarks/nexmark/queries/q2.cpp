// q2, selection: the bids on some auctions.
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

struct AuctionPrice {
  std::int64_t auction;
  std::int64_t price;
  BOOST_DESCRIBE_CLASS(AuctionPrice, (), (auction, price), (), ())
};

bool is_selected(const Bid& bid) { return bid.auction % 123 == 0; }

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events).filter(is_selected).map([](const Bid& bid) { return AuctionPrice{bid.auction, bid.price}; }));
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    if (is_selected(bid)) digest.fold(AuctionPrice{bid.auction, bid.price});
  });
  return digest;
}

}  // namespace

Query q2() {
  return {.name = "q2", .what = "bids on some auctions", .declare = declare, .model = model, .hand = model};
}

}  // namespace nexmark
