// q19, top ten: the ten highest bids on each auction, with their ranks. A bid that comes among them gives out its own
// row and those of the bids that it pushes down.
#include <algorithm>
#include <map>

#include "millstream/stream/keyed_stream.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

constexpr std::size_t kTop = 10;

struct RankedBid {
  std::int64_t rank;
  Bid bid;
  BOOST_DESCRIBE_CLASS(RankedBid, (), (rank, bid), (), ())
};

struct TopTen {
  ms::ValueState<std::vector<Bid>> best;  // highest first; of equal ones that which came first

  void open(ms::OperatorContext& context) { best = context.value_state<std::vector<Bid>>("best"); }
  void process(const Bid& bid, ms::Collector<RankedBid>& out) {
    const std::vector<Bid>* known = best.get();
    if (known != nullptr && known->size() == kTop && bid.price <= known->back().price) return;
    best.update([&](std::vector<Bid>& top) {
      auto place =
          std::upper_bound(top.begin(), top.end(), bid, [](const Bid& a, const Bid& b) { return a.price > b.price; });
      const auto rank = place - top.begin();
      if (top.size() == kTop) top.pop_back();
      top.insert(top.begin() + rank, bid);
      for (auto r = static_cast<std::size_t>(rank); r < top.size(); ++r) {
        out.emit({static_cast<std::int64_t>(r) + 1, top[r]});
      }
    });
  }
};

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events).key_by(&Bid::auction).process(TopTen{}));
}

Digest model(const Input& input) {
  std::map<std::int64_t, std::vector<Bid>> auctions;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    std::vector<Bid>& top = auctions[bid.auction];
    const std::vector<Bid> before = top;
    top.push_back(bid);
    std::stable_sort(top.begin(), top.end(), [](const Bid& a, const Bid& b) { return a.price > b.price; });
    if (top.size() > kTop) top.pop_back();
    // Where the same bid stands at the same rank nothing has changed; two bids may be equal in all fields.
    const bool entered = top.size() > before.size() || bid.price > before.back().price;
    if (!entered) return;
    std::size_t rank = 0;
    while (rank < before.size() && before[rank].price >= bid.price) ++rank;
    for (; rank < top.size(); ++rank) digest.fold(RankedBid{static_cast<std::int64_t>(rank) + 1, top[rank]});
  });
  return digest;
}

}  // namespace

Query q19() {
  return {.name = "q19", .what = "top ten bids of each auction", .declare = declare, .model = model, .by_order = true};
}

}  // namespace nexmark
