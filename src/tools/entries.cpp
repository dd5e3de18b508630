// Segments one after the other, as a restart applies them.
#include "tools/entries.hpp"

#include <set>

#include "millstream/core/checksum.hpp"

namespace millstream::tools {
namespace {

class Replay {
 public:
  Replay(const Manifest& manifest, KeepValues keep, std::optional<std::uint32_t> only_state)
      : keep_{keep}, only_state_{only_state} {
    for (const StageSummary& stage : manifest.stages) {
      for (const StateSchema& state : stage.states) known_.insert(state.number);
    }
  }

  Status apply(SegmentReader& reader, const std::string& name) {
    SegmentFrame frame;
    for (;;) {
      const Result<bool> more = reader.next(frame);
      if (!more) return more.error();
      if (!*more) return {};
      if (frame.kind == SegmentFrame::Kind::kMetadata) {
        entries_.metadata[{std::string{frame.key}, reader.shard()}] = frame.value;
      } else if (!known_.contains(frame.state)) {
        return {ErrorCode::kInvalidData,
                name + ": changes state " + std::to_string(frame.state) + ", which the manifest does not have"};
      } else if (!only_state_ || frame.state == *only_state_) {
        apply(frame);
      }
    }
  }
  [[nodiscard]] Entries take() { return std::move(entries_); }

 private:
  void apply(const SegmentFrame& frame) {
    std::map<EntryKey, std::string>& state = entries_.states[frame.state];
    const EntryKey key{frame.key_group, std::string{frame.key}};
    if (frame.kind == SegmentFrame::Kind::kValue) {
      state[key] = keep_ == KeepValues::kWhole ? std::string{frame.value} : checksum(frame.value);
    } else if (frame.kind == SegmentFrame::Kind::kTombstone) {
      state.erase(key);
    } else if (const EntryKey end{frame.key_group, std::string{frame.value}}; key < end) {
      state.erase(state.lower_bound(key), state.lower_bound(end));
    }
  }
  static std::string checksum(std::string_view value) {
    const std::uint64_t sum = Checksum::of(value);
    return {reinterpret_cast<const char*>(&sum), sizeof sum};
  }

  KeepValues keep_;
  std::optional<std::uint32_t> only_state_;
  std::set<std::uint32_t> known_;
  Entries entries_;
};

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
  Replay replay{manifest, keep, only_state};
  for (const SegmentHandle& segment : manifest.segments) {
    Result<SegmentReader> reader = store.open_segment(segment);
    Status applied = reader ? replay.apply(*reader, segment.file.name) : reader.error();
    if (applied.ok()) continue;
    const bool missing = applied.code() == ErrorCode::kNotFound;
    return Status{applied.code(), name + ": " + applied.message() +
                                      (missing ? "; a running job may have dropped it just now, so try again"
                                               : "; 'millstream checkpoint verify' names the newest intact one")};
  }
  return replay.take();
}

}  // namespace millstream::tools
