// SnapshotTaker: the writing side of a checkpoint. It takes what shards say at a barrier in parts, as they fill, and
// appends them to the shards' segments at once, so that what waits in memory is little, however large the state is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/cache_line.hpp"
#include "millstream/core/export.hpp"
#include "runtime/shard_barriers.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT SnapshotTaker {
 public:
  /// A shard that has said everything.
  struct Taken {
    ShardSnapshot snapshot;
    Result<SegmentHandle> segment;  ///< on the disk, or why it is not
  };
  /// `made_room` is told of a shard when some of what it has handed over has been written or dropped.
  SnapshotTaker(CheckpointStore& store, std::uint32_t shards, std::function<void(std::uint32_t shard)> made_room);

  // A shard's thread.
  void take(ShardPart part);
  /// Memory of what the shard has handed over and is neither written nor dropped.
  [[nodiscard]] std::size_t unwritten_bytes(std::uint32_t shard) const noexcept {
    return shares_[shard].unwritten_bytes.load(std::memory_order_relaxed);
  }

  // The coordinator's thread.
  /// From here on parts of this barrier come, into segments of this checkpoint, which the store has begun. All shards
  /// have said everything at the one before.
  void begin(CheckpointId checkpoint, std::uint64_t barrier);
  /// Writes some of what has come, and gives the shards whose last part was in it.
  [[nodiscard]] std::vector<Taken> write_some();
  /// There is more to write.
  [[nodiscard]] bool has_parts() const;
  /// Why the first segment of this checkpoint that could not be written was not; the others go on.
  [[nodiscard]] const Status& failure() const noexcept { return failure_; }
  /// Nothing more of this checkpoint is written: its files are closed, and whatever comes is dropped.
  void drop();

 private:
  // What one shard says. The counter is the shard's and the coordinator's, the rest the coordinator's.
  struct alignas(kCacheLine) Share {
    std::atomic<std::size_t> unwritten_bytes{0};
    std::optional<SegmentWriter> segment;
    Status failure;
  };
  [[nodiscard]] std::optional<ShardPart> next_part();
  void write(ShardPart& part);
  [[nodiscard]] Status create_segment(std::uint32_t shard);
  [[nodiscard]] Result<SegmentHandle> finish(std::uint32_t shard);
  void fail(Share& share, Status why);

  CheckpointStore& store_;
  std::function<void(std::uint32_t)> made_room_;
  std::vector<Share> shares_;
  CheckpointId checkpoint_;
  std::uint64_t barrier_ = 0;
  Status failure_;
  mutable std::mutex mutex_;  // taken some times for each chunk
  std::deque<ShardPart> parts_;
};

}  // namespace millstream::inline v0
