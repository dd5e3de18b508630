// The cold store on RocksDB: written only by files that are sorted here and ingested whole, so there is no log and no
// memtable to flush, and an image is a matter of links.
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/metadata.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/version.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <map>
#include <utility>

#include "millstream/codec/bytes.hpp"
#include "state/cold/rocks_settings.hpp"

#if __has_include(<rocksdb/advanced_cache.h>)
#include <rocksdb/advanced_cache.h>  // has what cache.h had before 8.0
#endif

namespace millstream::inline v0 {
namespace {

constexpr std::string_view kEngine = "rocksdb";
// RocksDB looks up so many together, and what they read stays pinned in the cache until they are copied out.
constexpr std::size_t kKeysAtOnce = 32;

// Before 8.6 ranges and merges take a file whose first block is damaged for one that has ended
// (github.com/facebook/rocksdb/pull/11782). So no damaged file may get into the store.
constexpr bool kMergesMissDamage = ROCKSDB_MAJOR < 8 || (ROCKSDB_MAJOR == 8 && ROCKSDB_MINOR < 6);

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// RocksDB counts DisableFileDeletions calls; this is the only place that makes one.
class FilesKept {
 public:
  explicit FilesKept(rocksdb::DB& db) : db_{db}, status_{db.DisableFileDeletions()} {}
  FilesKept(const FilesKept&) = delete;
  FilesKept& operator=(const FilesKept&) = delete;
  ~FilesKept() {
    if (status_.ok()) db_.EnableFileDeletions().PermitUncheckedError();
  }
  [[nodiscard]] const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::DB& db_;
  rocksdb::Status status_;
};

class RocksColdStore final : public ColdStore {
 public:
  RocksColdStore(FileSystem& files, ColdStoreOptions options)
      : files_{files}, options_{std::move(options)}, settings_{rocks_settings(options_)} {}
  ~RocksColdStore() override {
    if (!db_) return;
    rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
    for (rocksdb::ColumnFamilyHandle* column : columns_) destroy(column);
    if (default_column_ != nullptr) destroy(default_column_);
    db_->Close().PermitUncheckedError();
  }

  Status open(const ColdImage& base) {
    // All columns that the base has must be opened, also those that are dropped then.
    std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
    names.insert(names.end(), options_.columns.begin(), options_.columns.end());
    for (const std::string& name : base.columns) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
    for (const std::string& name : names) wanted.emplace_back(name, settings_.column);
    std::vector<rocksdb::ColumnFamilyHandle*> opened;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(settings_.db, options_.folder, wanted, &opened, &db);
    if (!status.ok()) return error(status, "opening");
    db_.reset(db);
    default_column_ = opened[0];
    const auto own = opened.begin() + 1 + static_cast<std::ptrdiff_t>(options_.columns.size());
    columns_.assign(opened.begin() + 1, own);
    Status result;
    for (auto dropped = own; dropped != opened.end(); ++dropped) {
      if (const rocksdb::Status s = db_->DropColumnFamily(*dropped); !s.ok() && result.ok()) {
        result = error(s, "dropping a column");
      }
      destroy(*dropped);
    }
    return result;
  }

  Status room() override {
    if (Status s = failed(); !s.ok()) return s;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::uint64_t waiting = runs(columns_[i]);
      const std::uint64_t debt = number(columns_[i], rocksdb::DB::Properties::kEstimatePendingCompactionBytes);
      if (waiting < kColdRunsMax && debt < kColdDebtBytesMax) continue;
      return {ErrorCode::kUnavailable, "cold store " + options_.folder + ": column " + options_.columns[i] + " has " +
                                           std::to_string(waiting) + " runs and " + std::to_string(debt) +
                                           " bytes to merge; wait"};
    }
    return {};
  }

  Status ingest(const ColdRound& round) override {
    MILLSTREAM_ASSERT(round.bytes() <= kColdRoundBytesMax);
    if (Status s = failed(); !s.ok()) return s;
    if (round.empty()) return {};
    const SortedColdRound sorted{round};
    std::vector<rocksdb::IngestExternalFileArg> parts;
    Status status;
    for (const SortedColdRound::Column& column : sorted.columns()) {
      if (status = write(column, parts); !status.ok()) break;
    }
    if (status.ok()) status = free_files(sorted);
    if (status.ok()) {
      // With a snapshot, and runs merged as such, a file becomes the newest run without a look at the others. Where it
      // looks, RocksDB asks one version for the levels of another: a merge that ends meanwhile makes it read past them.
      const rocksdb::ManagedSnapshot forces_newest{db_.get()};
      if (const rocksdb::Status s = db_->IngestExternalFiles(parts); !s.ok()) status = error(s, "ingesting a round");
    }
    if (!status.ok()) {
      for (const SortedColdRound::Column& column : sorted.columns()) {
        static_cast<void>(files_.remove(round_file(column.number)));
      }
      // A part of it may be visible, or gone: the next round would come behind a hole.
      failure_ = for_good(status);
      return failure_;
    }
    rounds_.fetch_add(1, std::memory_order_relaxed);
    round_bytes_.fetch_add(round.bytes(), std::memory_order_relaxed);
    return {};
  }

  Result<std::vector<ColdImageFile>> link(const std::string& folder) override {
    if (Status s = failed(); !s.ok()) return s;
    // Until all are linked, no merge may take one away.
    const FilesKept kept{*db_};
    if (!kept.status().ok()) return error(kept.status(), "making an image");
    rocksdb::LiveFilesStorageInfoOptions which;
    which.include_checksum_info = true;
    which.wal_size_for_flush = std::numeric_limits<std::uint64_t>::max();  // there is nothing to flush
    std::vector<rocksdb::LiveFileStorageInfo> live;
    if (const rocksdb::Status s = db_->GetLiveFilesStorageInfo(which, &live); !s.ok()) {
      return error(s, "making an image");
    }
    ColdImage image{std::string{kEngine}, rocksdb::GetRocksVersionAsString(), options_.columns, {}};
    std::vector<ColdImageCopy> copies;
    for (rocksdb::LiveFileStorageInfo& file : live) {
      if (file.file_type == rocksdb::kTableFile) {
        Result<ColdImageFile> linked = linked_file(file);
        if (!linked) return linked.error();
        image.files.push_back(*std::move(linked));
      } else if (file.file_type == rocksdb::kCurrentFile) {
        copies.push_back({file.relative_filename, std::move(file.replacement_contents)});
      } else if (file.file_type == rocksdb::kDescriptorFile) {
        Result<std::string> bytes = read_front(path_of(file.relative_filename), file.size);
        if (!bytes) return bytes.error();
        copies.push_back({file.relative_filename, *std::move(bytes)});
      }
    }
    return write_cold_image(files_, folder, options_.folder, std::move(image), copies);
  }

  Status get(std::uint32_t column, const ColdKeys& keys, ColdAnswer& answer) override {
    MILLSTREAM_ASSERT(column < columns_.size());
    answer.clear();
    std::array<rocksdb::Slice, kKeysAtOnce> asked;
    std::array<rocksdb::Status, kKeysAtOnce> statuses;
    std::array<rocksdb::PinnableSlice, kKeysAtOnce> values;
    for (std::size_t begin = 0; begin < keys.size(); begin += kKeysAtOnce) {
      const std::size_t count = std::min(kKeysAtOnce, keys.size() - begin);
      for (std::size_t i = 0; i < count; ++i) asked[i] = slice(keys[begin + i]);
      db_->MultiGet({}, columns_[column], count, asked.data(), values.data(), statuses.data());
      Status failure;
      for (std::size_t i = 0; i < count; ++i) {
        // The cache is full of what other reads hold at this moment: past it, one by one.
        if (statuses[i].IsMemoryLimit()) {
          values[i].Reset();
          statuses[i] = db_->Get(past_cache(), columns_[column], asked[i], &values[i]);
        }
        if (statuses[i].ok()) {
          answer.add({}, view(values[i]));
        } else if (statuses[i].IsNotFound()) {
          answer.add_missing();
        } else if (failure.ok()) {
          failure = error(statuses[i], "reading " + options_.columns[column]);
        }
      }
      for (std::size_t i = 0; i < count; ++i) values[i].Reset();
      if (!failure.ok()) return failure;
    }
    return {};
  }

  Status scan(std::uint32_t column, std::string_view first, std::string_view end, ColdPiece piece,
              ColdAnswer& answer) override {
    MILLSTREAM_ASSERT(column < columns_.size());
    rocksdb::ReadOptions past = past_cache();
    rocksdb::Status status = scan(rocksdb::ReadOptions{}, column, first, end, piece, answer);
    if (status.IsMemoryLimit()) status = scan(std::move(past), column, first, end, piece, answer);
    return status.ok() ? Status{} : error(status, "reading a range of " + options_.columns[column]);
  }

  ColdStatistics statistics() override {
    ColdStatistics now;
    for (rocksdb::ColumnFamilyHandle* column : columns_) {
      now.runs = std::max(now.runs, runs(column));
      now.debt_bytes += number(column, rocksdb::DB::Properties::kEstimatePendingCompactionBytes);
      rocksdb::ColumnFamilyMetaData data;
      db_->GetColumnFamilyMetaData(column, &data);
      now.files += data.file_count;
      now.file_bytes += data.size;
    }
    now.rounds = rounds_.load(std::memory_order_relaxed);
    now.round_bytes = round_bytes_.load(std::memory_order_relaxed);
    now.cache_bytes = settings_.cache->GetUsage();
    now.pinned_bytes = settings_.cache->GetPinnedUsage();
    return now;
  }

 private:
  static rocksdb::ReadOptions past_cache() {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    return options;
  }
  [[nodiscard]] Status error(const rocksdb::Status& status, std::string_view action) const {
    return rocks_error(status, options_.folder, action);
  }
  [[nodiscard]] std::string path_of(std::string_view name) const {
    std::string path = options_.folder;
    return path.append("/").append(name);
  }
  // RocksDB does not know the name, so it lets the file be. Nor does it say whether it could remove it, and then it is
  // still a name of what was ingested: none is used twice.
  [[nodiscard]] std::string round_file(std::uint32_t column) const {
    return path_of("round-" + std::to_string(rounds_.load(std::memory_order_relaxed)) + "-" + std::to_string(column) +
                   ".sst");
  }
  void destroy(rocksdb::ColumnFamilyHandle* column) { db_->DestroyColumnFamilyHandle(column).PermitUncheckedError(); }

  [[nodiscard]] std::uint64_t number(rocksdb::ColumnFamilyHandle* column, const std::string& property) {
    std::uint64_t value = 0;
    return db_->GetIntProperty(column, property, &value) ? value : 0;
  }
  [[nodiscard]] std::uint64_t runs(rocksdb::ColumnFamilyHandle* column) {
    std::string text;
    if (!db_->GetProperty(column, rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &text)) return 0;
    return std::strtoull(text.c_str(), nullptr, 10);
  }

  [[nodiscard]] Status failed() {
    if (!failure_.ok()) return failure_;
    if (const rocksdb::Status s = settings_.failure->first(); !s.ok()) failure_ = for_good(error(s, "merging files"));
    return failure_;
  }
  // What is kept does not heal, whatever RocksDB says: nobody may wait for that.
  [[nodiscard]] static Status for_good(const Status& failure) {
    if (failure.code() != ErrorCode::kUnavailable) return failure;
    return {ErrorCode::kIo, failure.message()};
  }

  // One file a column, for level 0 counts files.
  [[nodiscard]] Status write(const SortedColdRound::Column& column,
                             std::vector<rocksdb::IngestExternalFileArg>& parts) {
    MILLSTREAM_ASSERT(column.number < columns_.size());
    rocksdb::ColumnFamilyHandle* const handle = columns_[column.number];
    rocksdb::Options options{settings_.db, settings_.column};
    if (column.points.size() <= settings_.small_file_entries) options.table_factory = settings_.small_files;
    // What buffers EnvOptions has of its own are larger.
    rocksdb::SstFileWriter writer{rocksdb::EnvOptions{settings_.db}, options, handle, /*invalidate_page_cache=*/false};
    const std::string path = round_file(column.number);
    rocksdb::Status status = writer.Open(path);
    for (const SortedColdRound::Change& range : column.ranges) {
      if (!status.ok()) break;
      status = writer.DeleteRange(slice(range.key()), slice(range.value()));
    }
    for (const SortedColdRound::Change& point : column.points) {
      if (!status.ok()) break;
      status = point.kind() == ColdChanges::Kind::kPut ? writer.Put(slice(point.key()), slice(point.value()))
                                                       : writer.Delete(slice(point.key()));
    }
    rocksdb::ExternalSstFileInfo info;
    if (status.ok()) status = writer.Finish(&info);
    if (!status.ok()) return error(status, "writing a round");
    rocksdb::IngestExternalFileArg& part = parts.emplace_back();
    part.column_family = handle;
    part.external_files = {path};
    part.files_checksums = {info.file_checksum};
    part.files_checksum_func_names = {info.file_checksum_func_name};
    part.options.snapshot_consistency = true;  // see ingest()
    part.options.move_files = true;
    part.options.failed_move_fall_back_to_copy = false;
    part.options.write_global_seqno = false;  // the file may be linked by an image before long
    part.options.allow_blocking_flush = false;
    part.options.verify_file_checksum = false;  // it was made just now
    return {};
  }

  // Files that hold nothing outside of a removed range go at once instead of being merged away. Before the range is
  // ingested: afterwards the file with its tombstone would go, too, and what is below it would be back.
  [[nodiscard]] Status free_files(const SortedColdRound& round) {
    for (const SortedColdRound::Column& column : round.columns()) {
      for (const SortedColdRound::Change& range : column.ranges) {
        const rocksdb::Slice first = slice(range.key());
        const rocksdb::Slice end = slice(range.value());
        const rocksdb::RangePtr whole{&first, &end};
        const rocksdb::Status s =
            rocksdb::DeleteFilesInRanges(db_.get(), columns_[column.number], &whole, 1, /*include_end=*/false);
        if (!s.ok()) return error(s, "dropping files of a range");
      }
    }
    return {};
  }

  [[nodiscard]] Result<ColdImageFile> linked_file(const rocksdb::LiveFileStorageInfo& file) {
    ColdImageFile linked{file.relative_filename, file.size, 0, true};
    if (file.file_checksum_func_name == kRocksChecksumName &&
        ByteReader{file.file_checksum}.read_fixed(linked.checksum)) {
      return linked;
    }
    Result<std::uint64_t> checksum = cold_file_checksum(files_, path_of(file.relative_filename));
    if (!checksum) return checksum.error().at("cold store " + options_.folder);
    linked.checksum = *checksum;
    return linked;
  }

  // RocksDB goes on writing at its end.
  [[nodiscard]] Result<std::string> read_front(const std::string& path, std::uint64_t size) {
    Result<std::unique_ptr<ReadableFile>> file = files_.open(path);
    if (!file) return file.error().at("cold store " + options_.folder);
    std::string bytes(size, '\0');
    const Result<std::size_t> got = (*file)->read_at(0, bytes);
    if (!got) return got.error().at("cold store " + options_.folder);
    if (*got == size) return bytes;
    return Status{ErrorCode::kInvalidData, path + ": it is shorter than RocksDB says"};
  }

  [[nodiscard]] rocksdb::Status scan(rocksdb::ReadOptions options, std::uint32_t column, std::string_view first,
                                     std::string_view end, ColdPiece piece, ColdAnswer& answer) {
    answer.clear();
    const rocksdb::Slice bound = slice(end);
    options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at{db_->NewIterator(options, columns_[column])};
    for (at->Seek(slice(first)); at->Valid(); at->Next()) {
      if (answer.size() > 0 && (answer.size() >= piece.entries || answer.bytes() >= piece.bytes)) {
        answer.go_on_at(view(at->key()));
        break;
      }
      answer.add(view(at->key()), view(at->value()));
    }
    return at->status();
  }

  FileSystem& files_;
  ColdStoreOptions options_;
  RocksSettings settings_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* default_column_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> columns_;
  Status failure_;  // the writer's
  std::atomic<std::uint64_t> rounds_{0};
  std::atomic<std::uint64_t> round_bytes_{0};
};

}  // namespace

Result<std::unique_ptr<ColdStore>> open_cold_store(FileSystem& files, ColdStoreOptions options) {
  const ColdCheck check = kMergesMissDamage ? ColdCheck::kBytes : ColdCheck::kSizes;
  const Result<ColdImage> base = begin_cold_store(files, options, kEngine, check);
  if (!base) return base.error();
  auto store = std::make_unique<RocksColdStore>(files, std::move(options));
  if (Status s = store->open(*base); !s.ok()) return s;
  return std::unique_ptr<ColdStore>{std::move(store)};
}

}  // namespace millstream::inline v0
