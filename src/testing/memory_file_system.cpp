// Files and folders as a map from normalised path to node; an open file holds its node, so it outlives a rename.
#include "millstream/testing/memory_file_system.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace millstream::inline v0::testing {
namespace {

std::string normal(const std::string& path) {
  std::string text = std::filesystem::path{path}.lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::string parent(const std::string& path) {
  const std::string above = std::filesystem::path{path}.parent_path().string();
  return above.empty() ? "." : above;
}

bool is_root(const std::string& path) { return path == "." || path == "/"; }

}  // namespace

class MemoryFileSystem::Reader final : public ReadableFile {
 public:
  Reader(MemoryFileSystem& files, std::string path, std::shared_ptr<Node> node)
      : files_{files}, path_{std::move(path)}, node_{std::move(node)} {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    const std::scoped_lock lock{files_.mutex_};
    if (const int error = files_.next_fault(); error != 0) return file_error("read", path_, error);
    if (offset >= node_->bytes.size()) return std::size_t{0};
    return node_->bytes.copy(into.data(), into.size(), offset);
  }
  Result<FileInfo> info() override {
    const std::scoped_lock lock{files_.mutex_};
    if (const int error = files_.next_fault(); error != 0) return file_error("look at", path_, error);
    return node_->info;
  }

 private:
  MemoryFileSystem& files_;
  std::string path_;
  std::shared_ptr<Node> node_;
};

class MemoryFileSystem::Writer final : public WritableFile {
 public:
  Writer(MemoryFileSystem& files, std::string path, std::shared_ptr<Node> node)
      : files_{files}, path_{std::move(path)}, node_{std::move(node)} {}

  Status append(std::string_view bytes) override {
    const std::scoped_lock lock{files_.mutex_};
    int error = files_.next_fault();
    if (error == 0) error = files_.append(*node_, bytes);
    return error == 0 ? Status{} : file_error("write", path_, error);
  }
  Status sync() override { return step("sync"); }
  Status close() override { return step("close"); }

 private:
  Status step(std::string_view action) {
    const std::scoped_lock lock{files_.mutex_};
    const int error = files_.next_fault();
    return error == 0 ? Status{} : file_error(action, path_, error);
  }
  MemoryFileSystem& files_;
  std::string path_;
  std::shared_ptr<Node> node_;
};

void MemoryFileSystem::fail_at(std::uint64_t nth, int error_number) {
  const std::scoped_lock lock{mutex_};
  fail_at_ = operations_ + nth;
  fail_with_ = error_number;
}

void MemoryFileSystem::fail_randomly(std::uint64_t seed, double probability) {
  const std::scoped_lock lock{mutex_};
  random_ = Random{seed};
  fail_probability_ = probability;
}

void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  const std::scoped_lock lock{mutex_};
  capacity_ = bytes;
}

std::uint64_t MemoryFileSystem::operations() const {
  const std::scoped_lock lock{mutex_};
  return operations_;
}

int MemoryFileSystem::next_fault() {
  ++operations_;
  if (operations_ == fail_at_) return fail_with_;
  return fail_probability_ > 0 && random_.chance(fail_probability_) ? EIO : 0;
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

std::shared_ptr<MemoryFileSystem::Node> MemoryFileSystem::add(const std::string& path, bool folder) {
  auto node = std::make_shared<Node>();
  node->info.id = {1, next_inode_++};
  node->info.modified = clock_.now();
  node->info.is_file = !folder;
  node->info.is_folder = folder;
  nodes_[path] = node;
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
  if (const int error = next_fault(); error != 0) return file_error("open", path, error);
  std::shared_ptr<Node> node = find(normal(path));
  if (!node) return file_error("open", path, why_missing(normal(path)));
  return std::unique_ptr<ReadableFile>{std::make_unique<Reader>(*this, path, std::move(node))};
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::create(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("create", path, error);
  const std::string name = normal(path);
  if (find(name)) return file_error("create", path, EEXIST);
  const std::shared_ptr<Node> above = find(parent(name));
  if (!above || !above->info.is_folder) return file_error("create", path, above ? ENOTDIR : why_missing(name));
  return std::unique_ptr<WritableFile>{std::make_unique<Writer>(*this, path, add(name, false))};
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::append_to(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("open", path, error);
  std::shared_ptr<Node> node = find(normal(path));
  if (!node) return file_error("open", path, why_missing(normal(path)));
  if (node->info.is_folder) return file_error("open", path, EISDIR);
  return std::unique_ptr<WritableFile>{std::make_unique<Writer>(*this, path, std::move(node))};
}

Result<FileInfo> MemoryFileSystem::info(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("look at", path, error);
  const std::shared_ptr<Node> node = find(normal(path));
  if (!node) return file_error("look at", path, why_missing(normal(path)));
  return node->info;
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& folder) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("list", folder, error);
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
  if (const int error = next_fault(); error != 0) return file_error("rename", both, error);
  const auto found = nodes_.find(normal(from));
  if (found == nodes_.end() || !find(parent(normal(to)))) return file_error("rename", both, ENOENT);
  if (found->second->info.is_folder) return file_error("rename", both, ENOTSUP);
  const std::shared_ptr<Node> node = found->second;
  nodes_.erase(found);
  nodes_[normal(to)] = node;
  return {};
}

Status MemoryFileSystem::remove(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("remove", path, error);
  const std::string name = normal(path);
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return file_error("remove", path, ENOENT);
  const std::string below = name + "/";
  const auto child = nodes_.lower_bound(below);
  if (child != nodes_.end() && child->first.starts_with(below)) return file_error("remove", path, ENOTEMPTY);
  used_ -= found->second->bytes.size();
  nodes_.erase(found);
  return {};
}

Status MemoryFileSystem::make_folders(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("make the folder", path, error);
  for (std::string above = normal(path); !is_root(above); above = parent(above)) {
    const std::shared_ptr<Node> node = find(above);
    if (node && !node->info.is_folder) return file_error("make the folder", path, ENOTDIR);
  }
  add_folders(normal(path));
  return {};
}

Status MemoryFileSystem::sync_folder(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (const int error = next_fault(); error != 0) return file_error("sync the folder", path, error);
  const std::shared_ptr<Node> node = find(normal(path));
  return node && node->info.is_folder ? Status{} : file_error("sync the folder", path, ENOENT);
}

}  // namespace millstream::inline v0::testing
