// ByteStream: where the bytes of a split come from: a plain, compressed or followed file, or a descriptor. One chunk a
// call, and never a wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "connectors/file/rotated_files.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::file::detail {

/// What one read came to.
struct Piece {
  enum class Kind {
    kBytes,      ///< `size` bytes, which may be 0: ask again
    kWait,       ///< nothing now
    kEnd,        ///< nothing any more
    kNextFile,   ///< the file has ended; what follows is another one, from its start
    kTruncated,  ///< the file became shorter; what follows is the same one, from its start
  };
  Kind kind;
  std::size_t size = 0;
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Errors name the file and the place in it.
  [[nodiscard]] virtual Result<Piece> read(std::span<char> into) = 0;
  /// Of the file that the next bytes come from; nullptr where files are not followed, or there is none yet.
  [[nodiscard]] virtual const FileHead* head() const { return nullptr; }
};

enum class Compression { kNone, kGzip, kZstd };

/// By the suffix of the name.
[[nodiscard]] Compression compression_of(std::string_view path);

/// The error for a folder, pipe or device where a file was expected.
[[nodiscard]] Status not_a_file(const std::string& path);

/// A file from byte `offset` of its decompressed content on; an error where it is not that long.
[[nodiscard]] Result<std::unique_ptr<ByteStream>> open_stream(FileSystem& files, const std::string& path,
                                                              std::uint64_t offset);

/// As `tail -F`; starts in the file that `identity` names if it can still be found, else in the one at `path`, whose
/// start it takes if it is not the same. `offset_used` is set to where it really starts.
[[nodiscard]] Result<std::unique_ptr<ByteStream>> follow_stream(SplitContext& context, const std::string& path,
                                                                std::uint64_t offset, const std::string& identity,
                                                                std::uint64_t& offset_used);

/// Whatever a file descriptor has; the descriptor is not closed.
[[nodiscard]] std::unique_ptr<ByteStream> descriptor_stream(int descriptor, std::string name);

}  // namespace millstream::inline v0::file::detail
