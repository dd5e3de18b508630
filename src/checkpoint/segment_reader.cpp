// Block by block: length and type are judged before memory is taken, the checksum before a frame is given out, the
// footer before the end is.
#include "millstream/checkpoint/segment_reader.hpp"

#include <utility>

#include "checkpoint/segment_layout.hpp"
#include "core/mutants.hpp"
#include "millstream/codec/bytes.hpp"

namespace millstream::inline v0 {

Status SegmentReader::damaged(std::string_view what) const {
  return {ErrorCode::kInvalidData, name_ + ": " + std::string{what} + " at byte " + std::to_string(block_at_)};
}

Result<SegmentReader> SegmentReader::open(std::unique_ptr<ReadableFile> file, std::string name,
                                          const std::optional<SegmentHandle>& expected) {
  SegmentReader reader{std::move(file), std::move(name), expected};
  const Result<FileInfo> info = reader.file_->info();
  if (!info) return info.error();
  reader.size_ = info->size_bytes;
  if (expected && reader.size_ != expected->file.size_bytes) {
    return reader.damaged("the file has " + std::to_string(reader.size_) + " bytes where its manifest says " +
                          std::to_string(expected->file.size_bytes));
  }
  if (Status s = reader.read_head(); !s.ok()) return s;
  return reader;
}

Status SegmentReader::read(char* into, std::size_t size) {
  if (size_ - at_ < size) return damaged("the file ends too early");
  const Result<std::size_t> got = file_->read_at(at_, {into, size});
  if (!got) return got.error();
  if (*got < size) return damaged("the file ends too early");
  checksum_.add({into, size});
  at_ += size;
  return {};
}

Status SegmentReader::read_head() {
  char head[kSegmentHeadBytes];
  if (Status s = read(head, sizeof head); !s.ok()) return s;
  const std::string_view bytes{head, sizeof head};
  if (bytes.substr(0, kSegmentMagic.size()) != kSegmentMagic) return damaged("this is no segment");
  ByteReader in{bytes.substr(kSegmentMagic.size())};
  std::uint32_t version = 0;
  std::uint64_t checksum = 0;
  const bool whole = in.read_fixed(version) && in.read_fixed(epoch_.id) && in.read_fixed(epoch_.nonce) &&
                     in.read_fixed(shard_) && in.read_fixed(checksum);
  MILLSTREAM_ASSERT(whole);
  if (Checksum::of(bytes.substr(0, kSegmentHeadBytes - 8)) != checksum) return damaged("the head is damaged");
  if (version != kSegmentVersion) {
    return {ErrorCode::kUnsupported, name_ + ": segment version " + std::to_string(version) +
                                         "; this build reads version " + std::to_string(kSegmentVersion)};
  }
  if (expected_ && (epoch_ != expected_->epoch || shard_ != expected_->shard)) {
    return damaged("this is the segment of checkpoint " + epoch_.to_string() + ", shard " + std::to_string(shard_) +
                   ", where " + expected_->epoch.to_string() + ", shard " + std::to_string(expected_->shard) +
                   " should be");
  }
  return {};
}

Status SegmentReader::read_block() {
  block_at_ = at_;
  const std::uint64_t checksum_before = checksum_.value();
  char head[kBlockHeadBytes];
  if (Status s = read(head, sizeof head); !s.ok()) return s;
  ByteReader in{head, sizeof head};
  std::uint32_t length = 0;
  std::uint64_t checksum = 0;
  const bool whole = in.read_fixed(length) && in.read_fixed(type_) && in.read_fixed(checksum);
  MILLSTREAM_ASSERT(whole);
  if (length > kSegmentBlockBytesMax || length > size_ - at_) return damaged("a block of impossible length");
  block_.resize(length);
  if (Status s = read(block_.data(), length); !s.ok()) return s;
  const bool compared = !mutant_is(Mutant::kDamageNotSeen);
  if (compared && block_checksum({head, 5}, block_) != checksum) return damaged("a damaged block");

  frame_at_ = 0;
  if (type_ == kFooterBlock) return check_footer(checksum_before);
  if (type_ == kMetadataBlock) return {};
  ByteReader payload{block_};
  std::uint64_t state = 0;
  if (type_ != kChangesBlock || !payload.read_varint(state) || state >= kSegmentStatesMax) {
    return damaged("a block that no writer makes");
  }
  state_ = static_cast<std::uint32_t>(state);
  if (changed_.size() <= state_) changed_.resize(state_ + std::size_t{1});
  frame_at_ = block_.size() - payload.remaining();
  return {};
}

Status SegmentReader::check_footer(std::uint64_t checksum_before) {
  ByteReader in{block_};
  SegmentCounts counts;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
  const bool whole = block_.size() == kFooterBytes && in.read_fixed(counts.values) &&
                     in.read_fixed(counts.tombstones) && in.read_fixed(counts.ranges) &&
                     in.read_fixed(counts.metadata) && in.read_fixed(size) && in.read_fixed(checksum);
  const bool compared = !mutant_is(Mutant::kDamageNotSeen);
  if (!whole || size != block_at_ || (compared && checksum != checksum_before) || counts != counts_) {
    return damaged("a footer that does not belong to what stands before it");
  }
  if (at_ != size_) return damaged("bytes behind the footer");
  if (compared && expected_ && checksum_.value() != expected_->file.checksum) {
    return damaged("the file is not the one that its manifest names: the checksum differs");
  }
  ended_ = true;
  return {};
}

// False where the bytes are none that a SegmentChunk makes.
bool SegmentReader::take_frame(SegmentFrame& frame) {
  ByteReader in{std::string_view{block_}.substr(frame_at_)};
  std::size_t size = 0;
  if (type_ == kMetadataBlock) {
    frame = {SegmentFrame::Kind::kMetadata, 0, 0, {}, {}};
    if (!in.read_count(size) || !in.read_view(size, frame.key)) return false;
    ++counts_.metadata;
    frame_at_ = block_.size();
    return in.read_view(in.remaining(), frame.value);
  }
  std::uint64_t group = 0;
  frame.state = state_;
  if (!in.read_fixed(frame.kind) || !in.read_varint(group) || group > ~std::uint32_t{0} || !in.read_count(size) ||
      !in.read_view(size, frame.key)) {
    return false;
  }
  frame.key_group = static_cast<std::uint32_t>(group);
  frame.value = {};
  switch (frame.kind) {
    case SegmentFrame::Kind::kValue:
      ++counts_.values;
      break;
    case SegmentFrame::Kind::kTombstone:
      ++counts_.tombstones;
      break;
    case SegmentFrame::Kind::kRange:
      ++counts_.ranges;
      if (changed_[state_]) return false;
      break;
    default:
      return false;
  }
  if (frame.kind != SegmentFrame::Kind::kRange) changed_[state_] = true;
  if (frame.kind != SegmentFrame::Kind::kTombstone && (!in.read_count(size) || !in.read_view(size, frame.value))) {
    return false;
  }
  frame_at_ = block_.size() - in.remaining();
  return true;
}

Result<bool> SegmentReader::next(SegmentFrame& frame) {
  while (!ended_ && frame_at_ == block_.size()) {
    if (Status s = read_block(); !s.ok()) return s;
    if (type_ == kMetadataBlock) break;  // it may be empty, and is one frame all the same
  }
  if (ended_) return false;
  if (!take_frame(frame)) return damaged("a frame that no writer makes");
  return true;
}

}  // namespace millstream::inline v0
