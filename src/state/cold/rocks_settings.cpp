#include "state/cold/rocks_settings.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/memory_allocator.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

#include "millstream/codec/bytes.hpp"
#include "millstream/core/checksum.hpp"
#include "state/cold/block_memory.hpp"

namespace millstream::inline v0 {
namespace {

// A part of the cache has its own limit, and a reader must be able to hold the blocks of a whole lookup in one.
constexpr std::size_t kCachePartBytes = std::size_t{4} << 20;
constexpr int kCachePartBitsMax = 6;
constexpr double kIndexShareOfCache = 0.5;  // index and filter blocks outlive data blocks up to this
// A cold read wants one value: a larger block reads more for nothing. In memory it has a page with its trailer.
constexpr std::size_t kTrailerBytes = 5;
constexpr std::size_t kBlockBytes = 4096 - 4 * kTrailerBytes;
// A block ends before the entry that would make it larger where so many percent of it would stay empty: a second page
// for the end of one entry would cost as much.
constexpr int kBlockBytesLeftMax = 50;
constexpr double kFilterBitsOfKey = 10;     // one lookup in a hundred reads a block for nothing
constexpr double kFiltersShareOfCache = 4;  // of small files, each in one piece, one part of so many
constexpr std::size_t kWriteBufferBytes = std::size_t{64} << 10;  // never written to; RocksDB wants one a column
// As much is dropped at once; filters and index of a file that is being written stay on the heap until its end, so it
// is as large as the cache between these.
constexpr std::size_t kFileBytesMin = std::size_t{8} << 20;
constexpr std::size_t kFileBytesMax = std::size_t{32} << 20;
constexpr std::size_t kMergeReadBytes = std::size_t{64} << 10;  // a file; kColdRunsMax and some more are read at once
constexpr std::size_t kFileBufferBytes = std::size_t{256} << 10;
constexpr std::size_t kManifestBytes = std::size_t{1} << 20;  // an image copies it
constexpr int kMergeFromRuns = 4;

class Xxh3Generator final : public rocksdb::FileChecksumGenerator {
 public:
  void Update(const char* data, std::size_t size) override { checksum_.add({data, size}); }
  void Finalize() override {
    const std::uint64_t value = checksum_.value();
    ByteWriter{bytes_}.write_fixed(value);
  }
  std::string GetChecksum() const override { return bytes_; }
  const char* Name() const override { return kRocksChecksumName; }

 private:
  Checksum checksum_;
  std::string bytes_;
};

class Xxh3Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext& context) override {
    const std::string& name = context.requested_checksum_func_name;
    if (!name.empty() && name != kRocksChecksumName) return nullptr;
    return std::make_unique<Xxh3Generator>();
  }
  const char* Name() const override { return kRocksChecksumName; }
};

class HookLogger final : public rocksdb::Logger {
 public:
  HookLogger(std::string folder, LogHook hook)
      : Logger{rocksdb::WARN_LEVEL}, folder_{std::move(folder)}, hook_{std::move(hook)} {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}  // what has no level is of no concern
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (!hook_ || level < rocksdb::WARN_LEVEL || level == rocksdb::HEADER_LEVEL) return;
    char text[1024];
    const int size = std::vsnprintf(text, sizeof text, format, arguments);
    if (size < 0) return;
    std::string message = "cold store ";
    message.append(folder_).append(": RocksDB: ").append(text);
    hook_(level == rocksdb::WARN_LEVEL ? LogLevel::kWarning : LogLevel::kError, message);
  }

 private:
  std::string folder_;
  LogHook hook_;
};

class BlockAllocator final : public rocksdb::MemoryAllocator {
 public:
  explicit BlockAllocator(std::size_t bytes) : memory_{bytes} {}
  void* Allocate(std::size_t bytes) override { return memory_.take(bytes); }
  void Deallocate(void* at) override { memory_.give_back(at); }
  // It is asked for the block without the trailer that it was taken with.
  std::size_t UsableSize(void*, std::size_t bytes) const override {
    return BlockMemory::used_for(bytes + kTrailerBytes);
  }
  const char* Name() const override { return "millstream.blocks"; }

 private:
  BlockMemory memory_;
};

std::shared_ptr<rocksdb::Cache> make_cache(std::size_t bytes) {
  int bits = 0;
  while (bits < kCachePartBitsMax && (bytes >> (bits + 1)) >= kCachePartBytes) ++bits;
  return rocksdb::NewLRUCache(bytes, bits, /*strict_capacity_limit=*/true, kIndexShareOfCache,
                              std::make_shared<BlockAllocator>(bytes));
}

rocksdb::CompressionType compression() {
  const std::vector<rocksdb::CompressionType> has = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(has.begin(), has.end(), rocksdb::kLZ4Compression) != has.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::BlockBasedTableOptions table_options(std::shared_ptr<rocksdb::Cache> cache, bool in_pieces) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.block_size = kBlockBytes;
  table.block_size_deviation = kBlockBytesLeftMax;
  table.metadata_block_size = 2 * kBlockBytes;  // pieces of filters are made smaller by these percents
  table.format_version = 5;                     // 7.8 and all later ones read it
  table.checksum = rocksdb::kXXH3;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsOfKey));
  // Of 50 million keys they are 62 MB: in the cache, in pieces, and no piece for ever.
  table.cache_index_and_filter_blocks = true;
  table.index_type = in_pieces ? rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch
                               : rocksdb::BlockBasedTableOptions::kBinarySearch;
  table.partition_filters = in_pieces;
  table.pin_l0_filter_and_index_blocks_in_cache = false;
  table.pin_top_level_index_and_filter = false;
  return table;
}

}  // namespace

Status rocks_error(const rocksdb::Status& status, std::string_view folder, std::string_view action) {
  ErrorCode code = ErrorCode::kIo;
  std::string_view next = "see to the cause and start again, from the last checkpoint";
  if (status.IsNoSpace()) {
    next = "the disk is full: make room on it and start again, from the last checkpoint";
  } else if (status.IsCorruption() || status.IsPathNotFound()) {
    code = ErrorCode::kInvalidData;
    next = "a file is damaged: start again from the last checkpoint, or an older one where that one's base is damaged";
  } else if (status.IsMemoryLimit() || status.IsBusy() || status.IsTryAgain() || status.IsIncomplete()) {
    code = ErrorCode::kUnavailable;
    next = "try again";
  } else if (status.IsNotSupported()) {
    code = ErrorCode::kUnsupported;
    next = "use a build of RocksDB that has it";
  } else if (status.IsInvalidArgument()) {
    code = ErrorCode::kInternal;
    next = "report it";
  }
  std::string message = "cold store ";
  message.append(folder).append(": ").append(action).append(": ").append(status.ToString());
  message.append("; ").append(next);
  return {code, std::move(message)};
}

void RocksFailure::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) {
  const std::scoped_lock lock{mutex_};
  if (first_.ok()) first_ = *status;
}

rocksdb::Status RocksFailure::first() {
  const std::scoped_lock lock{mutex_};
  return first_;
}

RocksSettings rocks_settings(const ColdStoreOptions& options) {
  RocksSettings settings;
  settings.cache = make_cache(options.cache_bytes);
  settings.failure = std::make_shared<RocksFailure>();

  rocksdb::DBOptions& db = settings.db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.info_log = std::make_shared<HookLogger>(options.folder, options.log);
  db.listeners = {settings.failure};
  db.file_checksum_gen_factory = std::make_shared<Xxh3Factory>();
  db.max_open_files = kColdOpenFilesMax;
  db.table_cache_numshardbits = 2;  // by default 64 parts, which would hold two files each
  // Three merges, and a flush, which never is: one of large runs, which may take long, must not hold up those of small
  // ones, for runs that are not merged hold up the shards.
  db.max_background_jobs = 4;
  db.max_manifest_file_size = kManifestBytes;
  db.compaction_readahead_size = kMergeReadBytes;
  db.writable_file_max_buffer_size = kFileBufferBytes;
  db.avoid_flush_during_shutdown = true;
  db.skip_stats_update_on_db_open = true;  // it would read in every file
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;

  rocksdb::ColumnFamilyOptions& column = settings.column;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(settings.cache, /*in_pieces=*/true)));
  settings.small_files.reset(rocksdb::NewBlockBasedTableFactory(table_options(settings.cache, /*in_pieces=*/false)));
  settings.small_file_entries = static_cast<std::size_t>(static_cast<double>(options.cache_bytes) /
                                                         kFiltersShareOfCache / kColdRunsMax / (kFilterBitsOfKey / 8));
  column.compression = compression();
  column.write_buffer_size = kWriteBufferBytes;
  column.max_write_buffer_number = 2;
  // Keys are spread evenly, so by levels each merge of some new runs would write all of the level below once more.
  column.compaction_style = rocksdb::kCompactionStyleUniversal;
  column.level0_file_num_compaction_trigger = kMergeFromRuns;
  // They would hold up writes, of which there are none; ColdStore::room() holds up rounds.
  column.level0_slowdown_writes_trigger = std::numeric_limits<int>::max();
  column.level0_stop_writes_trigger = std::numeric_limits<int>::max();
  column.soft_pending_compaction_bytes_limit = 0;
  column.hard_pending_compaction_bytes_limit = 0;
  column.target_file_size_base = std::clamp(options.cache_bytes, kFileBytesMin, kFileBytesMax);
  column.ttl = 0;
  column.periodic_compaction_seconds = 0;
  return settings;
}

}  // namespace millstream::inline v0
