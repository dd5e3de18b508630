// Recording, merging, percentiles and the binary form of the latency histograms.
#include "millstream/core/histogram.hpp"

#include <cmath>

#include "core/bytes.hpp"
#include "core/histogram_layout.hpp"
#include "core/quantile_rank.hpp"
#include "core/saturating_count.hpp"

namespace millstream::inline v0 {

using detail::histogram_bucket;
using detail::kHistogramBuckets;
using detail::kHistogramMax;
using detail::saturating_count;
using std::chrono::nanoseconds;

LatencyHistogram::LatencyHistogram() : counts_(kHistogramBuckets) {}

void LatencyHistogram::record_n(nanoseconds value, std::uint64_t n) noexcept {
  if (n == 0) return;
  const std::int64_t v = detail::histogram_clamp(value);
  std::uint64_t& cell = counts_[histogram_bucket(v)];
  cell = saturating_count(cell, n);
  count_ = saturating_count(count_, n);
  min_ = std::min(min_, v);
  max_ = std::max(max_, v);
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  if (other.count_ == 0) return;
  for (std::size_t i = histogram_bucket(other.min_); i <= histogram_bucket(other.max_); ++i) {
    counts_[i] = saturating_count(counts_[i], other.counts_[i]);
  }
  count_ = saturating_count(count_, other.count_);
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

nanoseconds LatencyHistogram::min() const noexcept { return nanoseconds{count_ == 0 ? 0 : min_}; }
nanoseconds LatencyHistogram::max() const noexcept { return nanoseconds{max_}; }

nanoseconds LatencyHistogram::mean() const noexcept {
  if (count_ == 0) return nanoseconds{0};
  double sum = 0;
  double count = 0;  // not count_, which may have stopped at its end
  for (std::size_t i = histogram_bucket(min_); i <= histogram_bucket(max_); ++i) {
    if (counts_[i] == 0) continue;
    sum += static_cast<double>(counts_[i]) * static_cast<double>(detail::histogram_middle(i));
    count += static_cast<double>(counts_[i]);
  }
  return nanoseconds{std::clamp<std::int64_t>(std::llround(sum / count), min_, max_)};
}

nanoseconds LatencyHistogram::quantile(double q) const noexcept {
  if (count_ == 0) return nanoseconds{0};
  const std::uint64_t rank = detail::quantile_rank(q, count_);
  if (rank == 1) return nanoseconds{min_};
  std::uint64_t left = rank;
  for (std::size_t i = histogram_bucket(min_); i < histogram_bucket(max_); ++i) {
    if (counts_[i] >= left) return nanoseconds{detail::histogram_highest(i)};
    left -= counts_[i];
  }
  return nanoseconds{max_};
}

// Format 1: u8 version; varint number of used buckets; if not 0: varint min, varint max, then for each used bucket,
// ascending: varint buckets skipped since the one before, varint count.
namespace {
constexpr std::uint8_t kFormat = 1;
}

void LatencyHistogram::encode(std::string& out) const {
  out.push_back(static_cast<char>(kFormat));
  std::uint64_t used = 0;
  for (const std::uint64_t n : counts_) used += n != 0;
  detail::append_varint(out, used);
  if (used == 0) return;
  detail::append_varint(out, static_cast<std::uint64_t>(min_));
  detail::append_varint(out, static_cast<std::uint64_t>(max_));
  std::size_t next = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    detail::append_varint(out, i - next);
    detail::append_varint(out, counts_[i]);
    next = i + 1;
  }
}

bool LatencyHistogram::decode(std::string_view& in, LatencyHistogram& out) {
  std::string_view rest = in;
  std::uint8_t format = 0;
  std::uint64_t used = 0;
  if (!detail::read_byte(rest, format) || format != kFormat) return false;
  if (!detail::read_varint(rest, used) || used > kHistogramBuckets) return false;
  LatencyHistogram read;
  if (used > 0) {
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    if (!detail::read_varint(rest, min) || !detail::read_varint(rest, max)) return false;
    if (min > max || max > static_cast<std::uint64_t>(kHistogramMax)) return false;
    read.min_ = static_cast<std::int64_t>(min);
    read.max_ = static_cast<std::int64_t>(max);
    std::size_t next = 0;
    for (std::uint64_t k = 0; k < used; ++k) {
      std::uint64_t skipped = 0;
      std::uint64_t n = 0;
      if (!detail::read_varint(rest, skipped) || !detail::read_varint(rest, n)) return false;
      if (n == 0 || skipped >= kHistogramBuckets - next) return false;
      const std::size_t bucket = next + static_cast<std::size_t>(skipped);
      if (k == 0 && bucket != histogram_bucket(read.min_)) return false;
      if (k == used - 1 && bucket != histogram_bucket(read.max_)) return false;
      read.counts_[bucket] = n;
      read.count_ = saturating_count(read.count_, n);
      next = bucket + 1;
    }
    if (read.count_ == 1 && min != max) return false;
  }
  in = rest;
  out = std::move(read);
  return true;
}

ConcurrentHistogram::ConcurrentHistogram()
    : counts_{std::make_unique<std::atomic<std::uint64_t>[]>(kHistogramBuckets)} {}

LatencyHistogram ConcurrentHistogram::snapshot() const {
  LatencyHistogram seen;
  std::size_t lowest = kHistogramBuckets;
  std::size_t highest = 0;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    const std::uint64_t n = counts_[i].load(std::memory_order_relaxed);
    if (n == 0) continue;
    seen.counts_[i] = n;
    seen.count_ = saturating_count(seen.count_, n);
    lowest = std::min(lowest, i);
    highest = i;
  }
  if (seen.count_ == 0) return seen;
  // min_ and max_ may be newer or older than the cells: they count only as far as the cells agree with them.
  const std::int64_t min = min_.load(std::memory_order_relaxed);
  const std::int64_t max = max_.load(std::memory_order_relaxed);
  seen.min_ = histogram_bucket(min) == lowest ? min : detail::histogram_lowest(lowest);
  seen.max_ = histogram_bucket(max) == highest ? max : std::min(detail::histogram_highest(highest), kHistogramMax);
  seen.min_ = seen.count_ == 1 ? seen.max_ : std::min(seen.min_, seen.max_);
  return seen;
}

}  // namespace millstream::inline v0
