// Framer: cuts the bytes of one file into records, as lines or as CSV rows, however the bytes are chunked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millstream/codec/csv.hpp"
#include "millstream/connectors/file/record_reader.hpp"

namespace millstream::inline v0::file::detail {

class Framer {
 public:
  virtual ~Framer() = default;
  /// Room for the next bytes; `size` of them. Call it when next() has returned false.
  [[nodiscard]] virtual std::span<char> space(std::size_t size) = 0;
  /// The first `size` bytes of space() are filled.
  virtual void commit(std::size_t size) = 0;
  /// False: more bytes are needed, or after finish() none are left.
  [[nodiscard]] virtual bool next(Record& record) = 0;
  /// No more bytes will come: a last line without line ending is a record.
  virtual void finish() = 0;
  /// Forgets everything; the next byte stands at `offset`, in `line`.
  virtual void restart(std::uint64_t offset, std::uint64_t line) = 0;
};

/// Lines that end with LF or CRLF; those with nothing but white space are skipped. Of a line that is longer than
/// `record_bytes_max` the first kKeptBytes are kept.
class LineFramer final : public Framer {
 public:
  static constexpr std::size_t kKeptBytes = std::size_t{64} << 10;

  explicit LineFramer(std::size_t record_bytes_max) : record_bytes_max_{record_bytes_max} {}
  std::span<char> space(std::size_t size) override;
  void commit(std::size_t size) override { end_ += size; }
  bool next(Record& record) override;
  void finish() override { finished_ = true; }
  void restart(std::uint64_t offset, std::uint64_t line) override;

 private:
  bool take(Record& record, std::size_t length, std::size_t ending);
  void drop_long_line();

  std::size_t record_bytes_max_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of the current line
  std::size_t scanned_ = 0;  // up to here there is no line ending
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of begin_
  std::uint64_t line_ = 1;
  std::string long_line_;              // the beginning of a line that is too long
  std::uint64_t long_line_bytes_ = 0;  // of it that are no longer in the buffer
  bool finished_ = false;
};

/// CSV rows. The row of a record is put into `row`.
class CsvFramer final : public Framer {
 public:
  explicit CsvFramer(std::size_t record_bytes_max, CsvRow& row) : record_bytes_max_{record_bytes_max}, row_{row} {}
  std::span<char> space(std::size_t size) override;
  void commit(std::size_t size) override { reader_.feed({chunk_.data(), size}); }
  bool next(Record& record) override;
  void finish() override { reader_.finish(); }
  void restart(std::uint64_t offset, std::uint64_t line) override;

 private:
  std::size_t record_bytes_max_;
  CsvRow& row_;
  CsvReader reader_;
  std::vector<char> chunk_;
};

}  // namespace millstream::inline v0::file::detail
