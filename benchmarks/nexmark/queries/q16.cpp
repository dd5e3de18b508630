// q16, channel statistics: what q15 counts, for each channel and day, with the last minute in which there was a bid.
#include <algorithm>
#include <map>
#include <utility>

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

struct ChannelStatistics {
  std::string channel;
  std::string day;
  std::string minute;
  RankCounts bids;
  RankCounts bidders;
  RankCounts auctions;
  BOOST_DESCRIBE_CLASS(ChannelStatistics, (), (channel, day, minute, bids, bidders, auctions), (), ())
};

using ChannelDay = std::pair<std::string, Day>;

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events)
               .key_by([](const Bid& bid) { return ChannelDay{bid.channel, day_of(bid.date_time)}; })
               .aggregate(ms::all_of(ms::max([](const Bid& bid) { return minute_of_day(bid.date_time); }),
                                     by_rank(ms::count()), by_rank(ms::count_distinct(&Bid::bidder)),
                                     by_rank(ms::count_distinct(&Bid::auction))))
               .map([](const auto& counted) {
                 const auto& [channel, day] = counted.key;
                 const auto& [minute, bids, bidders, auctions] = counted.value;
                 return ChannelStatistics{channel,           day_text(day),        minute_text(minute),
                                          rank_counts(bids), rank_counts(bidders), rank_counts(auctions)};
               }));
}

Digest model(const Input& input) {
  struct Channel {
    DistinctModel counts = {};
    std::string minute = {};
  };
  std::map<std::pair<std::string, std::string>, Channel> channels;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    const std::string day = model_text(bid.date_time, "%Y-%m-%d");
    auto& [counts, minute] = channels[{bid.channel, day}];
    counts.add(bid);
    minute = std::max(minute, model_text(bid.date_time, "%H:%M"));
    digest.fold(ChannelStatistics{bid.channel, day, minute, counts.bids(), counts.bidders(), counts.auctions()});
  });
  return digest;
}

}  // namespace

Query q16() {
  return {.name = "q16", .what = "distinct counts by channel", .declare = declare, .model = model, .by_order = true};
}

}  // namespace nexmark
