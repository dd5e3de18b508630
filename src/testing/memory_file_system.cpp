// Files and folders as a map from normalised path to node; an open file holds its node, so it outlives a rename.
#include "millstream/testing/memory_file_system.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "testing/memory_path.hpp"

namespace millstream::inline v0::testing {

// What readers and writers share: the file, and that it is dead after a restart.
class MemoryFileSystem::Handle {
 public:
  Handle(MemoryFileSystem& files, std::string path, std::shared_ptr<Node> node)
      : files_{files}, path_{std::move(path)}, node_{std::move(node)}, life_{files.life_} {}

 protected:
  [[nodiscard]] int fault(Operation operation) const {
    const int error = files_.next_fault(operation, path_);
    return life_ == files_.life_ ? error : EIO;
  }
  MemoryFileSystem& files_;
  std::string path_;
  std::shared_ptr<Node> node_;

  std::uint64_t life_;
};

class MemoryFileSystem::Reader final : public ReadableFile, Handle {
 public:
  using Handle::Handle;

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    const std::scoped_lock lock{files_.mutex_};
    if (const int error = fault(Operation::kRead); error != 0) return file_error("read", path_, error);
    if (offset >= node_->bytes.size()) return std::size_t{0};
    std::size_t size = node_->bytes.copy(into.data(), into.size(), offset);
    Random& random = files_.random_;
    if (files_.hit(files_.faults_.short_read, path_)) size = random.below(size);
    if (size > 0 && files_.hit(files_.faults_.bit_flip, path_)) {
      char& victim = into[random.below(size)];
      victim = static_cast<char>(victim ^ (1 << random.below(8)));
    }
    return size;
  }
  Result<FileInfo> info() override {
    const std::scoped_lock lock{files_.mutex_};
    if (const int error = fault(Operation::kOther); error != 0) return file_error("look at", path_, error);
    return node_->info;
  }
};

class MemoryFileSystem::Writer final : public WritableFile, Handle {
 public:
  using Handle::Handle;

  Status append(std::string_view bytes) override {
    const std::scoped_lock lock{files_.mutex_};
    int error = fault(Operation::kWrite);
    if (error == ENOSPC) files_.append(*node_, bytes.substr(0, bytes.size() / 2));
    if (error == 0) error = files_.append(*node_, bytes);
    return error == 0 ? Status{} : file_error("write", path_, error);
  }
  Status sync() override {
    const std::scoped_lock lock{files_.mutex_};
    const int error = fault(Operation::kSync);
    if (error == 0) {
      files_.sync_node(*node_);
      return {};
    }
    if (!files_.stopped_ && life_ == files_.life_) files_.tear(*node_, files_.random_);
    return file_error("sync", path_, error);
  }
  Status close() override {
    const std::scoped_lock lock{files_.mutex_};
    const int error = fault(Operation::kOther);
    return error == 0 ? Status{} : file_error("close", path_, error);
  }
};

class MemoryFileSystem::Lock final : public FileLock {
 public:
  Lock(MemoryFileSystem& files, std::string name) : files_{files}, name_{std::move(name)}, life_{files.life_} {}
  ~Lock() override {
    const std::scoped_lock lock{files_.mutex_};
    if (life_ == files_.life_) files_.locked_.erase(name_);
  }

 private:
  MemoryFileSystem& files_;
  std::string name_;
  std::uint64_t life_;
};

void MemoryFileSystem::fail_at(std::uint64_t nth, int error_number) {
  const std::scoped_lock lock{mutex_};
  fail_at_ = operations_ + nth;
  fail_with_ = error_number;
}

void MemoryFileSystem::fail_randomly(std::uint64_t seed, const DiskFaults& faults) {
  const std::scoped_lock lock{mutex_};
  random_ = Random{seed};
  faults_ = faults;
}

void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  const std::scoped_lock lock{mutex_};
  capacity_ = bytes;
}

std::uint64_t MemoryFileSystem::operations() const {
  const std::scoped_lock lock{mutex_};
  return operations_;
}

bool MemoryFileSystem::hit(double probability, const std::string& path) {
  return probability > 0 && path.starts_with(faults_.under) && random_.chance(probability);
}

int MemoryFileSystem::next_fault(Operation operation, const std::string& path) {
  ++operations_;
  if (operations_ == stop_at_) stopped_ = true;
  if (stopped_) return EIO;
  if (operations_ == fail_at_) return fail_with_;
  if (hit(faults_.any, path)) return EIO;
  if (operation == Operation::kRead && hit(faults_.read, path)) return EIO;
  if (operation == Operation::kWrite && hit(faults_.write, path)) return EIO;
  if (operation == Operation::kSync && hit(faults_.sync, path)) return EIO;
  if ((operation == Operation::kWrite || operation == Operation::kName) && hit(faults_.no_space, path)) return ENOSPC;
  return 0;
}

std::shared_ptr<MemoryFileSystem::Node> MemoryFileSystem::find(const std::string& path) const {
  const auto found = nodes_.find(path);
  if (found != nodes_.end()) return found->second;
  if (!is_root(path)) return nullptr;
  auto root = std::make_shared<Node>();
  root->info.is_folder = true;
  return root;
}

int MemoryFileSystem::why_missing(const std::string& path) const {
  for (std::string above = parent(path); !is_root(above); above = parent(above)) {
    if (const std::shared_ptr<Node> node = find(above)) return node->info.is_folder ? ENOENT : ENOTDIR;
  }
  return ENOENT;
}

bool MemoryFileSystem::has_children(const std::string& folder) const {
  const auto child = nodes_.lower_bound(folder + "/");
  return child != nodes_.end() && child->first.starts_with(folder + "/");
}

std::shared_ptr<MemoryFileSystem::Node> MemoryFileSystem::add(const std::string& path, bool folder) {
  auto node = std::make_shared<Node>();
  node->info.id = {1, next_inode_++};
  node->info.modified = clock_.now();
  node->info.is_file = !folder;
  node->info.is_folder = folder;
  change_names({{path, node}});
  return node;
}

void MemoryFileSystem::add_folders(const std::string& path) {
  if (is_root(path) || nodes_.contains(path)) return;
  add_folders(parent(path));
  add(path, true);
}

int MemoryFileSystem::append(Node& node, std::string_view bytes) {
  const std::uint64_t fit = std::min<std::uint64_t>(bytes.size(), capacity_ > used_ ? capacity_ - used_ : 0);
  node.bytes.append(bytes.substr(0, fit));
  node.info.size_bytes = node.bytes.size();
  node.info.modified = clock_.now();
  used_ += fit;
  return fit == bytes.size() ? 0 : ENOSPC;
}

void MemoryFileSystem::write_file(const std::string& path, std::string bytes) {
  const std::scoped_lock lock{mutex_};
  const std::string name = normal(path);
  add_folders(parent(name));
  std::shared_ptr<Node> node = find(name);
  if (!node) node = add(name, false);
  used_ -= node->bytes.size();
  used_ += bytes.size();
  node->bytes = std::move(bytes);
  node->info.size_bytes = node->bytes.size();
  node->info.modified = clock_.now();
  node->dirty_from = 0;
  sync_node(*node);
  for (std::string above = name; !is_root(above); above = parent(above)) sync_names(parent(above), true);
}

void MemoryFileSystem::append_file(const std::string& path, std::string_view bytes) {
  write_file(path, read_file(path).append(bytes));
}

std::string MemoryFileSystem::read_file(const std::string& path) const {
  const std::scoped_lock lock{mutex_};
  const std::shared_ptr<Node> node = find(normal(path));
  return node ? node->bytes : std::string{};
}

std::vector<std::string> MemoryFileSystem::files() const {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> paths;
  for (const auto& [path, node] : nodes_) {
    if (node->info.is_file) paths.push_back(path);
  }
  return paths;
}

Result<std::unique_ptr<ReadableFile>> MemoryFileSystem::open(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kOther, path); error != 0) return file_error("open", path, error);
  std::shared_ptr<Node> node = find(normal(path));
  if (!node) return file_error("open", path, why_missing(normal(path)));
  return std::unique_ptr<ReadableFile>{std::make_unique<Reader>(*this, path, std::move(node))};
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::create(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kName, path); error != 0) return file_error("create", path, error);
  const std::string name = normal(path);
  if (find(name)) return file_error("create", path, EEXIST);
  const std::shared_ptr<Node> above = find(parent(name));
  if (!above || !above->info.is_folder) return file_error("create", path, above ? ENOTDIR : why_missing(name));
  return std::unique_ptr<WritableFile>{std::make_unique<Writer>(*this, path, add(name, false))};
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::append_to(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kOther, path); error != 0) return file_error("open", path, error);
  std::shared_ptr<Node> node = find(normal(path));
  if (!node) return file_error("open", path, why_missing(normal(path)));
  if (node->info.is_folder) return file_error("open", path, EISDIR);
  return std::unique_ptr<WritableFile>{std::make_unique<Writer>(*this, path, std::move(node))};
}

Result<FileInfo> MemoryFileSystem::info(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kOther, path); error != 0) return file_error("look at", path, error);
  const std::shared_ptr<Node> node = find(normal(path));
  if (!node) return file_error("look at", path, why_missing(normal(path)));
  return node->info;
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& folder) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kOther, folder); error != 0) return file_error("list", folder, error);
  const std::string name = normal(folder);
  const std::shared_ptr<Node> node = find(name);
  if (!node || !node->info.is_folder) return file_error("list", folder, node ? ENOTDIR : why_missing(name));
  std::vector<std::string> names;
  for (const auto& [path, child] : nodes_) {
    if (parent(path) == name && path != name) names.push_back(std::filesystem::path{path}.filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::scoped_lock lock{mutex_};
  const std::string both = from + " to " + to;
  if (const int error = next_fault(Operation::kName, from); error != 0) return file_error("rename", both, error);
  const auto found = nodes_.find(normal(from));
  if (found == nodes_.end() || !find(parent(normal(to)))) return file_error("rename", both, ENOENT);
  if (normal(from) == normal(to)) return {};
  if (found->second->info.is_folder) {
    const std::shared_ptr<Node> replaced = find(normal(to));
    if (replaced && !replaced->info.is_folder) return file_error("rename", both, ENOTDIR);
    if (has_children(normal(to))) return file_error("rename", both, ENOTEMPTY);
  }
  change_names({{normal(from), nullptr}, {normal(to), found->second}});
  return {};
}

Status MemoryFileSystem::remove(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kOther, path); error != 0) return file_error("remove", path, error);
  const std::string name = normal(path);
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return file_error("remove", path, ENOENT);
  if (has_children(name)) return file_error("remove", path, ENOTEMPTY);
  change_names({{name, nullptr}});
  return {};
}

Status MemoryFileSystem::link(const std::string& from, const std::string& to) {
  const std::scoped_lock lock{mutex_};
  const std::string both = from + " to " + to;
  if (const int error = next_fault(Operation::kName, from); error != 0) return file_error("link", both, error);
  const std::shared_ptr<Node> node = find(normal(from));
  if (!node || !find(parent(normal(to)))) return file_error("link", both, ENOENT);
  if (node->info.is_folder) return file_error("link", both, EPERM);
  if (find(normal(to))) return file_error("link", both, EEXIST);
  change_names({{normal(to), node}});
  return {};
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kName, path); error != 0) return file_error("lock", path, error);
  const std::string name = normal(path);
  const std::shared_ptr<Node> above = find(parent(name));
  if (!above || !above->info.is_folder) return file_error("lock", path, ENOENT);
  if (!find(name)) add(name, false);
  if (!locked_.insert(name).second) {
    return Status{ErrorCode::kUnavailable, "cannot lock " + path + ": this process holds it"};
  }
  return std::unique_ptr<FileLock>{std::make_unique<Lock>(*this, name)};
}

Status MemoryFileSystem::make_folders(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(Operation::kName, path); error != 0)
    return file_error("make the folder", path, error);
  for (std::string above = normal(path); !is_root(above); above = parent(above)) {
    const std::shared_ptr<Node> node = find(above);
    if (node && !node->info.is_folder) return file_error("make the folder", path, ENOTDIR);
  }
  add_folders(normal(path));
  return {};
}

Status MemoryFileSystem::sync_folder(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  const int error = next_fault(Operation::kSync, path);
  const std::shared_ptr<Node> node = find(normal(path));
  if (!stopped_ && node) sync_names(normal(path), error == 0);
  if (error != 0) return file_error("sync the folder", path, error);
  return node && node->info.is_folder ? Status{} : file_error("sync the folder", path, ENOENT);
}

}  // namespace millstream::inline v0::testing
