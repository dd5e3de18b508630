// What all file systems share: globbing on top of list() and info(), and the wording of errors.
#include "millstream/core/file_system.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace millstream::inline v0 {
namespace {

// Appends what `pattern` (relative to `folder`, which is "" or ends in '/') matches.
Status expand(FileSystem& files, const std::string& folder, std::string_view pattern, std::vector<std::string>& found) {
  const std::size_t slash = pattern.find('/');
  const std::string component{pattern.substr(0, slash)};
  const bool last = slash == std::string_view::npos;
  const std::string_view rest = last ? std::string_view{} : pattern.substr(slash + 1);

  if (!is_glob_pattern(component)) {
    if (!last) return expand(files, folder + component + "/", rest, found);
    const std::string path = folder + component;
    Result<bool> there = files.exists(path);
    if (!there) return there.error();
    if (*there) found.push_back(path);
    return {};
  }
  const std::string listed = folder.empty() ? "." : folder;
  const Result<FileInfo> info = files.info(listed);
  if (!info) return info.error().code() == ErrorCode::kNotFound ? Status{} : info.error();
  if (!info->is_folder) return {};  // a file that a component before matched
  const Result<std::vector<std::string>> names = files.list(listed);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (::fnmatch(component.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
    if (last) {
      found.push_back(folder + name);
      continue;
    }
    const Result<FileInfo> below = files.info(folder + name);
    if (!below && below.error().code() == ErrorCode::kNotFound) continue;
    if (!below) return below.error();
    if (!below->is_folder) continue;
    if (Status s = expand(files, folder + name + "/", rest, found); !s.ok()) {
      return s;
    }
  }
  return {};
}

}  // namespace

bool is_glob_pattern(std::string_view path) noexcept { return path.find_first_of("*?[") != std::string_view::npos; }

Result<bool> FileSystem::exists(const std::string& path) {
  const Result<FileInfo> found = info(path);
  if (found) return true;
  if (found.error().code() == ErrorCode::kNotFound) return false;
  return found.error();
}

Result<std::vector<std::string>> FileSystem::glob(const std::string& pattern) {
  const Result<bool> literal = exists(pattern);
  if (!literal) return literal.error();
  if (*literal) return std::vector{pattern};
  std::vector<std::string> found;
  if (Status s = expand(*this, "", pattern, found); !s.ok()) return s;
  std::sort(found.begin(), found.end());
  return found;
}

Status file_error(std::string_view action, std::string_view path, int error_number) {
  ErrorCode code = ErrorCode::kIo;
  if (error_number == ENOENT) code = ErrorCode::kNotFound;
  if (error_number == ENOTDIR) code = ErrorCode::kInvalidArgument;
  if (error_number == EEXIST || error_number == ENOTEMPTY) code = ErrorCode::kAlreadyExists;
  std::string message = "cannot ";
  message.append(action).append(" ").append(path).append(": ").append(std::generic_category().message(error_number));
  if (error_number == ENOTDIR) message.append("; a name in this path is a file where a folder should be");
  return {code, std::move(message)};
}

// Callers branch on a code, and it is kIo like other refusals. Few look for the cause, so a Status does not carry it.
bool is_disk_full(const Status& status) {
  if (status.code() != ErrorCode::kIo) return false;
  const auto says = [&](int error_number) {
    return status.message().find(": " + std::generic_category().message(error_number)) != std::string::npos;
  };
  return says(ENOSPC) || says(EDQUOT);
}

}  // namespace millstream::inline v0
