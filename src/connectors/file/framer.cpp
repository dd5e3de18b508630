// Lines and CSV rows out of chunks.
#include "connectors/file/framer.hpp"

#include <algorithm>
#include <cstring>

namespace millstream::inline v0::file::detail {

std::span<char> LineFramer::space(std::size_t size) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  // At least twice what it was, so that a long line is not copied once a chunk.
  if (buffer_.size() < end_ + size) buffer_.resize(std::max(end_ + size, 2 * buffer_.size()));
  return {buffer_.data() + end_, size};
}

bool LineFramer::next(Record& record) {
  for (;;) {
    const char* const data = buffer_.data();
    const void* const found = scanned_ < end_ ? std::memchr(data + scanned_, '\n', end_ - scanned_) : nullptr;
    if (found != nullptr) {
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - data) - begin_;
      if (take(record, length, 1)) return true;
    } else if (finished_ && (begin_ < end_ || long_line_bytes_ > 0)) {
      if (take(record, end_ - begin_, 0)) return true;
    } else {
      scanned_ = end_;
      if (end_ - begin_ > record_bytes_max_ || long_line_bytes_ > 0) drop_long_line();
      return false;
    }
  }
}

bool LineFramer::take(Record& record, std::size_t length, std::size_t ending) {
  const char* const start = buffer_.data() + begin_;
  std::string_view bytes{start, length};
  record.line = line_;
  offset_ += length + ending;
  line_ += ending;
  begin_ += length + ending;
  scanned_ = begin_;
  record.next_offset = offset_;
  record.next_line = line_;
  record.reason.clear();
  record.column = 0;

  const std::uint64_t whole = long_line_bytes_ + length;
  if (whole > record_bytes_max_) {
    if (long_line_bytes_ == 0) long_line_ = bytes.substr(0, kKeptBytes);
    long_line_bytes_ = 0;
    record.bytes = long_line_;
    record.reason = "the line has " + std::to_string(whole) + " bytes, and at most " +
                    std::to_string(record_bytes_max_) + " are read; only its beginning is kept";
    return true;
  }
  long_line_bytes_ = 0;
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  record.bytes = bytes;
  return bytes.find_first_not_of(" \t\r") != std::string_view::npos;
}

void LineFramer::drop_long_line() {
  if (long_line_bytes_ == 0) long_line_.assign(buffer_.data() + begin_, std::min(end_ - begin_, kKeptBytes));
  long_line_bytes_ += end_ - begin_;
  offset_ += end_ - begin_;
  begin_ = end_ = scanned_ = 0;
}

void LineFramer::restart(std::uint64_t offset, std::uint64_t line) {
  begin_ = end_ = scanned_ = 0;
  offset_ = offset;
  line_ = line;
  long_line_bytes_ = 0;
  finished_ = false;
}

std::span<char> CsvFramer::space(std::size_t size) {
  if (chunk_.size() < size) chunk_.resize(size);
  return {chunk_.data(), size};
}

bool CsvFramer::next(Record& record) {
  if (!reader_.next(row_)) return false;
  record.bytes = row_.raw;
  record.line = row_.line;
  record.next_offset = row_.next_offset;
  record.next_line = row_.next_line;
  record.reason.clear();
  record.column = row_.error_column;
  if (!row_.ok()) record.reason = row_.error;
  return true;
}

void CsvFramer::restart(std::uint64_t offset, std::uint64_t line) {
  reader_ = CsvReader{{.offset = offset, .line = line, .row_bytes_max = record_bytes_max_}};
}

}  // namespace millstream::inline v0::file::detail
