// Numbers of a running job in words short enough for one line of a terminal.
#include "runtime/progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace millstream::inline v0 {
namespace {

std::string short_count(double n) {
  if (n >= 1e9) return fmt::format("{:.1f} G", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.1f} M", n / 1e6);
  if (n >= 1e3) return fmt::format("{:.1f} k", n / 1e3);
  return fmt::format("{:.0f}", n);
}

std::string short_duration(std::chrono::nanoseconds d) {
  const auto ns = static_cast<double>(d.count());
  if (ns >= 3600e9) return fmt::format("{:.1f} h", ns / 3600e9);
  if (ns >= 1e9) return fmt::format("{:.1f} s", ns / 1e9);
  if (ns >= 1e6) return fmt::format("{:.1f} ms", ns / 1e6);
  return fmt::format("{:.0f} us", ns / 1e3);
}

}  // namespace

bool stderr_is_terminal() noexcept { return ::isatty(STDERR_FILENO) == 1; }

std::string progress_text(const JobMetrics& before, const JobMetrics& now, Timestamp wall) {
  const double seconds = std::max(std::chrono::duration<double>(now.elapsed - before.elapsed).count(), 1e-9);
  std::string text = fmt::format("{} in, {}/s, {} out", short_count(static_cast<double>(now.records_in)),
                                 short_count(static_cast<double>(now.records_in - before.records_in) / seconds),
                                 short_count(static_cast<double>(now.records_out)));
  if (now.latency.count() > 0) {
    text += fmt::format(", p50 {} p99 {}", short_duration(now.latency.quantile(0.5)),
                        short_duration(now.latency.quantile(0.99)));
  }
  Timestamp watermark = kTimestampMax;
  for (const StageReport& stage : now.stages) {
    if (stage.watermark != kTimestampMin && stage.watermark.time_since_epoch().count() != 0) {
      watermark = std::min(watermark, stage.watermark);
    }
  }
  if (watermark != kTimestampMax) {
    text += fmt::format(", watermark {} behind", short_duration(saturating_distance(wall, watermark)));
  }
  std::chrono::nanoseconds blocked{0};
  for (std::size_t i = 0; i < now.shards.size() && i < before.shards.size(); ++i) {
    blocked += now.shards[i].blocked - before.shards[i].blocked;
  }
  const double share =
      std::chrono::duration<double>(blocked).count() / seconds / static_cast<double>(now.shards.size());
  return text + fmt::format(", blocked {:.0f} %", std::clamp(share * 100, 0.0, 100.0));
}

}  // namespace millstream::inline v0
