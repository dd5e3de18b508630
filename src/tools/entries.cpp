// The entries that a restart would take.
#include "tools/entries.hpp"

#include "checkpoint/replay.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::tools {
namespace {

std::string checksum(std::string_view value) {
  const std::uint64_t sum = Checksum::of(value);
  return {reinterpret_cast<const char*>(&sum), sizeof sum};
}

}  // namespace

Result<Entries> read_entries(CheckpointStore& store, const Manifest& manifest, KeepValues keep,
                             std::optional<std::uint32_t> only_state) {
  const std::string name = "checkpoint " + manifest.checkpoint.to_string();
  if (manifest.base) {
    return Status{ErrorCode::kUnsupported,
                  name +
                      ": a part of its state is in the base, which this tool does not read; choose a checkpoint "
                      "without one"};
  }
  Entries entries;
  const auto take = [&](const SegmentFrame& frame, const SegmentHandle& segment) -> Status {
    if (frame.kind == SegmentFrame::Kind::kMetadata) {
      entries.metadata[{std::string{frame.key}, segment.shard}] = frame.value;
    } else if (!only_state || frame.state == *only_state) {
      entries.states[frame.state][{frame.key_group, std::string{frame.key}}] =
          keep == KeepValues::kWhole ? std::string{frame.value} : checksum(frame.value);
    }
    return {};
  };
  const Status read = replay_segments(store, manifest, Replay{.take = take});
  if (read.ok()) return entries;
  const bool missing = read.code() == ErrorCode::kNotFound;
  return Status{read.code(), name + ": " + read.message() +
                                 (missing ? "; a running job may have dropped it just now, so try again"
                                          : "; 'millstream checkpoint verify' names the newest intact one")};
}

}  // namespace millstream::tools
