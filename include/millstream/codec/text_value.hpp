// Single values as text and back: what JSON and CSV have in common, compiled once. Writers append and do not allocate
// otherwise; readers take the whole text or say in `reason` what they expected and found.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "millstream/codec/described.hpp"
#include "millstream/codec/instant.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0::detail {

MILLSTREAM_EXPORT void append_signed(std::string& out, std::int64_t value);
MILLSTREAM_EXPORT void append_unsigned(std::string& out, std::uint64_t value);
/// The shortest text that reads back as the same number; "nan", "inf", "-inf".
MILLSTREAM_EXPORT void append_floating(std::string& out, double value);
MILLSTREAM_EXPORT void append_floating(std::string& out, float value);
/// As append_to(out, Timestamp), with up to nine digits.
MILLSTREAM_EXPORT void append_instant(std::string& out, Instant instant);
/// Two lower-case digits a byte.
MILLSTREAM_EXPORT void append_hexadecimal(std::string& out, std::string_view bytes);
/// The name of a described enumerator, or an empty view.
MILLSTREAM_EXPORT std::string_view enum_name(std::span<const EnumName> names, std::int64_t value) noexcept;

MILLSTREAM_EXPORT bool parse_signed(std::string_view text, std::int64_t min, std::int64_t max, std::int64_t& value,
                                    std::string& reason);
MILLSTREAM_EXPORT bool parse_unsigned(std::string_view text, std::uint64_t max, std::uint64_t& value,
                                      std::string& reason);
MILLSTREAM_EXPORT bool parse_floating(std::string_view text, double& value, std::string& reason);
MILLSTREAM_EXPORT bool parse_floating(std::string_view text, float& value, std::string& reason);
MILLSTREAM_EXPORT bool parse_bool(std::string_view text, bool& value, std::string& reason);
MILLSTREAM_EXPORT bool parse_instant(std::string_view text, Instant& value, std::string& reason);
MILLSTREAM_EXPORT bool parse_enum(std::string_view text, std::span<const EnumName> names, std::int64_t& value,
                                  std::string& reason);
/// "expected WHAT, found \"...\"", with long or unprintable text cut and escaped.
MILLSTREAM_EXPORT bool expected(std::string_view what, std::string_view found, std::string& reason);
/// "\"...\" is out of range (the type holds MIN to MAX)".
MILLSTREAM_EXPORT bool out_of_range(std::string_view found, std::string_view range, std::string& reason);

}  // namespace millstream::inline v0::detail
