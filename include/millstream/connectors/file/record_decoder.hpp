// The typed part of reading: turns the records that a RecordReader cuts into values of T, and what cannot be decoded
// into dead letters. Users want file/source.hpp.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/codec/decode.hpp"
#include "millstream/connectors/file/format.hpp"
#include "millstream/connectors/file/record_reader.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0::file::detail {

/// Bad records after which a poll returns: each costs an allocation or two.
inline constexpr std::size_t kBadRecordsMax = 256;

/// Stands for CsvDecoder where T does not fit CSV; check() has refused to come here.
template <class T>
struct NoCsvDecoder {
  static Status bind(const std::vector<std::string>&) { return {ErrorCode::kInvalidArgument, kNoCsv}; }
  static bool decode(const CsvRow&, T&, DecodeError&) { return false; }
};

/// One split being read.
template <class T>
class RecordDecoder {
 public:
  explicit RecordDecoder(std::unique_ptr<RecordReader> reader) : reader_{std::move(reader)} {}

  /// Refuses a format that T does not fit.
  [[nodiscard]] Status check() const {
    if (reader_->format() == Format::kCsv && !kFitsCsv<T>) {
      return Status{ErrorCode::kInvalidArgument, kNoCsv}.at(reader_->path());
    }
    return {};
  }

  /// Fills `out`. kRecord stands for "there may be more at once".
  [[nodiscard]] Result<RecordReader::Event> poll(SourceOutput<T>& out) {
    using Event = RecordReader::Event;
    reader_->begin_poll();
    while (out.room() > 0 && out.bad_records() < kBadRecordsMax) {
      switch (const Event event = reader_->next()) {
        case Event::kRecord: {
          T value{};
          if (decode(value)) {
            out.emit(std::move(value));
          } else {
            out.bad_record(letter(error_.column, std::move(error_.field), std::move(error_.reason)));
            error_ = {};
          }
          break;
        }
        case Event::kHeader:
          if (Status s = bind(); !s.ok()) return s.at(reader_->path() + ":" + std::to_string(reader_->record().line));
          break;
        case Event::kBad:
          out.bad_record(letter(reader_->record().column, {}, reader_->record().reason));
          break;
        case Event::kFailed:
          return reader_->status();
        case Event::kPause:
          return Event::kRecord;
        case Event::kWait:
        case Event::kEnd:
          return event;
      }
    }
    return Event::kRecord;
  }

  [[nodiscard]] Position position() const { return reader_->position(); }

 private:
  [[nodiscard]] bool decode(T& value) {
    if (reader_->format() == Format::kCsv) return csv_.decode(reader_->row(), value, error_);
    return json_.decode(reader_->record().bytes, value, error_);
  }
  [[nodiscard]] Status bind() {
    csv_ = {};
    return csv_.bind(reader_->header());
  }
  [[nodiscard]] DeadLetter letter(std::size_t column, std::string field, std::string reason) const {
    return {.bytes = std::string{reader_->record().bytes},
            .source = reader_->path(),
            .line = reader_->record().line,
            .column = column,
            .field = std::move(field),
            .stage = {},
            .reason = std::move(reason)};
  }

  std::unique_ptr<RecordReader> reader_;
  JsonDecoder<T> json_;
  std::conditional_t<kFitsCsv<T>, CsvDecoder<T>, NoCsvDecoder<T>> csv_;
  DecodeError error_;
};

}  // namespace millstream::inline v0::file::detail
