// q11, user sessions: how many bids a user has made without a pause of more than 10 seconds.
#include <algorithm>
#include <map>

#include "millstream/stream/windowed_stream.hpp"
#include "millstream/window/aggregates.hpp"
#include "nexmark/queries/bidder_counts.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using namespace std::chrono_literals;

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(timed_bids(events).key_by(&Bid::bidder).window(ms::session(10s)).aggregate(ms::count()).map(bidder_count));
}

Digest model(const Input& input) {
  std::map<std::int64_t, std::vector<ms::Timestamp>> bids;
  input.for_each_bid([&](const Bid& bid) { bids[bid.bidder].push_back(bid.date_time); });
  Digest digest;
  for (auto& [bidder, times] : bids) {
    std::sort(times.begin(), times.end());
    std::size_t first = 0;
    for (std::size_t i = 1; i <= times.size(); ++i) {
      if (i < times.size() && times[i] - times[i - 1] <= 10s) continue;
      digest.fold(BidderCount{bidder, static_cast<std::int64_t>(i - first), times[first], times[i - 1] + 10s});
      first = i;
    }
  }
  return digest;
}

}  // namespace

Query q11() { return {.name = "q11", .what = "bids in a session", .declare = declare, .model = model}; }

}  // namespace nexmark
