// The .hgrm text of a latency histogram: HdrHistogram's percentile distribution, five lines for each halving of the
// distance to 100 %. Written without printf, so that the host program's locale cannot change it.
#include <array>
#include <charconv>
#include <cmath>

#include "core/histogram_layout.hpp"
#include "core/saturating_count.hpp"

namespace millstream::inline v0 {
namespace {

constexpr double kTicksPerHalfDistance = 5;  // what HdrHistogram's own tools write

void append_right(std::string& out, std::string_view text, std::size_t width) {
  if (text.size() < width) out.append(width - text.size(), ' ');
  out.append(text);
}

void append_fixed(std::string& out, double value, int digits, std::size_t width) {
  std::array<char, 400> text;  // the longest double in this form has 309 digits before its point
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits).ptr;
  append_right(out, {text.data(), static_cast<std::size_t>(end - text.data())}, width);
}

void append_count(std::string& out, std::uint64_t value, std::size_t width) {
  append_right(out, std::to_string(value), width);
}

double next_level(double level) {
  const double halvings = std::floor(std::log2(100 / (100 - level)));
  const double next = level + 100 / (kTicksPerHalfDistance * std::exp2(halvings + 1));
  // So close to 100 that doubles cannot tell: only the last line is left.
  return next > level && next < 100 ? next : HUGE_VAL;
}

}  // namespace

std::string LatencyHistogram::hgrm(std::chrono::nanoseconds unit) const {
  const double scale = static_cast<double>(unit.count());
  const double total = static_cast<double>(count_);
  std::string out = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
  const auto line = [&](std::size_t bucket, double level, std::uint64_t reached) {
    append_fixed(out, static_cast<double>(std::min(detail::histogram_highest(bucket), max_)) / scale, 3, 12);
    out += ' ';
    append_fixed(out, level / 100, 12, 14);
    out += ' ';
    append_count(out, reached, 10);
    if (level < 100) {
      out += ' ';
      append_fixed(out, 100 / (100 - level), 2, 14);
    }
    out += '\n';
  };
  double level = 0;
  double squares = 0;
  const double mean_value = static_cast<double>(mean().count());
  std::uint64_t reached = 0;
  for (std::size_t i = count_ == 0 ? counts_.size() : detail::histogram_bucket(min_); i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    reached = detail::saturating_count(reached, counts_[i]);
    const double distance = static_cast<double>(detail::histogram_middle(i)) - mean_value;
    squares += static_cast<double>(counts_[i]) * distance * distance;
    const double percentile = 100 * (static_cast<double>(reached) / total);
    while (percentile >= level) {
      line(i, level, reached);
      level = next_level(level);
      if (reached == count_) level = HUGE_VAL;
    }
  }
  if (count_ != 0) line(detail::histogram_bucket(max_), 100, count_);
  out += "#[Mean    = ";
  append_fixed(out, mean_value / scale, 3, 12);
  out += ", StdDeviation   = ";
  append_fixed(out, count_ == 0 ? 0 : std::sqrt(squares / total) / scale, 3, 12);
  out += "]\n#[Max     = ";
  append_fixed(out, static_cast<double>(max_) / scale, 3, 12);
  out += ", Total count    = ";
  append_count(out, count_, 12);
  out += "]\n#[Buckets = ";
  append_count(out, (detail::kHistogramBuckets - 1) >> detail::kHistogramHalfBits, 12);
  out += ", SubBuckets     = ";
  append_count(out, std::uint64_t{2} << detail::kHistogramHalfBits, 12);
  out += "]\n";
  return out;
}

}  // namespace millstream::inline v0
