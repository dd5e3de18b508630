// The formats of files.
#pragma once

#include "millstream/codec/csv_fit.hpp"

namespace millstream::inline v0::file {

/// How records lie in a file.
enum class Format {
  kAuto,       ///< by the name: .json, .jsonl and .ndjson, or .csv, before .gz or .zst
  kJsonLines,  ///< one JSON value a line; empty lines are skipped
  kCsv,        ///< RFC 4180 with a header row; T must be a described struct of single values
};

namespace detail {
using ::millstream::detail::kFitsCsv;
using ::millstream::detail::kNoCsv;
}  // namespace detail
}  // namespace millstream::inline v0::file
