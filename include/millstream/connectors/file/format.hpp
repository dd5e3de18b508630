// The formats of files, and which types of records fit them.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>

#include "millstream/codec/described.hpp"
#include "millstream/codec/type_kind.hpp"

namespace millstream::inline v0::file {

/// How records lie in a file.
enum class Format {
  kAuto,       ///< by the name: .json, .jsonl and .ndjson, or .csv, before .gz or .zst
  kJsonLines,  ///< one JSON value a line; empty lines are skipped
  kCsv,        ///< RFC 4180 with a header row; T must be a described struct of single values
};

namespace detail {

namespace codec_detail = ::millstream::detail;

template <class T>
inline constexpr bool kIsCsvValue = std::same_as<T, std::string> || std::same_as<T, bool> || codec_detail::Number<T> ||
                                    std::is_enum_v<T> || codec_detail::kIsSystemTime<T> || codec_detail::kIsDuration<T>;
template <class T>
inline constexpr bool kIsCsvValue<std::optional<T>> = kIsCsvValue<T>;

template <class T>
constexpr bool fits_csv() {
  if constexpr (Described<T>) {
    using Members = codec_detail::Members<T>;
    return Members::kCount > 0 && Members::all([]<class D>(D) { return kIsCsvValue<codec_detail::MemberType<T, D>>; });
  } else {
    return false;
  }
}

/// Whether T can be read and written as CSV. The format is known only at run time, so a T that does not fit compiles,
/// and asking for CSV is then an error when the job starts.
template <class T>
inline constexpr bool kFitsCsv = fits_csv<T>();

/// The words of that error.
inline constexpr const char* kNoCsv =
    "the record type does not fit CSV: it must be a described struct of single values (numbers, bools, strings, enums, "
    "time points, durations, or optionals of these); use JSON lines";

}  // namespace detail
}  // namespace millstream::inline v0::file
