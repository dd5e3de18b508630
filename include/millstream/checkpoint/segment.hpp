// A segment: the file in which one shard keeps what one epoch changed in its keyed state (the delta), and each of its
// stages' own bytes. docs/formats.md has it byte by byte.
#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "millstream/core/mapped_array.hpp"
#include "millstream/io/checkpoint_id.hpp"

namespace millstream::inline v0 {

inline constexpr std::uint32_t kSegmentVersion = 1;
/// Payload of one block; above the largest record (16 MiB) with its key, and what a reader holds in memory.
inline constexpr std::size_t kSegmentBlockBytesMax = std::size_t{32} << 20;
/// States of a job that segments can tell apart.
inline constexpr std::uint32_t kSegmentStatesMax = 1U << 16;

/// A file of a checkpoint as its manifest names it.
struct FileHandle {
  std::string name;  ///< below the state folder
  std::uint64_t size_bytes = 0;
  std::uint64_t checksum = 0;  ///< XXH3-64 of all its bytes
  friend bool operator==(const FileHandle&, const FileHandle&) = default;
};
BOOST_DESCRIBE_STRUCT(FileHandle, (), (name, size_bytes, checksum))

/// Key groups from `first` to the one before `end`. Where a shard's groups do not lie together, what spans them all.
struct KeyGroupRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
  friend bool operator==(const KeyGroupRange&, const KeyGroupRange&) = default;
};
BOOST_DESCRIBE_STRUCT(KeyGroupRange, (), (first, end))

/// A finished segment.
struct SegmentHandle {
  FileHandle file;
  CheckpointId epoch;  ///< the checkpoint at whose barrier the epoch ended
  std::uint32_t shard = 0;
  KeyGroupRange groups;
  friend bool operator==(const SegmentHandle&, const SegmentHandle&) = default;
};
BOOST_DESCRIBE_STRUCT(SegmentHandle, (), (file, epoch, shard, groups))

/// What a segment holds, as its footer counts it.
struct SegmentCounts {
  std::uint64_t values = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t ranges = 0;
  std::uint64_t metadata = 0;
  friend bool operator==(const SegmentCounts&, const SegmentCounts&) = default;
};

/// Changes of one state, collected on the shard's own thread, in the bytes of the file; the writer thread never sees an
/// entry. clear() keeps its memory for the next use.
class SegmentChunk {
 public:
  /// `state` is the number that the manifest gives the state, below kSegmentStatesMax.
  explicit SegmentChunk(std::uint32_t state) { clear(state); }

  /// The whole value of a key, never an increment. Key and value are the state's own bytes.
  MILLSTREAM_EXPORT void put(std::uint32_t key_group, std::string_view key, std::string_view value);
  MILLSTREAM_EXPORT void remove(std::uint32_t key_group, std::string_view key);
  /// All keys of the state from `first` to before `end`, in the order of their bytes; with kEveryShard, in all key
  /// groups of the segment's shard. An empty `end` is behind every key. A segment deletes ranges of a state before it
  /// changes keys of it, so none of these may follow a put or remove.
  MILLSTREAM_EXPORT void remove_range(std::uint32_t key_group, std::string_view first, std::string_view end);

  /// Of the file: hand it over before this exceeds what one block may hold.
  [[nodiscard]] std::size_t size_bytes() const noexcept { return bytes_.size(); }
  /// That it holds on to.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.memory_bytes(); }
  [[nodiscard]] std::uint32_t state() const noexcept { return state_; }
  [[nodiscard]] bool empty() const noexcept { return counts_ == SegmentCounts{}; }
  MILLSTREAM_EXPORT void clear(std::uint32_t state);

 private:
  friend class SegmentWriter;
  void begin();
  void append(char kind, std::uint32_t key_group, std::string_view key);
  void append(std::string_view value);

  std::uint32_t state_ = 0;
  MappedArray<char> bytes_;  // room for the block's head, the state, the frames; none while it is empty
  SegmentCounts counts_;
};

}  // namespace millstream::inline v0
