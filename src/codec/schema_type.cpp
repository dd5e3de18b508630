// Types are recognised by the words that codec/schema.hpp makes.
#include "codec/schema_type.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

namespace millstream::inline v0::detail {
namespace {

using Kind = SchemaType::Kind;

constexpr std::array<std::string_view, 12> kScalars = {"bool", "char", "i8",  "i16", "i32", "i64",
                                                       "u8",   "u16",  "u32", "u64", "f32", "f64"};
constexpr std::array<std::pair<std::string_view, Kind>, 11> kPlain = {{{"string", Kind::kString},
                                                                       {"empty", Kind::kEmpty},
                                                                       {"struct", Kind::kStruct},
                                                                       {"optional", Kind::kOptional},
                                                                       {"list", Kind::kSequence},
                                                                       {"set", Kind::kSequence},
                                                                       {"map", Kind::kMap},
                                                                       {"tuple", Kind::kTuple},
                                                                       {"variant", Kind::kVariant},
                                                                       {"ordered", Kind::kOrdered},
                                                                       {"opaque", Kind::kOpaque}}};

bool parse_scalar(std::string_view name, ScalarType& scalar) {
  const auto at = std::find(kScalars.begin(), kScalars.end(), name);
  if (at == kScalars.end()) return false;
  scalar = static_cast<ScalarType>(std::distance(kScalars.begin(), at));
  return true;
}

template <class N>
bool parse_number(std::string_view text, N& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

// "REP x NUM/DEN s" or "REP x NUM s".
bool parse_clock(std::string_view text, SchemaType& type) {
  const std::size_t by = text.find(" x ");
  if (by == text.npos || !text.ends_with(" s") || by + 5 > text.size()) return false;
  const std::string_view period = text.substr(by + 3, text.size() - by - 5);
  const std::size_t slash = period.find('/');
  if (slash != period.npos && !parse_number(period.substr(slash + 1), type.den)) return false;
  return parse_scalar(text.substr(0, by), type.scalar) && type.scalar != ScalarType::kBool &&
         parse_number(period.substr(0, slash), type.num) && type.num > 0 && type.den > 0;
}

bool parse_argument(std::string_view word, std::string_view argument, SchemaType& type) {
  if (word == "array") {
    type.kind = Kind::kArray;
    return parse_number(argument, type.count);
  }
  if (word == "recursive") {
    type.kind = Kind::kRecursive;
    return parse_number(argument, type.count);
  }
  if (word == "enum") {
    type.kind = Kind::kEnum;
    return parse_scalar(argument, type.scalar) && type.scalar < ScalarType::kF32;
  }
  if (word == "timestamp" || word == "duration") {
    type.kind = word == "timestamp" ? Kind::kTimestamp : Kind::kDuration;
    return parse_clock(argument, type);
  }
  type.kind = Kind::kOpaque;
  return word == "opaque";
}

}  // namespace

bool SchemaType::may_have(std::size_t fields) const noexcept {
  switch (kind) {
    case Kind::kStruct:
    case Kind::kEnum:
    case Kind::kTuple:
      return true;
    case Kind::kVariant:
      return fields >= 1;
    case Kind::kMap:
      return fields == 2;
    case Kind::kOptional:
    case Kind::kSequence:
    case Kind::kArray:
      return fields == 1;
    default:
      return fields == 0;
  }
}

std::optional<SchemaType> parse_schema_type(std::string_view type) {
  SchemaType parsed;
  if (parse_scalar(type, parsed.scalar)) {
    parsed.kind = Kind::kScalar;
    return parsed;
  }
  for (const auto& [name, kind] : kPlain) {
    if (type != name) continue;
    parsed.kind = kind;
    return parsed;
  }
  const std::size_t open = type.find('(');
  if (open == type.npos || !type.ends_with(')')) return std::nullopt;
  const std::string_view argument = type.substr(open + 1, type.size() - open - 2);
  if (!parse_argument(type.substr(0, open), argument, parsed)) return std::nullopt;
  return parsed;
}

}  // namespace millstream::inline v0::detail
