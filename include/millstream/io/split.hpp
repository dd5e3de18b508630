// What a source reads: splits, and places in them.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>

namespace millstream::inline v0 {

/// A place in a split: what a checkpoint stores and a restart begins at.
struct Position {
  std::uint64_t offset = 0;  ///< bytes, records or a log's offset, as the source counts
  std::string detail;        ///< what else the source needs (which of several rotated files, ...)
  friend bool operator==(const Position&, const Position&) = default;
};
BOOST_DESCRIBE_STRUCT(Position, (), (offset, detail))

/// A replayable piece of a source: a file, a partition.
struct Split {
  std::string id;       ///< unique in the source and the same after a restart
  Position start = {};  ///< where to begin
  /// It has an end that comes by reading alone (a file that is not followed): of such splits a shard opens 64 at once,
  /// and the others when those have ended.
  bool bounded = false;
};

}  // namespace millstream::inline v0
