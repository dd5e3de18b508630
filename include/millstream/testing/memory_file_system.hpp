// A FileSystem in memory for tests and the simulator: as fast as memory, the same on every run, and able to fail: at
// the nth operation, at random under a seed, or because the disk is full.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/random.hpp"

namespace millstream::inline v0::testing {

/// Starts with the folders "." and "/". Files get their time of change from the clock, which must outlive it. Every
/// call of FileSystem, ReadableFile or WritableFile is one operation and may fail as told. Thread-safe.
class MILLSTREAM_EXPORT MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(Clock& clock = system_clock()) : clock_{clock} {}

  /// The `nth` operation from now on (1 = the next) fails once with this errno.
  void fail_at(std::uint64_t nth, int error_number = EIO);
  /// From now on each operation fails with EIO with this probability; 0 stops it.
  void fail_randomly(std::uint64_t seed, double probability);
  /// Appending beyond so many bytes in all files together fails with ENOSPC after filling what is left.
  void set_capacity(std::uint64_t bytes);
  /// Operations so far.
  [[nodiscard]] std::uint64_t operations() const;

  // Shortcuts for tests; they never fail and are no operations.
  /// Makes or replaces the contents of a file (which keeps its id) and the folders above it.
  void write_file(const std::string& path, std::string bytes);
  void append_file(const std::string& path, std::string_view bytes);
  /// Empty where there is no file.
  [[nodiscard]] std::string read_file(const std::string& path) const;
  /// All files, sorted by path.
  [[nodiscard]] std::vector<std::string> files() const;

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> append_to(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_folders(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  std::string working_folder() const override { return "."; }

 private:
  struct Node {
    FileInfo info;
    std::string bytes;
  };
  class Reader;
  class Writer;

  // All with the lock held.
  [[nodiscard]] int next_fault();
  [[nodiscard]] std::shared_ptr<Node> find(const std::string& path) const;
  [[nodiscard]] int why_missing(const std::string& path) const;
  std::shared_ptr<Node> add(const std::string& path, bool folder);
  void add_folders(const std::string& path);
  int append(Node& node, std::string_view bytes);

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> nodes_;  // by normalised path
  std::uint64_t next_inode_ = 1;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_at_ = 0;
  int fail_with_ = 0;
  Random random_{0};
  double fail_probability_ = 0;
  std::uint64_t capacity_ = ~std::uint64_t{0};
  std::uint64_t used_ = 0;
};

}  // namespace millstream::inline v0::testing
