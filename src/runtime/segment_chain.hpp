// SegmentChain: the segments of the newest committed checkpoint, and whether the next one adds to them what has changed
// or begins anew with the whole state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "millstream/checkpoint/segment.hpp"

namespace millstream::inline v0 {

/// Belongs to the coordinator.
class SegmentChain {
 public:
  /// A whole one comes when the changes have so many bytes and a quarter of what it had itself, or are in very many
  /// files.
  explicit SegmentChain(std::uint64_t rebase_bytes) : rebase_bytes_{rebase_bytes} {}

  [[nodiscard]] const std::vector<SegmentHandle>& segments() const noexcept { return segments_; }
  [[nodiscard]] bool wants_whole() const noexcept {
    const std::uint64_t changed = bytes_ - whole_bytes_;
    return segments_.empty() || checkpoints_ >= kCheckpointsMax ||
           (changed >= rebase_bytes_ && changed >= whole_bytes_ / 4);
  }
  /// A checkpoint with these segments; `whole`: all of them hold the whole state together.
  void committed(std::vector<SegmentHandle> segments, bool whole) {
    segments_ = std::move(segments);
    bytes_ = 0;
    for (const SegmentHandle& each : segments_) bytes_ += each.file.size_bytes;
    if (whole) whole_bytes_ = bytes_;
    checkpoints_ = whole ? 0 : checkpoints_ + 1;
  }
  /// Something that stages have given out is in no checkpoint.
  void lost() { segments_.clear(); }

 private:
  static constexpr std::size_t kCheckpointsMax = 256;  // a manifest names them all, and a restart opens them all

  std::uint64_t rebase_bytes_;
  std::vector<SegmentHandle> segments_;
  std::uint64_t bytes_ = 0;
  std::uint64_t whole_bytes_ = 0;
  std::size_t checkpoints_ = 0;  // behind the whole one
};

}  // namespace millstream::inline v0
