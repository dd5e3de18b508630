// How the watermarks of a model test's pipeline come about: the strategy that the engine gets, and where its marks
// stand according to the model.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>

#include "model/event_stream.hpp"

namespace millstream::model {

struct Watermarks {
  enum class Kind { kBounded, kMonotonic, kPunctuated, kAdaptive };

  Kind kind = Kind::kBounded;
  Duration bound{0};  ///< disorder that makes no record late; the adaptive bound is between it and four times as much

  static bool is_punctuation(const Event& event) { return event.value % 3 == 0; }

  [[nodiscard]] WatermarkStrategy strategy() const {
    switch (kind) {
      case Kind::kMonotonic:
        return monotonic();
      case Kind::kPunctuated:
        return watermark_from<Event>([bound = bound](const Event& event, Timestamp at) -> std::optional<Timestamp> {
          if (!is_punctuation(event)) return std::nullopt;
          return saturating_sub(std::min(at, kTimestampMax - 1us), bound);
        });
      case Kind::kAdaptive:
        return adaptive_disorder({.percentile = 0.8, .bound_min = bound, .bound_max = bound * 4 + 1us});
      case Kind::kBounded:
        break;
    }
    return bounded_disorder(bound);
  }
};

/// `late`: records within the bound may be late, too.
inline Watermarks random_watermarks(Random& random, Duration bound, bool late = true) {
  using Kind = Watermarks::Kind;
  if (random.chance(0.4)) return {Kind::kBounded, bound};
  if (late && random.chance(0.3)) return {Kind::kMonotonic, Duration{0}};
  return {random.chance(0.6) ? Kind::kPunctuated : Kind::kAdaptive, bound};
}

/// The mark of one split: the greatest multiple of `step` that the watermark behind its records has reached.
class MarkModel {
 public:
  MarkModel(const Watermarks& watermarks, Duration step)
      : watermarks_{watermarks}, step_{step.count()}, adaptive_{watermarks.strategy().make_generator()} {}
  [[nodiscard]] Timestamp mark() const { return mark_; }
  void see(const Event& event) {
    if (watermarks_.kind == Watermarks::Kind::kPunctuated && !Watermarks::is_punctuation(event)) return;
    Wide reached = static_cast<Wide>(event.at.time_since_epoch().count()) - watermarks_.bound.count();
    // Which bound it learns is a matter of its own test; here, where its marks are and what they do.
    if (watermarks_.kind == Watermarks::Kind::kAdaptive) {
      reached = adaptive_->observe(event.at, &event).time_since_epoch().count();
    }
    Wide multiple = reached / step_ * step_;
    if (multiple > reached) multiple -= step_;
    if (multiple < INT64_MIN) return;
    mark_ = std::max(mark_, us(static_cast<std::int64_t>(multiple)));
  }

 private:
  using Wide = __int128;
  Watermarks watermarks_;
  Wide step_;
  std::unique_ptr<WatermarkGenerator> adaptive_;
  Timestamp mark_ = kTimestampMin;
};

}  // namespace millstream::model
