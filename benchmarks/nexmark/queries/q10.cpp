// q10, log to the file system: bids as JSON lines in folders by day and minute.
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "millstream/codec/decode.hpp"
#include "millstream/connectors/file.hpp"
#include "nexmark/queries/bids.hpp"
#include "nexmark/queries/model_time.hpp"
#include "nexmark/queries/time_text.hpp"
#include "nexmark/query.hpp"

namespace nexmark {
namespace {

namespace ms = millstream;

std::string partition(const Bid& bid) {
  return "dt=" + day_text(day_of(bid.date_time)) + "/hm=" + minute_text(minute_of_day(bid.date_time));
}

void declare(const ms::Stream<Event>& events, const Outlet& out) {
  bids(events).to(ms::file::sink<Bid>({.directory = out.folder(), .path = partition})).named("results");
}

struct PartitionedBid {
  std::string folder;
  Bid bid;
  BOOST_DESCRIBE_CLASS(PartitionedBid, (), (folder, bid), (), ())
};

void collect(const std::string& folder, Results& results) {
  ms::JsonDecoder<Bid> decoder;
  ms::DecodeError error;
  Part part;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
    PartitionedBid row{.folder = std::filesystem::relative(entry.path().parent_path(), folder).string(), .bid = {}};
    std::ifstream file{entry.path()};
    for (std::string line; std::getline(file, line);) {
      if (!decoder.decode(line, row.bid, error)) {
        throw std::runtime_error{entry.path().string() + ": a line cannot be read"};
      }
      part.take(row, results.as_lines());
    }
  }
  results.publish(part);
}

Digest model(const Input& input) {
  Digest digest;
  input.for_each_bid(
      [&](const Bid& bid) { digest.fold(PartitionedBid{model_text(bid.date_time, "dt=%Y-%m-%d/hm=%H:%M"), bid}); });
  return digest;
}

}  // namespace

Query q10() {
  return {.name = "q10", .what = "bids to files by minute", .declare = declare, .model = model, .collect = collect};
}

}  // namespace nexmark
