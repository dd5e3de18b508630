// The fixed parts of a segment's bytes, for its writer and reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "millstream/codec/bytes.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::inline v0 {

// The first byte is no text, the line ends show a file that went through a text mode.
inline constexpr std::string_view kSegmentMagic{"\x89MSSEG\r\n", 8};
inline constexpr std::size_t kSegmentHeadBytes = 8 + 4 + 8 + 8 + 4 + 8;
inline constexpr std::size_t kBlockHeadBytes = 4 + 1 + 8;
inline constexpr std::size_t kFooterBytes = 6 * 8;

enum BlockType : char { kChangesBlock = 1, kMetadataBlock = 2, kFooterBlock = 3 };

/// Of a block: its length and type as they are written, and its payload.
inline std::uint64_t block_checksum(std::string_view length_and_type, std::string_view payload) noexcept {
  Checksum checksum;
  checksum.add(length_and_type);
  checksum.add(payload);
  return checksum.value();
}

}  // namespace millstream::inline v0
