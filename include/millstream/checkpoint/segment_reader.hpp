// SegmentReader: reads a segment from front to back and believes nothing that it has not checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/checkpoint/segment.hpp"
#include "millstream/core/checksum.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// One thing that a segment says. The views hold until the next call of the reader.
struct SegmentFrame {
  enum class Kind : std::uint8_t {
    kValue = 1,      ///< `key` now has `value`
    kTombstone = 2,  ///< `key` is gone
    kRange = 3,      ///< all keys from `key` to before `value` are gone
    kMetadata = 4,   ///< `key` is a stage's id, `value` its bytes; no state and key group
  };
  Kind kind = Kind::kValue;
  std::uint32_t state = 0;
  std::uint32_t key_group = 0;
  std::string_view key;
  std::string_view value;
};

/// Holds one block in memory (at most kSegmentBlockBytesMax). For one thread at a time. Every error names the file and
/// the offset of the block: kInvalidData for damage, kUnsupported for a later version, kIo.
class MILLSTREAM_EXPORT SegmentReader {
 public:
  /// With a handle, the file must be the very one that the handle describes.
  static Result<SegmentReader> open(std::unique_ptr<ReadableFile> file, std::string name,
                                    const std::optional<SegmentHandle>& expected = std::nullopt);

  /// False at the end, when footer and checksum have been found right. A block's checksum is checked before the first
  /// frame of it is given out, that the file is whole only at the end.
  [[nodiscard]] Result<bool> next(SegmentFrame& frame);

  [[nodiscard]] CheckpointId epoch() const noexcept { return epoch_; }
  [[nodiscard]] std::uint32_t shard() const noexcept { return shard_; }
  /// Of the frames so far.
  [[nodiscard]] const SegmentCounts& counts() const noexcept { return counts_; }

 private:
  SegmentReader(std::unique_ptr<ReadableFile> file, std::string name, std::optional<SegmentHandle> expected)
      : file_{std::move(file)}, name_{std::move(name)}, expected_{std::move(expected)} {}
  Status read_head();
  Status read_block();
  Status read(char* into, std::size_t size);
  Status check_footer(std::uint64_t checksum_before);
  bool take_frame(SegmentFrame& frame);
  [[nodiscard]] Status damaged(std::string_view what) const;

  std::unique_ptr<ReadableFile> file_;
  std::string name_;
  std::optional<SegmentHandle> expected_;
  CheckpointId epoch_;
  std::uint32_t shard_ = 0;
  SegmentCounts counts_;
  std::vector<bool> changed_;  // states that have had a put or remove
  std::uint64_t size_ = 0;     // of the file
  std::uint64_t at_ = 0;       // behind what has been read
  std::uint64_t block_at_ = 0;
  Checksum checksum_;
  std::string block_;
  std::size_t frame_at_ = 0;  // in block_
  std::uint32_t state_ = 0;   // of the block
  char type_ = 0;             // of the block
  bool ended_ = false;
};

}  // namespace millstream::inline v0
