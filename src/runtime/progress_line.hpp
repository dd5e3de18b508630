// The line that shows a job's progress on a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "millstream/runtime/metrics.hpp"

namespace millstream::inline v0 {

/// True if stderr is a terminal.
[[nodiscard]] bool stderr_is_terminal() noexcept;
/// Columns of the terminal behind stderr; 80 if it does not say.
[[nodiscard]] std::size_t terminal_columns() noexcept;
/// One line about the time between two snapshots: records/s, latency, watermark delay, pressure. Shorter than
/// `columns`, for a line that fills its row moves the cursor to the next one; what does not fit is left out, least
/// important first.
[[nodiscard]] std::string progress_text(const JobMetrics& before, const JobMetrics& now, Timestamp wall,
                                        std::size_t columns);

}  // namespace millstream::inline v0
