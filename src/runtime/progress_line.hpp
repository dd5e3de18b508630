// The line that shows a job's progress on a terminal.
#pragma once

#include <chrono>
#include <string>

#include "millstream/runtime/metrics.hpp"

namespace millstream::inline v0 {

/// True if stderr is a terminal.
[[nodiscard]] bool stderr_is_terminal() noexcept;
/// One line about the time between two snapshots: records/s, latency, watermark delay, pressure.
[[nodiscard]] std::string progress_text(const JobMetrics& before, const JobMetrics& now, Timestamp wall);

}  // namespace millstream::inline v0
