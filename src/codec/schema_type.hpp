// The `type` of a Schema, taken apart: what reads schemas as text and what reads values by them have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millstream::inline v0::detail {

/// In the order of their names in schema_type.cpp.
enum class ScalarType : std::uint8_t { kBool, kChar, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kF32, kF64 };

struct SchemaType {
  enum class Kind : std::uint8_t {
    kScalar,
    kString,
    kEmpty,
    kStruct,
    kOptional,
    kSequence,  ///< list and set
    kMap,
    kArray,
    kTuple,
    kVariant,
    kEnum,
    kTimestamp,
    kDuration,
    kOrdered,
    kOpaque,
    kRecursive,
  };
  Kind kind = Kind::kEmpty;
  ScalarType scalar = ScalarType::kBool;  ///< of a scalar, enum, timestamp or duration
  std::uint64_t count = 0;                ///< of an array, or the level of a recursion
  std::int64_t num = 1;                   ///< a tick is num/den seconds
  std::int64_t den = 1;

  /// A struct's and an enum's fields have names.
  [[nodiscard]] bool named_fields() const noexcept { return kind == Kind::kStruct || kind == Kind::kEnum; }
  [[nodiscard]] bool may_have(std::size_t fields) const noexcept;
};

/// Nothing where no schema has such a type.
std::optional<SchemaType> parse_schema_type(std::string_view type);

}  // namespace millstream::inline v0::detail
