// The file sink: JSON-lines or CSV files in a directory. Readers only ever see whole files: a file is written under a
// name that starts with '.', and gets its final name when it is complete and on the disk. Delivery: exactly once in a
// job with checkpoints; files become visible at each checkpoint and not before, so its interval bounds how many there
// are and how old they are. Without checkpoints: at least once; a job that failed and starts again leaves the files of
// its first attempt where they are.
//
// In a job with checkpoints each shard ends its files at every checkpoint. A job that goes on from one first makes
// visible what that had decided, and removes what it had not; the files of other sinks, also of a job without
// checkpoints in the same directory, are not touched. Two jobs whose sink stages have the same name need directories of
// their own. A reader that takes files away should leave those of the newest checkpoint: where a recovery misses one it
// cannot tell that from a loss, and fails. Without checkpoints, what a job that was killed had not completed stays
// under its hidden name; the next job that opens the directory warns of it and does not touch it, for it could belong
// to another job that is writing there.
//
//   ms::file::sink<Total>({.directory = "totals"})
//   ms::file::sink<Order>({.directory = "out", .format = ms::file::Format::kCsv,
//                          .path = [](const Order& o) { return "country=" + o.country; }, .roll_interval = 1min})
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "millstream/connectors/file/part_writer.hpp"
#include "millstream/connectors/file/record_encoder.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0::file {

template <class T>
struct SinkOptions {
  /// Made if it is missing. Files are named part-RUN-SHARD-NUMBER.jsonl (or .csv); in a job with checkpoints
  /// part-RUN-SINK-SHARD-NUMBER.jsonl, where SINK are eight hexadecimal digits that stand for the name of the stage.
  std::string directory = {};
  Format format = Format::kJsonLines;
  /// The folder within the directory to which a record goes, such as "day=2024-01-31/country=DE"; without it, or where
  /// it returns "", the directory itself. A path that leads out of the directory ("..", absolute) or that readers would
  /// not see (names that start with '.') fails the job.
  std::function<std::string(const T&)> path = {};
  /// A file that has reached so many bytes ends and the next one begins.
  std::uint64_t roll_bytes = std::uint64_t{128} << 20;
  /// A file that is so old ends when the next records come or the input pauses; 0 = only by size, at checkpoints and at
  /// the end.
  std::chrono::milliseconds roll_interval{0};
  /// Descriptors, each shard; nothing = 64, or fewer on many shards, so that there are at most 512 in all as long as
  /// each shard has 4. Files beyond that are closed between their writes and opened again; what becomes visible
  /// does not depend on it. Beyond 10,000 unfinished files (detail::kUnfinishedFilesMax), each shard, the one not used
  /// for longest ends early, with a warning.
  std::optional<std::size_t> open_files_max = {};
  Existing existing = Existing::kRefuse;
};

template <class T>
class Sink {
 public:
  explicit Sink(SinkOptions<T> options) : options_{std::move(options)}, encoder_{options_.format} {}

  Status open(SinkContext& context) {
    if (Status s = encoder_.check(options_.format); !s.ok()) return s.at("file sink");
    writer_ = std::make_shared<detail::PartWriter>(
        detail::PartOptions{
            .directory = options_.directory,
            .suffix = options_.format == Format::kCsv ? ".csv" : ".jsonl",
            .header = encoder_.header(),
            .roll_bytes = options_.roll_bytes,
            .roll_interval = options_.roll_interval,
            .open_files_max = options_.open_files_max.value_or(detail::open_files_of_a_shard(context.shards())),
            .existing = options_.existing},
        gate_);
    return writer_->open(context);
  }
  Result<std::size_t> write(std::span<T> records) {
    if (Status s = writer_->roll_old(); !s.ok()) return s;
    for (const T& record : records) {
      const Result<std::string*> buffer = writer_->buffer(options_.path ? options_.path(record) : std::string{});
      if (!buffer) return buffer.error();
      encoder_.append(record, **buffer);
      if (Status s = writer_->appended(); !s.ok()) return s;
    }
    return records.size();
  }
  Status flush() { return writer_->flush(); }
  Result<std::string> prepare() { return writer_->prepare(); }
  Status commit(const std::string& handle) { return writer_->commit(handle); }
  Status recover(SinkContext& context, std::span<const std::string> commit, std::span<const std::string> abort) {
    return detail::recover_parts(context, options_.directory, commit, abort);
  }
  Status close(SinkEnd end) { return writer_ ? writer_->close(end) : Status{}; }

 private:
  SinkOptions<T> options_;
  detail::RecordEncoder<T> encoder_;
  std::shared_ptr<detail::DirectoryGate> gate_ = std::make_shared<detail::DirectoryGate>();  // of all shards' copies
  std::shared_ptr<detail::PartWriter> writer_;  // shared only so that the struct can be copied before open()
};

/// Writes records of type T below options.directory.
template <class T>
[[nodiscard]] Sink<T> sink(SinkOptions<T> options) {
  return Sink<T>{std::move(options)};
}

}  // namespace millstream::inline v0::file
