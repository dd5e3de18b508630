// The rows of q11 and q12: how often a user has bid in a window.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>

#include "millstream/window/window_result.hpp"

namespace nexmark {

struct BidderCount {
  std::int64_t bidder;
  std::int64_t bid_count;
  millstream::Timestamp window_start;
  millstream::Timestamp window_end;
  BOOST_DESCRIBE_CLASS(BidderCount, (), (bidder, bid_count, window_start, window_end), (), ())
};

inline BidderCount bidder_count(const millstream::WindowResult<std::int64_t, std::int64_t>& result) {
  return {result.key, result.value, result.window_start, result.window_end};
}

}  // namespace nexmark
