// Values as JSON and CSV text. What these functions write, JsonDecoder and CsvDecoder (codec/decode.hpp) read back as
// the same value; decode.hpp states the forms. Exceptions: NaN and infinities are null in JSON, invalid UTF-8 becomes
// U+FFFD there, and a variant is written as the alternative that it holds but is not read.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "millstream/codec/described.hpp"
#include "millstream/codec/text_value.hpp"
#include "millstream/codec/type_kind.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

namespace detail {

/// A JSON string with its quotes and escapes.
MILLSTREAM_EXPORT void append_json_string(std::string& out, std::string_view text);
/// A CSV field, quoted where it must be.
MILLSTREAM_EXPORT void append_csv_string(std::string& out, std::string_view text);

template <class T>
void append_number(std::string& out, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    append_floating(out, value);
  } else if constexpr (std::is_signed_v<T>) {
    append_signed(out, value);
  } else {
    append_unsigned(out, value);
  }
}

template <class T>
concept StringView = std::same_as<T, std::string> || std::same_as<T, std::string_view>;

template <class T>
void append_json(std::string& out, const T& value);

template <class Container>
void append_json_array(std::string& out, const Container& container) {
  out.push_back('[');
  bool first = true;
  for (const typename Container::value_type& element : container) {
    if (!first) out.push_back(',');
    first = false;
    append_json(out, element);
  }
  out.push_back(']');
}

template <class T>
void append_json_struct(std::string& out, const T& value) {
  char before = '{';
  Members<T>::each([&](auto d) {
    using D = decltype(d);
    out.push_back(before);
    out.push_back('"');
    out.append(std::string_view{D::name});
    out.append("\":", 2);
    append_json(out, value.*D::pointer);
    before = ',';
  });
  if (before == '{') out.push_back('{');
  out.push_back('}');
}

template <class T>
void append_json(std::string& out, const T& value) {
  if constexpr (Described<T>) {
    append_json_struct(out, value);
  } else if constexpr (std::same_as<T, bool>) {
    out.append(value ? std::string_view{"true"} : std::string_view{"false"});
  } else if constexpr (std::same_as<T, char>) {
    append_json_string(out, std::string_view{&value, 1});
  } else if constexpr (Number<T>) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) {
        out.append("null", 4);
        return;
      }
    }
    append_number(out, value);
  } else if constexpr (StringView<T>) {
    append_json_string(out, value);
  } else if constexpr (std::is_enum_v<T>) {
    const auto number = static_cast<std::underlying_type_t<T>>(value);
    const std::string_view name = enum_name(enum_names<T>(), static_cast<std::int64_t>(number));
    if (name.empty()) {
      append_json(out, number);
    } else {
      append_json_string(out, name);
    }
  } else if constexpr (kIsSystemTime<T>) {
    static_assert(InstantDuration<typename T::duration>,
                  "millstream: a time point in JSON needs whole ticks that are at least a nanosecond");
    out.push_back('"');
    append_instant(out, to_instant(value));
    out.push_back('"');
  } else if constexpr (kIsDuration<T>) {
    append_json(out, value.count());
  } else if constexpr (std::same_as<T, std::monostate>) {
    out.append("null", 4);
  } else if constexpr (kIsOptional<T>) {
    if (value.has_value()) {
      append_json(out, *value);
    } else {
      out.append("null", 4);
    }
  } else if constexpr (kIsVariant<T>) {
    std::visit([&](const auto& held) { append_json(out, held); }, value);
  } else if constexpr (kIsTuple<T>) {
    out.push_back('[');
    std::apply(
        [&](const auto&... part) {
          bool first = true;
          ((first ? void() : out.push_back(','), first = false, append_json(out, part)), ...);
        },
        value);
    out.push_back(']');
  } else if constexpr (MapContainer<T>) {
    static_assert(StringView<typename T::key_type>, "millstream: a map that is written as JSON has std::string keys");
    char before = '{';
    for (const auto& [key, mapped] : value) {
      out.push_back(before);
      append_json_string(out, key);
      out.push_back(':');
      append_json(out, mapped);
      before = ',';
    }
    if (before == '{') out.push_back('{');
    out.push_back('}');
  } else if constexpr (kIsArray<T> || SetContainer<T> || SequenceContainer<T>) {
    append_json_array(out, value);
  } else {
    static_assert(kAlwaysFalse<T>,
                  "millstream: to read or write this type as JSON, describe it: BOOST_DESCRIBE_STRUCT(Type, (), "
                  "(fields...)) behind the struct, in its namespace");
  }
}

template <class T>
void append_csv(std::string& out, const T& value) {
  if constexpr (StringView<T>) {
    append_csv_string(out, value);
  } else if constexpr (std::same_as<T, char>) {
    append_csv_string(out, std::string_view{&value, 1});
  } else if constexpr (std::same_as<T, bool>) {
    out.append(value ? std::string_view{"true"} : std::string_view{"false"});
  } else if constexpr (Number<T>) {
    append_number(out, value);
  } else if constexpr (std::is_enum_v<T>) {
    const auto number = static_cast<std::underlying_type_t<T>>(value);
    const std::string_view name = enum_name(enum_names<T>(), static_cast<std::int64_t>(number));
    if (name.empty()) {
      append_csv(out, number);
    } else {
      out.append(name);
    }
  } else if constexpr (kIsSystemTime<T>) {
    static_assert(InstantDuration<typename T::duration>,
                  "millstream: a time point in CSV needs whole ticks that are at least a nanosecond");
    append_instant(out, to_instant(value));
  } else if constexpr (kIsDuration<T>) {
    append_csv(out, value.count());
  } else if constexpr (kIsOptional<T>) {
    if (!value.has_value()) return;
    const std::size_t start = out.size();
    append_csv(out, *value);
    if (out.size() == start) out.append("\"\"", 2);  // an empty string is not a missing one
  } else {
    static_assert(kAlwaysFalse<T>,
                  "millstream: a CSV column holds one value: a number, bool, string, enum, time point, duration, or an "
                  "optional of these; use JSON for nested structs and containers");
  }
}

}  // namespace detail

/// Appends the value as JSON, without a newline. Doubles are the shortest text that reads back as the same number.
template <class T>
void encode_json(const T& value, std::string& out) {
  detail::append_json(out, value);
}

/// Writes T, a described struct of single values, as RFC 4180 lines that end with "\n".
template <class T>
class CsvEncoder {
  static_assert(Described<T>,
                "millstream: to read or write this type as CSV, describe it: BOOST_DESCRIBE_STRUCT(Type, (), "
                "(fields...)) behind the struct, in its namespace");
  static_assert(detail::Members<T>::kCount > 0, "millstream: a struct without fields has no form in CSV");

 public:
  /// Appends the line with the field names.
  static void header(std::string& out) {
    bool first = true;
    detail::Members<T>::each([&](auto d) {
      if (!first) out.push_back(',');
      first = false;
      out.append(std::string_view{decltype(d)::name});
    });
    out.push_back('\n');
  }
  /// Appends the line of one value.
  static void row(const T& value, std::string& out) {
    const std::size_t start = out.size();
    bool first = true;
    detail::Members<T>::each([&](auto d) {
      if (!first) out.push_back(',');
      first = false;
      detail::append_csv(out, value.*decltype(d)::pointer);
    });
    // Readers skip empty lines, so the only column of a row is never written as nothing (which makes a missing string
    // that stands alone an empty one).
    if (out.size() == start) out.append("\"\"", 2);
    out.push_back('\n');
  }
};

}  // namespace millstream::inline v0
