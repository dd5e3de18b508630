// Unfinished files of other jobs are named, never removed here: nothing on the disk tells a job that was killed from
// one that writes to the same directory right now.
#include "millstream/connectors/file/output_directory.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include "millstream/core/file_system.hpp"

namespace millstream::inline v0::file::detail {
namespace {

constexpr std::string_view kUnfinishedSuffix = ".inprogress";
constexpr int kNamesMax = 10'000;  // looked at when a job starts: a look at each costs a call of the operating system

struct Contents {
  std::string visible;     // some file that readers see
  std::string unfinished;  // some file that is not complete
  std::uint64_t unfinished_files = 0;
  int names = 0;
};

bool is_unfinished(std::string_view name) { return visible_name(name).starts_with("part-"); }

// Goes through the folders below, until a file is found that readers see, or, where those may be there, until
// kNamesMax.
Status look_into(FileSystem& files, const std::string& folder, Existing existing, Contents& contents) {
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (existing == Existing::kKeep && ++contents.names > kNamesMax) return {};
    const std::string path = folder + "/" + name;
    if (is_unfinished(name)) {
      ++contents.unfinished_files;
      contents.unfinished = path;
    }
    if (name.starts_with('.')) continue;
    const Result<FileInfo> info = files.info(path);
    if (!info && info.error().code() == ErrorCode::kNotFound) continue;
    if (!info) return info.error();
    if (info->is_folder) {
      if (Status s = look_into(files, path, existing, contents); !s.ok()) return s;
    } else {
      contents.visible = path;
    }
    if (existing == Existing::kRefuse && !contents.visible.empty()) return {};
  }
  return {};
}

Status is_a_file(const std::string& directory, const std::string& path) {
  return {ErrorCode::kInvalidArgument,
          "cannot write to the directory " + directory + ": " + path + " is a file; name a folder in .directory"};
}

Status make_directory(FileSystem& files, const std::string& directory) {
  if (Status s = files.make_folders(directory); !s.ok()) return s;
  return files.sync_folder(parent_folder(directory));
}

// Prepared output is no safer than the folders that lead to it, which may be new, or made by a job that was killed.
Status sync_way_to(FileSystem& files, std::string path) {
  while (path != "." && path != "/") {
    path = parent_folder(path);
    if (Status s = files.sync_folder(path); !s.ok()) return s;
  }
  return {};
}

// An error of the operating system with what to do; a path through a file says which name in it is the file.
Status explained(FileSystem& files, const std::string& directory, const Status& status) {
  if (status.code() == ErrorCode::kIo || status.code() == ErrorCode::kNotFound) {
    return {status.code(), status.message() + "; name a folder in .directory that this process may make and write to"};
  }
  if (status.code() != ErrorCode::kInvalidArgument) return status;
  for (std::string above = directory; above != "." && above != "/"; above = parent_folder(above)) {
    const Result<FileInfo> info = files.info(above);
    if (info && !info->is_folder) return is_a_file(directory, above);
  }
  return status;
}

Status prepare_directory(const SinkContext& context, const std::string& directory, Existing existing) {
  FileSystem& files = context.file_system();
  const Result<FileInfo> info = files.info(directory);
  const bool missing = !info && info.error().code() == ErrorCode::kNotFound;
  if (!info && !missing) return info.error();
  if (missing) {
    if (Status s = make_directory(files, directory); !s.ok()) return s;
  }
  if (context.checkpointed()) {
    if (Status s = sync_way_to(files, directory); !s.ok()) return s;
  }
  if (missing) return {};
  if (!info->is_folder) return is_a_file(directory, directory);
  Contents contents;
  if (Status s = look_into(files, directory, existing, contents); !s.ok()) return s;
  if (existing == Existing::kRefuse && !contents.visible.empty()) {
    return {ErrorCode::kAlreadyExists, "the output directory " + directory + " holds files already (" +
                                           contents.visible +
                                           "); remove them, name an empty or new directory, or keep them with "
                                           ".existing = Existing::kKeep"};
  }
  if (contents.unfinished_files > 0) {
    context.log(LogLevel::kWarning,
                "sink '" + context.stage() + "': the directory " + directory + " holds " +
                    std::to_string(contents.unfinished_files) + " unfinished file(s), such as " + contents.unfinished +
                    ", of a job that was killed or that still writes there; readers do not see them. While no job "
                    "runs that writes there, remove them with: find " +
                    directory + " -name '.part-*.inprogress' -delete");
  }
  return {};
}

}  // namespace

Status DirectoryGate::enter(const SinkContext& context, const std::string& directory, Existing existing) {
  const std::scoped_lock lock{mutex_};
  if (!checked_) {
    const Existing allowed = context.restored() ? Existing::kKeep : existing;
    result_ = explained(context.file_system(), directory, prepare_directory(context, directory, allowed));
  }
  checked_ = result_.ok();
  if (checked_) ++inside_;
  return result_;
}

void DirectoryGate::leave(SinkEnd end) {
  const std::scoped_lock lock{mutex_};
  // A job that failed may start again beside the files of its first attempt; after one that ended well, the next one
  // finds them as any other job would.
  if (--inside_ == 0 && end == SinkEnd::kFinished) checked_ = false;
}

std::string unfinished_name(const std::string& name) { return "." + name + std::string{kUnfinishedSuffix}; }

std::string_view visible_name(std::string_view unfinished) {
  if (unfinished.size() <= kUnfinishedSuffix.size() || !unfinished.starts_with('.') ||
      !unfinished.ends_with(kUnfinishedSuffix)) {
    return {};
  }
  return unfinished.substr(1, unfinished.size() - 1 - kUnfinishedSuffix.size());
}

std::string parent_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace millstream::inline v0::file::detail
