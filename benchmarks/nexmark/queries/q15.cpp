// q15, bidding statistics: for each day how many bids, bidders and auctions there are, and how many by price. A bid
// changes its day's row, and the new one is given out.
#include <map>

#include "millstream/stream/keyed_stream.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/distinct_model.hpp"
#include "nexmark/queries/model_time.hpp"
#include "nexmark/queries/price_ranks.hpp"
#include "nexmark/queries/time_text.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

struct DayStatistics {
  std::string day;
  RankCounts bids;
  RankCounts bidders;
  RankCounts auctions;
  BOOST_DESCRIBE_CLASS(DayStatistics, (), (day, bids, bidders, auctions), (), ())
};

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events)
               .key_by([](const Bid& bid) { return day_of(bid.date_time); })
               .aggregate(ms::all_of(by_rank(ms::count()), by_rank(ms::count_distinct(&Bid::bidder)),
                                     by_rank(ms::count_distinct(&Bid::auction))))
               .map([](const auto& counted) {
                 const auto& [bids, bidders, auctions] = counted.value;
                 return DayStatistics{day_text(counted.key), rank_counts(bids), rank_counts(bidders),
                                      rank_counts(auctions)};
               }));
}

Digest model(const Input& input) {
  std::map<std::string, DistinctModel> days;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    const std::string day = model_text(bid.date_time, "%Y-%m-%d");
    DistinctModel& counts = days[day];
    counts.add(bid);
    digest.fold(DayStatistics{day, counts.bids(), counts.bidders(), counts.auctions()});
  });
  return digest;
}

}  // namespace

Query q15() {
  return {.name = "q15", .what = "distinct counts by day", .declare = declare, .model = model, .by_order = true};
}

}  // namespace nexmark
