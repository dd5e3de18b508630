// Segments: what is written is read, and nothing else is: golden bytes, every flipped byte, every truncation, hostile
// lengths.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "checkpoint/golden.hpp"
#include "checkpoint/segment_layout.hpp"
#include "millstream/checkpoint/segment_reader.hpp"
#include "millstream/checkpoint/segment_writer.hpp"
#include "millstream/core/random.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr CheckpointId kEpoch{7, 0x123456789abcdef0};

class SegmentTest : public ::testing::Test {
 protected:
  Result<SegmentWriter> start() { return SegmentWriter::start(*files_.create("s"), "s", kEpoch, 3); }

  SegmentHandle write_sample() {
    Result<SegmentWriter> writer = start();
    SegmentChunk chunk{0};
    chunk.remove_range(0, "a", "b");
    chunk.put(511, "key", "value");
    chunk.remove(1023, "gone");
    EXPECT_TRUE(writer->append(chunk).ok());
    EXPECT_TRUE(chunk.empty());
    EXPECT_TRUE(writer->append(chunk).ok());  // writes nothing
    chunk.clear(300);
    chunk.put(2, std::string{"\0k", 2}, "");
    EXPECT_TRUE(writer->append(chunk).ok());
    EXPECT_TRUE(writer->append_metadata("spend", std::string{"w\0m", 3}).ok());
    EXPECT_TRUE(writer->append_metadata("", "").ok());
    const Result<SegmentHandle> handle = writer->finish({512, 1024});
    EXPECT_TRUE(handle);
    return *handle;
  }

  // Reads all of the file "s"; the frames as text.
  Result<std::vector<std::string>> read(const std::optional<SegmentHandle>& expected) {
    Result<SegmentReader> reader = SegmentReader::open(*files_.open("s"), "s", expected);
    if (!reader) return reader.error();
    std::vector<std::string> frames;
    SegmentFrame frame;
    for (;;) {
      const Result<bool> more = reader->next(frame);
      if (!more) return more.error();
      if (!*more) return frames;
      frames.push_back(std::to_string(static_cast<int>(frame.kind)) + " " + std::to_string(frame.state) + " " +
                       std::to_string(frame.key_group) + " " + std::string{frame.key} + "=" + std::string{frame.value});
    }
  }

  MemoryFileSystem files_;
};

TEST_F(SegmentTest, GivesBackWhatWasWritten) {
  const SegmentHandle handle = write_sample();
  EXPECT_EQ(handle.epoch, kEpoch);
  EXPECT_EQ(handle.shard, 3U);
  EXPECT_EQ(handle.file.size_bytes, files_.read_file("s").size());
  EXPECT_EQ(handle.file.checksum, Checksum::of(files_.read_file("s")));
  for (const auto& expected : {std::optional<SegmentHandle>{}, std::optional{handle}}) {
    const auto frames = read(expected);
    ASSERT_TRUE(frames) << frames.error().to_string();
    EXPECT_THAT(*frames, ElementsAre("3 0 0 a=b", "1 0 511 key=value",
                                     "2 0 1023 gone=", "1 300 2 " + std::string{"\0k", 2} + "=",
                                     "4 0 0 spend=" + std::string{"w\0m", 3}, "4 0 0 ="));
  }
}

TEST_F(SegmentTest, KeepsItsFormat) {
  write_sample();
  EXPECT_TRUE(is_golden("segment-1.bin", files_.read_file("s")));
}

TEST_F(SegmentTest, FindsEveryFlippedByteAndEveryTruncation) {
  const SegmentHandle handle = write_sample();
  const std::string good = files_.read_file("s");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      files_.write_file("s", bad);
      EXPECT_EQ(read(std::nullopt).error().code(), ErrorCode::kInvalidData) << at;
    }
    files_.write_file("s", good.substr(0, at));
    EXPECT_EQ(read(std::nullopt).error().code(), ErrorCode::kInvalidData) << at;
    EXPECT_EQ(read(handle).error().code(), ErrorCode::kInvalidData) << at;
  }
  files_.write_file("s", good + "x");
  const Status longer = read(std::nullopt).error();
  EXPECT_THAT(longer.message(), HasSubstr("s: bytes behind the footer at byte "));
}

TEST_F(SegmentTest, BelievesNoLengthBeforeItIsChecked) {
  write_sample();
  std::string bytes = files_.read_file("s");
  bytes.replace(40, 4, "\xff\xff\xff\x01");  // the length of the first block: below the limit, beyond the file
  files_.write_file("s", bytes);
  EXPECT_THAT(read(std::nullopt).error().message(), HasSubstr("a block of impossible length at byte 40"));
}

// A checksum keeps out damage, not malice: blocks of random bytes that carry the right one.
TEST_F(SegmentTest, SurvivesBlocksThatNoWriterMakes) {
  write_sample();
  const std::string head = files_.read_file("s").substr(0, kSegmentHeadBytes);
  Random random{1};
  for (int i = 0; i < 5000; ++i) {
    std::string payload(random.below(40), '\0');
    for (char& byte : payload) byte = static_cast<char>(random.chance(0.7) ? random.below(5) : random.below(256));
    std::string block;
    {
      ByteWriter out{block};
      out.write_fixed(static_cast<std::uint32_t>(payload.size()));
      out.write_fixed(static_cast<char>(random.below(5)));
    }
    const std::uint64_t checksum = block_checksum(block, payload);
    ByteWriter{block}.write_fixed(checksum);
    files_.write_file("s", head + block + payload);
    EXPECT_EQ(read(std::nullopt).error().code(), ErrorCode::kInvalidData);
  }
}

TEST_F(SegmentTest, RefusesARangeBehindAChange) {
  write_sample();
  const std::string head = files_.read_file("s").substr(0, kSegmentHeadBytes);
  const std::string payload{
      "\x00\x01\x00\x01k\x01v\x03\x00\x01"
      "a\x01"
      "b",
      13};
  std::string block{"\x0d\x00\x00\x00\x01", 5};
  const std::uint64_t checksum = block_checksum(block, payload);
  ByteWriter{block}.write_fixed(checksum);
  files_.write_file("s", head + block + payload);
  EXPECT_THAT(read(std::nullopt).error().message(), HasSubstr("a frame that no writer makes at byte 40"));
}

TEST_F(SegmentTest, IsTheFileThatItsHandleNames) {
  const SegmentHandle handle = write_sample();
  SegmentHandle other = handle;
  other.epoch.nonce += 1;
  EXPECT_EQ(read(other).error().code(), ErrorCode::kInvalidData);
  other = handle;
  other.shard = 2;
  EXPECT_EQ(read(other).error().code(), ErrorCode::kInvalidData);
  other = handle;
  other.file.checksum ^= 1;
  EXPECT_EQ(read(other).error().code(), ErrorCode::kInvalidData);
  other = handle;
  other.file.size_bytes += 1;
  EXPECT_EQ(read(other).error().code(), ErrorCode::kInvalidData);
}

TEST_F(SegmentTest, ReportsEveryFailureOfTheDisk) {
  write_sample();
  const std::uint64_t operations = files_.operations();
  for (std::uint64_t nth = 2; nth <= operations; ++nth) {  // the first creates the file
    MemoryFileSystem files;
    files.fail_at(nth, ENOSPC);
    Result<SegmentWriter> writer = SegmentWriter::start(*files.create("s"), "s", kEpoch, 3);
    Status status = writer.error();
    SegmentChunk chunk{0};
    for (int i = 0; i < 2 && status.ok(); ++i) {
      chunk.put(0, "k", "v");
      status = writer->append(chunk);
    }
    for (int i = 0; i < 2 && status.ok(); ++i) status = writer->append_metadata("", "");
    if (status.ok()) status = writer->finish({}).error();
    EXPECT_EQ(status.code(), ErrorCode::kIo) << nth;
  }
}

TEST_F(SegmentTest, StreamsMoreThanABlock) {
  Result<SegmentWriter> writer = start();
  SegmentChunk chunk{1};
  const std::string value(100'000, 'v');
  for (int i = 0; i < 50; ++i) {
    chunk.put(0, std::to_string(i), value);
    ASSERT_TRUE(writer->append(chunk).ok());
  }
  ASSERT_TRUE(writer->finish({}));
  EXPECT_EQ(read(std::nullopt)->size(), 50U);
}

}  // namespace
}  // namespace millstream::inline v0::testing
