// Finds what log rotation has done with a file: which names its older files have now, and which came after which.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::file::detail {

/// "device:inode".
[[nodiscard]] std::string to_string(const FileId& id);
[[nodiscard]] std::optional<FileId> parse_file_id(std::string_view text);

/// Where the file with this id is now: at `path`, or beside it under a rotated name; kNotFound where it is gone.
[[nodiscard]] Result<std::string> find_rotated(FileSystem& files, const std::string& path, const FileId& id);

/// The file that was written after the one with this id: the next younger rotated one, or else `path`.
[[nodiscard]] Result<std::string> rotated_after(FileSystem& files, const std::string& path, const FileId& id);

}  // namespace millstream::inline v0::file::detail
