// Rotated names are PATH, '.' or '-', and digits with separators between them (PATH.1, PATH-20240131): a lock or backup
// file beside a log must never be taken for a part of it.
#include "connectors/file/rotated_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "millstream/core/hash.hpp"

namespace millstream::inline v0::file::detail {
namespace {

struct Rotated {
  std::string path;
  FileInfo info;
};

std::string to_string(const FileId& id) { return std::to_string(id.device) + ":" + std::to_string(id.inode); }

bool is_rotated_name(std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return false;
  name.remove_prefix(base.size());
  if (name.size() < 2 || (name.front() != '.' && name.front() != '-')) return false;
  return name.substr(1).find_first_not_of("0123456789.-_:T") == std::string_view::npos;
}

// Oldest first.
Result<std::vector<Rotated>> rotated_files(FileSystem& files, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const std::string base = path.substr(folder.size());
  const Result<std::vector<std::string>> names = files.list(folder.empty() ? "." : folder);
  if (!names) return names.error();
  std::vector<Rotated> found;
  for (const std::string& name : *names) {
    if (!is_rotated_name(name, base)) continue;
    const Result<FileInfo> info = files.info(folder + name);
    if (!info && info.error().code() == ErrorCode::kNotFound) continue;
    if (!info) return info.error();
    if (info->is_file) found.push_back({folder + name, *info});
  }
  std::sort(found.begin(), found.end(), [](const Rotated& a, const Rotated& b) {
    if (a.info.modified != b.info.modified) return a.info.modified < b.info.modified;
    return a.path.size() != b.path.size() ? a.path.size() > b.path.size() : a.path > b.path;  // .10 before .2 before .1
  });
  return found;
}

}  // namespace

std::string identity_at(const FileHead& head, std::uint64_t offset) {
  std::string text = to_string(head.id);
  const std::size_t bytes = std::min<std::uint64_t>(head.bytes.size(), offset);
  if (bytes == 0) return text;
  text.append(":").append(std::to_string(bytes));
  return text.append(":").append(std::to_string(hash_bytes(head.bytes.data(), bytes)));
}

std::optional<FileIdentity> parse_file_identity(std::string_view text) {
  std::array<std::uint64_t, 4> numbers{};
  std::size_t count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (count < numbers.size()) {
    const auto [rest, error] = std::from_chars(at, end, numbers[count++]);
    if (error != std::errc{}) return std::nullopt;
    if (rest == end && (count == 2 || count == 4))
      return FileIdentity{{numbers[0], numbers[1]}, numbers[2], numbers[3]};
    if (rest == end || *rest != ':') return std::nullopt;
    at = rest + 1;
  }
  return std::nullopt;
}

Result<std::string> find_rotated(FileSystem& files, const std::string& path, const FileId& id) {
  const Result<FileInfo> current = files.info(path);
  if (current && current->id == id) return path;
  if (!current && current.error().code() != ErrorCode::kNotFound) return current.error();
  const Result<std::vector<Rotated>> rotated = rotated_files(files, path);
  if (!rotated) return rotated.error();
  for (const Rotated& file : *rotated) {
    if (file.info.id == id) return file.path;
  }
  return Status{ErrorCode::kNotFound, path + ": no file beside it has the id " + to_string(id)};
}

Result<std::string> rotated_after(FileSystem& files, const std::string& path, const FileId& id) {
  const Result<std::vector<Rotated>> rotated = rotated_files(files, path);
  if (!rotated) return rotated.error();
  for (std::size_t i = 0; i + 1 < rotated->size(); ++i) {
    if ((*rotated)[i].info.id == id) return (*rotated)[i + 1].path;
  }
  return path;
}

}  // namespace millstream::inline v0::file::detail
