// The part of reading a file that does not depend on the type of its records: opening, decompressing, following,
// cutting bytes into records, and knowing the place of each. Users want file/source.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/codec/csv.hpp"
#include "millstream/codec/decode_error.hpp"
#include "millstream/connectors/file/format.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::file::detail {

class ByteStream;
struct FileHead;
class Framer;

/// What a poll reads and decodes at most: at some hundred MB/s it takes well under a millisecond.
inline constexpr std::size_t kChunkBytes = std::size_t{128} << 10;
/// The first chunk of a split; each that is filled doubles the next. Many small files need no large buffers.
inline constexpr std::size_t kFirstChunkBytes = std::size_t{8} << 10;

/// How to read one file.
struct ReaderOptions {
  Format format = Format::kAuto;
  bool follow = false;
  std::size_t record_bytes_max = kRecordBytesMax;
  std::size_t chunk_bytes = kChunkBytes;
};

/// One record as it was cut out of its file. The views stay valid until the next one is asked for.
struct Record {
  std::string_view bytes;         ///< without line ending
  std::uint64_t line = 0;         ///< 1-based line of its first byte
  std::uint64_t next_offset = 0;  ///< where the record behind it starts
  std::uint64_t next_line = 0;
  std::string reason;      ///< why it is no record; empty for a good one
  std::size_t column = 0;  ///< 1-based byte of the fault; 0 = unknown
};

/// The files that a path or pattern names, as splits; an error where there is none, or where the options do not fit.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::vector<Split>> list_splits(FileSystem& files, const std::string& path,
                                                                       const ReaderOptions& options);

/// Goes through the records of one split. Never waits. For one thread.
class MILLSTREAM_EXPORT RecordReader {
 public:
  enum class Event {
    kRecord,  ///< record(), and row() with CSV
    kHeader,  ///< header() of the CSV records that follow; record().line is its line
    kBad,     ///< record(), which is not even one
    kPause,   ///< this poll has read enough
    kWait,    ///< nothing now
    kEnd,
    kFailed,  ///< status()
  };

  /// The file context.split().id, from context.split().start on. `context` must outlive the reader.
  [[nodiscard]] static Result<std::unique_ptr<RecordReader>> open_file(SplitContext& context,
                                                                       const ReaderOptions& options);
  /// Standard input. No position.
  [[nodiscard]] static Result<std::unique_ptr<RecordReader>> open_stdin(const ReaderOptions& options);
  ~RecordReader();
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  /// Allows one more chunk to be read.
  void begin_poll() noexcept { chunks_left_ = 1; }
  /// Goes to the next record. Views of the one before become invalid.
  [[nodiscard]] Event next();

  [[nodiscard]] const Record& record() const noexcept { return record_; }
  [[nodiscard]] const CsvRow& row() const noexcept { return row_; }
  [[nodiscard]] const std::vector<std::string>& header() const noexcept { return header_; }
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Format format() const noexcept { return format_; }
  /// Behind the record where the reader stands.
  [[nodiscard]] Position position() const;

 private:
  RecordReader(std::string path, Format format, const ReaderOptions& options, std::unique_ptr<ByteStream> stream);
  [[nodiscard]] Event fail(Status status);
  [[nodiscard]] Event take_record();
  [[nodiscard]] Status read_header_of(ByteStream& stream);
  [[nodiscard]] Status bad_header() const;
  void start_file();
  void note_head();

  const std::string path_;
  const Format format_;
  const std::size_t chunk_bytes_max_;
  std::size_t chunk_bytes_;
  std::unique_ptr<ByteStream> stream_;
  std::unique_ptr<Framer> framer_;
  std::unique_ptr<FileHead> head_;  // of the file that the records come from, where it is followed
  std::uint64_t next_offset_ = 0;
  std::uint64_t next_line_ = 1;
  int chunks_left_ = 0;
  bool at_end_ = false;        // the stream has ended, but perhaps not yet its records
  bool file_changes_ = false;  // the stream has gone to the next file, but perhaps not yet its records
  bool header_pending_ = false;

  Record record_;
  CsvRow row_;
  std::vector<std::string> header_;
  Status status_;
};

}  // namespace millstream::inline v0::file::detail
