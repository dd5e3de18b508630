// q18, last bid: the newest bid of each bidder on each auction, given out whenever there is a newer one.
#include <deque>
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

template <class AnyEvent>
void declare(const ms::Stream<AnyEvent>& events, const Outlet& out) {
  out.take(owned_bids(events)
               .key_by([](const Bid& bid) { return BidderAuction{bid.bidder, bid.auction}; })
               .reduce([](const Bid& last, const Bid& next) -> const Bid& {
                 return next.date_time < last.date_time ? last : next;
               }));
}

// Keeps numbers of events: the bids of a long run would fill the memory.
Digest model(const Input& input) {
  struct Newest {
    std::uint64_t event = 0;
    ms::Timestamp date_time{};
  };
  std::map<BidderAuction, Newest> last;
  Digest digest;
  for (std::uint64_t n = 0; n < input.events; ++n) {
    const Event event = input.generator->event(n);
    const Bid* bid = std::get_if<Bid>(&event);
    if (bid == nullptr) continue;
    Newest& newest = last[{bid->bidder, bid->auction}];
    if (bid->date_time >= newest.date_time) {
      newest = {n, bid->date_time};
      digest.fold(*bid);
    } else {
      digest.fold(std::get<Bid>(input.generator->event(newest.event)));
    }
  }
  return digest;
}

// The table holds places, so that it stays small; the bids stand one behind the other and do not move when it grows,
// and one that is replaced lends its memory to the next.
Digest hand(const Input& input) {
  cost::HandTable<std::uint32_t> places;  // in `last`, and one more: 0 is none
  std::deque<Bid> last;
  Digest digest;
  input.for_each_bid([&](const auto& bid) {
    std::uint32_t& place =
        places[static_cast<std::uint64_t>(bid.bidder) << 32 | static_cast<std::uint64_t>(bid.auction)];
    if (place == 0) {
      last.push_back(owned(bid));
      place = static_cast<std::uint32_t>(last.size());
      digest.fold(bid);
      return;
    }
    Bid& newest = last[place - 1];
    if (bid.date_time >= newest.date_time) assign(newest, bid);
    digest.fold(newest);
  });
  return digest;
}

}  // namespace

Query q18() {
  return {.name = "q18",
          .what = "last bid of each bidder",
          .declare = declare<Event>,
          .model = model,
          .declare_views = declare<EventView>,
          .hand = hand,
          .by_order = true};
}

}  // namespace nexmark
