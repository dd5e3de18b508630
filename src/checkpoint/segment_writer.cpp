// Chunks become blocks: the head that a chunk left room for is filled in when its bytes are complete.
#include "millstream/checkpoint/segment_writer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "checkpoint/segment_layout.hpp"
#include "core/bytes.hpp"
#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/checkpoint/segment_reader.hpp"
#include "millstream/codec/bytes.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
using detail::append_varint;
using detail::kVarintBytesMax;
using detail::write_varint;

void SegmentChunk::clear(std::uint32_t state) {
  MILLSTREAM_ASSERT(state < kSegmentStatesMax);
  state_ = state;
  counts_ = {};
  bytes_.clear();
}

// Most states have nothing to say at most barriers, and then take no memory.
void SegmentChunk::begin() {
  char head[kBlockHeadBytes + kVarintBytesMax] = {};
  const char* const end = write_varint(head + kBlockHeadBytes, state_);
  bytes_.append(head, static_cast<std::size_t>(end - head));
}

// There is one call for each entry of a state: numbers are put together first, for an append costs more than they do.
void SegmentChunk::append(char kind, std::uint32_t key_group, std::string_view key) {
  if (bytes_.empty()) [[unlikely]]
    begin();
  char head[1 + 2 * kVarintBytesMax];
  head[0] = kind;
  char* const end = write_varint(write_varint(head + 1, key_group), key.size());
  bytes_.append(head, static_cast<std::size_t>(end - head));
  bytes_.append(key.data(), key.size());
}

void SegmentChunk::append(std::string_view value) {
  char head[kVarintBytesMax];
  bytes_.append(head, static_cast<std::size_t>(write_varint(head, value.size()) - head));
  bytes_.append(value.data(), value.size());
}

void SegmentChunk::put(std::uint32_t key_group, std::string_view key, std::string_view value) {
  append(static_cast<char>(SegmentFrame::Kind::kValue), key_group, key);
  append(value);
  ++counts_.values;
}

void SegmentChunk::remove(std::uint32_t key_group, std::string_view key) {
  append(static_cast<char>(SegmentFrame::Kind::kTombstone), key_group, key);
  ++counts_.tombstones;
}

void SegmentChunk::remove_range(std::uint32_t key_group, std::string_view first, std::string_view end) {
  MILLSTREAM_ASSERT(counts_.values + counts_.tombstones == 0);
  append(static_cast<char>(SegmentFrame::Kind::kRange), key_group, first);
  append(end);
  ++counts_.ranges;
}

SegmentWriter::SegmentWriter(std::unique_ptr<WritableFile> file, std::string name, CheckpointId epoch,
                             std::uint32_t shard)
    : file_{std::move(file)}, name_{std::move(name)}, epoch_{epoch}, shard_{shard} {}

Result<SegmentWriter> SegmentWriter::start(std::unique_ptr<WritableFile> file, std::string name, CheckpointId epoch,
                                           std::uint32_t shard) {
  SegmentWriter writer{std::move(file), std::move(name), epoch, shard};
  std::string head;
  {
    ByteWriter out{head};
    out.write_bytes(kSegmentMagic);
    out.write_fixed(kSegmentVersion);
    out.write_fixed(epoch.id);
    out.write_fixed(epoch.nonce);
    out.write_fixed(shard);
  }
  const std::uint64_t checksum = Checksum::of(head);
  ByteWriter{head}.write_fixed(checksum);
  if (Status s = writer.write(head); !s.ok()) return s;
  return writer;
}

Status SegmentWriter::write(std::string_view bytes) {
  MILLSTREAM_ASSERT(file_ != nullptr);
  checksum_.add(bytes);
  size_ += bytes.size();
  return file_->append(bytes);
}

Status SegmentWriter::write_block(std::span<char> block, char type) {
  const std::string_view whole{block.data(), block.size()};
  const std::string_view payload = whole.substr(kBlockHeadBytes);
  MILLSTREAM_ASSERT(payload.size() <= kSegmentBlockBytesMax);
  std::string head;
  {
    ByteWriter out{head};
    out.write_fixed(static_cast<std::uint32_t>(payload.size()));
    out.write_fixed(type);
  }
  const std::uint64_t checksum = block_checksum(head, payload);
  ByteWriter{head}.write_fixed(checksum);
  std::copy(head.begin(), head.end(), block.begin());
  return write(whole);
}

Status SegmentWriter::append(SegmentChunk& chunk) {
  if (chunk.empty()) return {};
  if (changed_.size() <= chunk.state_) changed_.resize(chunk.state_ + std::size_t{1});
  MILLSTREAM_ASSERT(chunk.counts_.ranges == 0 || !changed_[chunk.state_]);
  if (chunk.counts_.values + chunk.counts_.tombstones > 0) changed_[chunk.state_] = true;
  counts_.values += chunk.counts_.values;
  counts_.tombstones += chunk.counts_.tombstones;
  counts_.ranges += chunk.counts_.ranges;
  Status written = write_block({chunk.bytes_.data(), chunk.bytes_.size()}, kChangesBlock);
  chunk.clear(chunk.state_);
  return written;
}

Status SegmentWriter::append_metadata(std::string_view stage, std::string_view bytes) {
  std::string block(kBlockHeadBytes, '\0');
  append_varint(block, stage.size());
  block.append(stage).append(bytes);
  ++counts_.metadata;
  return write_block(block, kMetadataBlock);
}

Result<SegmentHandle> SegmentWriter::finish(KeyGroupRange groups) {
  const std::uint64_t checksum = checksum_.value();
  std::string footer(kBlockHeadBytes, '\0');
  {
    ByteWriter out{footer};
    for (const std::uint64_t count : {counts_.values, counts_.tombstones, counts_.ranges, counts_.metadata, size_}) {
      out.write_fixed(count);
    }
    out.write_fixed(checksum);
  }
  if (Status s = write_block(footer, kFooterBlock); !s.ok()) return s;
  kill_point("segment.before_sync");
  if (Status s = mutant_is(Mutant::kSegmentNotSynced) ? Status{} : file_->sync(); !s.ok()) return s;
  kill_point("segment.after_sync");
  if (Status s = std::exchange(file_, nullptr)->close(); !s.ok()) return s;
  return SegmentHandle{{std::move(name_), size_, checksum_.value()}, epoch_, shard_, groups};
}

}  // namespace millstream::inline v0
