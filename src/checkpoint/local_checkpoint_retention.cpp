// What the local store drops: at the end of a recovery what the decision does not reach, later what is old. Manifests
// go before the files that they name, so a manifest that is there is whole.
#include <limits>

#include "checkpoint/state_folder.hpp"
#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {

LocalCheckpointStore::Kept LocalCheckpointStore::keep(const Manifest& manifest) {
  Kept kept{manifest.checkpoint, manifest.parent, {}};
  for (const SegmentHandle& segment : manifest.segments) kept.files.insert(segment.file.name);
  if (manifest.base) {
    // A base goes as a whole.
    for (const FileHandle& file : manifest.base->files) kept.files.insert(file.name.substr(0, file.name.find('/')));
  }
  return kept;
}

// The parents are the committed ones: an attempt that was aborted is nobody's parent.
Status LocalCheckpointStore::load_ancestors() {
  kept_.clear();
  for (CheckpointId next = committed_; next.id != 0;) {
    const Result<Manifest> found = manifest(next.id);
    if (!found && (next == committed_ || found.error().code() == ErrorCode::kIo)) return found.error();
    if (!found || found->checkpoint != next || found->parent.id >= next.id) break;
    kept_[next.id] = keep(*found);
    next = found->parent;
  }
  return {};
}

Status LocalCheckpointStore::settle() {
  MILLSTREAM_ASSERT(lock_ && begun_ == 0);
  if (!broken_.ok()) return broken_;
  if (Status s = load_ancestors(); !s.ok()) return s;
  if (Status s = drop_unnamed(std::numeric_limits<std::uint64_t>::max()); !s.ok()) return s;
  settled_ = true;
  return {};
}

Status LocalCheckpointStore::collect(std::size_t retained) {
  MILLSTREAM_ASSERT(settled_ && retained >= 1);
  if (!broken_.ok()) return broken_;
  if (mutant_is(Mutant::kDecidedRemoved)) kept_.clear();
  kill_point("retention.before");
  while (kept_.size() > retained) kept_.erase(kept_.begin());
  return drop_unnamed(committed_.id);
}

std::set<std::string> LocalCheckpointStore::named_files() const {
  std::set<std::string> named;
  for (const auto& [id, kept] : kept_) named.insert(kept.files.begin(), kept.files.end());
  // It may have been decided, also where nobody here knows.
  if (published_) named.insert(published_->files.begin(), published_->files.end());
  return named;
}

Status LocalCheckpointStore::drop_kept(const std::vector<SegmentHandle>& needed) {
  MILLSTREAM_ASSERT(settled_);
  if (!broken_.ok()) return broken_;
  std::set<std::string> named = named_files();
  for (const SegmentHandle& segment : needed) named.insert(segment.file.name);
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const StateName parsed = parse_state_name(name);
    if (parsed.kind != StateName::Kind::kSegment || parsed.id <= committed_.id || named.contains(name)) continue;
    if (Status s = remove_if_there(name); !s.ok()) return s;
  }
  return {};
}

Status LocalCheckpointStore::drop_unnamed(std::uint64_t last_id) {
  using enum StateName::Kind;
  const Result<std::vector<std::string>> names = files_.list(folder_);
  if (!names) return names.error();
  bool dropped_manifest = false;
  for (const std::string& name : *names) {  // sorted: the oldest goes first
    const StateName parsed = parse_state_name(name);
    const bool leftover = parsed.kind == kTemporary && !settled_;
    const bool old = parsed.kind == kManifest && parsed.id <= last_id && !kept_.contains(parsed.id);
    if (!leftover && !old) continue;
    if (Status s = remove_if_there(name); !s.ok()) return s;
    dropped_manifest = dropped_manifest || old;
  }
  if (dropped_manifest) {
    if (Status s = sync_folder(); !s.ok()) return s;
  }
  if (settled_) kill_point("retention.behind_manifests");
  const std::set<std::string> named = named_files();
  for (const std::string& name : *names) {
    const StateName parsed = parse_state_name(name);
    if ((parsed.kind != kSegment && parsed.kind != kBase) || parsed.id > last_id || named.contains(name)) continue;
    if (Status s = parsed.kind == kBase ? remove_base(name) : remove_if_there(name); !s.ok()) return s;
  }
  return {};
}

Status LocalCheckpointStore::remove_base(const std::string& folder) {
  const Result<std::vector<std::string>> names = files_.list(path(folder));
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (Status s = remove_if_there(folder + "/" + name); !s.ok()) return s;
  }
  return remove_if_there(folder);
}

}  // namespace millstream::inline v0
