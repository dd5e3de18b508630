// Decompressor: gzip and zstd behind one function, and the stream that feeds it from a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "connectors/file/byte_stream.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::file::detail {

class Decompressor {
 public:
  struct Step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool between_members = false;  ///< the input may end here
  };
  virtual ~Decompressor() = default;
  /// Takes what it can from `in` and fills `out` as far as that goes. The message of an error names no place.
  [[nodiscard]] virtual Result<Step> decompress(std::span<const char> in, std::span<char> out) = 0;
};

/// One gzip member behind the other, with zero bytes as padding.
[[nodiscard]] std::unique_ptr<Decompressor> gzip_decompressor();
/// One zstd frame behind the other.
[[nodiscard]] std::unique_ptr<Decompressor> zstd_decompressor();

/// The decompressed bytes of `file` from `offset` on. A restart decompresses and drops what lies before, a chunk a
/// read.
[[nodiscard]] std::unique_ptr<ByteStream> decompressing_stream(std::unique_ptr<ReadableFile> file, std::string path,
                                                               Compression compression, std::uint64_t offset);

}  // namespace millstream::inline v0::file::detail
