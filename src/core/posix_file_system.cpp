// The file system of the operating system.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "millstream/core/file_system.hpp"

namespace millstream::inline v0 {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_{number} {}
  Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }
  /// Closes it, and says whether that worked.
  int close() { return ::close(std::exchange(number_, -1)); }

 private:
  int number_;
};

Descriptor open_file(const std::string& path, int flags, mode_t mode = 0666) {
  int number = -1;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (number < 0 && errno == EINTR);
  return Descriptor{number};
}

int sync_descriptor(int number) {
  int result = 0;
  do {
    result = ::fsync(number);
  } while (result != 0 && errno == EINTR);
  return result;
}

FileInfo to_info(const struct stat& from) {
  FileInfo info;
  info.id = {static_cast<std::uint64_t>(from.st_dev), static_cast<std::uint64_t>(from.st_ino)};
  info.size_bytes = static_cast<std::uint64_t>(from.st_size);
  info.modified = Timestamp{std::chrono::seconds{from.st_mtim.tv_sec}} + Duration{from.st_mtim.tv_nsec / 1000};
  info.is_file = S_ISREG(from.st_mode);
  info.is_folder = S_ISDIR(from.st_mode);
  return info;
}

// What O_NOFOLLOW says of a link is ELOOP, or ENOTDIR where a folder was asked for.
Status open_error(std::string_view action, const std::string& path, int error_number) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode)) {
    return {ErrorCode::kInvalidArgument,
            "cannot " + std::string{action} + " " + path + ": it is a symbolic link, and those are not followed here"};
  }
  return file_error(action, path, error_number);
}

Status check_owner(const Descriptor& file, const std::string& path) {
  struct stat found{};
  if (::fstat(file.number(), &found) != 0) return file_error("look at", path, errno);
  if (found.st_uid == ::geteuid()) return {};
  return {ErrorCode::kInvalidArgument, "cannot use " + path + ": it belongs to user " + std::to_string(found.st_uid) +
                                           " and this process runs as user " + std::to_string(::geteuid())};
}

// Who holds a lock, as far as its file tells.
std::string holder(const Descriptor& file) {
  char text[24] = {};
  const ssize_t size = ::pread(file.number(), text, sizeof text - 1, 0);
  const std::string digits{text, size > 0 ? static_cast<std::size_t>(size) : 0};
  const std::size_t end = digits.find_first_not_of("0123456789");
  return end == 0 || digits.empty() ? "another process" : "process " + digits.substr(0, end);
}

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor file) : file_{std::move(file)} {}

 private:
  Descriptor file_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, Descriptor file) : path_{std::move(path)}, file_{std::move(file)} {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t n =
          ::pread(file_.number(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("read", path_, errno);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Result<FileInfo> info() override {
    struct stat found{};
    if (::fstat(file_.number(), &found) != 0) return file_error("look at", path_, errno);
    return to_info(found);
  }

 private:
  std::string path_;
  Descriptor file_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor file) : path_{std::move(path)}, file_{std::move(file)} {}

  Status append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_.number(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return file_error("write", path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }
  Status sync() override { return sync_descriptor(file_.number()) == 0 ? Status{} : file_error("sync", path_, errno); }
  Status close() override { return file_.close() == 0 ? Status{} : file_error("close", path_, errno); }

 private:
  std::string path_;
  Descriptor file_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    // Non-blocking, for opening a pipe that nobody writes to would hang; regular files do not care.
    Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
    if (file.number() < 0) return file_error("open", path, errno);
    return std::unique_ptr<ReadableFile>{std::make_unique<PosixReadableFile>(path, std::move(file))};
  }

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    Descriptor file = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
    if (file.number() < 0) return file_error("create", path, errno);
    return std::unique_ptr<WritableFile>{std::make_unique<PosixWritableFile>(path, std::move(file))};
  }

  Result<std::unique_ptr<WritableFile>> append_to(const std::string& path) override {
    Descriptor file = open_file(path, O_WRONLY | O_APPEND);
    if (file.number() < 0) return file_error("open", path, errno);
    return std::unique_ptr<WritableFile>{std::make_unique<PosixWritableFile>(path, std::move(file))};
  }

  Result<std::unique_ptr<WritableFile>> create_private(const std::string& path) override {
    Descriptor file = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (file.number() < 0) return file_error("create", path, errno);
    if (::fchmod(file.number(), 0600) != 0) return file_error("set the mode of", path, errno);
    return std::unique_ptr<WritableFile>{std::make_unique<PosixWritableFile>(path, std::move(file))};
  }

  Result<std::unique_ptr<ReadableFile>> open_private(const std::string& path) override {
    Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (file.number() < 0) return open_error("open", path, errno);
    if (Status s = check_owner(file, path); !s.ok()) return s;
    return std::unique_ptr<ReadableFile>{std::make_unique<PosixReadableFile>(path, std::move(file))};
  }

  Status make_private_folder(const std::string& path) override {
    const std::string above = std::filesystem::path{path}.parent_path().string();
    if (!above.empty()) {
      if (Status s = make_folders(above); !s.ok()) return s;
    }
    const bool made = ::mkdir(path.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return file_error("make the folder", path, errno);
    // Under a narrow umask even its owner could not open it yet.
    if (made && ::chmod(path.c_str(), 0700) != 0) return file_error("set the mode of", path, errno);
    const Descriptor folder = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (folder.number() < 0) return open_error("open the folder", path, errno);
    if (Status s = check_owner(folder, path); !s.ok()) return s;
    return ::fchmod(folder.number(), 0700) == 0 ? Status{} : file_error("set the mode of", path, errno);
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    Descriptor file = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (file.number() < 0) return open_error("open", path, errno);
    if (Status s = check_owner(file, path); !s.ok()) return s;
    // flock belongs to the open file, so the system takes it back from a process that died.
    if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return file_error("lock", path, errno);
      return Status{ErrorCode::kUnavailable, "cannot lock " + path + ": " + holder(file) + " holds it"};
    }
    const std::string number = std::to_string(::getpid()) + "\n";
    if (::fchmod(file.number(), 0600) != 0 || ::ftruncate(file.number(), 0) != 0 ||
        ::pwrite(file.number(), number.data(), number.size(), 0) != static_cast<ssize_t>(number.size())) {
      return file_error("write", path, errno);
    }
    return std::unique_ptr<FileLock>{std::make_unique<PosixFileLock>(std::move(file))};
  }

  Result<FileInfo> info(const std::string& path) override {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return file_error("look at", path, errno);
    return to_info(found);
  }

  Result<std::vector<std::string>> list(const std::string& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator entry{folder, error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) return file_error("list", folder, error.value());
    std::sort(names.begin(), names.end());
    return names;
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return file_error("rename", from + " to " + to, errno);
  }

  Status remove(const std::string& path) override {
    return ::remove(path.c_str()) == 0 ? Status{} : file_error("remove", path, errno);
  }

  Status link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return {};
    return file_error("link", from + " to " + to, errno);
  }

  Status make_folders(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? file_error("make the folder", path, error.value()) : Status{};
  }

  Status sync_folder(const std::string& path) override {
    const Descriptor folder = open_file(path, O_RDONLY | O_DIRECTORY);
    if (folder.number() < 0 && errno == EACCES) {
      ::sync();  // a folder may be open to changes and closed to reading; this waits for the whole system's
      return {};
    }
    if (folder.number() < 0) return file_error("open the folder", path, errno);
    return sync_descriptor(folder.number()) == 0 ? Status{} : file_error("sync the folder", path, errno);
  }

  std::string working_folder() const override {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::current_path(error);
    return error ? "." : path.string();
  }
};

}  // namespace

FileSystem& posix_file_system() noexcept {
  static PosixFileSystem files;
  return files;
}

}  // namespace millstream::inline v0
