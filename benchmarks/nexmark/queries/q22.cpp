// q22, the folders of a URL: https://host/dir1/dir2/dir3/...
#include <array>
#include <sstream>
#include <string_view>

#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

struct FolderBid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  std::string channel;
  std::string dir1;
  std::string dir2;
  std::string dir3;
  BOOST_DESCRIBE_CLASS(FolderBid, (), (auction, bidder, price, channel, dir1, dir2, dir3), (), ())
};

/// The pieces number 3 to 5 between slashes; empty where the URL has fewer.
std::array<std::string_view, 3> folders(std::string_view url) {
  std::array<std::string_view, 3> found{};
  for (std::size_t piece = 0; piece < 6; ++piece) {
    const std::size_t slash = url.find('/');
    if (piece >= 3) found[piece - 3] = url.substr(0, slash);
    if (slash == std::string_view::npos) break;
    url.remove_prefix(slash + 1);
  }
  return found;
}

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events).map([](const Bid& bid) {
    const auto [dir1, dir2, dir3] = folders(bid.url);
    return FolderBid{bid.auction,       bid.bidder,        bid.price,        bid.channel,
                     std::string{dir1}, std::string{dir2}, std::string{dir3}};
  }));
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    std::array<std::string, 6> pieces;
    std::istringstream url{bid.url};
    for (std::string& piece : pieces) std::getline(url, piece, '/');
    digest.fold(FolderBid{bid.auction, bid.bidder, bid.price, bid.channel, pieces[3], pieces[4], pieces[5]});
  });
  return digest;
}

}  // namespace

Query q22() { return {.name = "q22", .what = "folders of the URL", .declare = declare, .model = model}; }

}  // namespace nexmark
