// DecodeError: why a record could not be decoded, and where in the record. The caller adds file and line.
#pragma once

#include <cstddef>
#include <string>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// The largest JSON record that is read, in bytes; a longer one is an error, not an allocation.
inline constexpr std::size_t kRecordBytesMax = std::size_t{16} << 20;

struct DecodeError {
  std::string field;       ///< as a path, "legs[2].origin"; empty where the fault is the record's
  std::size_t column = 0;  ///< 1-based byte in the record where the offending value starts; 0 unknown
  std::string reason;      ///< "expected an integer, found \"abc\""
  friend bool operator==(const DecodeError&, const DecodeError&) = default;
};

/// "column 12, field 'cents': expected an integer, found \"abc\"".
[[nodiscard]] MILLSTREAM_EXPORT std::string to_string(const DecodeError& error);

}  // namespace millstream::inline v0
