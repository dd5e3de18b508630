// q12, windows in processing time: how many bids a user makes in each 10 seconds of the wall clock.
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
  out.take(bids(events)
               .key_by(&Bid::bidder)
               .window(ms::tumbling(10s).processing_time())
               .aggregate(ms::count())
               .map(bidder_count));
}

// Each event is worked on when the clock has come to its time, behind those before it.
Digest model(const Input& input) {
  std::map<std::pair<ms::Timestamp, std::int64_t>, std::int64_t> counts;
  ms::Timestamp now{};
  for (std::uint64_t n = 0; n < input.events; ++n) {
    now = std::max(now, input.generator->time(n));
    const Event event = input.generator->event(n);
    const Bid* bid = std::get_if<Bid>(&event);
    if (bid == nullptr) continue;
    const ms::Timestamp start{now.time_since_epoch() / ms::Duration{10s} * ms::Duration{10s}};
    ++counts[{start, bid->bidder}];
  }
  Digest digest;
  for (const auto& [key, count] : counts) {
    digest.fold(BidderCount{key.second, count, key.first, key.first + 10s});
  }
  return digest;
}

}  // namespace

Query q12() {
  return {.name = "q12",
          .what = "bids in windows of the wall clock",
          .declare = declare,
          .model = model,
          .by_wall_clock = true};
}

}  // namespace nexmark
