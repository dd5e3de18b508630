// The columns that q15 and q16 have in common: bids, distinct bidders and distinct auctions, of all prices and in three
// ranks of prices.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <tuple>

#include "millstream/window/aggregates.hpp"
#include "nexmark/event.hpp"

namespace nexmark {

inline bool is_rank1(const Bid& bid) { return bid.price < 10'000; }
inline bool is_rank2(const Bid& bid) { return bid.price >= 10'000 && bid.price < 1'000'000; }
inline bool is_rank3(const Bid& bid) { return bid.price >= 1'000'000; }

struct RankCounts {
  std::int64_t total = 0;
  std::int64_t rank1 = 0;
  std::int64_t rank2 = 0;
  std::int64_t rank3 = 0;
  BOOST_DESCRIBE_CLASS(RankCounts, (), (total, rank1, rank2, rank3), (), ())
};
using RankTuple = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
[[nodiscard]] inline RankCounts rank_counts(const RankTuple& counts) {
  return std::make_from_tuple<RankCounts>(counts);
}

/// An aggregate of all bids and of those of each rank: std::tuple of four results.
template <class Agg>
[[nodiscard]] auto by_rank(Agg agg) {
  namespace ms = millstream;
  return ms::all_of(agg, ms::filtered(is_rank1, agg), ms::filtered(is_rank2, agg), ms::filtered(is_rank3, agg));
}

}  // namespace nexmark
