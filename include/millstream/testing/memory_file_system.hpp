// A FileSystem in memory for tests and the simulator: as fast as memory, the same on every run, and able to fail: at
// the nth operation, at random under a seed, or because the disk is full. It is also a disk that loses what was not
// synced: stop_at() ends the program at some operation and restart() shows what a disk may hold then.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/clock.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/random.hpp"

namespace millstream::inline v0::testing {

/// Probabilities of what may go wrong at one operation of the kind; all 0 is a good disk.
struct DiskFaults {
  double any = 0;       ///< EIO, any operation; nothing is changed
  double write = 0;     ///< EIO at an append; nothing is appended
  double sync = 0;      ///< EIO at syncing a file or folder: a part gets to the disk, and the next sync skips the rest
  double no_space = 0;  ///< ENOSPC after a part of an append, or at making a name
  double read = 0;      ///< EIO at reading
  double bit_flip = 0;  ///< a read gives one wrong bit; the next one may be right
  double short_read = 0;   ///< a read ends too early
  std::string under = {};  ///< only for paths that begin with this
};

/// How a program ends.
enum class Crash {
  kProcess,  ///< killed: what it wrote is still in the system's memory
  kPower,    ///< unsynced data is lost or torn in blocks, unsynced names are lost in any combination
};

/// Starts with the folders "." and "/". Files get their time of change from the clock, which must outlive it. Every
/// call of FileSystem, ReadableFile or WritableFile is one operation and may fail as told. Thread-safe.
class MILLSTREAM_EXPORT MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(Clock& clock = system_clock()) : clock_{clock} {}

  /// The `nth` operation from now on (1 = the next) fails once with this errno.
  void fail_at(std::uint64_t nth, int error_number = EIO);
  /// From now on each operation fails with EIO with this probability; 0 stops it.
  void fail_randomly(std::uint64_t seed, double probability) { fail_randomly(seed, DiskFaults{.any = probability}); }
  void fail_randomly(std::uint64_t seed, const DiskFaults& faults);
  /// The program dies at the `nth` operation from now on: it and all after it do nothing and fail with EIO, until
  /// restart().
  void stop_at(std::uint64_t nth);
  [[nodiscard]] bool stopped() const;
  /// Starts again after a crash, whether or not it was stopped: locks are free, files that are open fail with EIO for
  /// ever, faults and stops are forgotten.
  void restart(Crash crash, Random& random);
  /// Appending beyond so many bytes in all files together fails with ENOSPC after filling what is left.
  void set_capacity(std::uint64_t bytes);
  /// Operations so far.
  [[nodiscard]] std::uint64_t operations() const;

  // Shortcuts for tests; they never fail, are no operations and are on the disk at once.
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
  Status link(const std::string& from, const std::string& to) override;
  Status make_folders(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  std::string working_folder() const override { return "."; }
  // There is one user, and no links: private files are like all others.
  Status make_private_folder(const std::string& path) override { return make_folders(path); }
  Result<std::unique_ptr<WritableFile>> create_private(const std::string& path) override { return create(path); }
  Result<std::unique_ptr<ReadableFile>> open_private(const std::string& path) override { return open(path); }
  /// Locks end at a restart.
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  struct Node {
    FileInfo info;
    std::string bytes;           // as programs see them
    std::string disk;            // what a power failure leaves for certain
    std::size_t dirty_from = 0;  // bytes from here on are not on the disk and the next sync writes them
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;  // by normalised path
  using Change = Names;                                        // names set together; null = removed
  enum class Operation { kRead, kWrite, kName, kSync, kOther };
  class Handle;
  class Reader;
  class Writer;
  class Lock;

  // All with the lock held.
  [[nodiscard]] int next_fault(Operation operation, const std::string& path);
  [[nodiscard]] bool hit(double probability, const std::string& path);
  void change_names(Change change);
  void sync_node(Node& node);
  void tear(Node& node, Random& random) const;
  void sync_names(const std::string& folder, bool all);
  void apply(const Change& change, Names& to) const;
  [[nodiscard]] bool has_children(const std::string& folder) const;
  [[nodiscard]] std::shared_ptr<Node> find(const std::string& path) const;
  [[nodiscard]] int why_missing(const std::string& path) const;
  std::shared_ptr<Node> add(const std::string& path, bool folder);
  void add_folders(const std::string& path);
  int append(Node& node, std::string_view bytes);

  Clock& clock_;
  mutable std::mutex mutex_;
  Names nodes_;                  // as programs see them
  Names disk_names_;             // as they are on the disk
  std::vector<Change> pending_;  // not yet on the disk, oldest first
  std::set<std::string> locked_;
  std::uint64_t life_ = 0;  // restarts so far
  bool stopped_ = false;
  std::uint64_t stop_at_ = 0;
  std::uint64_t next_inode_ = 1;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_at_ = 0;
  int fail_with_ = 0;
  Random random_{0};
  DiskFaults faults_;
  std::uint64_t capacity_ = ~std::uint64_t{0};
  std::uint64_t used_ = 0;
};

}  // namespace millstream::inline v0::testing
