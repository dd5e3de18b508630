// q21, channel id: a column taken from the name of the channel or, by a pattern, from the URL; bids without are left
// out. The pattern is (&|^)channel_id=([^&]*).
#include <map>
#include <optional>
#include <regex>
#include <string_view>

#include "nexmark/queries/bids.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

struct ChannelBid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  std::string channel;
  std::string channel_id;
  BOOST_DESCRIBE_CLASS(ChannelBid, (), (auction, bidder, price, channel, channel_id), (), ())
};

// By hand: std::regex takes microseconds for each URL.
std::optional<std::string_view> id_in(std::string_view url) {
  constexpr std::string_view kName = "channel_id=";
  std::size_t at = url.find(kName);
  while (at != std::string_view::npos && at != 0 && url[at - 1] != '&') at = url.find(kName, at + 1);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = url.substr(at + kName.size());
  return rest.substr(0, rest.find('&'));
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::optional<std::string_view> channel_id(const Bid& bid) {
  const std::string channel = lower(bid.channel);
  if (channel == "apple") return "0";
  if (channel == "google") return "1";
  if (channel == "facebook") return "2";
  if (channel == "baidu") return "3";
  return id_in(bid.url);
}

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  out.take(bids(events).flat_map<ChannelBid>([](const Bid& bid, ms::Collector<ChannelBid>& rows) {
    if (const auto id = channel_id(bid)) {
      rows.emit({bid.auction, bid.bidder, bid.price, bid.channel, std::string{*id}});
    }
  }));
}

Digest model(const Input& input) {
  const std::regex pattern{"(&|^)channel_id=([^&]*)"};
  const std::map<std::string, std::string> names{{"Apple", "0"}, {"Google", "1"}, {"Facebook", "2"}, {"Baidu", "3"}};
  Digest digest;
  input.for_each_bid([&](const Bid& bid) {
    ChannelBid row{bid.auction, bid.bidder, bid.price, bid.channel, {}};
    std::smatch match;
    if (const auto named = names.find(bid.channel); named != names.end()) {
      row.channel_id = named->second;
    } else if (std::regex_search(bid.url, match, pattern)) {
      row.channel_id = match[2].str();
    } else {
      return;
    }
    digest.fold(row);
  });
  return digest;
}

}  // namespace

Query q21() { return {.name = "q21", .what = "channel id by pattern", .declare = declare, .model = model}; }

}  // namespace nexmark
