// CsvReader. Rows without a quote, nearly all of them, are found by memchr; a row with one goes through a state machine
// that can stop at any byte and go on with the next chunk, so no byte is looked at again because a chunk ended.
#include "millstream/codec/csv.hpp"

#include <algorithm>
#include <cstring>

namespace millstream::inline v0 {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::size_t find(std::string_view text, char c, std::size_t from, std::size_t to) {
  if (from >= to) return text.npos;
  const void* found = std::memchr(text.data() + from, c, to - from);
  return found == nullptr ? text.npos : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

CsvReader::CsvReader(CsvOptions options)
    : delimiter_{options.delimiter},
      row_bytes_max_{options.row_bytes_max},
      offset_{options.offset},
      line_{options.line},
      may_have_mark_{options.offset == 0} {}

void CsvReader::feed(std::string_view chunk) {
  if (dropping_) {
    const std::size_t end = std::min(chunk.find('\n'), chunk.size());
    dropped_bytes_ += end;
    chunk.remove_prefix(end);
    dropping_ = chunk.empty();
  }
  buffer_.erase(0, start_);
  scan_ -= start_;
  quote_ -= std::min(quote_, start_);
  reason_at_ -= std::min(reason_at_, start_);
  start_ = 0;
  buffer_.append(chunk);
}

bool CsvReader::next(CsvRow& row) {
  if (may_have_mark_ && !skip_byte_order_mark()) return false;
  while (true) {
    if (!reason_.empty()) return take_malformed(row);
    Scan found = find_row_end();
    if (scan_ - start_ > row_bytes_max_ && found != Scan::kMalformed) {
      // A carriage return may be the first half of its line ending.
      const bool line_ending = scan_ - start_ == row_bytes_max_ + 1 && buffer_[scan_ - 1] == '\r';
      if (!line_ending) {
        found =
            malformed(start_, quote_ >= start_ && state_ == State::kQuoted
                                  ? "a quoted field is not closed within " + std::to_string(row_bytes_max_) + " bytes"
                                  : "the row is longer than " + std::to_string(row_bytes_max_) + " bytes");
      }
    }
    if (found == Scan::kMalformed) continue;
    if (found == Scan::kMore) return false;
    const bool blank = scan_ == start_ || (scan_ == start_ + 1 && buffer_[start_] == '\r');
    if (blank) {
      const bool newline = scan_ < buffer_.size();
      advance(scan_ + (newline ? 1 : 0), newline ? 1 : 0);
      continue;
    }
    take(row);
    return true;
  }
}

bool CsvReader::skip_byte_order_mark() {
  const std::string_view head = std::string_view{buffer_}.substr(start_, kByteOrderMark.size());
  if (head == kByteOrderMark) {
    advance(start_ + head.size(), 0);
  } else if (kByteOrderMark.starts_with(head) && !finished_) {
    return false;
  }
  may_have_mark_ = false;
  return true;
}

/// On kRow, scan_ is at the line feed that ends the row, or at the end of the last line.
CsvReader::Scan CsvReader::find_row_end() {
  if (has_quotes_) return scan_quoted_row();
  const std::size_t newline = find(buffer_, '\n', scan_, buffer_.size());
  const std::size_t end = newline == std::string::npos ? buffer_.size() : newline;
  const std::size_t quote = find(buffer_, '"', scan_, end);
  if (quote != std::string::npos) {
    if (quote != start_ && buffer_[quote - 1] != delimiter_) {
      return malformed(quote, "a quote within an unquoted field");
    }
    has_quotes_ = true;
    scan_ = quote;
    return scan_quoted_row();
  }
  scan_ = end;
  return newline != std::string::npos || (finished_ && end != start_) ? Scan::kRow : Scan::kMore;
}

CsvReader::Scan CsvReader::scan_quoted_row() {
  while (scan_ < buffer_.size()) {
    const char c = buffer_[scan_];
    switch (state_) {
      case State::kFieldStart:
        if (c == '\n') return Scan::kRow;
        if (c == '"') {
          quote_ = scan_;
          state_ = State::kQuoted;
        } else if (c != delimiter_) {
          state_ = State::kUnquoted;
        }
        break;
      case State::kUnquoted:
        if (c == '\n') return Scan::kRow;
        if (c == '"') return malformed(scan_, "a quote within an unquoted field");
        if (c == delimiter_) state_ = State::kFieldStart;
        break;
      case State::kQuoted: {
        const std::size_t end = std::min(find(buffer_, '"', scan_, buffer_.size()), buffer_.size());
        quoted_lines_ += static_cast<std::uint64_t>(std::count(buffer_.data() + scan_, buffer_.data() + end, '\n'));
        scan_ = end;
        if (end == buffer_.size()) continue;
        state_ = State::kQuoteInQuoted;
        break;
      }
      case State::kQuoteInQuoted:
        if (c == '\n') return Scan::kRow;
        if (c == '"') {
          state_ = State::kQuoted;
        } else if (c == delimiter_) {
          state_ = State::kFieldStart;
        } else if (c == '\r' && scan_ + 1 == buffer_.size() && !finished_) {
          return Scan::kMore;  // the line feed that makes it a line ending may be the next byte
        } else if (c != '\r' || (scan_ + 1 != buffer_.size() && buffer_[scan_ + 1] != '\n')) {
          return malformed(scan_, "text behind a closing quote");
        }
        break;
    }
    ++scan_;
  }
  if (!finished_) return Scan::kMore;
  return state_ == State::kQuoted ? malformed(quote_, "a quoted field is not closed") : Scan::kRow;
}

CsvReader::Scan CsvReader::malformed(std::size_t at, std::string reason) {
  reason_ = std::move(reason);
  reason_at_ = at;
  return Scan::kMalformed;
}

void CsvReader::begin(CsvRow& row) const {
  row.fields.clear();
  row.columns.clear();
  row.error.clear();
  row.error_column = 0;
  row.line = line_;
  row.offset = offset_;
}

void CsvReader::take(CsvRow& row) {
  begin(row);
  std::string_view text = std::string_view{buffer_}.substr(start_, scan_ - start_);
  if (text.back() == '\r') text.remove_suffix(1);
  row.raw = text;
  if (has_quotes_) {
    split_quoted(row, text);
  } else {
    split_plain(row, text);
  }
  const bool newline = scan_ < buffer_.size();
  advance(scan_ + (newline ? 1 : 0), quoted_lines_ + (newline ? 1 : 0));
  row.next_offset = offset_;
  row.next_line = line_;
}

bool CsvReader::take_malformed(CsvRow& row) {
  const std::size_t newline = find(buffer_, '\n', start_, buffer_.size());
  const bool whole = newline != std::string::npos;
  const std::size_t end = whole ? newline : buffer_.size();
  if (!whole && !finished_) {
    if (end - start_ > row_bytes_max_) {
      dropped_bytes_ += end - start_ - row_bytes_max_;
      buffer_.resize(start_ + row_bytes_max_);
      dropping_ = true;
    }
    return false;
  }
  begin(row);
  row.raw = std::string_view{buffer_}.substr(start_, std::min(end - start_, row_bytes_max_));
  if (row.raw.ends_with('\r')) row.raw.remove_suffix(1);
  row.error.swap(reason_);
  // What was noticed on a later line was caused on this one, by a quote that should not have been opened.
  if (reason_at_ < end) {
    row.error_column = reason_at_ - start_ + 1;
  } else {
    row.error_column = quote_ < end ? quote_ - start_ + 1 : 0;
    row.error = "a quoted field is not closed, or is closed in a later row";
  }
  advance(whole ? newline + 1 : end, whole ? 1 : 0);
  row.next_offset = offset_;
  row.next_line = line_;
  return true;
}

void CsvReader::split_plain(CsvRow& row, std::string_view text) const {
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != delimiter_) continue;
    row.fields.push_back(text.substr(from, at - from));
    row.columns.push_back(from + 1);
    from = at + 1;
  }
  row.fields.push_back(text.substr(from));
  row.columns.push_back(from + 1);
}

void CsvReader::split_quoted(CsvRow& row, std::string_view text) {
  unquoted_.clear();
  unquoted_.reserve(text.size());  // views into it must not move
  std::size_t from = 0;
  while (true) {
    row.columns.push_back(from + 1);
    std::size_t end = 0;
    if (from < text.size() && text[from] == '"') {
      const std::size_t begin = unquoted_.size();
      std::size_t part = from + 1;
      std::size_t close = text.find('"', part);
      while (close + 1 < text.size() && text[close + 1] == '"') {
        unquoted_.append(text, part, close + 1 - part);
        part = close + 2;
        close = text.find('"', part);
      }
      if (unquoted_.size() == begin) {
        row.fields.push_back(text.substr(part, close - part));
      } else {
        unquoted_.append(text, part, close - part);
        row.fields.push_back(std::string_view{unquoted_}.substr(begin));
      }
      end = close + 1;
    } else {
      end = std::min(text.find(delimiter_, from), text.size());
      row.fields.push_back(text.substr(from, end - from));
    }
    if (end >= text.size()) return;
    from = end + 1;
  }
}

void CsvReader::advance(std::size_t next, std::uint64_t lines) {
  offset_ += next - start_ + dropped_bytes_;
  line_ += lines;
  start_ = next;
  scan_ = next;
  quoted_lines_ = 0;
  dropped_bytes_ = 0;
  reason_.clear();
  state_ = State::kFieldStart;
  has_quotes_ = false;
}

}  // namespace millstream::inline v0
