// Where a split of a source goes on, as checkpoints keep it and deciders carry it.
#pragma once

#include <boost/describe/class.hpp>
#include <string>

namespace millstream::inline v0 {

/// Where a split of a source goes on.
struct SplitPosition {
  std::string source;    ///< id of the stage
  std::string split;     ///< unique in the source
  std::string position;  ///< encode_value() of the source's Position
  bool finished = false;
  friend bool operator==(const SplitPosition&, const SplitPosition&) = default;
};
BOOST_DESCRIBE_STRUCT(SplitPosition, (), (source, split, position, finished))

}  // namespace millstream::inline v0
