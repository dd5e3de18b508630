// The watermark strategies in the box.
#include "millstream/time/watermark.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/bytes.hpp"
#include "millstream/core/assert.hpp"

namespace millstream::inline v0 {
namespace {

void append_instant(std::string& out, Timestamp t) {
  detail::append_varint(out, detail::zigzag(t.time_since_epoch().count()));
}
bool read_instant(std::string_view& in, Timestamp& t) {
  std::uint64_t value = 0;
  if (!detail::read_varint(in, value)) return false;
  t = Timestamp{Duration{detail::unzigzag(value)}};
  return true;
}

class BoundedDisorder final : public WatermarkGenerator {
 public:
  explicit BoundedDisorder(Duration bound) : bound_{bound} {}
  Timestamp observe(Timestamp event_time, const void*) override {
    greatest_ = std::max(greatest_, event_time);
    return saturating_sub(greatest_, bound_);
  }
  Timestamp threshold(Timestamp watermark) const override {
    // A saturated sum would be a threshold that a record at the very end of time reaches without lifting anything.
    return saturating_add(watermark, bound_);
  }
  void save(std::string& out) const override { append_instant(out, greatest_); }
  bool load(std::string_view bytes) override { return read_instant(bytes, greatest_) && bytes.empty(); }

 private:
  Duration bound_;
  Timestamp greatest_ = kTimestampMin;
};

// Log-linear buckets over microseconds of disorder: 16 for each power of two.
class AdaptiveDisorder final : public WatermarkGenerator {
 public:
  explicit AdaptiveDisorder(AdaptiveOptions options) : options_{options}, bound_{options.bound_max} {}

  Timestamp observe(Timestamp event_time, const void*) override {
    if (greatest_ == kTimestampMin) greatest_ = event_time;
    greatest_ = std::max(greatest_, event_time);
    const auto behind = static_cast<std::uint64_t>(saturating_distance(greatest_, event_time).count());
    ++counts_[bucket(behind)];
    if (++total_ % kRecordsPerUpdate == 0) update();
    if (total_ == kRecordsPerHalving) fade();
    return saturating_sub(greatest_, bound_);
  }
  Timestamp threshold(Timestamp) const override { return kTimestampMin; }
  void save(std::string& out) const override {
    append_instant(out, greatest_);
    detail::append_varint(out, detail::zigzag(bound_.count()));
    for (const std::uint32_t count : counts_) detail::append_varint(out, count);
  }
  // The bound is kept within the options of now.
  bool load(std::string_view bytes) override {
    std::uint64_t value = 0;
    if (!read_instant(bytes, greatest_) || !detail::read_varint(bytes, value)) return false;
    bound_ = std::clamp(Duration{detail::unzigzag(value)}, options_.bound_min, options_.bound_max);
    total_ = 0;
    for (std::uint32_t& count : counts_) {
      if (!detail::read_varint(bytes, value) || value > kRecordsPerHalving) return false;
      count = static_cast<std::uint32_t>(value);
      total_ += count;
    }
    return bytes.empty() && total_ < kRecordsPerHalving;
  }

 private:
  static constexpr std::uint64_t kRecordsPerUpdate = 64;  // the scan over the buckets costs about as much as 64 records
  static constexpr std::uint64_t kRecordsPerHalving = 65'536;
  static constexpr int kBits = 4;
  static constexpr std::size_t kBuckets = (64 - kBits + 1) << kBits;

  static std::size_t bucket(std::uint64_t value) {
    if (value < (1U << kBits)) return value;
    const int exponent = static_cast<int>(std::bit_width(value)) - 1 - kBits;
    return (static_cast<std::size_t>(exponent + 1) << kBits) + ((value >> exponent) & ((1U << kBits) - 1));
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < (1U << kBits)) return bucket;
    const auto exponent = static_cast<int>(bucket >> kBits) - 1;
    const std::uint64_t mantissa = (1U << kBits) + (bucket & ((1U << kBits) - 1));
    return ((mantissa + 1) << exponent) - 1;
  }
  void update() {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(options_.percentile * static_cast<double>(total_)));
    std::uint64_t seen = 0;
    std::size_t i = 0;
    while (i + 1 < kBuckets && (seen += counts_[i]) < wanted) ++i;
    const std::uint64_t end = std::min<std::uint64_t>(upper_end(i), static_cast<std::uint64_t>(INT64_MAX));
    bound_ = std::clamp(Duration{static_cast<std::int64_t>(end)}, options_.bound_min, options_.bound_max);
  }
  void fade() {
    total_ = 0;
    for (std::uint32_t& count : counts_) total_ += count /= 2;
  }

  AdaptiveOptions options_;
  Duration bound_;
  Timestamp greatest_ = kTimestampMin;
  std::uint64_t total_ = 0;
  std::array<std::uint32_t, kBuckets> counts_{};
};

std::string duration_text(Duration d) {
  const std::int64_t us = d.count();
  if (us % 1'000'000 == 0) return std::to_string(us / 1'000'000) + "s";
  if (us % 1'000 == 0) return std::to_string(us / 1'000) + "ms";
  return std::to_string(us) + "us";
}

Status invalid(std::string reason) { return {ErrorCode::kInvalidArgument, std::move(reason)}; }

Status check(const AdaptiveOptions& options) {
  // Written so that a NaN is refused, too.
  if (!(options.percentile > 0.0 && options.percentile <= 1.0)) {
    return invalid("percentile is a share of the records, above 0 and at most 1, and is " +
                   std::to_string(options.percentile) + ": write 0.999 for 99.9 %");
  }
  if (options.bound_min < Duration{0} || options.bound_max < options.bound_min) {
    return invalid("bound_min is " + duration_text(options.bound_min) + " and bound_max " +
                   duration_text(options.bound_max) + ": give 0 or more, and a bound_max that is not less");
  }
  return {};
}

}  // namespace

Status WatermarkStrategy::validate() const {
  if (!factory_) return invalid("it has no factory of generators: give it one").at(description_);
  if (!valid_.ok()) return valid_.at(description_);
  if (idle_timeout_ && *idle_timeout_ <= Duration{0}) {
    return invalid("idle_after is " + duration_text(*idle_timeout_) + ": give at least 1us of wall-clock time")
        .at(description_);
  }
  if (drift_ && *drift_ < Duration{0}) {
    return invalid("align_within is " + duration_text(*drift_) + ": give 0 or more").at(description_);
  }
  return {};
}

WatermarkStrategy monotonic() {
  return WatermarkStrategy{[] { return std::make_unique<BoundedDisorder>(Duration{0}); }, "monotonic"};
}

WatermarkStrategy bounded_disorder(std::chrono::nanoseconds bound) {
  const auto micros = std::chrono::duration_cast<Duration>(bound);
  return WatermarkStrategy{
      [micros] { return std::make_unique<BoundedDisorder>(micros); }, "bounded_disorder(" + duration_text(micros) + ")",
      micros < Duration{0} ? invalid("the bound is " + duration_text(micros) + ": give 0 or more") : Status{}};
}

WatermarkStrategy adaptive_disorder(AdaptiveOptions options) {
  return WatermarkStrategy{[options] { return std::make_unique<AdaptiveDisorder>(options); }, "adaptive_disorder",
                           check(options)};
}

}  // namespace millstream::inline v0
