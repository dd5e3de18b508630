// q15, bidding statistics: for each day how many bids, bidders and auctions there are, and how many by price. A bid
// changes its day's row, and the new one is given out.
#include <map>

#include "millstream/stream/keyed_stream.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/distinct_counts.hpp"
#include "nexmark/queries/distinct_model.hpp"
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

DayStatistics row(Day day, const DistinctCounts& counts) {
  return {day_text(day), counts.bids, counts.bidders, counts.auctions};
}

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(
      bids(events)
          .key_by([](const Bid& bid) { return day_of(bid.date_time); })
          .aggregate(CountDistinct{})
          .map([](const ms::KeyedResult<Day, DistinctCounts>& counted) { return row(counted.key, counted.value); }));
}

Digest model(const Input& input) {
  std::map<Day, DistinctModel> days;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    const Day day = day_of(bid.date_time);
    digest.fold(row(day, days[day].add(bid)));
  });
  return digest;
}

}  // namespace

Query q15() { return {.name = "q15", .what = "distinct counts by day", .declare = declare, .model = model}; }

}  // namespace nexmark
