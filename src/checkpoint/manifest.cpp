// The bytes of a manifest are the codec's, between a head and a checksum of all that stands before it.
#include "millstream/checkpoint/manifest.hpp"

#include "millstream/codec/codec.hpp"
#include "millstream/codec/encode.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::string_view kMagic{"\x89MSMAN\r\n", 8};
constexpr std::size_t kHeadBytes = 8 + 4;
constexpr std::size_t kChecksumBytes = 8;

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  detail::append_hexadecimal(text, bytes);
  return text;
}

}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  std::string bytes{kMagic};
  ByteWriter{bytes}.write_fixed(kManifestVersion);
  encode_value(manifest, bytes);
  const std::uint64_t checksum = Checksum::of(bytes);
  ByteWriter{bytes}.write_fixed(checksum);
  return bytes;
}

Result<Manifest> decode_manifest(std::string_view bytes, std::string_view name) {
  const auto damaged = [&](std::string_view what) {
    return Status{ErrorCode::kInvalidData, std::string{name} + ": " + std::string{what}};
  };
  if (bytes.size() > kManifestBytesMax) return damaged("too long for a manifest");
  if (bytes.size() < kHeadBytes + kChecksumBytes || bytes.substr(0, kMagic.size()) != kMagic) {
    return damaged("this is no manifest, or only the beginning of one");
  }
  const std::string_view guarded = bytes.substr(0, bytes.size() - kChecksumBytes);
  std::uint64_t checksum = 0;
  const bool whole = ByteReader{bytes.substr(guarded.size())}.read_fixed(checksum);
  if (!whole || Checksum::of(guarded) != checksum) return damaged("the manifest is damaged: its checksum differs");
  std::uint32_t version = 0;
  const bool versioned = ByteReader{guarded.substr(kMagic.size())}.read_fixed(version);
  if (!versioned || version != kManifestVersion) {
    return Status{ErrorCode::kUnsupported, std::string{name} + ": manifest version " + std::to_string(version) +
                                               "; this build reads version " + std::to_string(kManifestVersion)};
  }
  Manifest manifest;
  if (!decode_value(guarded.substr(kHeadBytes), manifest)) return damaged("a manifest that no writer makes");
  return manifest;
}

std::string manifest_json(const Manifest& manifest) {
  Manifest text = manifest;
  for (StageSummary& stage : text.stages) stage.metadata = hexadecimal(stage.metadata);
  for (SplitPosition& split : text.positions) split.position = hexadecimal(split.position);
  for (PreparedHandle& prepared : text.prepared) prepared.handle = hexadecimal(prepared.handle);
  std::string json;
  encode_json(text, json);
  return json;
}

}  // namespace millstream::inline v0
