// Files of a checkpointed sink between prepare and commit: whole and on the disk, under names that readers do not see.
// The handle of a checkpoint names them; whoever has it makes them visible, also another process. Users want
// file/sink.hpp.
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::file::detail {

/// A file that is to be renamed; paths relative to the sink's directory.
struct PreparedPart {
  std::string hidden;
  std::string visible;
};
BOOST_DESCRIBE_STRUCT(PreparedPart, (), (hidden, visible))

/// What a handle holds, as the codec's bytes.
struct PreparedParts {
  std::uint32_t version = 1;
  std::vector<PreparedPart> parts;
};
BOOST_DESCRIBE_STRUCT(PreparedParts, (), (version, parts))

/// Tells the files of this stage from those of others in the same directory: eight hexadecimal digits of its name.
[[nodiscard]] MILLSTREAM_EXPORT std::string stage_tag(std::string_view stage);

/// No parts are an empty handle.
[[nodiscard]] MILLSTREAM_EXPORT std::string encode_handle(std::vector<PreparedPart> parts);

/// Renames what the handle names, and returns when the names are on the disk. Files that are visible already are left
/// as they are, so it may be done again; kNotFound where one is gone.
[[nodiscard]] MILLSTREAM_EXPORT Status commit_handle(FileSystem& files, const std::string& directory,
                                                     const std::string& handle);

/// While no job writes to the directory: commits the handles that were decided, then removes what the others name and
/// all other files that the stage left unfinished. A directory that is missing has none.
[[nodiscard]] MILLSTREAM_EXPORT Status recover_parts(const SinkContext& context, const std::string& directory,
                                                     std::span<const std::string> commit,
                                                     std::span<const std::string> abort);

}  // namespace millstream::inline v0::file::detail
