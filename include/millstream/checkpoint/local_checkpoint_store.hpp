// LocalCheckpointStore: checkpoints in a folder, which one process at a time may write. docs/formats.md lists what is
// in the folder.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"

namespace millstream::inline v0 {

/// Ids that are taken at once with one sync of the folder; as many may be skipped at a restart.
inline constexpr std::uint64_t kIdsTakenAtOnce = 64;

class MILLSTREAM_EXPORT LocalCheckpointStore final : public CheckpointStore {
 public:
  enum class Access {
    kWrite,  ///< makes the folder (mode 0700) and locks it until the store is destroyed
    kRead,   ///< takes no lock and changes nothing: safe beside a job that runs. Only the reading calls are allowed
  };
  /// `files` must outlive the store. kUnavailable where another process has the folder; kInvalidArgument where it is
  /// another user's or a symbolic link.
  static Result<std::unique_ptr<LocalCheckpointStore>> open(FileSystem& files, std::string folder,
                                                            Access access = Access::kWrite);

  std::uint64_t next_id() const override;
  Status begin(CheckpointId checkpoint) override;
  Result<SegmentWriter> create_segment(CheckpointId checkpoint, std::uint32_t shard) override;
  Status publish(const Manifest& manifest) override;
  CommitResult commit(CheckpointId checkpoint) override;
  Status abort(CheckpointId checkpoint, AbortedSegments segments) override;
  Status drop_kept(const std::vector<SegmentHandle>& needed) override;
  Status collect(std::size_t retained) override;
  Status settle() override;

  Result<std::optional<CheckpointId>> committed() override;
  Result<std::vector<std::uint64_t>> list() override;
  Result<Manifest> manifest(std::uint64_t id) override;
  Status verify(const Manifest& manifest) override;
  Result<SegmentReader> open_segment(const SegmentHandle& segment) override;
  Status save_to(SavepointWriter& savepoint, const Manifest& manifest) override;

 private:
  // What a manifest keeps alive, and whose child it is.
  struct Kept {
    CheckpointId checkpoint;
    CheckpointId parent;
    std::set<std::string> files;
  };
  LocalCheckpointStore(FileSystem& files, std::string folder) : files_{files}, folder_{std::move(folder)} {}

  [[nodiscard]] std::string path(std::string_view name) const { return folder_ + "/" + std::string{name}; }
  Status sync_way_here();
  Status load_ids();
  Status take_ids(std::uint64_t from);
  Status write_temporary(const std::string& name, std::string_view bytes);
  Status sync_folder();
  Status remove_if_there(const std::string& name);
  Status remove_base(const std::string& folder);
  /// Removes what no kept manifest names, up to this id.
  Status drop_unnamed(std::uint64_t last_id);
  [[nodiscard]] std::set<std::string> named_files() const;
  Status load_ancestors();
  [[nodiscard]] static Kept keep(const Manifest& manifest);

  FileSystem& files_;
  std::string folder_;
  std::unique_ptr<FileLock> lock_;
  Status broken_;
  bool settled_ = false;
  std::atomic<std::uint64_t> next_id_{1};  // create_segment reads it on other threads
  std::uint64_t taken_below_ = 0;          // ids below this are taken on the disk
  std::set<std::string> taken_names_;      // the names that say so
  std::uint64_t begun_ = 0;                // the attempt that is open; 0 = none
  CheckpointId committed_;                 // id 0 = none
  std::optional<Kept> published_;
  std::map<std::uint64_t, Kept> kept_;  // committed ones by id
};

}  // namespace millstream::inline v0
