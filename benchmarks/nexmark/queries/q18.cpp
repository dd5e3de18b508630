// q18, last bid: the newest bid of each bidder on each auction, given out whenever there is a newer one.
#include <map>
#include <utility>

#include "cost/hand_table.hpp"
#include "millstream/stream/keyed_stream.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

using BidderAuction = std::pair<std::int64_t, std::int64_t>;

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events)
               .key_by([](const Bid& bid) { return BidderAuction{bid.bidder, bid.auction}; })
               .reduce([](const Bid& last, const Bid& next) { return next.date_time < last.date_time ? last : next; }));
}

Digest model(const Input& input) {
  std::map<BidderAuction, Bid> last;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    Bid& newest = last[{bid.bidder, bid.auction}];
    if (bid.date_time >= newest.date_time) newest = bid;
    digest.fold(newest);
  });
  return digest;
}

Digest hand(const Input& input) {
  cost::HandTable<Bid> last;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    Bid& newest = last[static_cast<std::uint64_t>(bid.bidder) << 32 | static_cast<std::uint64_t>(bid.auction)];
    if (bid.date_time >= newest.date_time) newest = bid;
    digest.fold(newest);
  });
  return digest;
}

}  // namespace

Query q18() {
  return {.name = "q18", .what = "last bid of each bidder", .declare = declare, .model = model, .hand = hand};
}

}  // namespace nexmark
