// The steps of making a savepoint, in the order that a failure at any place leaves nothing or all of it.
#include "checkpoint/savepoint.hpp"

#include <algorithm>
#include <filesystem>

#include "checkpoint/state_folder.hpp"
#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{256} << 10;

// What cannot be removed stays: there is nobody to tell, and the next savepoint of this name tries again.
void remove_contents(FileSystem& files, const std::string& folder) {
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names) return;
  for (const std::string& name : *names) {
    if (name == kLockName) continue;
    const std::string path = folder + "/" + name;
    if (!files.remove(path).ok()) {
      remove_contents(files, path);
      static_cast<void>(files.remove(path));
    }
  }
}

bool names_identity(const PreparedHandle& prepared) { return prepared.sink.empty(); }

// Each once, though every copy of the sink has given its handle.
void keep_identities(std::vector<PreparedHandle>& prepared, std::string_view decider) {
  std::vector<PreparedHandle> kept;
  for (PreparedHandle& each : prepared) {
    if (each.sink != decider) continue;
    each.sink.clear();
    if (std::find(kept.begin(), kept.end(), each) == kept.end()) kept.push_back(std::move(each));
  }
  prepared = std::move(kept);
}

// Its place is free, and one that may be taken by a rename.
Status check_place(FileSystem& files, const std::string& folder, const std::string& above) {
  const Result<FileInfo> around = files.info(above);
  if (!around && around.error().code() == ErrorCode::kNotFound) {
    return {ErrorCode::kNotFound, "there is no folder " + above + ": make it first"};
  }
  if (!around) return around.error();
  const Result<FileInfo> there = files.info(folder);
  if (!there) return there.error().code() == ErrorCode::kNotFound ? Status{} : there.error();
  if (!there->is_folder) return {ErrorCode::kAlreadyExists, "there is a file of this name: choose another one"};
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names) return names.error();
  if (!names->empty()) {
    return {ErrorCode::kAlreadyExists,
            "the folder holds something already, such as " + names->front() + ": name a new or an empty one"};
  }
  return files.make_private_folder(folder);
}

}  // namespace

Result<std::unique_ptr<SavepointWriter>> SavepointWriter::begin(FileSystem& files, const std::string& folder) {
  std::filesystem::path place = std::filesystem::path{folder}.lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  const std::string name = place.filename().string();
  if (name.empty() || name == "." || name == "..") {
    return Status{ErrorCode::kInvalidArgument, "'" + folder + "' names no new folder"};
  }
  const std::string above = place.has_parent_path() ? place.parent_path().string() : ".";
  if (Status s = check_place(files, place.string(), above); !s.ok()) return s;
  const std::string hidden = (place.parent_path() / ("." + name + ".inprogress")).string();
  std::unique_ptr<SavepointWriter> writer{new SavepointWriter{files, place.string(), hidden}};
  if (Status s = writer->make_hidden(); !s.ok()) return s;
  return writer;
}

Status SavepointWriter::make_hidden() {
  if (Status s = files_.make_private_folder(path_); !s.ok()) return s;
  Result<std::unique_ptr<FileLock>> lock = files_.lock(path_ + "/" + std::string{kLockName});
  if (!lock) return lock.error();
  lock_ = *std::move(lock);
  remove_contents(files_, path_);
  return {};
}

SavepointWriter::~SavepointWriter() {
  if (finished_ || lock_ == nullptr) return;
  remove_contents(files_, path_);
  static_cast<void>(files_.remove(path_ + "/" + std::string{kLockName}));
  static_cast<void>(files_.remove(path_));
}

Status SavepointWriter::add(const std::string& from, const FileHandle& file) {
  const std::string to = path_ + "/" + file.name;
  // A base is a folder of files.
  if (const std::size_t slash = file.name.find('/'); slash != std::string::npos) {
    if (Status s = files_.make_private_folder(path_ + "/" + file.name.substr(0, slash)); !s.ok()) return s;
  }
  if (files_.link(from, to).ok()) return {};
  return copy(from, file, to);
}

Status SavepointWriter::copy(const std::string& from, const FileHandle& file, const std::string& to) {
  Result<std::unique_ptr<ReadableFile>> in = files_.open_private(from);
  if (!in) return in.error();
  Result<std::unique_ptr<WritableFile>> out = files_.create_private(to);
  if (!out) return out.error();
  Checksum checksum;
  std::string buffer(kCopyBytes, '\0');
  std::uint64_t at = 0;
  while (at < file.size_bytes) {
    const std::size_t wanted = std::min<std::uint64_t>(kCopyBytes, file.size_bytes - at);
    const Result<std::size_t> got = (*in)->read_at(at, {buffer.data(), wanted});
    if (!got) return got.error();
    if (*got < wanted) break;
    checksum.add({buffer.data(), wanted});
    if (Status s = (*out)->append({buffer.data(), wanted}); !s.ok()) return s;
    at += wanted;
  }
  if (at != file.size_bytes || checksum.value() != file.checksum) {
    return {ErrorCode::kInvalidData, from + ": the file is not the one that its manifest names"};
  }
  if (Status s = (*out)->sync(); !s.ok()) return s;
  return (*out)->close();
}

Status SavepointWriter::write(const std::string& name, std::string_view bytes) {
  Result<std::unique_ptr<WritableFile>> file = files_.create_private(path_ + "/" + name);
  if (!file) return file.error();
  if (Status s = (*file)->append(bytes); !s.ok()) return s;
  if (Status s = (*file)->sync(); !s.ok()) return s;
  return (*file)->close();
}

Status SavepointWriter::finish(Manifest manifest, std::string_view decider) {
  manifest.parent = {};
  keep_identities(manifest.prepared, decider);
  if (manifest.base && !manifest.base->files.empty()) {
    const std::string& first = manifest.base->files.front().name;
    if (Status s = files_.sync_folder(path_ + "/" + first.substr(0, first.find('/'))); !s.ok()) return s;
  }
  kill_point("savepoint.before_manifest");
  if (Status s = write(manifest_name(manifest.checkpoint.id), encode_manifest(manifest)); !s.ok()) return s;
  if (Status s = write(std::string{kCommittedName}, marker_text(manifest.checkpoint)); !s.ok()) return s;
  if (Status s = mutant_is(Mutant::kSavepointNotSynced) ? Status{} : files_.sync_folder(path_); !s.ok()) return s;
  kill_point("savepoint.before_rename");
  if (Status s = files_.rename(path_, folder_); !s.ok()) return s;
  kill_point("savepoint.after_rename");
  path_ = folder_;
  const std::string above = std::filesystem::path{folder_}.parent_path().string();
  Status synced = files_.sync_folder(above.empty() ? "." : above);
  finished_ = synced.ok();
  return synced;
}

Result<Savepoint> open_savepoint(FileSystem& files, const std::string& folder) {
  Result<std::unique_ptr<LocalCheckpointStore>> store =
      LocalCheckpointStore::open(files, folder, LocalCheckpointStore::Access::kRead);
  if (!store) return store.error();
  const Result<std::optional<CheckpointId>> marker = (*store)->committed();
  if (!marker) return marker.error();
  if (!*marker) return Status{ErrorCode::kNotFound, "there is no savepoint in this folder"};
  Result<Manifest> manifest = (*store)->manifest((*marker)->id);
  if (!manifest && manifest.error().code() == ErrorCode::kNotFound) {
    return Status{ErrorCode::kInvalidData, manifest.error().message()};
  }
  if (!manifest) return manifest.error();
  if (manifest->checkpoint != **marker) {
    return Status{ErrorCode::kInvalidData, "it should be checkpoint " + (*marker)->to_string() + ", and there is " +
                                               manifest->checkpoint.to_string()};
  }
  if (!std::all_of(manifest->prepared.begin(), manifest->prepared.end(), names_identity)) {
    return Status{ErrorCode::kInvalidArgument,
                  "this is the state folder of a job, with output that the job is to publish itself: go on from it by "
                  ".state_dir, or have the job make a savepoint"};
  }
  if (Status s = (*store)->verify(*manifest); !s.ok()) {
    return Status{s.code() == ErrorCode::kNotFound ? ErrorCode::kInvalidData : s.code(), s.message()};
  }
  return Savepoint{*std::move(store), *std::move(manifest)};
}

}  // namespace millstream::inline v0
