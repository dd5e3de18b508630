// Goes through the records of a split: stream, framer and positions put together.
#include "millstream/connectors/file/record_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "connectors/file/byte_stream.hpp"
#include "connectors/file/framer.hpp"

namespace millstream::inline v0::file::detail {
namespace {

Result<Format> format_of(std::string_view path, Format wanted) {
  if (wanted != Format::kAuto) return wanted;
  std::string_view name = path;
  if (compression_of(name) != Compression::kNone) name = name.substr(0, name.rfind('.'));
  if (name.ends_with(".csv")) return Format::kCsv;
  if (name.ends_with(".json") || name.ends_with(".jsonl") || name.ends_with(".ndjson")) return Format::kJsonLines;
  return Status{ErrorCode::kInvalidArgument,
                std::string{path} +
                    ": the name does not tell the format (.json, .jsonl, .ndjson or .csv, perhaps with "
                    ".gz or .zst behind it); set .format"};
}

// The detail of a position is "line" or "line@identity of the file". Whatever else stands there is ignored: it only
// makes messages and the search for a rotated file better.
struct Detail {
  std::uint64_t line = 0;
  std::string identity;
};

Detail parse_detail(const std::string& text) {
  Detail detail;
  const std::size_t at = text.find('@');
  if (at != std::string::npos) detail.identity = text.substr(at + 1);
  std::from_chars(text.data(), text.data() + std::min(at, text.size()), detail.line);
  return detail;
}

// Says from where a relative path was taken, and what else could be meant.
Status no_match(const FileSystem& files, const std::string& path) {
  std::string message = "file source: no file matches '" + path + "'";
  if (!path.starts_with('/')) message += " in the working directory " + files.working_folder();
  message += is_glob_pattern(path) ? "; check the pattern (names that start with '.' need a '.' in it)"
                                   : "; check the path, or set .follow to wait until the file is there";
  return {ErrorCode::kNotFound, std::move(message)};
}

Status check_options(const ReaderOptions& options) {
  if (options.record_bytes_max == 0 || options.record_bytes_max > kRecordBytesMax) {
    return {ErrorCode::kInvalidArgument,
            "file source: .record_bytes_max must be between 1 and " + std::to_string(kRecordBytesMax)};
  }
  return {};
}

}  // namespace

Result<std::vector<Split>> list_splits(FileSystem& files, const std::string& path, const ReaderOptions& options) {
  if (path.empty()) return Status{ErrorCode::kInvalidArgument, "file source: .path is empty"};
  if (Status s = check_options(options); !s.ok()) return s;
  Result<std::vector<std::string>> paths = files.glob(path);
  if (!paths) return paths.error();
  if (paths->empty() && options.follow && !is_glob_pattern(path)) paths->push_back(path);  // it may come yet
  std::vector<Split> splits;
  for (const std::string& found : *paths) {
    const Result<FileInfo> info = files.info(found);
    if (!info && info.error().code() != ErrorCode::kNotFound) return info.error();
    if (info && info->is_folder && found != path) continue;  // a folder that a pattern happens to match
    if (info && !info->is_file) return not_a_file(found);
    if (const Result<Format> format = format_of(found, options.format); !format) {
      return format.error();
    }
    if (options.follow && compression_of(found) != Compression::kNone) {
      return Status{ErrorCode::kInvalidArgument,
                    found +
                        ": a compressed file cannot be followed: what is appended cannot be read before its "
                        "compressor has finished; read it without .follow"};
    }
    splits.push_back({found, {}, !options.follow});
  }
  if (splits.empty()) return no_match(files, path);
  return splits;
}

Result<std::unique_ptr<RecordReader>> RecordReader::open_file(SplitContext& context, const ReaderOptions& options) {
  const std::string& path = context.split().id;
  const Position& start = context.split().start;
  if (Status s = check_options(options); !s.ok()) return s;

  const Detail detail = parse_detail(start.detail);
  std::uint64_t offset = start.offset;
  Result<std::unique_ptr<ByteStream>> stream = options.follow
                                                   ? follow_stream(context, path, start.offset, detail.identity, offset)
                                                   : open_stream(context.file_system(), path, offset);
  if (!stream) return stream.error();
  const Result<Format> format = format_of(path, options.format);
  if (!format) return format.error();
  std::unique_ptr<RecordReader> reader{new RecordReader{path, *format, options, *std::move(stream)}};
  if (offset == 0) return reader;

  if (*format == Format::kCsv) {
    // Where a file is followed, its header is that of the file in which reading goes on, whatever its name is now.
    std::uint64_t header_offset = 0;
    Result<std::unique_ptr<ByteStream>> from_start =
        options.follow ? follow_stream(context, path, 0, detail.identity, header_offset)
                       : open_stream(context.file_system(), path, 0);
    if (!from_start) return from_start.error();
    if (Status s = reader->read_header_of(**from_start); !s.ok()) return s;
  }
  reader->next_offset_ = offset;
  reader->next_line_ = detail.line == 0 ? 1 : detail.line;
  reader->framer_->restart(reader->next_offset_, reader->next_line_);
  return reader;
}

Result<std::unique_ptr<RecordReader>> RecordReader::open_stdin(const ReaderOptions& options) {
  if (Status s = check_options(options); !s.ok()) return s;
  if (options.format == Format::kAuto) {
    return Status{ErrorCode::kInvalidArgument, "stdin has no name that tells its format: set .format"};
  }
  return std::unique_ptr<RecordReader>{
      new RecordReader{"stdin", options.format, options, descriptor_stream(STDIN_FILENO, "stdin")}};
}

RecordReader::RecordReader(std::string path, Format format, const ReaderOptions& options,
                           std::unique_ptr<ByteStream> stream)
    : path_{std::move(path)},
      format_{format},
      chunk_bytes_max_{options.chunk_bytes},
      chunk_bytes_{std::min(kFirstChunkBytes, options.chunk_bytes)},
      stream_{std::move(stream)} {
  if (format == Format::kCsv) {
    framer_ = std::make_unique<CsvFramer>(options.record_bytes_max, row_);
  } else {
    framer_ = std::make_unique<LineFramer>(options.record_bytes_max);
  }
  start_file();
}

RecordReader::~RecordReader() = default;

void RecordReader::start_file() {
  framer_->restart(0, 1);
  next_offset_ = 0;
  next_line_ = 1;
  header_.clear();
  note_head();
}

Status RecordReader::read_header_of(ByteStream& stream) {
  framer_->restart(0, 1);
  while (!framer_->next(record_)) {
    const Result<Piece> piece = stream.read(framer_->space(chunk_bytes_));
    if (!piece) return piece.error();
    if (piece->kind != Piece::Kind::kBytes) {
      return {ErrorCode::kInvalidData, path_ + " has no header any more: it was changed since"};
    }
    framer_->commit(piece->size);
  }
  if (!record_.reason.empty()) return bad_header();
  header_.assign(row_.fields.begin(), row_.fields.end());
  header_pending_ = true;
  return {};
}

Status RecordReader::bad_header() const {
  return {ErrorCode::kInvalidData,
          path_ + ":" + std::to_string(record_.line) + ": the header cannot be read: " + record_.reason};
}

RecordReader::Event RecordReader::fail(Status status) {
  status_ = std::move(status);
  return Event::kFailed;
}

RecordReader::Event RecordReader::next() {
  if (header_pending_) {
    header_pending_ = false;
    return Event::kHeader;
  }
  for (;;) {
    if (framer_->next(record_)) return take_record();
    if (file_changes_) {
      file_changes_ = false;
      start_file();
    }
    if (at_end_) return Event::kEnd;
    if (chunks_left_ == 0) return Event::kPause;
    --chunks_left_;
    const Result<Piece> piece = stream_->read(framer_->space(chunk_bytes_));
    if (!piece) return fail(piece.error());
    switch (piece->kind) {
      case Piece::Kind::kBytes:
        framer_->commit(piece->size);
        if (piece->size == chunk_bytes_) chunk_bytes_ = std::min(2 * chunk_bytes_, chunk_bytes_max_);
        note_head();  // of a followed file that has come into being, or of which more is known
        break;
      case Piece::Kind::kWait:
        return Event::kWait;
      case Piece::Kind::kEnd:
        framer_->finish();
        at_end_ = true;
        break;
      case Piece::Kind::kNextFile:
        framer_->finish();
        file_changes_ = true;
        break;
      case Piece::Kind::kTruncated:
        start_file();
        break;
    }
  }
}

RecordReader::Event RecordReader::take_record() {
  next_offset_ = record_.next_offset;
  next_line_ = record_.next_line;
  const bool is_header = format_ == Format::kCsv && header_.empty();
  if (!record_.reason.empty()) return is_header ? fail(bad_header()) : Event::kBad;
  if (!is_header) return Event::kRecord;
  header_.assign(row_.fields.begin(), row_.fields.end());
  return Event::kHeader;
}

// Its own, for the stream may be in the next file already when the last records of this one are read.
void RecordReader::note_head() {
  const FileHead* head = stream_->head();
  if (head == nullptr) return;
  if (head_ == nullptr) head_ = std::make_unique<FileHead>();
  if (head_->id != head->id || head_->bytes.size() != head->bytes.size()) *head_ = *head;
}

Position RecordReader::position() const {
  std::string detail = std::to_string(next_line_);
  if (head_) detail.append("@").append(identity_at(*head_, next_offset_));
  return {next_offset_, std::move(detail)};
}

}  // namespace millstream::inline v0::file::detail
