// Latency over time: what each interval in which records fell due came to. A histogram of three digits for each would
// not fit into the cache beside the job, so these have coarser buckets.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace latency {

/// Counts of latencies in nanoseconds, from 0 to an hour, in 5 KiB. Buckets are a thirty-second of a power of two wide:
/// a percentile is never reported too short, and at most 3.2 % too long. Exact below 64 ns.
class IntervalHistogram {
 public:
  void record(std::int64_t ns) noexcept {
    const std::int64_t value = ns < 0 ? 0 : ns > kMax ? kMax : ns;
    ++counts_[bucket(static_cast<std::uint64_t>(value))];
    if (value > max_) max_ = value;
  }
  void merge(const IntervalHistogram& other) noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// The ceil(q * count)-th shortest, q from 0 to 1; 0 where there is none.
  [[nodiscard]] std::int64_t quantile(double q) const noexcept;
  [[nodiscard]] std::int64_t max() const noexcept { return max_; }

 private:
  static constexpr std::int64_t kMax = 3'600'000'000'000;
  static constexpr std::size_t kBuckets = 1205;  // kMax is in the last one
  static std::size_t bucket(std::uint64_t value) noexcept {
    const int shift = static_cast<int>(std::bit_width(value | 63)) - 6;
    return (static_cast<std::size_t>(shift) << 5) + static_cast<std::size_t>(value >> shift);
  }
  std::array<std::uint32_t, kBuckets> counts_{};
  std::int64_t max_ = 0;
};

/// The intervals of one shard's sink. Written by that shard alone; it allocates nothing while the job runs.
class Timeline {
 public:
  Timeline() = default;  // keeps nothing
  Timeline(std::size_t intervals, std::int64_t interval_ns) : interval_ns_{interval_ns}, all_(intervals) {}

  [[nodiscard]] bool keeps() const noexcept { return !all_.empty(); }
  /// Of a record that was due `offset_ns` behind the start of what is measured. What was due before, or behind the last
  /// interval, does not count.
  void record(std::int64_t offset_ns, std::int64_t latency_ns) noexcept {
    if (offset_ns < from_ns_ || offset_ns >= until_ns_) [[unlikely]] {
      if (!seek(offset_ns)) return;
    }
    now_->record(latency_ns);
  }
  [[nodiscard]] const std::vector<IntervalHistogram>& intervals() const noexcept { return all_; }

 private:
  bool seek(std::int64_t offset_ns) noexcept;

  std::int64_t interval_ns_ = 0;
  std::vector<IntervalHistogram> all_;
  IntervalHistogram* now_ = nullptr;  // of offsets in [from_ns_, until_ns_)
  std::int64_t from_ns_ = 0;
  std::int64_t until_ns_ = 0;
};

}  // namespace latency
