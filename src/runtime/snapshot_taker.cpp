// From chunks to segments on the disk.
#include "runtime/snapshot_taker.hpp"

#include <utility>

#include "millstream/core/assert.hpp"
#include "millstream/core/key_group.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kChunksPerStep = 8;  // then the coordinator looks at its deadlines, however slow the disk is

}  // namespace

SnapshotTaker::SnapshotTaker(CheckpointStore& store, std::uint32_t shards,
                             std::function<void(std::uint32_t shard)> made_room)
    : store_{store}, made_room_{std::move(made_room)}, shares_(shards) {}

void SnapshotTaker::take(ShardPart part) {
  std::size_t bytes = 0;
  for (const SegmentChunk& chunk : part.chunks) bytes += chunk.memory_bytes();
  shares_[part.shard].unwritten_bytes.fetch_add(bytes, std::memory_order_relaxed);
  const std::scoped_lock lock{mutex_};
  parts_.push_back(std::move(part));
}

void SnapshotTaker::begin(CheckpointId checkpoint, std::uint64_t barrier) {
  checkpoint_ = checkpoint;
  barrier_ = barrier;
  failure_ = {};
  for (Share& share : shares_) {
    MILLSTREAM_ASSERT(!share.segment);
    share.failure = {};
  }
}

std::optional<ShardPart> SnapshotTaker::next_part() {
  const std::scoped_lock lock{mutex_};
  if (parts_.empty()) return std::nullopt;
  std::optional<ShardPart> part{std::move(parts_.front())};
  parts_.pop_front();
  return part;
}

bool SnapshotTaker::has_parts() const {
  const std::scoped_lock lock{mutex_};
  return !parts_.empty();
}

std::vector<SnapshotTaker::Taken> SnapshotTaker::write_some() {
  std::vector<Taken> taken;
  for (std::size_t chunks = 0; chunks < kChunksPerStep;) {
    std::optional<ShardPart> part = next_part();
    if (!part) break;
    MILLSTREAM_ASSERT(part->barrier == barrier_);
    chunks += part->chunks.size();
    write(*part);
    if (part->rest) taken.push_back({*std::move(part->rest), finish(part->shard)});
  }
  return taken;
}

void SnapshotTaker::write(ShardPart& part) {
  Share& share = shares_[part.shard];
  for (SegmentChunk& chunk : part.chunks) {
    const std::size_t bytes = chunk.memory_bytes();
    {
      SegmentChunk written = std::move(chunk);
      if (share.failure.ok() && !share.segment) fail(share, create_segment(part.shard));
      if (share.failure.ok()) fail(share, share.segment->append(written));
    }
    // What it looked at before it went to sleep, a shard sees again when it is woken, for that takes a fence.
    share.unwritten_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    made_room_(part.shard);
  }
}

Status SnapshotTaker::create_segment(std::uint32_t shard) {
  Result<SegmentWriter> created = store_.create_segment(checkpoint_, shard);
  if (!created) return created.error();
  shares_[shard].segment = *std::move(created);
  return {};
}

Result<SegmentHandle> SnapshotTaker::finish(std::uint32_t shard) {
  Share& share = shares_[shard];
  if (share.failure.ok() && !share.segment) fail(share, create_segment(shard));
  if (!share.failure.ok()) return share.failure;
  const auto shards = static_cast<std::uint32_t>(shares_.size());
  Result<SegmentHandle> finished = share.segment->finish({first_group(shard, shards), first_group(shard + 1, shards)});
  share.segment.reset();
  if (!finished) fail(share, finished.error());
  return finished;
}

void SnapshotTaker::fail(Share& share, Status why) {
  if (why.ok()) return;
  share.segment.reset();
  if (failure_.ok()) failure_ = why;
  share.failure = std::move(why);
}

void SnapshotTaker::drop() {
  for (Share& share : shares_) {
    share.segment.reset();
    if (share.failure.ok()) share.failure = {ErrorCode::kCancelled, "its checkpoint was dropped"};
  }
}

}  // namespace millstream::inline v0
