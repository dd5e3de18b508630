#include "nexmark/queries/distinct_counts.hpp"

#include <algorithm>

#include "nexmark/queries/time_text.hpp"

namespace nexmark {
namespace {

void see(std::int64_t id, unsigned rank, CountDistinct::Seen& seen, RankCounts& counts) {
  std::uint8_t& ranks = seen[id];
  if (ranks == 0) ++counts.total;
  const auto bit = static_cast<std::uint8_t>(1U << rank);
  if ((ranks & bit) != 0) return;
  ranks = static_cast<std::uint8_t>(ranks | bit);
  counts.add(rank);
}

}  // namespace

void CountDistinct::add(Acc& acc, const Bid& bid) const {
  const unsigned rank = price_rank(bid);
  ++acc.counts.bids.total;
  acc.counts.bids.add(rank);
  see(bid.bidder, rank, acc.bidders, acc.counts.bidders);
  see(bid.auction, rank, acc.auctions, acc.counts.auctions);
  acc.counts.last_minute = std::max(acc.counts.last_minute, minute_of_day(bid.date_time));
}

}  // namespace nexmark
