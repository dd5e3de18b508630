// How the cold store sets RocksDB up: memory fixed in advance, files checksummed as Millstream does, messages and
// background failures handed on. RocksDB's headers are slow to compile and are included here alone.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "state/cold/cold_store.hpp"

namespace millstream::inline v0 {

/// Of the checksums that RocksDB keeps of its files: millstream::Checksum, eight bytes little-endian.
inline constexpr const char* kRocksChecksumName = "millstream.xxh3";

/// `action` is what was being done: "reading". The message says what to do next.
[[nodiscard]] Status rocks_error(const rocksdb::Status& status, std::string_view folder, std::string_view action);

/// Hears what fails behind the scenes, in a merge of files. Thread-safe.
class RocksFailure final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  /// The first one, or ok.
  [[nodiscard]] rocksdb::Status first();

 private:
  std::mutex mutex_;
  rocksdb::Status first_;
};

struct RocksSettings {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<RocksFailure> failure;
  rocksdb::DBOptions db;
  rocksdb::ColumnFamilyOptions column;
  /// Of a file of at most so many entries: its filter and its index are one block each, found by one look into the
  /// cache instead of two. Those of kColdRunsMax files together are a small part of the cache.
  std::shared_ptr<rocksdb::TableFactory> small_files;
  std::size_t small_file_entries = 0;
};
[[nodiscard]] MILLSTREAM_EXPORT RocksSettings rocks_settings(const ColdStoreOptions& options);

}  // namespace millstream::inline v0
