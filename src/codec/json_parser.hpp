// JsonReader's state: the parser library's objects for the record being read. The only header that includes simdjson.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "millstream/codec/json_reader.hpp"

namespace millstream::inline v0::detail {

namespace ondemand = simdjson::ondemand;

struct JsonReader::State {
  ondemand::parser parser;
  ondemand::document document;
  std::unique_ptr<char[]> buffer;  ///< the record, with the padding that the parser may read
  std::size_t capacity = 0;
  std::size_t size = 0;              ///< of the text in the buffer
  std::size_t before_record = 0;     ///< bytes in the buffer that are not the record's
  std::size_t before_buffer = 0;     ///< bytes of the record that are not in the buffer
  ondemand::value* value = nullptr;  ///< where the reader stands; null at a record's own object
  DecodeError* error = nullptr;
  int depth = 0;

  /// Copies the record in, with brackets around it where any JSON value may be one.
  void load(std::string_view record, bool brackets);

  [[nodiscard]] std::size_t column(const char* at) const {
    const auto offset = static_cast<std::size_t>(at - buffer.get());
    return std::clamp(offset, before_record, size - before_record) - before_record + before_buffer + 1;
  }
  /// The current value's text: all of a scalar, the bracket of an object or array.
  [[nodiscard]] std::string_view token() const;
  [[nodiscard]] std::size_t value_column() const { return value == nullptr ? object_column() : column(token().data()); }
  [[nodiscard]] std::size_t object_column() const;

  bool fail_at(std::size_t at, std::string field, std::string reason);
  /// "expected WHAT, found ...", in words for what is no scalar.
  bool expected_value(std::string_view what);
  /// The text is no JSON, as the parser noticed where it stands now.
  bool fail_syntax(simdjson::error_code code);
  /// Puts the place before the path of an error that came from inside it.
  bool fail_inside(std::string_view place) const;

  [[nodiscard]] bool enter();
  void leave() { --depth; }
};

}  // namespace millstream::inline v0::detail
