// The log hook: one callback per job receives every message of the library. The default writes through spdlog to
// stderr. The library has no global logger.
#pragma once

#include <functional>
#include <string_view>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Called from any thread of the job, one message a call, without a trailing newline. It must not throw.
/// It may ask the job for its status and metrics, but not wait for its end: the job has ended when the hook has heard
/// why.
using LogHook = std::function<void(LogLevel level, std::string_view message)>;

/// Writes messages of `minimum` and above to stderr.
[[nodiscard]] MILLSTREAM_EXPORT LogHook stderr_log(LogLevel minimum = LogLevel::kWarning);

}  // namespace millstream::inline v0
