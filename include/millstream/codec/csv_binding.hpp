// CsvBinding: the untyped half of CSV decoding (which column goes to which field), compiled once, and the template glue
// that reads one field of a struct. Users want CsvDecoder (codec/decode.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/codec/csv.hpp"
#include "millstream/codec/decode_error.hpp"
#include "millstream/codec/described.hpp"
#include "millstream/codec/text_value.hpp"
#include "millstream/codec/type_kind.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0::detail {

struct CsvField {
  std::string_view name;
  bool optional;
  /// `quoted` tells an empty string from a missing one.
  bool (*read)(std::string_view text, bool quoted, void* object, std::string& reason);
  void (*reset)(void* object);
};

class MILLSTREAM_EXPORT CsvBinding {
 public:
  [[nodiscard]] Status bind(std::span<const CsvField> fields, const std::vector<std::string>& header);
  [[nodiscard]] bool decode(std::span<const CsvField> fields, const CsvRow& row, void* object,
                            DecodeError& error) const;

 private:
  std::vector<std::size_t> field_of_column_;
  std::vector<std::size_t> absent_;  ///< optional fields without a column
  bool bound_ = false;
};

template <class T>
[[nodiscard]] bool read_csv(std::string_view text, [[maybe_unused]] bool quoted, T& value, std::string& reason) {
  if constexpr (std::same_as<T, std::string>) {
    value.assign(text);
    return true;
  } else if constexpr (std::same_as<T, bool>) {
    return parse_bool(text, value, reason);
  } else if constexpr (std::same_as<T, char>) {
    if (text.size() != 1) return expected("one character", text, reason);
    value = text.front();
    return true;
  } else if constexpr (Number<T> && std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_signed_v<T>) {
      std::int64_t wide = 0;
      if (!parse_signed(text, Limits::min(), Limits::max(), wide, reason)) return false;
      value = static_cast<T>(wide);
    } else {
      std::uint64_t wide = 0;
      if (!parse_unsigned(text, Limits::max(), wide, reason)) return false;
      value = static_cast<T>(wide);
    }
    return true;
  } else if constexpr (Number<T>) {
    return parse_floating(text, value, reason);
  } else if constexpr (DescribedEnum<T>) {
    std::int64_t number = 0;
    if (!parse_enum(text, enum_names<T>(), number, reason)) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    if (!read_csv(text, quoted, number, reason)) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (kIsSystemTime<T>) {
    static_assert(InstantDuration<typename T::duration>,
                  "millstream: a time point in CSV needs whole ticks that are at least a nanosecond");
    Instant instant;
    if (!parse_instant(text, instant, reason)) return false;
    return from_instant(instant, value) || out_of_range(text, "", reason);
  } else if constexpr (kIsDuration<T>) {
    typename T::rep ticks{};
    if (!read_csv(text, quoted, ticks, reason)) return false;
    value = T{ticks};
    return true;
  } else if constexpr (kIsOptional<T>) {
    static_assert(!kIsOptional<typename T::value_type>, "millstream: an optional of an optional has no form in CSV");
    value.reset();
    if (text.empty() && !(quoted && std::same_as<typename T::value_type, std::string>)) return true;
    return read_csv(text, quoted, value.emplace(), reason);
  } else {
    static_assert(kAlwaysFalse<T>,
                  "millstream: a CSV column holds one value: a number, bool, string, enum, time point, duration, or an "
                  "optional of these; use JSON for nested structs and containers");
    return false;
  }
}

template <class T, class D>
struct CsvMember {
  using Type = MemberType<T, D>;
  static bool read(std::string_view text, bool quoted, void* object, std::string& reason) {
    return read_csv(text, quoted, static_cast<T*>(object)->*D::pointer, reason);
  }
  static void reset([[maybe_unused]] void* object) {
    if constexpr (kIsOptional<Type>) (static_cast<T*>(object)->*D::pointer).reset();
  }
  static constexpr CsvField kField{D::name, kIsOptional<Type>, &read, kIsOptional<Type> ? &reset : nullptr};
};

template <class T, class List>
struct CsvFields;
template <class T, template <class...> class List, class... D>
struct CsvFields<T, List<D...>> {
  static constexpr CsvField kFields[sizeof...(D) + 1] = {CsvMember<T, D>::kField..., {}};
  static constexpr std::span<const CsvField> view() { return {kFields, sizeof...(D)}; }
};

template <class T>
constexpr std::span<const CsvField> csv_fields() {
  return CsvFields<
      T, boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>>::view();
}

}  // namespace millstream::inline v0::detail
