// Numbers of a running job in words short enough for one line of a terminal.
#include "runtime/progress_line.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kColumnsDefault = 80;

std::string short_count(double n) {
  if (n >= 1e9) return fmt::format("{:.1f}G", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.1f}M", n / 1e6);
  if (n >= 1e3) return fmt::format("{:.1f}k", n / 1e3);
  return fmt::format("{:.0f}", n);
}

struct Unit {
  double seconds;
  std::string_view name;
  int decimals;
};
constexpr Unit kUnits[] = {{86'400, "d", 0}, {3'600, "h", 1}, {1, "s", 1}, {1e-3, "ms", 1}, {1e-6, "us", 0}};

// The one in which a duration is said: 47 hours, but 2 days.
const Unit& unit_of(double seconds) {
  if (seconds >= 2 * kUnits[0].seconds) return kUnits[0];
  const auto* unit = std::find_if(std::begin(kUnits) + 1, std::end(kUnits) - 1,
                                  [&](const Unit& each) { return seconds >= each.seconds; });
  return *unit;
}
std::string in_unit(double seconds, const Unit& unit) {
  return fmt::format("{:.{}f}", seconds / unit.seconds, unit.decimals);
}
std::string short_duration(std::chrono::duration<double> d) {
  const Unit& unit = unit_of(d.count());
  return fmt::format("{} {}", in_unit(d.count(), unit), unit.name);
}

// In the unit of the greater one, as long as that says anything about the smaller one.
std::string latency(const JobMetrics& now) {
  if (now.latency.count() == 0) return {};
  const std::chrono::duration<double> median = now.latency.quantile(0.5);
  const std::chrono::duration<double> p99 = now.latency.quantile(0.99);
  const Unit& unit = unit_of(p99.count());
  const bool shared = median.count() >= unit.seconds / 10;
  return fmt::format("p50/p99 {}/{}", shared ? in_unit(median.count(), unit) : short_duration(median),
                     short_duration(p99));
}

std::string pressure(const JobMetrics& before, const JobMetrics& now, double seconds) {
  std::chrono::duration<double> blocked{0};
  const std::size_t shards = std::min(now.shards.size(), before.shards.size());
  for (std::size_t i = 0; i < shards; ++i) blocked += now.shards[i].blocked - before.shards[i].blocked;
  const double share = shards == 0 ? 0 : blocked.count() / seconds / static_cast<double>(shards);
  return fmt::format("blocked {:.0f} %", std::clamp(share * 100, 0.0, 100.0));
}

// Empty if no stage has a watermark, or all have seen the end.
std::string delay(const JobMetrics& now, Timestamp wall) {
  Timestamp watermark = kTimestampMax;
  for (const StageReport& stage : now.stages) {
    if (stage.watermark != kTimestampMin) watermark = std::min(watermark, stage.watermark);
  }
  if (watermark == kTimestampMax) return {};
  const std::chrono::duration<double> behind = saturating_distance(wall, watermark);
  return behind.count() >= 0 ? short_duration(behind) + " behind" : short_duration(-behind) + " ahead";
}

}  // namespace

bool stderr_is_terminal() noexcept { return ::isatty(STDERR_FILENO) == 1; }

std::size_t terminal_columns() noexcept {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kColumnsDefault;
}

std::string progress_text(const JobMetrics& before, const JobMetrics& now, Timestamp wall, std::size_t columns) {
  const double seconds = std::max(std::chrono::duration<double>(now.elapsed - before.elapsed).count(), 1e-9);
  std::string text = fmt::format("{} in, {}/s, {} out", short_count(static_cast<double>(now.records_in)),
                                 short_count(static_cast<double>(now.records_in - before.records_in) / seconds),
                                 short_count(static_cast<double>(now.records_out)));
  for (const std::string& part : {pressure(before, now, seconds), latency(now), delay(now, wall)}) {
    if (!part.empty() && text.size() + 2 + part.size() < columns) text += ", " + part;
  }
  return text.substr(0, std::max<std::size_t>(columns, 1) - 1);
}

}  // namespace millstream::inline v0
