// ColdStore: the tier of keyed state that need not fit in memory. One store a job, a column for each state; it is
// written in rounds, read in batches, and an image of it (hard links) can be taken at any time and begun from again.
// RocksDB in a job (open_cold_store), testing/ordered_cold_store.hpp in the simulator.
//
// A store is no safer than the image it began from: what was ingested is lost with the process, so whoever writes keeps
// deltas. Its folder is emptied when it is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/log.hpp"
#include "millstream/core/status.hpp"
#include "state/cold/cold_image.hpp"
#include "state/cold/cold_round.hpp"

namespace millstream::inline v0 {

/// With a smaller block cache a few readers could not hold the blocks that they read.
inline constexpr std::size_t kColdCacheBytesMin = std::size_t{1} << 20;
/// What a store may hold in memory beside its cache: write buffers, open files, compaction and the sorting of a round
/// of 4 MiB. Reserve it, with the cache, before a store is opened. state_cold_memory measures it.
inline constexpr std::size_t kColdFixedBytes = std::size_t{6} << 20;
/// Sorted runs that a read may have to look into before a writer waits: each costs a probe of a filter a key.
inline constexpr std::uint64_t kColdRunsMax = 12;
/// Bytes that wait to be merged before a writer waits.
inline constexpr std::uint64_t kColdDebtBytesMax = std::uint64_t{1} << 30;
/// Files a store keeps open.
inline constexpr int kColdOpenFilesMax = 128;

struct ColdStoreOptions {
  std::string folder;  ///< the store's alone; made (mode 0700) or emptied. On one file system with its images
  /// Names of the columns, each once. A column's number is its place here. What the base has besides is dropped, what
  /// it has not begins empty.
  std::vector<std::string> columns = {};
  std::string base = {};  ///< the folder of an image to begin from; empty: begin with nothing
  /// Of the block cache, index and filter blocks included; never exceeded. At least kColdCacheBytesMin.
  std::size_t cache_bytes = std::size_t{8} << 20;
  LogHook log = {};  ///< from any thread of the store
};

/// Keys to be looked up, in any order. For one thread at a time.
class ColdKeys {
 public:
  void add(std::string_view key) {
    bytes_.append(key);
    ends_.push_back(bytes_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view{bytes_}.substr(begin, ends_[i] - begin);
  }
  void clear() noexcept {
    bytes_.clear();
    ends_.clear();
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

/// What a store answers: the values of keys in their order, or the entries of a range. For one thread at a time.
class ColdAnswer {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  /// Of a range; empty otherwise.
  [[nodiscard]] std::string_view key(std::size_t i) const noexcept {
    return std::string_view{bytes_}.substr(entries_[i].at, entries_[i].key_size);
  }
  /// None where the store does not have the key.
  [[nodiscard]] std::optional<std::string_view> value(std::size_t i) const noexcept {
    const Entry& entry = entries_[i];
    if (!entry.found) return std::nullopt;
    return std::string_view{bytes_}.substr(entry.at + entry.key_size, entry.value_size);
  }
  /// Where the range goes on; empty: there is no more in it.
  [[nodiscard]] const std::string& next() const noexcept { return next_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }
  void clear() noexcept {
    bytes_.clear();
    entries_.clear();
    next_.clear();
  }

  // For stores.
  void add(std::string_view key, std::string_view value) {
    entries_.push_back({bytes_.size(), key.size(), value.size(), true});
    bytes_.append(key).append(value);
  }
  void add_missing() { entries_.push_back({bytes_.size(), 0, 0, false}); }
  void go_on_at(std::string_view key) { next_.assign(key); }

 private:
  struct Entry {
    std::size_t at;
    std::size_t key_size;
    std::size_t value_size;
    bool found;
  };
  std::string bytes_;
  std::vector<Entry> entries_;
  std::string next_;
};

/// A piece of a range ends behind the entry that reaches one of these.
struct ColdPiece {
  std::size_t bytes = std::size_t{256} << 10;
  std::size_t entries = 8192;
};

struct ColdStatistics {
  std::uint64_t files = 0;        ///< with data
  std::uint64_t file_bytes = 0;   ///< of these
  std::uint64_t runs = 0;         ///< not merged yet, of the column that has most
  std::uint64_t debt_bytes = 0;   ///< that wait to be merged
  std::uint64_t rounds = 0;       ///< ingested since it was opened
  std::uint64_t round_bytes = 0;  ///< of their content
  std::size_t cache_bytes = 0;    ///< in use, pinned ones included
  std::size_t pinned_bytes = 0;   ///< in use by reads at this moment
};

/// The error of a store that is a copy of what checkpoints say: damage in it is no reason not to go on from those, with
/// a new copy.
[[nodiscard]] inline Status of_a_copy(const Status& status) {
  return status.code() == ErrorCode::kInvalidData ? Status{ErrorCode::kIo, status.message()} : status;
}

/// The writer's calls (room, ingest, link) are for one thread at a time; the others may be called from any thread, also
/// meanwhile. After kIo or kInvalidData from a writer's call the store takes nothing more: close it, and begin from the
/// last checkpoint. Messages name folder, cause and next step.
class MILLSTREAM_EXPORT ColdStore {
 public:
  virtual ~ColdStore() = default;

  /// Ok where there is room for another round, kUnavailable while merging has to catch up: ask again later. Rounds that
  /// are ingested all the same are taken, and make reads slow.
  [[nodiscard]] virtual Status room() = 0;
  /// Takes a round of at most kColdRoundBytesMax. Whoever reads meanwhile sees each column before or behind it; but
  /// what a range removes may be gone, or have an older value, before the rest of the round is seen: nobody asks for
  /// it.
  [[nodiscard]] virtual Status ingest(const ColdRound& round) = 0;
  /// Makes an image of all that was ingested until now in a folder, which must be missing or empty and may outlive the
  /// store. Gives its files, which are on the disk then, and so is the folder's name. After a failure the folder may
  /// hold a part, which begins no store; the store itself goes on.
  [[nodiscard]] virtual Result<std::vector<ColdImageFile>> link(const std::string& folder) = 0;

  /// `answer` gets a value or none for each key. Waits for the disk.
  [[nodiscard]] virtual Status get(std::uint32_t column, const ColdKeys& keys, ColdAnswer& answer) = 0;
  /// `answer` gets the entries from `first` on, ascending, below `end`, as many as `piece` says. Each call sees the
  /// store as it is then. Waits for the disk.
  [[nodiscard]] virtual Status scan(std::uint32_t column, std::string_view first, std::string_view end, ColdPiece piece,
                                    ColdAnswer& answer) = 0;
  [[nodiscard]] virtual ColdStatistics statistics() = 0;
};

/// A store on RocksDB. `files` must show the operating system's files and outlive the store; RocksDB itself goes past
/// it, but all that makes an image or a store of one does not. kUnsupported in a build without RocksDB,
/// kInvalidArgument for wrong options and for another engine's image, kInvalidData for an image that is not whole.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::unique_ptr<ColdStore>> open_cold_store(FileSystem& files,
                                                                                   ColdStoreOptions options);

/// How every store begins: checks the options, prepares the folder and fills it from the base, where there is one,
/// after checking it. Gives what IMAGE says, an empty image without a base.
[[nodiscard]] MILLSTREAM_EXPORT Result<ColdImage> begin_cold_store(FileSystem& files, const ColdStoreOptions& options,
                                                                   std::string_view engine, ColdCheck check);

}  // namespace millstream::inline v0
