// The writing half of the local store: every step in the order that a power failure at any place leaves a state that
// recovery understands.
#include "millstream/checkpoint/local_checkpoint_store.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "checkpoint/state_folder.hpp"
#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {

Result<std::unique_ptr<LocalCheckpointStore>> LocalCheckpointStore::open(FileSystem& files, std::string folder,
                                                                         Access access) {
  std::unique_ptr<LocalCheckpointStore> store{new LocalCheckpointStore{files, std::move(folder)}};
  if (access == Access::kRead) {
    if (Result<std::vector<std::string>> names = files.list(store->folder_); !names) return names.error();
    return store;
  }
  if (Status s = files.make_private_folder(store->folder_); !s.ok()) return s;
  if (Status s = store->sync_way_here(); !s.ok()) return s;
  Result<std::unique_ptr<FileLock>> lock = files.lock(store->path(kLockName));
  if (!lock) return lock.error().at("state folder " + store->folder_);
  store->lock_ = *std::move(lock);
  if (Status s = store->load_ids(); !s.ok()) return s;
  return store;
}

// A checkpoint is no safer than the folders that lead to it, which may be new. The lock file says that this was done.
Status LocalCheckpointStore::sync_way_here() {
  const Result<bool> done = files_.exists(path(kLockName));
  if (!done) return done.error();
  if (*done || mutant_is(Mutant::kStateFolderNotSynced)) return {};
  std::filesystem::path above{folder_};
  do {
    above = above.parent_path();
    if (Status s = files_.sync_folder(above.empty() ? "." : above.string()); !s.ok()) {
      return s.at("a power failure may take away the new folder " + folder_ + "; remove it and start again");
    }
  } while (!above.empty() && above != above.root_path());
  return {};
}

// Ids that are only seen may not be on the disk yet, so the first begin takes new ones in any case.
Status LocalCheckpointStore::load_ids() {
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) return names.error();
  std::uint64_t next = 1;
  for (const std::string& name : *names) {
    const StateName parsed = parse_state_name(name);
    const bool taken = parsed.kind == StateName::Kind::kTaken;
    if (taken) taken_names_.insert(name);
    if (mutant_is(Mutant::kIdsForgotten)) continue;
    next = std::max(next, taken ? parsed.id : parsed.id + 1);
  }
  // A marker that cannot be read is recovery's to report.
  const Result<std::optional<CheckpointId>> marker = committed();
  if (!marker && marker.error().code() == ErrorCode::kIo) return marker.error();
  if (marker && *marker) next = std::max(next, (*marker)->id + 1);
  next_id_ = taken_below_ = next;
  return {};
}

std::uint64_t LocalCheckpointStore::next_id() const { return next_id_; }

Status LocalCheckpointStore::sync_folder() {
  Status synced = files_.sync_folder(folder_);
  // The system counts the lost names as written now: a second sync would say yes and mean nothing.
  if (!synced.ok()) broken_ = synced.at("this store is broken and must be opened again");
  return synced;
}

Status LocalCheckpointStore::remove_if_there(const std::string& name) {
  Status removed = files_.remove(path(name));
  return removed.code() == ErrorCode::kNotFound ? Status{} : removed;
}

Status LocalCheckpointStore::write_temporary(const std::string& name, std::string_view bytes) {
  if (Status s = remove_if_there(name); !s.ok()) return s;
  Result<std::unique_ptr<WritableFile>> file = files_.create_private(path(name));
  if (!file) return file.error();
  if (Status s = (*file)->append(bytes); !s.ok()) return s;
  if (Status s = mutant_is(Mutant::kRenamedNotSynced) ? Status{} : (*file)->sync(); !s.ok()) return s;
  return (*file)->close();
}

Status LocalCheckpointStore::take_ids(std::uint64_t from) {
  const std::string name = taken_name(from + kIdsTakenAtOnce);
  Result<std::unique_ptr<WritableFile>> file = files_.create_private(path(name));
  // It is there already where an earlier attempt got no further than this.
  if (!file && file.error().code() != ErrorCode::kAlreadyExists) return file.error();
  kill_point("ids.before_sync");
  if (Status s = mutant_is(Mutant::kIdsNotSynced) ? Status{} : sync_folder(); !s.ok()) return s;
  kill_point("ids.after_sync");
  taken_below_ = from + kIdsTakenAtOnce;
  // One that cannot be removed does no harm, and its turn comes again.
  std::erase_if(taken_names_, [this](const std::string& old) { return files_.remove(path(old)).ok(); });
  taken_names_.insert(name);
  return {};
}

Status LocalCheckpointStore::begin(CheckpointId checkpoint) {
  MILLSTREAM_ASSERT(settled_ && begun_ == 0);
  if (!broken_.ok()) return broken_;
  if (checkpoint.id < next_id_) {
    return {ErrorCode::kInvalidArgument, "checkpoint id " + std::to_string(checkpoint.id) + " was used before in " +
                                             folder_ + "; the next one is " + std::to_string(next_id_)};
  }
  if (checkpoint.id >= taken_below_) {
    if (Status s = take_ids(checkpoint.id); !s.ok()) return s;
  }
  begun_ = checkpoint.id;
  next_id_ = checkpoint.id + 1;
  return {};
}

Result<SegmentWriter> LocalCheckpointStore::create_segment(CheckpointId checkpoint, std::uint32_t shard) {
  MILLSTREAM_ASSERT(checkpoint.id < next_id_);
  std::string name = segment_name(checkpoint.id, shard);
  Result<std::unique_ptr<WritableFile>> file = files_.create_private(path(name));
  if (!file) return file.error();
  return SegmentWriter::start(*std::move(file), std::move(name), checkpoint, shard);
}

Status LocalCheckpointStore::publish(const Manifest& manifest) {
  MILLSTREAM_ASSERT(begun_ != 0 && manifest.checkpoint.id == begun_ && !published_);
  MILLSTREAM_ASSERT(manifest.parent == committed_);
  if (!broken_.ok()) return broken_;
  const std::string bytes = encode_manifest(manifest);
  if (bytes.size() > kManifestBytesMax) {
    return {ErrorCode::kInvalidArgument, "the manifest of checkpoint " + manifest.checkpoint.to_string() + " has " +
                                             std::to_string(bytes.size()) + " bytes; at most " +
                                             std::to_string(kManifestBytesMax) + " can be read again"};
  }
  if (mutant_is(Mutant::kMarkerBeforeManifest)) {
    published_ = keep(manifest);
    static_cast<void>(commit(manifest.checkpoint));
  }
  const std::string name = manifest_name(manifest.checkpoint.id);
  if (Status s = write_temporary(name + ".tmp", bytes); !s.ok()) return s;
  kill_point("manifest.before_rename");
  if (Status s = files_.rename(path(name + ".tmp"), path(name)); !s.ok()) return s;
  kill_point("manifest.after_rename");
  // This also puts the names of the segments on the disk.
  if (Status s = mutant_is(Mutant::kManifestNameNotSynced) ? Status{} : sync_folder(); !s.ok()) return s;
  published_ = keep(manifest);
  return {};
}

CommitResult LocalCheckpointStore::commit(CheckpointId checkpoint) {
  using enum CommitResult::Outcome;
  MILLSTREAM_ASSERT(!settled_ || checkpoint == committed_ || (published_ && published_->checkpoint == checkpoint));
  if (!broken_.ok()) return {kInDoubt, broken_};
  if (settled_ && checkpoint == committed_ && !published_) return {};
  if (mutant_is(Mutant::kDecisionNotConfirmed) && !settled_) {
    committed_ = checkpoint;
    return {};
  }
  const std::string name{kCommittedName};
  if (Status s = write_temporary(name + ".tmp", marker_text(checkpoint)); !s.ok()) return {kNotCommitted, s};
  kill_point("decision.before_rename");
  if (Status s = files_.rename(path(name + ".tmp"), path(name)); !s.ok()) {
    broken_ = s.at("this store is broken and must be opened again");
    return {kInDoubt, s};
  }
  kill_point("decision.after_rename");
  if (Status s = mutant_is(Mutant::kDecisionNotSynced) ? Status{} : sync_folder(); !s.ok()) return {kInDoubt, s};
  committed_ = checkpoint;
  if (published_ && published_->checkpoint == checkpoint) {
    kept_[checkpoint.id] = *std::exchange(published_, std::nullopt);
    begun_ = 0;
  }
  return {};
}

Status LocalCheckpointStore::abort(CheckpointId checkpoint, AbortedSegments segments) {
  MILLSTREAM_ASSERT(checkpoint.id == begun_);
  begun_ = 0;
  published_.reset();
  if (!broken_.ok()) return broken_;
  // A crash may bring the manifest back. Nothing names it, so recovery drops it.
  const std::string name = manifest_name(checkpoint.id);
  if (Status s = remove_if_there(name); !s.ok()) return s;
  if (Status s = remove_if_there(name + ".tmp"); !s.ok()) return s;
  if (segments == AbortedSegments::kKeep) return {};
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) return names.error();
  for (const std::string& file : *names) {
    const StateName parsed = parse_state_name(file);
    if (parsed.kind != StateName::Kind::kSegment || parsed.id != checkpoint.id) continue;
    if (Status s = remove_if_there(file); !s.ok()) return s;
  }
  return {};
}

}  // namespace millstream::inline v0
