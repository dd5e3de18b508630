// q14, calculation: bids of a range of prices, with columns that are computed.
#include <algorithm>

#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/time_text.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

struct CalculatedBid {
  std::int64_t auction;
  std::int64_t bidder;
  double price;
  std::string bid_time_type;
  ms::Timestamp date_time;
  std::string extra;
  std::int64_t c_counts;
  BOOST_DESCRIBE_CLASS(CalculatedBid, (), (auction, bidder, price, bid_time_type, date_time, extra, c_counts), (), ())
};

// 0.908 * price, in thousandths: the bounds are exact.
bool is_in_range(const Bid& bid) { return bid.price * 908 > 1'000'000'000 && bid.price * 908 < 50'000'000'000; }

const char* time_type(ms::Timestamp at) {
  const std::int64_t hour = hour_of_day(at);
  if (hour >= 8 && hour <= 18) return "dayTime";
  return hour <= 6 || hour >= 20 ? "nightTime" : "otherTime";
}

CalculatedBid calculate(const Bid& bid) {
  return {bid.auction,
          bid.bidder,
          0.908 * static_cast<double>(bid.price),
          time_type(bid.date_time),
          bid.date_time,
          bid.extra,
          std::count(bid.extra.begin(), bid.extra.end(), 'c')};
}

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events).filter(is_in_range).map(calculate));
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    if (is_in_range(bid)) digest.fold(calculate(bid));
  });
  return digest;
}

}  // namespace

Query q14() { return {.name = "q14", .what = "computed columns", .declare = declare, .model = model}; }

}  // namespace nexmark
