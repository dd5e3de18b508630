// The disk below the file system in memory: what is on it for certain, and what a crash makes of the rest.
#include <algorithm>

#include "millstream/testing/memory_file_system.hpp"
#include "testing/memory_path.hpp"

namespace millstream::inline v0::testing {

void MemoryFileSystem::stop_at(std::uint64_t nth) {
  const std::scoped_lock lock{mutex_};
  stop_at_ = operations_ + nth;
}

bool MemoryFileSystem::stopped() const {
  const std::scoped_lock lock{mutex_};
  return stopped_;
}

namespace {

// What is in a folder goes where it goes.
template <class Names>
void move_contents(const std::string& from, const std::string& to, Names& names) {
  for (auto at = names.lower_bound(from + "/"); at != names.end() && at->first.starts_with(from + "/");) {
    auto moved = names.extract(at++);
    moved.key() = to + moved.key().substr(from.size());
    names.insert(std::move(moved));
  }
}

}  // namespace

void MemoryFileSystem::apply(const Change& change, Names& to) const {
  for (const auto& [path, node] : change) {
    if (!node || !node->info.is_folder) continue;
    for (const auto& [old_path, gone] : change) {
      if (!gone) move_contents(old_path, path, to);
    }
  }
  for (const auto& [path, node] : change) {
    if (node) {
      to[path] = node;
    } else {
      to.erase(path);
    }
  }
}

void MemoryFileSystem::change_names(Change change) {
  for (const auto& [path, node] : change) {
    const auto old = nodes_.find(path);
    if (old == nodes_.end() || old->second == node) continue;
    const auto same = [&](const auto& other) { return other.second == old->second; };
    const bool keeps_a_name =
        std::count_if(nodes_.begin(), nodes_.end(), same) > 1 || std::any_of(change.begin(), change.end(), same);
    if (!keeps_a_name) used_ -= old->second->bytes.size();
  }
  apply(change, nodes_);
  pending_.push_back(std::move(change));
}

void MemoryFileSystem::sync_node(Node& node) {
  node.disk.resize(node.bytes.size());
  node.bytes.copy(node.disk.data() + node.dirty_from, node.bytes.size() - node.dirty_from, node.dirty_from);
  node.dirty_from = node.bytes.size();
}

// Of the blocks that are dirty some get to the disk, in any order; what is missing before one that did reads as zeros.
// The rest counts as clean from now on, as Linux has it after an fsync that failed.
void MemoryFileSystem::tear(Node& node, Random& random) const {
  const std::size_t block = random.chance(0.5) ? 512 : 4096;
  const double kept = random.chance(0.25) ? 0 : random.unit();
  std::size_t at = node.dirty_from;
  while (at < node.bytes.size()) {
    const std::size_t end = std::min(node.bytes.size(), (at / block + 1) * block);
    if (random.chance(kept)) {
      node.disk.resize(std::max(node.disk.size(), end));
      node.bytes.copy(node.disk.data() + at, end - at, at);
    }
    at = end;
  }
  // The length is kept apart from the data.
  if (random.chance(0.25)) node.disk.resize(std::max(node.disk.size(), node.bytes.size()));
  node.dirty_from = node.bytes.size();
}

// Puts the changes of one folder on the disk; not all of them after a failure, and the rest is forgotten.
void MemoryFileSystem::sync_names(const std::string& folder, bool all) {
  std::erase_if(pending_, [&](const Change& change) {
    const bool here =
        std::any_of(change.begin(), change.end(), [&](const auto& name) { return parent_of(name.first) == folder; });
    if (here && (all || random_.chance(0.5))) apply(change, disk_names_);
    return here;
  });
}

void MemoryFileSystem::restart(Crash crash, Random& random) {
  const std::scoped_lock lock{mutex_};
  ++life_;
  locked_.clear();
  faults_ = {};
  stopped_ = false;
  stop_at_ = fail_at_ = 0;
  if (crash == Crash::kProcess) return;

  const double kept = random.chance(0.25) ? 0 : random.chance(0.25) ? 1 : random.unit();
  for (const Change& change : pending_) {
    if (random.chance(kept)) apply(change, disk_names_);
  }
  pending_.clear();
  // What lies in a folder that was lost is lost too; parents come before what is in them.
  for (auto name = disk_names_.begin(); name != disk_names_.end();) {
    const std::string above = parent(name->first);
    name = is_root(above) || disk_names_.contains(above) ? std::next(name) : disk_names_.erase(name);
  }
  nodes_ = disk_names_;
  std::set<Node*> counted;
  used_ = 0;
  for (const auto& [path, node] : nodes_) {
    if (!counted.insert(node.get()).second) continue;
    tear(*node, random);
    node->bytes = node->disk;
    node->dirty_from = node->bytes.size();
    node->info.size_bytes = node->bytes.size();
    used_ += node->bytes.size();
  }
}

}  // namespace millstream::inline v0::testing
