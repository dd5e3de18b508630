// q16, channel statistics: what q15 counts, for each channel and day, with the last minute in which there was a bid.
#include <map>
#include <utility>

#include "millstream/stream/keyed_stream.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/distinct_counts.hpp"
#include "nexmark/queries/distinct_model.hpp"
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

ChannelStatistics row(const ChannelDay& key, const DistinctCounts& counts) {
  return {key.first,   day_text(key.second), minute_text(counts.last_minute),
          counts.bids, counts.bidders,       counts.auctions};
}

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events)
               .key_by([](const Bid& bid) { return ChannelDay{bid.channel, day_of(bid.date_time)}; })
               .aggregate(CountDistinct{})
               .map([](const ms::KeyedResult<ChannelDay, DistinctCounts>& counted) {
                 return row(counted.key, counted.value);
               }));
}

Digest model(const Input& input) {
  std::map<ChannelDay, DistinctModel> channels;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    const ChannelDay key{bid.channel, day_of(bid.date_time)};
    digest.fold(row(key, channels[key].add(bid)));
  });
  return digest;
}

}  // namespace

Query q16() { return {.name = "q16", .what = "distinct counts by channel", .declare = declare, .model = model}; }

}  // namespace nexmark
