// q5, hot items: every 2 seconds the auctions with the most bids in the last 10 seconds.
#include <algorithm>
#include <array>
#include <map>

#include "cost/hand_table.hpp"
#include "millstream/stream/windowed_stream.hpp"
#include "millstream/window/aggregates.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;
using namespace std::chrono_literals;

struct HotAuction {
  std::int64_t auction;
  std::int64_t num;
  ms::Timestamp window_end;
  BOOST_DESCRIBE_CLASS(HotAuction, (), (auction, num, window_end), (), ())
};
using AuctionBids = ms::WindowResult<std::int64_t, std::int64_t>;

/// The auctions with the most bids: all of them, where there are several.
struct Hottest {
  struct Acc {
    std::int64_t num = 0;
    std::vector<std::int64_t> auctions = {};
    BOOST_DESCRIBE_CLASS(Acc, (), (num, auctions), (), ())
  };
  Acc create() const { return {}; }
  void add(Acc& acc, const AuctionBids& bids) const {
    if (bids.value < acc.num) return;
    if (bids.value > acc.num) acc = {bids.value, {}};
    acc.auctions.push_back(bids.key);
  }
  Acc result(const Acc& acc) const { return acc; }
};

template <class AnyEvent>
void declare(const ms::Stream<AnyEvent>& events, const Outlet& out) {
  out.take(timed_bids(events)
               .key_by(&BidOf<AnyEvent>::auction)
               .window(ms::sliding(10s, 2s))
               .aggregate(ms::count())
               .key_by(&AuctionBids::window_end)
               .window(ms::tumbling(2s))
               .aggregate(Hottest{})
               .template flat_map<HotAuction>([](const auto& hottest, ms::Collector<HotAuction>& rows) {
                 for (const std::int64_t auction : hottest.value.auctions) {
                   rows.emit({auction, hottest.value.num, hottest.window_end});
                 }
               }));
}

constexpr ms::Duration kSlide = 2s;
constexpr std::size_t kSlides = 5;  // a window's

Digest model(const Input& input) {
  std::map<ms::Timestamp, std::map<std::int64_t, std::int64_t>> windows;  // by their end
  input.for_each_bid([&](const Bid& bid) {
    const ms::Timestamp slide{bid.date_time.time_since_epoch() / kSlide * kSlide};
    for (std::size_t i = 1; i <= kSlides; ++i) ++windows[slide + static_cast<int>(i) * kSlide][bid.auction];
  });
  Digest digest;
  for (const auto& [end, counts] : windows) {
    std::int64_t most = 0;
    for (const auto& [auction, num] : counts) most = std::max(most, num);
    for (const auto& [auction, num] : counts) {
      if (num == most) digest.fold(HotAuction{auction, num, end});
    }
  }
  return digest;
}

// Counts by slide; a window's are added up when it ends.
class SlidingCounts {
 public:
  template <class AnyBid>
  void add(const AnyBid& bid) {
    if (end_ == ms::Timestamp{}) {
      end_ = ms::Timestamp{bid.date_time.time_since_epoch() / kSlide * kSlide} + kSlide;
    }
    while (bid.date_time >= end_) slide();
    ++slides_[now_][static_cast<std::uint64_t>(bid.auction)];
  }
  Digest finish() {
    for (std::size_t i = 0; i < kSlides; ++i) slide();
    return digest_;
  }

 private:
  void slide() {
    for (cost::HandTable<std::int64_t>& counts : slides_) {
      counts.for_each([&](std::uint64_t auction, std::int64_t num) { window_[auction] += num; });
    }
    std::int64_t most = 1;
    hottest_.clear();
    window_.drain([&](std::uint64_t auction, std::int64_t num) {
      if (num < most) return;
      if (num > most) hottest_.clear();
      most = num;
      hottest_.push_back(static_cast<std::int64_t>(auction));
    });
    for (const std::int64_t auction : hottest_) digest_.fold(HotAuction{auction, most, end_});
    end_ += kSlide;
    now_ = (now_ + 1) % kSlides;
    slides_[now_].drain([](std::uint64_t, std::int64_t) {});
  }

  std::array<cost::HandTable<std::int64_t>, kSlides> slides_;
  cost::HandTable<std::int64_t> window_;
  std::vector<std::int64_t> hottest_;
  std::size_t now_ = 0;
  ms::Timestamp end_{};
  Digest digest_;
};

Digest hand(const Input& input) {
  SlidingCounts counts;
  input.for_each_bid([&](const auto& bid) { counts.add(bid); });
  return counts.finish();
}

}  // namespace

Query q5() {
  return {.name = "q5",
          .what = "auctions with the most bids",
          .declare = declare<Event>,
          .model = model,
          .declare_views = declare<EventView>,
          .hand = hand};
}

}  // namespace nexmark
