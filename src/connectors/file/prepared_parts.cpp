// A rename can be repeated after a crash at any place: a file is either still hidden or visible, and its name is given
// once.
#include "millstream/connectors/file/prepared_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/connectors/file/output_directory.hpp"
#include "millstream/core/hash.hpp"

namespace millstream::inline v0::file::detail {
namespace {

Result<std::vector<PreparedPart>> decode_handle(const std::string& handle) {
  PreparedParts decoded;
  if (handle.empty()) return std::move(decoded.parts);
  if (!decode_value(handle, decoded)) {
    return Status{ErrorCode::kInvalidData, "file sink: the handle of its prepared files is damaged"};
  }
  if (decoded.version != PreparedParts{}.version) {
    return Status{ErrorCode::kUnsupported, fmt::format("file sink: version {} of the handle of its prepared files is "
                                                       "not known here",
                                                       decoded.version)};
  }
  return std::move(decoded.parts);
}

Status make_visible(FileSystem& files, const std::string& hidden, const std::string& visible) {
  const Status renamed = files.rename(hidden, visible);
  if (renamed.code() != ErrorCode::kNotFound) return renamed;
  const Result<bool> done = files.exists(visible);
  if (!done) return done.error();
  if (*done) return {};
  return {ErrorCode::kNotFound, "neither " + hidden + " nor " + visible +
                                    " is there, though a checkpoint holds that output; if a reader took it away, put "
                                    "an empty file at " +
                                    visible + " and start again"};
}

Status remove_if_there(FileSystem& files, const std::string& path) {
  Status removed = files.remove(path);
  return removed.code() == ErrorCode::kNotFound ? Status{} : removed;
}

bool skip_text(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool skip_number(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(digits);
  return digits > 0;
}

// A visible name of the stage that has the tag: part-RUN-TAG-SHARD-NUMBER.jsonl.
bool is_part(std::string_view name, std::string_view tag) {
  return skip_text(name, "part-") && skip_number(name) && skip_text(name, "-") && skip_text(name, tag) &&
         skip_text(name, "-") && skip_number(name) && skip_text(name, "-") && skip_number(name) &&
         (name == ".jsonl" || name == ".csv");
}

Status remove_leftovers(FileSystem& files, const std::string& folder, std::string_view tag) {
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names && names.error().code() == ErrorCode::kNotFound) return {};
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    if (is_part(visible_name(name), tag)) {
      if (Status s = remove_if_there(files, path); !s.ok()) return s;
    }
    // To know that it is no folder, a look at each of what may be a million files is not needed.
    if (name.starts_with('.') || is_part(name, tag)) continue;
    const Result<FileInfo> info = files.info(path);
    if (!info && info.error().code() == ErrorCode::kNotFound) continue;
    if (!info) return info.error();
    if (!info->is_folder) continue;
    if (Status s = remove_leftovers(files, path, tag); !s.ok()) return s;
  }
  return {};
}

}  // namespace

std::string stage_tag(std::string_view stage) {
  return fmt::format("{:08x}", hash_bytes(stage.data(), stage.size()) >> 32);
}

std::string encode_handle(std::vector<PreparedPart> parts) {
  std::string handle;
  if (!parts.empty()) encode_value(PreparedParts{.parts = std::move(parts)}, handle);
  return handle;
}

Status commit_handle(FileSystem& files, const std::string& directory, const std::string& handle) {
  const Result<std::vector<PreparedPart>> parts = decode_handle(handle);
  if (!parts) return parts.error();
  std::set<std::string> folders;
  for (const PreparedPart& part : *parts) {
    const std::string visible = directory + "/" + part.visible;
    if (Status s = make_visible(files, directory + "/" + part.hidden, visible); !s.ok()) return s;
    kill_point("files.between_renames");
    // Also where it was visible: the program may have died between rename and sync.
    folders.insert(parent_folder(visible));
  }
  kill_point("files.before_sync");
  for (const std::string& folder : folders) {
    if (Status s = files.sync_folder(folder); !s.ok()) return s;
  }
  return {};
}

Status recover_parts(const SinkContext& context, const std::string& directory, std::span<const std::string> commit,
                     std::span<const std::string> abort) {
  FileSystem& files = context.file_system();
  for (const std::string& handle : commit) {
    if (Status s = commit_handle(files, directory, handle); !s.ok()) return s;
  }
  for (const std::string& handle : abort) {
    if (mutant_is(Mutant::kUndecidedPublished)) {
      if (Status s = commit_handle(files, directory, handle); !s.ok()) return s;
    }
    const Result<std::vector<PreparedPart>> parts = decode_handle(handle);
    if (!parts) return parts.error();
    for (const PreparedPart& part : *parts) {
      if (Status s = remove_if_there(files, directory + "/" + part.hidden); !s.ok()) return s;
    }
  }
  if (mutant_is(Mutant::kLeftoversKept)) return {};
  return remove_leftovers(files, directory, stage_tag(context.stage()));
}

}  // namespace millstream::inline v0::file::detail
