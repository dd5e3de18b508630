// CsvReader: RFC 4180 rows out of a stream of byte chunks, however they are cut. It knows bytes and rows, not types:
// CsvDecoder (codec/decode.hpp) turns a row into a struct. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// One row. All views stay valid until the next call of the reader that made it.
struct CsvRow {
  std::vector<std::string_view> fields;  ///< without quotes; empty in a row with an error
  std::vector<std::size_t> columns;      ///< 1-based byte in `raw` where each field (with its quote) starts
  std::string_view raw;                  ///< the row as it came, without its line ending (cut where it is too long)
  std::uint64_t line = 0;                ///< 1-based line of its first byte; newlines within quotes count
  std::uint64_t offset = 0;              ///< bytes of the stream before the row
  std::uint64_t next_offset = 0;         ///< bytes of the stream up to behind its line ending: where to go on
  std::uint64_t next_line = 0;           ///< the line that starts at next_offset
  std::string error;                     ///< why the row is malformed; empty for a good one
  std::size_t error_column = 0;          ///< 1-based byte in `raw`; 0 where unknown

  [[nodiscard]] bool ok() const noexcept { return error.empty(); }
};

/// Where a reader starts and what it takes; the defaults are for a stream read from its beginning.
struct CsvOptions {
  char delimiter = ',';
  std::uint64_t offset = 0;  ///< of the first byte fed: what next_offset said when reading stopped
  std::uint64_t line = 1;    ///< of the first byte fed
  /// A row that is longer is an error: an unclosed quote must not collect the rest of the stream.
  std::size_t row_bytes_max = std::size_t{16} << 20;
};

/// Splits bytes into rows. Rows end with LF or CRLF; a field in double quotes may hold delimiters, line endings and
/// doubled quotes; empty lines are skipped; a UTF-8 byte order mark at offset 0 is skipped.
///
/// A malformed row (text behind a closing quote, a quote within an unquoted field, a quote that is never closed, a row
/// that is too long) is handed out with `error` set and its first line as `raw`, and reading goes on with the line
/// behind it, so one stray quote costs one line.
class MILLSTREAM_EXPORT CsvReader {
 public:
  explicit CsvReader(CsvOptions options = {});

  /// Adds bytes, which are copied. Call it when next() has returned false.
  void feed(std::string_view chunk);
  /// The next whole row. False: feed more, or finish() and ask again for a last line without a line ending.
  [[nodiscard]] bool next(CsvRow& row);
  /// No more bytes will come.
  void finish() noexcept { finished_ = true; }
  /// Bytes of the stream that no row has taken yet.
  [[nodiscard]] std::size_t pending_bytes() const noexcept { return buffer_.size() - start_ + dropped_bytes_; }

 private:
  enum class State : std::uint8_t { kFieldStart, kUnquoted, kQuoted, kQuoteInQuoted };
  enum class Scan : std::uint8_t { kRow, kMore, kMalformed };

  [[nodiscard]] bool skip_byte_order_mark();
  Scan find_row_end();
  Scan scan_quoted_row();
  Scan malformed(std::size_t at, std::string reason);
  void begin(CsvRow& row) const;
  void take(CsvRow& row);
  bool take_malformed(CsvRow& row);
  void split_plain(CsvRow& row, std::string_view text) const;
  void split_quoted(CsvRow& row, std::string_view text);
  void advance(std::size_t next, std::uint64_t lines);

  char delimiter_;
  std::size_t row_bytes_max_;
  std::uint64_t offset_;            ///< in the stream, of the current row
  std::uint64_t line_;              ///< of the current row
  std::string buffer_;              ///< bytes fed; rows already taken are dropped by the next feed
  std::string unquoted_;            ///< the current row's fields that had doubled quotes
  std::size_t start_ = 0;           ///< of the current row in buffer_
  std::size_t scan_ = 0;            ///< up to where its end has been looked for
  std::size_t quote_ = 0;           ///< where its last quoted field was opened
  std::uint64_t quoted_lines_ = 0;  ///< newlines within its quotes
  std::size_t dropped_bytes_ = 0;   ///< of its line, beyond row_bytes_max_
  std::string reason_;              ///< why it is malformed
  std::size_t reason_at_ = 0;
  State state_ = State::kFieldStart;
  bool has_quotes_ = false;
  bool finished_ = false;
  bool dropping_ = false;  ///< until the end of a line that is too long
  bool may_have_mark_;     ///< a byte order mark may still come
};

}  // namespace millstream::inline v0
