// q17, auction statistics: for each auction and day the number of bids, by price too, and least, greatest, mean and
// total price. A bid changes its auction's row, and the new one is given out.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "millstream/stream/keyed_stream.hpp"
#include "millstream/window/aggregates.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/model_time.hpp"
#include "nexmark/queries/price_ranks.hpp"
#include "nexmark/queries/time_text.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

struct AuctionStatistics {
  std::int64_t auction;
  std::string day;
  std::int64_t total_bids;
  std::int64_t rank1_bids;
  std::int64_t rank2_bids;
  std::int64_t rank3_bids;
  std::int64_t min_price;
  std::int64_t max_price;
  std::int64_t avg_price;
  std::int64_t sum_price;
  BOOST_DESCRIBE_CLASS(AuctionStatistics, (),
                       (auction, day, total_bids, rank1_bids, rank2_bids, rank3_bids, min_price, max_price, avg_price,
                        sum_price),
                       (), ())
};

using AuctionDay = std::pair<std::int64_t, Day>;

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(
      bids(events)
          .key_by([](const Bid& bid) { return AuctionDay{bid.auction, day_of(bid.date_time)}; })
          .aggregate(ms::all_of(by_rank(ms::count()), ms::min(&Bid::price), ms::max(&Bid::price), ms::sum(&Bid::price)))
          .map([](const auto& counted) {
            const auto& [auction, day] = counted.key;
            const auto& [bids, least, greatest, sum] = counted.value;
            const auto& [total, rank1, rank2, rank3] = bids;
            return AuctionStatistics{auction, day_text(day), total,    rank1,       rank2,
                                     rank3,   least,         greatest, sum / total, sum};
          }));
}

Digest model(const Input& input) {
  std::map<std::pair<std::int64_t, std::string>, AuctionStatistics> rows;
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    const std::string day = model_text(bid.date_time, "%Y-%m-%d");
    const auto [at, is_new] =
        rows.try_emplace({bid.auction, day}, AuctionStatistics{bid.auction, day, 0, 0, 0, 0, bid.price, 0, 0, 0});
    AuctionStatistics& row = at->second;
    ++row.total_bids;
    ++(bid.price < 10'000 ? row.rank1_bids : bid.price < 1'000'000 ? row.rank2_bids : row.rank3_bids);
    row.min_price = std::min(row.min_price, bid.price);
    row.max_price = std::max(row.max_price, bid.price);
    row.sum_price += bid.price;
    row.avg_price = row.sum_price / row.total_bids;
    digest.fold(row);
  });
  return digest;
}

}  // namespace

Query q17() {
  return {.name = "q17", .what = "prices by auction and day", .declare = declare, .model = model, .by_order = true};
}

}  // namespace nexmark
