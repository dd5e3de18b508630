// The file source: the records of JSON-lines and CSV files, plain, gzip or zstd; each file is a split. Positions are
// bytes of the (decompressed) file, so a restart goes on exactly behind the last record.
//
//   ms::file::source<Order>({.path = "orders/*.csv.gz"})
//   ms::file::source<Event>({.path = "/var/log/events.jsonl", .follow = true, .on_bad_record = ms::OnError::kSkip})
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/connectors/file/format.hpp"
#include "millstream/connectors/file/record_decoder.hpp"
#include "millstream/connectors/file/record_reader.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::file {

struct SourceOptions {
  /// A file, or a pattern with '*', '?' and '[...]'. The matching files are the splits, sorted by path; their paths
  /// are the splits' ids. A shard has 64 of them open at once, with follow all. No match is an error. Files named .gz
  /// and .zst are decompressed (also if several gzip members or zstd frames stand behind each other); damaged or cut
  /// off data is an error with file and offset.
  std::string path = {};
  Format format = Format::kAuto;
  /// Never ends, but waits for what is appended, as `tail -F` does: a last line is kept until it is complete; a file
  /// that was renamed is read to its end, then the new one of that name from its start; a file that became shorter is
  /// read again from its start (with a warning); a file need not exist yet. After a restart the file at which reading
  /// stopped is found again under its new name if it is still in the same folder and was named PATH.1, PATH-20240131
  /// or the like. Not for compressed files. Splits are fixed when the job starts: new names that would match a pattern
  /// are not seen.
  bool follow = false;
  /// How long to wait before looking for more, with follow.
  std::chrono::milliseconds poll_interval{100};
  /// Records that cannot be decoded. A file that cannot be read, or a CSV header that does not fit the type, always
  /// fails the job.
  OnError on_bad_record = OnError::kFail;
  /// Longer records are bad records; of those only the beginning is kept.
  std::size_t record_bytes_max = kRecordBytesMax;
};

template <class T>
class Source {
 public:
  explicit Source(SourceOptions options) : options_{std::move(options)} {}

  Result<std::vector<Split>> splits(SourceContext& context) const {
    return detail::list_splits(*context.file_system, options_.path, reader_options());
  }
  Status open(SplitContext& context) {
    clock_ = &context.clock();
    auto reader = detail::RecordReader::open_file(context, reader_options());
    if (!reader) return reader.error();
    records_ = std::make_shared<detail::RecordDecoder<T>>(*std::move(reader));
    return records_->check();
  }
  Result<Poll> poll(SourceOutput<T>& out) {
    const Result<detail::RecordReader::Event> event = records_->poll(out);
    if (!event) return event.error();
    switch (*event) {
      case detail::RecordReader::Event::kEnd:
        return Poll::done();
      case detail::RecordReader::Event::kWait:
        return Poll::idle_until(saturating_add(clock_->now(), options_.poll_interval));
      default:
        return Poll::more();
    }
  }
  /// The offset counts bytes of the decompressed file; the detail is for people and for open() only.
  [[nodiscard]] Position position() const { return records_->position(); }
  [[nodiscard]] OnError on_bad_record() const { return options_.on_bad_record; }
  void close() { records_.reset(); }

 private:
  [[nodiscard]] detail::ReaderOptions reader_options() const {
    return {.format = options_.format, .follow = options_.follow, .record_bytes_max = options_.record_bytes_max};
  }
  SourceOptions options_;
  Clock* clock_ = nullptr;
  std::shared_ptr<detail::RecordDecoder<T>> records_;  // shared only so that the struct can be copied before open()
};

/// The records of the files that options.path names. What is wrong with the options is reported when the job starts.
template <class T>
[[nodiscard]] Source<T> source(SourceOptions options) {
  return Source<T>{std::move(options)};
}

}  // namespace millstream::inline v0::file
