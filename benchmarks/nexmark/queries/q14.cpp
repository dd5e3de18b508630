// q14, calculation: bids of a range of prices, with columns that are computed.
#include <algorithm>
#include <string_view>

#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/model_time.hpp"
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

// The least and the greatest price whose 0.908 fold lies between 1,000,000 and 50,000,000.
constexpr std::int64_t kLeast = 1'101'322;
constexpr std::int64_t kGreatest = 55'066'079;

Digest model(const Input& input) {
  // One letter for each hour of the day.
  static constexpr std::string_view kHours = "nnnnnnnodddddddddddonnnn";
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    if (bid.price < kLeast || bid.price > kGreatest) return;
    const char hour = kHours[static_cast<std::size_t>(model_utc(bid.date_time).tm_hour)];
    CalculatedBid row{bid.auction, bid.bidder, 0.908 * static_cast<double>(bid.price), {}, bid.date_time, bid.extra, 0};
    row.bid_time_type = hour == 'n' ? "nightTime" : hour == 'd' ? "dayTime" : "otherTime";
    for (std::size_t at = bid.extra.find('c'); at != std::string::npos; at = bid.extra.find('c', at + 1)) {
      ++row.c_counts;
    }
    digest.fold(row);
  });
  return digest;
}

}  // namespace

Query q14() { return {.name = "q14", .what = "computed columns", .declare = declare, .model = model}; }

}  // namespace nexmark
