// Files that come into being whole: written as .NAME.inprogress, synced, renamed to NAME; in a job with checkpoints the
// rename waits for commit().
#include "millstream/connectors/file/part_writer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0::file::detail {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;  // written in one call

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

}  // namespace

PartWriter::PartWriter(PartOptions options, std::shared_ptr<DirectoryGate> gate)
    : options_{std::move(options)}, gate_{std::move(gate)} {
  while (options_.directory.size() > 1 && options_.directory.ends_with('/')) options_.directory.pop_back();
}

PartWriter::~PartWriter() {
  discard();
  if (entered_) gate_->leave(SinkEnd::kAborted);
}

Status PartWriter::open(SinkContext& context) {
  context_ = &context;
  if (options_.directory.empty()) return {ErrorCode::kInvalidArgument, "file sink: .directory is empty"};
  if (options_.roll_bytes == 0 || options_.open_files_max == 0) {
    return {ErrorCode::kInvalidArgument, "file sink: .roll_bytes and .open_files_max must be at least 1"};
  }
  run_ = std::to_string(context.clock().now().time_since_epoch().count());
  if (context.checkpointed()) run_ += "-" + stage_tag(context.stage());
  Status entered = gate_->enter(context, options_.directory, options_.existing);
  entered_ = entered.ok();
  return entered;
}

Result<std::string*> PartWriter::buffer(std::string_view folder) {
  if (current_ == parts_.end() || current_->first != folder) {
    current_ = parts_.find(folder);
    if (current_ == parts_.end()) {
      if (Status s = start_part(folder); !s.ok()) return explained(std::move(s));
    } else {
      uses_.splice(uses_.begin(), uses_, current_->second.use);
    }
  }
  return &current_->second.buffer;
}

Status PartWriter::appended() {
  Part& part = current_->second;
  count_buffer(part);
  if (part.bytes + part.buffer.size() >= options_.roll_bytes) return explained(end_part(current_));
  if (part.buffer.size() >= kBufferBytes) return explained(spill(part));
  return buffers_bytes_ > kBuffersBytesMax ? explained(empty_buffers()) : Status{};
}

Status PartWriter::roll_old() {
  if (options_.roll_interval.count() <= 0 || parts_.empty()) return {};
  const std::int64_t interval_ns = std::chrono::nanoseconds{options_.roll_interval}.count();
  const std::int64_t now_ns = context_->clock().monotonic_ns();
  if (now_ns - oldest_ns_ < interval_ns) return {};
  oldest_ns_ = now_ns;
  for (auto part = parts_.begin(); part != parts_.end();) {
    const auto at = part++;
    if (now_ns - at->second.started_ns < interval_ns) {
      oldest_ns_ = std::min(oldest_ns_, at->second.started_ns);
    } else if (Status s = end_part(at); !s.ok()) {
      return explained(std::move(s));
    }
  }
  return {};
}

Status PartWriter::flush() {
  for (auto& [folder, part] : parts_) {
    if (Status s = spill(part); !s.ok()) return explained(std::move(s));
  }
  return roll_old();
}

Result<std::string> PartWriter::prepare() {
  if (Status s = end_all(); !s.ok()) return explained(std::move(s));
  std::set<std::string> folders;
  for (const PreparedPart& part : ended_) folders.insert(parent_folder(options_.directory + "/" + part.hidden));
  if (mutant_is(Mutant::kOutputNameNotSynced)) folders.clear();
  for (const std::string& folder : folders) {
    if (Status s = context_->file_system().sync_folder(folder); !s.ok()) return explained(std::move(s));
  }
  prepared_.insert(prepared_.end(), std::make_move_iterator(ended_.begin()), std::make_move_iterator(ended_.end()));
  ended_ = {};
  return encode_handle(prepared_);
}

Status PartWriter::commit(const std::string& handle) {
  if (Status s = commit_handle(context_->file_system(), options_.directory, handle); !s.ok()) {
    return explained(std::move(s));
  }
  prepared_ = {};
  return {};
}

Status PartWriter::close(SinkEnd end) {
  Status result;
  if (end == SinkEnd::kFinished) {
    if (!context_->checkpointed()) {
      result = explained(end_all());
    } else if (!parts_.empty() || !ended_.empty()) {
      result = {ErrorCode::kInternal, "file sink: the input ended with output that no checkpoint covers"};
    }
  }
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
  if (parts_.size() >= kUnfinishedFilesMax) {
    if (Status s = end_unused(); !s.ok()) return s;
  }
  Part part;
  part.folder = folder.empty() ? options_.directory : options_.directory + "/" + std::string{folder};
  if (Status s = make_folder(part.folder); !s.ok()) return s;
  if (Status s = create_file(part); !s.ok()) return s;
  part.buffer = options_.header;
  part.started_ns = context_->clock().monotonic_ns();
  if (parts_.empty()) oldest_ns_ = part.started_ns;
  current_ = parts_.emplace(folder, std::move(part)).first;
  Part& started = current_->second;
  open_.push_front(&started);
  started.opened = open_.begin();
  uses_.push_front(&current_->first);
  started.use = uses_.begin();
  return {};
}

Status PartWriter::end_unused() {
  if (!std::exchange(warned_, true)) {
    context_->log(LogLevel::kWarning,
                  "sink '" + context_->stage() + "': .path spreads the records over more than " +
                      std::to_string(kUnfinishedFilesMax) + " folders at a time, so files become visible before they " +
                      "are full; a coarser .path or a short .roll_interval avoids many small files");
  }
  return end_part(parts_.find(*uses_.back()));
}

Status PartWriter::make_folder(const std::string& folder) {
  if (folder == options_.directory || folders_.contains(folder)) return {};
  FileSystem& files = context_->file_system();
  if (Status s = files.make_folders(folder); !s.ok()) return s;
  // The names of the folders must be on the disk before a file in them counts as visible. One that exists may have been
  // made by another shard just now, which has not come to this yet.
  for (std::string made = folder; made != options_.directory; made = parent_folder(made)) {
    if (Status s = files.sync_folder(parent_folder(made)); !s.ok()) return s;
  }
  // Forgetting costs a sync each, remembering for ever would cost memory without end.
  if (folders_.size() >= kUnfinishedFilesMax) folders_.clear();
  folders_.insert(folder);
  return {};
}

Status PartWriter::create_file(Part& part) {
  FileSystem& files = context_->file_system();
  if (Status s = make_room(); !s.ok()) return s;
  for (;;) {
    const std::string name = "part-" + run_ + "-" + std::to_string(context_->shard()) + "-" +
                             std::to_string(next_number_++) + options_.suffix;
    part.name = part.folder + "/" + name;
    part.temporary = part.folder + "/" + unfinished_name(name);
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

Status PartWriter::make_room() {
  while (open_.size() >= options_.open_files_max) {
    // A disk that cannot write what it was given says so once, to descriptors that are open then: a later one may be
    // told that all is well.
    Part& part = *open_.back();
    if (Status s = sync(part); !s.ok()) return s;
    if (Status s = close_file(part); !s.ok()) return s;
  }
  return {};
}

Status PartWriter::open_file(Part& part) {
  if (part.file) {
    open_.splice(open_.begin(), open_, part.opened);
    return {};
  }
  if (Status s = make_room(); !s.ok()) return s;
  Result<std::unique_ptr<WritableFile>> file = context_->file_system().append_to(part.temporary);
  if (!file) return file.error();
  part.file = *std::move(file);
  open_.push_front(&part);
  part.opened = open_.begin();
  return {};
}

Status PartWriter::sync(Part& part) {
  if (part.synced) return {};
  if (Status s = mutant_is(Mutant::kOutputNotSynced) ? Status{} : part.file->sync(); !s.ok()) return s;
  part.synced = true;
  return {};
}

Status PartWriter::close_file(Part& part) {
  open_.erase(part.opened);
  return std::exchange(part.file, nullptr)->close();
}

Status PartWriter::spill(Part& part) {
  if (part.buffer.empty()) return {};
  if (Status s = open_file(part); !s.ok()) return s;
  part.synced = false;
  if (Status s = part.file->append(part.buffer); !s.ok()) return s;
  part.bytes += part.buffer.size();
  part.buffer.clear();
  return {};
}

Status PartWriter::empty_buffers() {
  for (auto& [folder, part] : parts_) {
    if (Status s = spill(part); !s.ok()) return s;
    std::string{}.swap(part.buffer);
    count_buffer(part);
  }
  return {};
}

void PartWriter::count_buffer(Part& part) {
  buffers_bytes_ += part.buffer.capacity() - part.buffer_counted;  // the difference may be negative: it wraps
  part.buffer_counted = part.buffer.capacity();
}

Status PartWriter::end_part(Parts::iterator at) {
  Part& part = at->second;
  if (Status s = spill(part); !s.ok()) return s;
  // What a part without a descriptor wrote was synced before that was closed.
  if (part.file) {
    if (Status s = sync(part); !s.ok()) return s;
    if (Status s = close_file(part); !s.ok()) return s;
  }
  if (context_->checkpointed()) {
    const std::size_t directory = options_.directory.size() + 1;
    ended_.push_back({part.temporary.substr(directory), part.name.substr(directory)});
    forget(at);
    return {};
  }
  FileSystem& files = context_->file_system();
  if (Status s = files.rename(part.temporary, part.name); !s.ok()) return s;
  const std::string folder = std::move(part.folder);
  forget(at);
  return files.sync_folder(folder);
}

Status PartWriter::end_all() {
  while (!parts_.empty()) {
    if (Status s = end_part(parts_.begin()); !s.ok()) return s;
  }
  return {};
}

void PartWriter::forget(Parts::iterator at) {
  if (current_ == at) current_ = parts_.end();
  uses_.erase(at->second.use);
  buffers_bytes_ -= at->second.buffer_counted;
  parts_.erase(at);
}

// An error of the disk, with what is left of the output and what to do.
Status PartWriter::explained(Status status) const {
  if (status.code() != ErrorCode::kIo) return status;
  const std::string_view advice =
      context_->checkpointed()
          ? "; the files that readers see are whole and stay. Mend the cause and start again: the job goes on from its "
            "newest checkpoint"
          : "; the files that readers see are whole and stay, those that were not complete are removed. Mend the cause "
            "and start again with an empty .directory, or beside these files with .existing = Existing::kKeep";
  return {ErrorCode::kIo, status.message() + std::string{advice}};
}

void PartWriter::remove_hidden(const std::string& path) {
  // What cannot be removed stays invisible all the same.
  if (Status s = context_->file_system().remove(path); !s.ok()) context_->log(LogLevel::kWarning, s.message());
}

void PartWriter::discard() {
  for (auto& [folder, part] : parts_) {
    part.file.reset();
    remove_hidden(part.temporary);
  }
  for (const PreparedPart& part : ended_) remove_hidden(options_.directory + "/" + part.hidden);
  parts_.clear();
  ended_.clear();
  uses_.clear();
  open_.clear();
  buffers_bytes_ = 0;
  current_ = parts_.end();
}

}  // namespace millstream::inline v0::file::detail
