// Savepoint: a committed checkpoint as a folder of its own, which belongs to the user. It has the form of a state
// folder with this one checkpoint, so whatever reads state folders reads savepoints. It is made under a hidden name
// beside its place and shows by one rename, when all of it is on the disk.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"

namespace millstream::inline v0 {

/// One that is being made; unless it is finished, the destructor removes what there is of it. For one thread at a time.
class MILLSTREAM_EXPORT SavepointWriter {
 public:
  /// Claims the place: nobody else can make a savepoint there meanwhile. kAlreadyExists where something is there that
  /// is not an empty folder of this user's, kNotFound where the folder around it is missing, kUnavailable while another
  /// process makes one there. What a process that was killed has left is removed.
  static Result<std::unique_ptr<SavepointWriter>> begin(FileSystem& files, const std::string& folder);
  ~SavepointWriter();
  SavepointWriter(const SavepointWriter&) = delete;
  SavepointWriter& operator=(const SavepointWriter&) = delete;

  /// A file that the manifest names; `from` does not change any more. It gets a second name, or where it cannot have
  /// one is copied.
  [[nodiscard]] Status add(const std::string& from, const FileHandle& file);
  /// After all files: `manifest` without its parent and prepared output, which are the job's own; but of the sink that
  /// decides (its stage; empty = none does) whoever begins from here has to know the identities. When this returns
  /// success, the savepoint survives a power failure.
  [[nodiscard]] Status finish(Manifest manifest, std::string_view decider);

 private:
  SavepointWriter(FileSystem& files, std::string folder, std::string hidden)
      : files_{files}, folder_{std::move(folder)}, path_{std::move(hidden)} {}
  Status make_hidden();
  Status copy(const std::string& from, const FileHandle& file, const std::string& to);
  Status write(const std::string& name, std::string_view bytes);

  FileSystem& files_;
  std::string folder_;              // its place
  std::string path_;                // where it is now
  std::unique_ptr<FileLock> lock_;  // null: nothing here is ours
  bool finished_ = false;
};

/// One that is there.
struct Savepoint {
  std::unique_ptr<CheckpointStore> store;  ///< for reading
  Manifest manifest;
};
/// Reads every file of it to its end. kNotFound where the folder is missing or holds no savepoint, kInvalidData where
/// it is not intact.
[[nodiscard]] MILLSTREAM_EXPORT Result<Savepoint> open_savepoint(FileSystem& files, const std::string& folder);

}  // namespace millstream::inline v0
