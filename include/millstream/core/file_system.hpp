// The seam for files: nothing in the library opens, renames or lists anything itself. A job runs on the POSIX file
// system; tests and the simulator run the same code on testing/memory_file_system.hpp, which can fail on demand.
// Every error names the path and what the operating system said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Which file it is, whatever its name: a file keeps it when it is renamed. It may be used again after a removal.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

/// What is known of a file or folder; symbolic links are followed.
struct FileInfo {
  FileId id;
  std::uint64_t size_bytes = 0;
  Timestamp modified{};
  bool is_file = false;  ///< a regular file: no folder, pipe, socket or device
  bool is_folder = false;
};

/// A file open for reading; it stays readable after it was renamed or removed. For one thread at a time.
class MILLSTREAM_EXPORT ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  /// Fills `into` with the bytes from `offset` on. Fewer than asked for, also 0, means the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) = 0;
  [[nodiscard]] virtual Result<FileInfo> info() = 0;
};

/// A file open for writing at its end. For one thread at a time. The destructor closes without sync.
class MILLSTREAM_EXPORT WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// After an error the file may hold a part of `bytes`.
  [[nodiscard]] virtual Status append(std::string_view bytes) = 0;
  /// Returns when what was appended is on the disk. After an error nothing may be assumed to be; do not try again.
  [[nodiscard]] virtual Status sync() = 0;
  [[nodiscard]] virtual Status close() = 0;
};

/// An exclusive lock on a file, held until this is destroyed or the process ends, however it ends.
class MILLSTREAM_EXPORT FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Paths are relative to the working folder or absolute, with '/'. All members may be called from any thread.
/// kNotFound and kAlreadyExists are codes of their own, a path through a file that is no folder is kInvalidArgument,
/// and the rest is kIo.
class MILLSTREAM_EXPORT FileSystem {
 public:
  virtual ~FileSystem() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  /// The file must not exist yet.
  [[nodiscard]] virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
  /// The file must exist: what is appended comes behind what it holds.
  [[nodiscard]] virtual Result<std::unique_ptr<WritableFile>> append_to(const std::string& path) = 0;
  [[nodiscard]] virtual Result<FileInfo> info(const std::string& path) = 0;
  /// Names in a folder, sorted, without "." and "..".
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  /// Atomic; replaces `to` if it exists. Survives a crash after sync_folder().
  [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// A file or an empty folder.
  [[nodiscard]] virtual Status remove(const std::string& path) = 0;
  /// A second name for a file; `to` must not exist yet.
  [[nodiscard]] virtual Status link(const std::string& from, const std::string& to) = 0;
  /// The folder and all above it that are missing.
  [[nodiscard]] virtual Status make_folders(const std::string& path) = 0;
  /// Returns when the names in the folder are on the disk.
  [[nodiscard]] virtual Status sync_folder(const std::string& path) = 0;

  /// What relative paths start from, for messages; "." where that has no name.
  [[nodiscard]] virtual std::string working_folder() const = 0;

  // For what concerns this user alone. What a name stands for must be this user's own, and no symbolic link; anything
  // else is kInvalidArgument.

  /// The folder and all above it that are missing; mode 0700, whatever the umask and what it was before.
  [[nodiscard]] virtual Status make_private_folder(const std::string& path) = 0;
  /// As create(), with mode 0600 whatever the umask.
  [[nodiscard]] virtual Result<std::unique_ptr<WritableFile>> create_private(const std::string& path) = 0;
  /// As open().
  [[nodiscard]] virtual Result<std::unique_ptr<ReadableFile>> open_private(const std::string& path) = 0;
  /// Makes the file where it is missing (mode 0600) and writes the number of this process into it. kUnavailable, naming
  /// the holder where it is known, while another FileLock holds it, in this process or another one.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

  [[nodiscard]] Result<bool> exists(const std::string& path);
  /// Sorted paths of what a pattern matches: '*', '?' and '[...]' within a component, names that start with '.' only
  /// by a '.' in the pattern. A path that exists as it is written matches itself alone. No match is an empty list.
  [[nodiscard]] Result<std::vector<std::string>> glob(const std::string& pattern);
};

/// Whether glob() would look for more than the path itself.
[[nodiscard]] MILLSTREAM_EXPORT bool is_glob_pattern(std::string_view path) noexcept;

/// The file system of the operating system; one instance for the process.
[[nodiscard]] MILLSTREAM_EXPORT FileSystem& posix_file_system() noexcept;

/// "cannot <action> <path>: <text of the errno>", for implementations of FileSystem.
[[nodiscard]] MILLSTREAM_EXPORT Status file_error(std::string_view action, std::string_view path, int error_number);
/// A file_error() that says that the disk, or what of it this user may have, is full.
[[nodiscard]] MILLSTREAM_EXPORT bool is_disk_full(const Status& status);

}  // namespace millstream::inline v0
