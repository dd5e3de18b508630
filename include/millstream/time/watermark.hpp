// Watermark strategies: how a stream of event times says "no earlier record is expected". Each split has a generator
// of its own; what it says becomes a mark at the place where it crosses the next multiple of the job's watermark step.
//
//   .event_time(&Payment::at, ms::bounded_disorder(5s).idle_after(30s))
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "millstream/core/export.hpp"
#include "millstream/core/status.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// The watermark of one split. A function of the event times that it has seen, and of nothing else, so that a replay
/// makes the same marks. Used on one shard.
class WatermarkGenerator {
 public:
  virtual ~WatermarkGenerator() = default;
  /// Sees the next record and returns the watermark behind it; a value below an earlier one is ignored.
  virtual Timestamp observe(Timestamp event_time, const void* record) = 0;
  /// The least event time that can lift the watermark to `watermark`. Records below it need not be observed;
  /// kTimestampMin means that every record must be.
  [[nodiscard]] virtual Timestamp threshold(Timestamp watermark) const = 0;
  /// Appends what it has learnt of its split, for a restart. One that keeps nothing, or whose state is not saved, goes
  /// on from the records behind the restart; the watermark does not go back either way.
  virtual void save([[maybe_unused]] std::string& out) const {}
  /// Takes what save() gave; false where the bytes are not that.
  [[nodiscard]] virtual bool load(std::string_view bytes) { return bytes.empty(); }
};

/// A recipe for generators, with the options that all strategies share. A value; the setters may be chained.
class MILLSTREAM_EXPORT WatermarkStrategy {
 public:
  using Factory = std::function<std::unique_ptr<WatermarkGenerator>()>;
  /// `valid`: what is wrong with the options of the strategy itself, if anything is; see validate().
  explicit WatermarkStrategy(Factory factory, std::string description, Status valid = {})
      : factory_{std::move(factory)}, description_{std::move(description)}, valid_{std::move(valid)} {}

  /// A split without records for this long (wall clock, counted only while it is being asked) no longer holds the
  /// watermark back. Without it a silent split holds it for ever. At least 1 us.
  WatermarkStrategy idle_after(std::chrono::nanoseconds timeout) && {
    idle_timeout_ = std::chrono::duration_cast<Duration>(timeout);
    return std::move(*this);
  }
  WatermarkStrategy idle_after(std::chrono::nanoseconds timeout) const& {
    return WatermarkStrategy{*this}.idle_after(timeout);
  }
  /// A split is not read while its watermark is more than `drift` (event time) ahead of the slowest split of the
  /// source; its records are left where they are, not buffered. 0 or more; held to within an eighth of it and one
  /// batch.
  WatermarkStrategy align_within(std::chrono::nanoseconds drift) && {
    drift_ = std::chrono::duration_cast<Duration>(drift);
    return std::move(*this);
  }
  WatermarkStrategy align_within(std::chrono::nanoseconds drift) const& {
    return WatermarkStrategy{*this}.align_within(drift);
  }

  /// What is wrong with the strategy or an option, in words, so that all mistakes of a graph can be reported before it
  /// starts; generators may be made of valid ones only.
  [[nodiscard]] Status validate() const;
  [[nodiscard]] std::unique_ptr<WatermarkGenerator> make_generator() const { return factory_(); }
  [[nodiscard]] std::optional<Duration> idle_timeout() const noexcept { return idle_timeout_; }
  [[nodiscard]] std::optional<Duration> drift() const noexcept { return drift_; }
  /// "bounded_disorder(5s)", for Dataflow::describe().
  [[nodiscard]] const std::string& description() const noexcept { return description_; }

 private:
  Factory factory_;
  std::string description_;
  Status valid_;
  std::optional<Duration> idle_timeout_;
  std::optional<Duration> drift_;
};

/// Event times of a split never go back: the watermark is the greatest one seen.
[[nodiscard]] MILLSTREAM_EXPORT WatermarkStrategy monotonic();

/// Records come at most `bound` (event time, 0 or more) behind the greatest event time seen; those further behind are
/// late.
[[nodiscard]] MILLSTREAM_EXPORT WatermarkStrategy bounded_disorder(std::chrono::nanoseconds bound);

struct AdaptiveOptions {
  double percentile = 0.999;                          ///< share of the records that shall not be late, in (0, 1]
  Duration bound_min = std::chrono::milliseconds{1};  ///< the bound never goes below; 0 or more
  Duration bound_max = std::chrono::hours{24};        ///< nor above
};
/// The bound follows the disorder that was seen: the stated percentile of "how far behind the greatest event time",
/// over a history that fades by half every 65,536 records. Buckets of 1/16 of a power of two: the bound is at most
/// 6.25 % above the percentile. A split begins with bound_max, for nothing is known of its disorder yet; the percentile
/// counts from its 64th record on, so windows of a split with fewer wait for bound_max or the end of the input.
[[nodiscard]] MILLSTREAM_EXPORT WatermarkStrategy adaptive_disorder(AdaptiveOptions options = {});

/// `next(record, event_time)` is asked for each record and returns the watermark behind it, or nothing if it does not
/// move (punctuated watermarks). Copied for each split; it may keep state, which a restart from a checkpoint does not
/// give back.
template <class Record, class Function>
[[nodiscard]] WatermarkStrategy watermark_from(Function next) {
  static_assert(std::is_invocable_r_v<std::optional<Timestamp>, Function&, const Record&, Timestamp>,
                "millstream: watermark_from<Record>(f) needs a function that can be called as "
                "f(const Record&, ms::Timestamp) and returns std::optional<ms::Timestamp>");
  class Punctuated final : public WatermarkGenerator {
   public:
    explicit Punctuated(Function f) : next_{std::move(f)} {}
    Timestamp observe(Timestamp event_time, const void* record) override {
      return next_(*static_cast<const Record*>(record), event_time).value_or(kTimestampMin);
    }
    Timestamp threshold(Timestamp) const override { return kTimestampMin; }

   private:
    Function next_;
  };
  return WatermarkStrategy{[next] { return std::make_unique<Punctuated>(next); }, "watermark_from"};
}

}  // namespace millstream::inline v0
