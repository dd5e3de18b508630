// The plain program beside CountDistinct: a set for each column.
#pragma once

#include <algorithm>
#include <array>
#include <set>

#include "nexmark/queries/distinct_counts.hpp"
#include "nexmark/queries/time_text.hpp"

namespace nexmark {

class DistinctModel {
 public:
  const DistinctCounts& add(const Bid& bid) {
    const unsigned rank = bid.price < 10'000 ? 1 : bid.price < 1'000'000 ? 2 : 3;
    for (const unsigned column : {0U, rank}) {
      ++bids_[column];
      bidders_[column].insert(bid.bidder);
      auctions_[column].insert(bid.auction);
    }
    counts_.bids = {bids_[0], bids_[1], bids_[2], bids_[3]};
    counts_.bidders = sizes(bidders_);
    counts_.auctions = sizes(auctions_);
    counts_.last_minute = std::max(counts_.last_minute, minute_of_day(bid.date_time));
    return counts_;
  }

 private:
  using Sets = std::array<std::set<std::int64_t>, 4>;
  static RankCounts sizes(const Sets& sets) {
    const auto size = [&](std::size_t column) { return static_cast<std::int64_t>(sets[column].size()); };
    return {size(0), size(1), size(2), size(3)};
  }
  std::array<std::int64_t, 4> bids_{};
  Sets bidders_;
  Sets auctions_;
  DistinctCounts counts_;
};

}  // namespace nexmark
