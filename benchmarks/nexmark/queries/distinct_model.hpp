// What the models of q15 and q16 have in common: a set for each column.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_set>

#include "nexmark/queries/price_ranks.hpp"

namespace nexmark {

class DistinctModel {
 public:
  void add(const Bid& bid) {
    const unsigned rank = bid.price < 10'000 ? 1 : bid.price < 1'000'000 ? 2 : 3;
    for (const unsigned column : {0U, rank}) {
      ++bids_[column];
      bidders_[column].insert(bid.bidder);
      auctions_[column].insert(bid.auction);
    }
  }
  [[nodiscard]] RankCounts bids() const { return {bids_[0], bids_[1], bids_[2], bids_[3]}; }
  [[nodiscard]] RankCounts bidders() const { return sizes(bidders_); }
  [[nodiscard]] RankCounts auctions() const { return sizes(auctions_); }

 private:
  using Sets = std::array<std::unordered_set<std::int64_t>, 4>;
  static RankCounts sizes(const Sets& sets) {
    const auto size = [&](std::size_t column) { return static_cast<std::int64_t>(sets[column].size()); };
    return {size(0), size(1), size(2), size(3)};
  }
  std::array<std::int64_t, 4> bids_{};
  Sets bidders_;
  Sets auctions_;
};

}  // namespace nexmark
