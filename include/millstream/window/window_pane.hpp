// WindowPane: what a window keeps for one key when it may give out more than one result.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>

#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

template <class Acc>
struct WindowPane {
  Acc acc;
  std::int64_t fired = 0;            ///< results given out so far
  std::uint64_t fresh = 0;           ///< records since the last one
  Timestamp latest = kTimestampMin;  ///< greatest event time
  using FixedFields = void;
  BOOST_DESCRIBE_CLASS(WindowPane, (), (acc, fired, fresh, latest), (), ())
};

}  // namespace millstream::inline v0
