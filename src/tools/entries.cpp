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

Status replay(CheckpointStore& store, const Manifest& manifest, const Replay& entries) {
  const std::string name = "checkpoint " + manifest.checkpoint.to_string();
  if (manifest.base) {
    return {ErrorCode::kUnsupported, name +
                                         ": a part of its state is in the base, which this tool does not read; choose "
                                         "a checkpoint without one"};
  }
  const Status read = replay_segments(store, manifest, entries);
  if (read.ok()) return read;
  const bool missing = read.code() == ErrorCode::kNotFound;
  return {read.code(), name + ": " + read.message() +
                           (missing ? "; a running job may have dropped it just now, so try again"
                                    : "; 'millstream checkpoint verify' names the newest intact one")};
}

}  // namespace

Status visit_entries(
    CheckpointStore& store, const Manifest& manifest, std::uint32_t state,
    const std::function<Status(std::uint32_t key_group, std::string_view key, std::string_view value)>& visit) {
  return replay(store, manifest, Replay{.take = [&](const SegmentFrame& frame, const SegmentHandle&) -> Status {
                  if (frame.kind == SegmentFrame::Kind::kMetadata || frame.state != state) return {};
                  return visit(frame.key_group, frame.key, frame.value);
                }});
}

Result<std::map<std::uint32_t, std::uint64_t>> count_entries(CheckpointStore& store, const Manifest& manifest) {
  std::map<std::uint32_t, std::uint64_t> counts;
  const Status read =
      replay(store, manifest, Replay{.take = [&](const SegmentFrame& frame, const SegmentHandle&) -> Status {
               if (frame.kind != SegmentFrame::Kind::kMetadata) ++counts[frame.state];
               return {};
             }});
  if (!read.ok()) return read;
  return counts;
}

Result<Entries> read_checksums(CheckpointStore& store, const Manifest& manifest) {
  Entries entries;
  const Status read =
      replay(store, manifest, Replay{.take = [&](const SegmentFrame& frame, const SegmentHandle& segment) -> Status {
               if (frame.kind == SegmentFrame::Kind::kMetadata) {
                 entries.metadata[{std::string{frame.key}, segment.shard}] = frame.value;
               } else {
                 entries.states[frame.state][{frame.key_group, std::string{frame.key}}] = checksum(frame.value);
               }
               return {};
             }});
  if (!read.ok()) return read;
  return entries;
}

}  // namespace millstream::tools
