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

const auto kIsSelected = [](const auto& bid) { return bid.auction % 123 == 0; };

template <class AnyEvent>
void declare(const ms::Stream<AnyEvent>& events, const Outlet& out) {
  out.take(bids(events).filter(kIsSelected).map([](const auto& bid) { return AuctionPrice{bid.auction, bid.price}; }));
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const auto& bid) {
    if (kIsSelected(bid)) digest.fold(AuctionPrice{bid.auction, bid.price});
  });
  return digest;
}

}  // namespace

Query q2() {
  return {.name = "q2",
          .what = "bids on some auctions",
          .declare = declare<Event>,
          .model = model,
          .declare_views = declare<EventView>,
          .hand = model};
}

}  // namespace nexmark
