// Values read by their schema alone, for programs that have state bytes and the text of a schema, but not the types:
// the text back to a Schema, and codec bytes to JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "millstream/codec/schema.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// How deep types may lie in each other, in a schema that is parsed and in a value that is read by one: a bound on the
/// stack. More than kNestingMax, which counts structs alone.
inline constexpr int kSchemaNestingMax = 512;

/// The Schema that has this text as its to_string(), and no other spelling of it. kInvalidData names the column.
[[nodiscard]] MILLSTREAM_EXPORT Result<Schema> parse_schema(std::string_view text);

/// What the entries of a state hold, as far as their text tells.
struct EntrySchema {
  std::optional<Schema> key;    ///< none where the text speaks of the value alone
  std::optional<Schema> value;  ///< none where the text is no schema
};

/// Of "VALUE" or "KEY -> VALUE".
[[nodiscard]] MILLSTREAM_EXPORT EntrySchema parse_entry_schema(std::string_view text);

/// Appends the value that codec bytes hold, as encode_json (codec/encode.hpp) writes it. What that does not know: a map
/// whose keys are no strings is an array of pairs, an instant that has no form as RFC 3339 is its number of ticks, an
/// opaque value is a string of hexadecimal digits and has all bytes that are left, so nothing may follow it. False,
/// with `out` as it was, where the bytes are anything but one value of the schema.
[[nodiscard]] MILLSTREAM_EXPORT bool bytes_to_json(const Schema& schema, std::string_view bytes, std::string& out);

/// Any JSON value as encode_json would write it, so that two texts of one value become equal: no spaces, shortest
/// escapes and numbers. The fields of objects stay in their order. kInvalidArgument where it is no JSON.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::string> compact_json(std::string_view text);

}  // namespace millstream::inline v0
