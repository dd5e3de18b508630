// The typed part of writing: values of T as lines of JSON or CSV. Users want file/sink.hpp and file/stdio.hpp.
#pragma once

#include <string>

#include "millstream/codec/encode.hpp"
#include "millstream/connectors/file/format.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::file::detail {

/// Encodes into one of the two formats. Stateless, for any thread.
template <class T>
class RecordEncoder {
 public:
  explicit RecordEncoder(Format format) : csv_{format == Format::kCsv} {}

  /// Refuses a format that has no meaning for output, or that T does not fit.
  [[nodiscard]] static Status check(Format format) {
    if (format == Format::kAuto) {
      return {ErrorCode::kInvalidArgument, "an output has no name that tells its format: set .format"};
    }
    if (format == Format::kCsv && !kFitsCsv<T>) return {ErrorCode::kInvalidArgument, kNoCsv};
    return {};
  }
  /// What stands at the start of each file: CSV's header row, else nothing.
  [[nodiscard]] std::string header() const {
    std::string text;
    if constexpr (kFitsCsv<T>) {
      if (csv_) CsvEncoder<T>::header(text);
    }
    return text;
  }
  /// Appends the record and a newline.
  void append(const T& record, std::string& out) const {
    if constexpr (kFitsCsv<T>) {
      if (csv_) return CsvEncoder<T>::row(record, out);
    }
    encode_json(record, out);
    out.push_back('\n');
  }

 private:
  bool csv_;
};

}  // namespace millstream::inline v0::file::detail
