// Where a source begins to read partitions of which no checkpoint knows a place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0::kafka {

/// One offset of one partition, for start_at_offsets().
struct PartitionOffset {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// Made by the functions below. A job that goes on from a checkpoint begins where that says, whatever stands here, and
/// reads partitions that the checkpoint does not know from their earliest offset: they are new.
struct Start {
  enum class Kind { kEarliest, kLatest, kTimestamp, kCommitted, kOffsets };
  Kind kind = Kind::kEarliest;
  Timestamp timestamp = {};
  std::vector<PartitionOffset> offsets = {};
};

[[nodiscard]] inline Start start_at_earliest() { return {}; }
/// Behind what is there when the job first starts.
[[nodiscard]] inline Start start_at_latest() { return {.kind = Start::Kind::kLatest}; }
/// At the first message of each partition whose timestamp is at least `t`; behind the last where there is none.
[[nodiscard]] inline Start start_at(Timestamp t) { return {.kind = Start::Kind::kTimestamp, .timestamp = t}; }
/// Where `group` of the options has committed; at the earliest offset of partitions for which it has not.
[[nodiscard]] inline Start start_at_committed() { return {.kind = Start::Kind::kCommitted}; }
/// At these offsets; partitions that are not named begin at their earliest offset. One that the topics do not have
/// fails the job.
[[nodiscard]] inline Start start_at_offsets(std::vector<PartitionOffset> offsets) {
  return {.kind = Start::Kind::kOffsets, .offsets = std::move(offsets)};
}

}  // namespace millstream::inline v0::kafka
