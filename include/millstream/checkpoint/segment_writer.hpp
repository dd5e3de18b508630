// SegmentWriter: appends the chunks of one shard and epoch to their file.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/checkpoint/segment.hpp"
#include "millstream/core/checksum.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// For one thread at a time, which it makes wait for the disk: a writer thread, never a shard. After an error the file
/// is lost, and with it this epoch's changes: no later checkpoint may build on them.
class MILLSTREAM_EXPORT SegmentWriter {
 public:
  /// Writes the head into `file`, which is new and empty. `name` is what the handle says.
  static Result<SegmentWriter> start(std::unique_ptr<WritableFile> file, std::string name, CheckpointId epoch,
                                     std::uint32_t shard);

  /// Appends what is in `chunk` and leaves it empty, for the same state. An empty chunk writes nothing.
  [[nodiscard]] Status append(SegmentChunk& chunk);
  /// What a stage of this shard needs beside its keyed state: watermarks, an operator's own bytes.
  [[nodiscard]] Status append_metadata(std::string_view stage, std::string_view bytes);
  /// Writes the footer and returns when all of it is on the disk. Nothing may be called afterwards.
  [[nodiscard]] Result<SegmentHandle> finish(KeyGroupRange groups);

  [[nodiscard]] const SegmentCounts& counts() const noexcept { return counts_; }

 private:
  SegmentWriter(std::unique_ptr<WritableFile> file, std::string name, CheckpointId epoch, std::uint32_t shard);
  Status write(std::string_view bytes);
  Status write_block(std::span<char> block, char type);

  std::unique_ptr<WritableFile> file_;
  std::string name_;
  CheckpointId epoch_;
  std::uint32_t shard_;
  SegmentCounts counts_;
  std::vector<bool> changed_;  // states that have had a put or remove
  std::uint64_t size_ = 0;
  Checksum checksum_;
};

}  // namespace millstream::inline v0
