// The marker names the newest committed checkpoint, whose parents are the older ones; nobody decided for the rest.
#include "tools/state_folder_view.hpp"

#include <utility>

namespace millstream::tools {

Result<StateFolderView> StateFolderView::open(const std::string& folder) {
  StateFolderView view{folder};
  Result<std::unique_ptr<LocalCheckpointStore>> store =
      LocalCheckpointStore::open(posix_file_system(), folder, LocalCheckpointStore::Access::kRead);
  if (!store)
    return Status{store.error().code(), store.error().message() + "; give the state folder of a job, or a savepoint"};
  view.store_ = *std::move(store);
  if (Status s = view.read(); !s.ok()) return s;
  return view;
}

Status StateFolderView::read() {
  // The marker first: a checkpoint that is committed meanwhile then passes for a prepared one, and none for lost.
  Result<std::optional<CheckpointId>> committed = store_->committed();
  if (committed) {
    committed_ = *committed;
  } else {
    marker_ = committed.error();
  }
  const Result<std::vector<std::uint64_t>> ids = store_->list();
  if (!ids) return ids.error();
  for (const std::uint64_t id : *ids) {
    Result<Manifest> manifest = store_->manifest(id);
    if (!manifest && manifest.error().code() == ErrorCode::kNotFound) continue;  // the job has dropped it
    const std::string_view became = !manifest ? "damaged" : marker_.ok() ? "prepared" : "unknown";
    checkpoints_.insert({id, {std::move(manifest), became}});
  }
  if (!committed_) return {};
  CheckpointId decided = *committed_;
  for (auto at = checkpoints_.find(decided.id); at != checkpoints_.end(); at = checkpoints_.find(decided.id)) {
    if (!at->second.manifest) {
      // Whose child it is nobody can tell.
      for (auto& [id, view] : checkpoints_) {
        if (id < decided.id && view.manifest) view.became = "unknown";
      }
      break;
    }
    if (at->second.manifest->checkpoint != decided) break;
    at->second.became = "committed";
    // Ids only grow, so a parent that is not older is no parent.
    if (at->second.manifest->parent.id >= decided.id) break;
    decided = at->second.manifest->parent;
  }
  return {};
}

Result<Manifest> StateFolderView::choose(const std::optional<std::uint64_t>& id) const {
  if (!id && !marker_.ok()) {
    return Status{marker_.code(),
                  marker_.message() + "; name a checkpoint of 'millstream checkpoint list " + folder_ + "' by its id"};
  }
  if (!id && !committed_) {
    return Status{ErrorCode::kNotFound, folder_ + ": no checkpoint is committed here; 'millstream checkpoint list " +
                                            folder_ + "' shows what is there"};
  }
  const std::uint64_t wanted = id ? *id : committed_->id;
  const auto found = checkpoints_.find(wanted);
  if (found == checkpoints_.end()) {
    return Status{ErrorCode::kNotFound, folder_ + ": there is no checkpoint " + std::to_string(wanted) +
                                            "; 'millstream checkpoint list " + folder_ + "' shows what is there"};
  }
  if (found->second.manifest) return found->second.manifest;
  const Status error = found->second.manifest.error();
  return Status{error.code(),
                error.message() + "; 'millstream checkpoint verify " + folder_ + "' names the newest intact one"};
}

Status StateFolderView::verify(const Manifest& manifest) {
  Status verified = store_->verify(manifest);
  if (verified.code() != ErrorCode::kNotFound) return verified;
  // A missing file is damage as long as its manifest is there: manifests go first.
  const Result<Manifest> still = store_->manifest(manifest.checkpoint.id);
  if (!still) return still.error();
  return {ErrorCode::kInvalidData, verified.message()};
}

std::optional<std::uint64_t> StateFolderView::newest_intact() {
  for (auto at = checkpoints_.rbegin(); at != checkpoints_.rend(); ++at) {
    if (at->second.manifest && verify(*at->second.manifest).ok()) return at->first;
  }
  return std::nullopt;
}

std::uint64_t size_bytes(const Manifest& manifest) {
  std::uint64_t size = 0;
  for (const SegmentHandle& segment : manifest.segments) size += segment.file.size_bytes;
  if (!manifest.base) return size;
  for (const FileHandle& file : manifest.base->files) size += file.size_bytes;
  return size;
}

}  // namespace millstream::tools
