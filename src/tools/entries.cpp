// The entries that a restart would take.
#include "tools/entries.hpp"

#include <set>

#include "checkpoint/replay.hpp"
#include "millstream/core/checksum.hpp"
#include "millstream/core/snapshot.hpp"

namespace millstream::tools {
namespace {

std::string checksum(std::string_view value) {
  const std::uint64_t sum = Checksum::of(value);
  return {reinterpret_cast<const char*>(&sum), sizeof sum};
}

// What is given back to every shard may be said by each of them under the same key. It is one entry then.
class OfEveryShard {
 public:
  bool repeats(const SegmentFrame& frame) {
    return frame.key_group == kEveryShard && !seen_.emplace(frame.state, frame.key).second;
  }

 private:
  std::set<std::pair<std::uint32_t, std::string>> seen_;
};

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
  Status stopped;  // by the visitor, whose error is none of the checkpoint's
  OfEveryShard of_every_shard;
  const Status read =
      replay(store, manifest, Replay{.take = [&](const SegmentFrame& frame, const SegmentHandle&) -> Status {
               if (frame.kind == SegmentFrame::Kind::kMetadata || frame.state != state) return {};
               if (of_every_shard.repeats(frame)) return {};
               return stopped = visit(frame.key_group, frame.key, frame.value);
             }});
  return stopped.ok() ? read : stopped;
}

Result<std::map<std::uint32_t, std::uint64_t>> count_entries(CheckpointStore& store, const Manifest& manifest) {
  std::map<std::uint32_t, std::uint64_t> counts;
  OfEveryShard of_every_shard;
  const Status read =
      replay(store, manifest, Replay{.take = [&](const SegmentFrame& frame, const SegmentHandle&) -> Status {
               if (frame.kind == SegmentFrame::Kind::kMetadata || of_every_shard.repeats(frame)) return {};
               ++counts[frame.state];
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
