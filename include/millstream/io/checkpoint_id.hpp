// What names a checkpoint, on disk and wherever a decision is kept.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <string>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// An id is never used twice in a state folder, whatever became of the attempt; the nonce tells apart what two folders,
/// or a folder and its backup, call by the same id.
struct CheckpointId {
  std::uint64_t id = 0;  ///< from 1; 0 = none
  std::uint64_t nonce = 0;

  /// "7 (nonce 00000000075bcd15)"
  [[nodiscard]] MILLSTREAM_EXPORT std::string to_string() const;
  friend bool operator==(const CheckpointId&, const CheckpointId&) = default;
};
BOOST_DESCRIBE_STRUCT(CheckpointId, (), (id, nonce))

}  // namespace millstream::inline v0
