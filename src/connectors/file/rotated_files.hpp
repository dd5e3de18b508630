// Finds what log rotation has done with a file: which names its older files have now, and which came after which.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::file::detail {

/// A file and its first bytes, as far as they were read. The number of an inode is given out again once its file is
/// gone, and a file can be cut and written anew, so the id alone does not say which one it is.
struct FileHead {
  FileId id;
  std::string bytes;
};

/// Which file a position is in.
struct FileIdentity {
  FileId id;
  std::uint64_t head_bytes = 0;  ///< how many of the first bytes were looked at; 0: not known
  std::uint64_t head_hash = 0;   ///< of these, by hash_bytes()
};

/// For a position behind `offset` bytes, which alone count: "device:inode" and, where there are any, ":bytes:hash".
[[nodiscard]] std::string identity_at(const FileHead& head, std::uint64_t offset);
/// std::nullopt for anything else.
[[nodiscard]] std::optional<FileIdentity> parse_file_identity(std::string_view text);

/// Where the file with this id is now: at `path`, or beside it under a rotated name; kNotFound where it is gone.
[[nodiscard]] Result<std::string> find_rotated(FileSystem& files, const std::string& path, const FileId& id);

/// The file that was written after the one with this id: the next younger rotated one, or else `path`.
[[nodiscard]] Result<std::string> rotated_after(FileSystem& files, const std::string& path, const FileId& id);

}  // namespace millstream::inline v0::file::detail
