// JsonDecoder and CsvDecoder: described structs from JSON records and CSV rows, mapped by field name. A missing,
// unknown, repeated, wrong-type or out-of-range field is an error that names field and column; a std::optional field
// may be missing (or null, or an empty CSV field), yet not of a wrong type.
//
// Time points are RFC 3339 strings; durations are numbers of their own ticks; described enums are their names, other
// enums numbers; integers must be written as integers; a char is a string of one character.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millstream/codec/csv.hpp"
#include "millstream/codec/csv_binding.hpp"
#include "millstream/codec/decode_error.hpp"
#include "millstream/codec/json_reader.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// Reads JSON records as T: a described struct from one JSON object, or a number, string, array or map of what it can
/// read. For one thread; a copy starts with buffers of its own. It allocates only until it has seen its longest record,
/// and for the strings and containers of T.
template <class T>
class JsonDecoder {
 public:
  JsonDecoder() = default;
  JsonDecoder(const JsonDecoder& /*other*/) : JsonDecoder{} {}
  JsonDecoder& operator=(const JsonDecoder& /*other*/) noexcept { return *this; }
  JsonDecoder(JsonDecoder&&) noexcept = default;
  JsonDecoder& operator=(JsonDecoder&&) noexcept = default;
  ~JsonDecoder() = default;

  /// One record, with nothing but white space around it (and a UTF-8 byte order mark before it, which is skipped). On
  /// false `error` is set and `out` is unspecified. Records over kRecordBytesMax and values nested deeper than 64
  /// levels are errors.
  [[nodiscard]] bool decode(std::string_view record, T& out, DecodeError& error) {
    return reader_.decode(record, Described<T>, &out, &detail::read_json_record<T>, error);
  }

 private:
  detail::JsonReader reader_;
};

/// Reads CSV rows as T, a described struct of single values. For one thread. Call bind() once, with the header row.
template <class T>
class CsvDecoder {
  static_assert(Described<T>,
                "millstream: to read or write this type as CSV, describe it: BOOST_DESCRIBE_STRUCT(Type, (), "
                "(fields...)) behind the struct, in its namespace");

 public:
  /// Maps the columns to T's fields. The error names every unknown, repeated and missing column.
  [[nodiscard]] Status bind(const std::vector<std::string>& header) {
    return binding_.bind(detail::csv_fields<T>(), header);
  }
  /// One row after the header. On false `error` is set and `out` is unspecified.
  [[nodiscard]] bool decode(const CsvRow& row, T& out, DecodeError& error) {
    return binding_.decode(detail::csv_fields<T>(), row, &out, error);
  }

 private:
  detail::CsvBinding binding_;
};

}  // namespace millstream::inline v0
