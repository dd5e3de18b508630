// Small files that belong to the library, read as a whole.
#pragma once

#include <cstdint>
#include <string>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// All of a private file, which must not be longer than `bytes_max`.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::string> read_private_file(FileSystem& files, const std::string& path,
                                                                      std::uint64_t bytes_max);

}  // namespace millstream::inline v0
