// Which types of records fit CSV. A format is often known only at run time, so a type that does not fit must compile,
// and asking for CSV is then an error when the job starts.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>

#include "millstream/codec/described.hpp"
#include "millstream/codec/type_kind.hpp"

namespace millstream::inline v0::detail {

template <class T>
inline constexpr bool kIsCsvValue = std::same_as<T, std::string> || std::same_as<T, bool> || Number<T> ||
                                    std::is_enum_v<T> || kIsSystemTime<T> || kIsDuration<T>;
template <class T>
inline constexpr bool kIsCsvValue<std::optional<T>> = kIsCsvValue<T>;

template <class T>
constexpr bool fits_csv() {
  if constexpr (Described<T>) {
    return Members<T>::kCount > 0 && Members<T>::all([]<class D>(D) { return kIsCsvValue<MemberType<T, D>>; });
  } else {
    return false;
  }
}

/// T can be read and written as CSV.
template <class T>
inline constexpr bool kFitsCsv = fits_csv<T>();

/// The words of the error where it cannot.
inline constexpr const char* kNoCsv =
    "the record type does not fit CSV: it must be a described struct of single values (numbers, bools, strings, enums, "
    "time points, durations, or optionals of these); use JSON";

}  // namespace millstream::inline v0::detail
