// Manifests: bytes and back, golden file, every flipped byte, every truncation, JSON.
#include "millstream/checkpoint/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/golden.hpp"
#include "checkpoint/samples.hpp"
#include "millstream/codec/bytes.hpp"
#include "millstream/core/random.hpp"

namespace millstream::inline v0::testing {
namespace {

using ::testing::HasSubstr;

TEST(Manifest, GivesBackWhatWasWritten) {
  for (const Manifest& manifest : {sample_manifest(), Manifest{}}) {
    const Result<Manifest> read = decode_manifest(encode_manifest(manifest), "m");
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, manifest);
  }
}

TEST(Manifest, KeepsItsFormat) {
  const std::string bytes = encode_manifest(sample_manifest());
  EXPECT_TRUE(is_golden("manifest-1.bin", bytes));
  EXPECT_TRUE(is_golden("manifest-1.json", manifest_json(sample_manifest()) + "\n"));
}

TEST(Manifest, FindsEveryFlippedByteAndEveryTruncation) {
  const std::string good = encode_manifest(sample_manifest());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_EQ(decode_manifest(bad, "m").error().code(), ErrorCode::kInvalidData) << at;
    }
    EXPECT_EQ(decode_manifest(good.substr(0, at), "m").error().code(), ErrorCode::kInvalidData) << at;
  }
  EXPECT_EQ(decode_manifest(good + '\0', "m").error().code(), ErrorCode::kInvalidData);
}

// A checksum keeps out damage, not malice.
TEST(Manifest, SurvivesBytesThatNoWriterMakes) {
  const std::string good = encode_manifest(sample_manifest());
  Random random{1};
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = good.substr(0, good.size() - 8);
    for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
      bytes[12 + random.below(bytes.size() - 12)] = static_cast<char>(random.below(256));
    }
    if (random.chance(0.3)) bytes.resize(12 + random.below(bytes.size() - 12));
    const std::uint64_t checksum = Checksum::of(bytes);
    ByteWriter{bytes}.write_fixed(checksum);
    const Result<Manifest> read = decode_manifest(bytes, "m");
    if (read) {
      EXPECT_EQ(encode_manifest(*read), bytes);
    }
  }
}

TEST(Manifest, SaysWhichVersionItCannotRead) {
  std::string bytes = encode_manifest(sample_manifest());
  bytes.resize(bytes.size() - 8);
  bytes[8] = 2;
  const std::uint64_t checksum = Checksum::of(bytes);
  ByteWriter{bytes}.write_fixed(checksum);
  const Status refused = decode_manifest(bytes, "m").error();
  EXPECT_EQ(refused.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.message(), HasSubstr("m: manifest version 2; this build reads version 1"));
}

}  // namespace
}  // namespace millstream::inline v0::testing
