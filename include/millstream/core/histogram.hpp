// Histograms of durations with three significant digits, from 1 ns to an hour, in fixed memory. LatencyHistogram is a
// plain value to record into, merge and ask for percentiles; ConcurrentHistogram is written by one thread while others
// take LatencyHistogram snapshots of it at any time. Percentiles are never averaged: merge, then ask.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

namespace detail {

// HdrHistogram's layout (Gil Tene, hdrhistogram.org) for 3 digits and a unit of 1 ns: values below 2,048 have a bucket
// each; above, every power of two is cut into 1,024 equal buckets, so a bucket is narrower than 1/1,024 of its values.
inline constexpr int kHistogramHalfBits = 10;
inline constexpr std::int64_t kHistogramMax = 3'600'000'000'000;  // an hour; longer is an outage, not a latency

/// The bucket of a value in [0, kHistogramMax].
constexpr std::size_t histogram_bucket(std::int64_t value) noexcept {
  constexpr std::uint64_t kUnitValues = (std::uint64_t{2} << kHistogramHalfBits) - 1;
  const auto v = static_cast<std::uint64_t>(value);
  const int shift = static_cast<int>(std::bit_width(v | kUnitValues)) - (kHistogramHalfBits + 1);
  return (static_cast<std::size_t>(shift) << kHistogramHalfBits) + static_cast<std::size_t>(v >> shift);
}

inline constexpr std::size_t kHistogramBuckets = histogram_bucket(kHistogramMax) + 1;

constexpr std::int64_t histogram_clamp(std::chrono::nanoseconds value) noexcept {
  return std::clamp<std::int64_t>(value.count(), 0, kHistogramMax);
}

}  // namespace detail

/// Counts of durations. A recorded value comes back with an error below 0.1 % (exactly, below 2,048 ns). Negative
/// durations count as zero, those above an hour as an hour; counts stop at 2^64 - 1 instead of wrapping.
/// One object takes 261 KiB, allocated by the constructor; nothing else allocates. Copyable; one that was moved from
/// may only be assigned to or destroyed. Not synchronized.
class MILLSTREAM_EXPORT LatencyHistogram {
 public:
  LatencyHistogram();

  void record(std::chrono::nanoseconds value) noexcept { record_n(value, 1); }
  /// Records `value` n times; n = 0 changes nothing.
  void record_n(std::chrono::nanoseconds value, std::uint64_t n) noexcept;
  /// Adds all that `other` has recorded: the same as having recorded it here, in any order.
  void merge(const LatencyHistogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The shortest and longest value, exactly (in a ConcurrentHistogram's snapshot within 0.1 %); 0 when empty.
  [[nodiscard]] std::chrono::nanoseconds min() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds max() const noexcept;
  /// The mean within 0.05 %, rounded to 1 ns; 0 when empty.
  [[nodiscard]] std::chrono::nanoseconds mean() const noexcept;
  /// The ceil(q * count)-th shortest value (q in [0, 1], at least the first), never reported too short and at most 0.1
  /// % too long; 0 when empty.
  [[nodiscard]] std::chrono::nanoseconds quantile(double q) const noexcept;

  /// The percentile distribution as HdrHistogram's tools write and plot it (.hgrm), values in multiples of `unit`.
  [[nodiscard]] std::string hgrm(std::chrono::nanoseconds unit = std::chrono::microseconds{1}) const;

  /// Appends a compact binary form: a few bytes for each bucket in use.
  void encode(std::string& out) const;
  /// Reads what encode() wrote off the front of `in`. False on anything else; then `in` and `out` are as before.
  [[nodiscard]] static bool decode(std::string_view& in, LatencyHistogram& out);

 private:
  friend class ConcurrentHistogram;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::int64_t min_ = detail::kHistogramMax;
  std::int64_t max_ = 0;
};

/// A LatencyHistogram that one thread writes while any others read. No locks and no read-modify-write instructions:
/// recording costs what it costs in a plain histogram.
class MILLSTREAM_EXPORT ConcurrentHistogram {
 public:
  ConcurrentHistogram();

  /// Called by the one writing thread only. Every access is relaxed: a cell has one writer, so load + store loses no
  /// increment, and a snapshot derives everything it reports from the cells it saw, so no order between cells matters.
  void record(std::chrono::nanoseconds value) noexcept { record_n(value, 1); }
  void record_n(std::chrono::nanoseconds value, std::uint64_t n) noexcept {
    if (n == 0) return;
    constexpr auto kRelaxed = std::memory_order_relaxed;
    const std::int64_t v = detail::histogram_clamp(value);
    if (v < min_.load(kRelaxed)) min_.store(v, kRelaxed);
    if (v > max_.load(kRelaxed)) max_.store(v, kRelaxed);
    std::atomic<std::uint64_t>& cell = counts_[detail::histogram_bucket(v)];
    const std::uint64_t before = cell.load(kRelaxed);
    cell.store(before + n < n ? ~std::uint64_t{0} : before + n, kRelaxed);
  }

  /// A consistent histogram of what was recorded so far, from any thread, at any time, without waiting (about 50 us).
  /// Records made meanwhile may be in it or not, each independently. Later snapshots of one thread never lack what an
  /// earlier one had; a thread that synchronized with the writer (joined it, took its message) sees all it had written.
  [[nodiscard]] LatencyHistogram snapshot() const;

 private:
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<std::int64_t> min_{detail::kHistogramMax};
  std::atomic<std::int64_t> max_{0};
};

}  // namespace millstream::inline v0
