// Reading a file of the library's own.
#include "core/private_file.hpp"

#include <memory>

namespace millstream::inline v0 {

Result<std::string> read_private_file(FileSystem& files, const std::string& path, std::uint64_t bytes_max) {
  Result<std::unique_ptr<ReadableFile>> file = files.open_private(path);
  if (!file) return file.error();
  const Result<FileInfo> info = (*file)->info();
  if (!info) return info.error();
  if (info->size_bytes > bytes_max) {
    return Status{ErrorCode::kInvalidData, path + ": " + std::to_string(info->size_bytes) + " bytes are too many"};
  }
  std::string bytes(info->size_bytes, '\0');
  const Result<std::size_t> got = (*file)->read_at(0, bytes);
  if (!got) return got.error();
  bytes.resize(*got);
  return bytes;
}

}  // namespace millstream::inline v0
