// The columns that q15 and q16 have in common: bids, distinct bidders and distinct auctions, of all prices and in three
// ranks of prices.
#pragma once

#include <array>
#include <bit>
#include <boost/describe/class.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>

#include "millstream/core/timestamp.hpp"
#include "nexmark/event.hpp"

namespace nexmark {

/// 0 below 10,000 cents, 1 below 1,000,000, else 2.
[[nodiscard]] inline unsigned price_rank(const Bid& bid) {
  return bid.price < 10'000 ? 0 : bid.price < 1'000'000 ? 1 : 2;
}

struct RankCounts {
  std::int64_t total = 0;
  std::int64_t rank1 = 0;
  std::int64_t rank2 = 0;
  std::int64_t rank3 = 0;
  BOOST_DESCRIBE_CLASS(RankCounts, (), (total, rank1, rank2, rank3), (), ())

  void add(unsigned rank) { ++(rank == 0 ? rank1 : rank == 1 ? rank2 : rank3); }
};

struct DistinctCounts {
  RankCounts bids = {};
  RankCounts bidders = {};
  RankCounts auctions = {};
  std::int64_t last_minute = 0;  ///< of the day
  BOOST_DESCRIBE_CLASS(DistinctCounts, (), (bids, bidders, auctions, last_minute), (), ())
};

/// An aggregate: exact counts, by which ranks each bidder and each auction has been seen in.
struct CountDistinct {
  using Seen = boost::unordered_flat_map<std::int64_t, std::uint8_t>;  // a bit for each rank
  struct Acc {
    DistinctCounts counts = {};
    Seen bidders = {};
    Seen auctions = {};
    BOOST_DESCRIBE_CLASS(Acc, (), (counts, bidders, auctions), (), ())
  };
  Acc create() const { return {}; }
  void add(Acc& acc, const Bid& bid) const;
  DistinctCounts result(const Acc& acc) const { return acc.counts; }
};

}  // namespace nexmark
