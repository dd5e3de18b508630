// Files that come into being whole: written as .NAME.inprogress, synced, renamed to NAME.
#include "millstream/connectors/file/part_writer.hpp"

#include <algorithm>
#include <utility>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0::file::detail {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;  // written in one call; per open file

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Why a relative folder is refused; empty for a good one.
std::string_view fault_of(std::string_view folder) {
  if (folder.starts_with('/')) return "it is absolute";
  if (folder.find('\0') != std::string_view::npos) return "it has a zero byte";
  for (std::size_t begin = 0; begin <= folder.size();) {
    const std::size_t end = std::min(folder.find('/', begin), folder.size());
    const std::string_view name = folder.substr(begin, end - begin);
    if (name.empty()) return "it has an empty name between slashes";
    if (name == "..") return "it leads out of the directory";
    if (name.starts_with('.')) return "names that start with '.' are not seen by readers";
    if (name.ends_with(".inprogress")) return "names that end in .inprogress are not seen by readers";
    begin = end + 1;
  }
  return {};
}

// A file below `folder`, or an empty string.
Result<std::string> find_any_file(FileSystem& files, const std::string& folder) {
  const Result<std::vector<std::string>> names = files.list(folder);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    const std::string path = folder + "/" + name;
    const Result<FileInfo> info = files.info(path);
    if (!info && info.error().code() == ErrorCode::kNotFound) continue;
    if (!info) return info.error();
    if (!info->is_folder) return path;
    Result<std::string> below = find_any_file(files, path);
    if (!below || !below->empty()) return below;
  }
  return std::string{};
}

Status prepare_directory(FileSystem& files, const PartOptions& options) {
  const Result<bool> exists = files.exists(options.directory);
  if (!exists) return exists.error();
  if (!*exists) {
    if (Status s = files.make_folders(options.directory); !s.ok()) return s;
    return files.sync_folder(parent(options.directory));
  }
  if (options.existing == Existing::kKeep) return {};
  const Result<std::string> file = find_any_file(files, options.directory);
  if (!file) return file.error();
  if (file->empty()) return {};
  return {ErrorCode::kAlreadyExists, "the output directory " + options.directory + " holds files already (" + *file +
                                         "); remove them, name an empty or new directory, or keep them with "
                                         ".existing = Existing::kKeep"};
}

}  // namespace

Status DirectoryGate::enter(FileSystem& files, const PartOptions& options) {
  const std::scoped_lock lock{mutex_};
  if (!checked_) result_ = prepare_directory(files, options);
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

PartWriter::PartWriter(PartOptions options, std::shared_ptr<DirectoryGate> gate)
    : options_{std::move(options)}, gate_{std::move(gate)} {
  while (options_.directory.size() > 1 && options_.directory.ends_with('/')) options_.directory.pop_back();
}

PartWriter::~PartWriter() {
  discard();
  if (entered_) gate_->leave(SinkEnd::kAborted);
}

Status PartWriter::open(SinkContext& context) {
  if (options_.directory.empty()) return {ErrorCode::kInvalidArgument, "file sink: .directory is empty"};
  if (options_.roll_bytes == 0 || options_.open_files_max == 0) {
    return {ErrorCode::kInvalidArgument, "file sink: .roll_bytes and .open_files_max must be at least 1"};
  }
  context_ = &context;
  run_ = std::to_string(context.clock().now().time_since_epoch().count());
  Status entered = gate_->enter(context.file_system(), options_);
  entered_ = entered.ok();
  return entered;
}

Result<std::string*> PartWriter::buffer(std::string_view folder) {
  if (current_ == parts_.end() || current_->first != folder) {
    current_ = parts_.find(folder);
    if (current_ == parts_.end()) {
      if (Status s = start_part(folder); !s.ok()) return s;
    }
  }
  current_->second.last_use = ++uses_;
  return &current_->second.buffer;
}

Status PartWriter::commit() {
  Part& part = current_->second;
  if (part.buffer.size() >= kBufferBytes || part.bytes + part.buffer.size() >= options_.roll_bytes) {
    if (Status s = spill(part); !s.ok()) return s;
  }
  return part.bytes >= options_.roll_bytes ? publish(current_) : Status{};
}

Status PartWriter::roll_old() {
  if (options_.roll_interval.count() <= 0) return {};
  const std::int64_t now_ns = context_->clock().monotonic_ns();
  for (auto part = parts_.begin(); part != parts_.end();) {
    const auto at = part++;
    if (now_ns - at->second.opened_ns < std::chrono::nanoseconds{options_.roll_interval}.count()) continue;
    if (Status s = publish(at); !s.ok()) return s;
  }
  return {};
}

Status PartWriter::flush() {
  for (auto& [folder, part] : parts_) {
    if (Status s = spill(part); !s.ok()) return s;
  }
  return roll_old();
}

Status PartWriter::close(SinkEnd end) {
  Status result;
  while (end == SinkEnd::kFinished && result.ok() && !parts_.empty()) result = publish(parts_.begin());
  discard();
  if (std::exchange(entered_, false)) gate_->leave(result.ok() ? end : SinkEnd::kAborted);
  return result;
}

Status PartWriter::start_part(std::string_view folder) {
  if (!folder.empty()) {
    if (const std::string_view fault = fault_of(folder); !fault.empty()) {
      return {ErrorCode::kInvalidArgument,
              "file sink: .path returned '" + std::string{folder} + "': " + std::string{fault}};
    }
  }
  if (parts_.size() >= options_.open_files_max) {
    const auto oldest = std::min_element(parts_.begin(), parts_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    });
    if (Status s = publish(oldest); !s.ok()) return s;
  }
  Part part;
  part.folder = folder.empty() ? options_.directory : options_.directory + "/" + std::string{folder};
  if (Status s = make_folder(part.folder); !s.ok()) return s;
  if (Status s = create_file(part); !s.ok()) return s;
  part.buffer = options_.header;
  part.opened_ns = context_->clock().monotonic_ns();
  current_ = parts_.emplace(folder, std::move(part)).first;
  return {};
}

Status PartWriter::make_folder(const std::string& folder) const {
  FileSystem& files = context_->file_system();
  const Result<bool> exists = files.exists(folder);
  if (!exists) return exists.error();
  if (*exists) return {};
  if (Status s = files.make_folders(folder); !s.ok()) return s;
  // The names of the new folders must be on the disk before a file in them counts as visible.
  for (std::string made = folder; made != options_.directory; made = parent(made)) {
    if (Status s = files.sync_folder(parent(made)); !s.ok()) return s;
  }
  return {};
}

Status PartWriter::create_file(Part& part) {
  FileSystem& files = context_->file_system();
  for (;;) {
    const std::string name = "part-" + run_ + "-" + std::to_string(context_->shard()) + "-" +
                             std::to_string(next_number_++) + options_.suffix;
    part.name = part.folder + "/" + name;
    part.temporary = part.folder + "/." + name + ".inprogress";
    const Result<bool> taken = files.exists(part.name);
    if (!taken) return taken.error();
    if (*taken) continue;
    Result<std::unique_ptr<WritableFile>> file = files.create(part.temporary);
    if (file) {
      part.file = *std::move(file);
      return {};
    }
    // Left behind by a job that was killed in the same microsecond of a clock that went back.
    if (file.error().code() != ErrorCode::kAlreadyExists) return file.error();
  }
}

Status PartWriter::spill(Part& part) {
  if (part.buffer.empty()) return {};
  if (Status s = part.file->append(part.buffer); !s.ok()) return s;
  part.bytes += part.buffer.size();
  part.buffer.clear();
  return {};
}

Status PartWriter::publish(Parts::iterator at) {
  FileSystem& files = context_->file_system();
  Part& part = at->second;
  if (Status s = spill(part); !s.ok()) return s;
  if (Status s = part.file->sync(); !s.ok()) return s;
  if (Status s = part.file->close(); !s.ok()) return s;
  if (Status s = files.rename(part.temporary, part.name); !s.ok()) return s;
  const std::string folder = std::move(part.folder);
  if (current_ == at) current_ = parts_.end();
  parts_.erase(at);
  return files.sync_folder(folder);
}

void PartWriter::discard() {
  for (auto& [folder, part] : parts_) {
    part.file.reset();
    // What cannot be removed stays invisible all the same.
    if (Status s = context_->file_system().remove(part.temporary); !s.ok()) {
      context_->log(LogLevel::kWarning, s.message());
    }
  }
  parts_.clear();
  current_ = parts_.end();
}

}  // namespace millstream::inline v0::file::detail
