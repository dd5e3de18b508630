// WindowStage: what the stages of all windows have in common besides records: their options, what late means by them,
// and closing after a silence.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "millstream/operators/operator_stage.hpp"
#include "millstream/window/silence.hpp"
#include "millstream/window/window_options.hpp"

namespace millstream::inline v0 {

/// What decides whether a record is late and what is done with it, free of the record's type.
struct LateRules {
  Duration lateness{0};
  bool by_merged = false;

  /// The watermark that a record of this place is judged by. A split that was idle may be behind the merged one.
  [[nodiscard]] Timestamp judge(const Watermarks& at) const {
    return by_merged ? at.merged : std::max(at.split, at.merged);
  }
  /// A window with this end still takes the record.
  [[nodiscard]] bool takes(Timestamp window_end, Timestamp watermark) const {
    return saturating_add(window_end, lateness) > watermark;
  }
};

/// After `close_after` without input the stage goes on as if the watermark had reached the end of its last window: on
/// every shard, so that what comes later for these windows is late by the ordinary rules wherever its key lives.
class WindowStage : public OperatorStage {
 protected:
  /// `silence` is shared by the shards of the stage; null for a stage that is alone.
  WindowStage(WindowOptions options, std::shared_ptr<Silence> silence)
      : options_{std::move(options)}, silence_{silence ? std::move(silence) : std::make_shared<Silence>()} {}

  [[nodiscard]] const WindowOptions& options() const noexcept { return options_; }
  /// For a stage whose windows the watermark does not end.
  void take_no_late_records() noexcept { options_.allowed_lateness = Duration{0}; }

  [[nodiscard]] bool closes() const noexcept { return options_.close_after.has_value(); }
  /// Records have come in: ends the silence. Where closes(), once a batch.
  void end_silence(Timestamp last_end) {
    // The end of time stands for "has ended", which a silence is not.
    silence_->end_at(context().clock->now(), std::min(last_end, kTimestampMax - Duration{1}));
  }
  /// Each step: whether there is room behind us, or nothing more to come. While there is none input waits, which is no
  /// silence, on any shard.
  void note_room(bool room) {
    if (!closes() || held_back_ == !room) return;
    held_back_ = !room;
    if (held_back_) {
      silence_->hold();
    } else {
      silence_->release(context().clock->now());
    }
  }
  /// Wall-clock time at which the silence will have been long enough; kTimestampMax where none is under way.
  [[nodiscard]] Timestamp close_at() const noexcept {
    if (!closes() || held_back_) return kTimestampMax;
    const Timestamp closed = silence_->closed_after();
    if (closed != closed_) return saturating_add(closed, *options_.close_after);  // by another shard, and past
    if (silence_->held_back() || silence_->last_input() == closed) return kTimestampMax;
    return saturating_add(silence_->last_input(), *options_.close_after);
  }
  /// The silence has been long enough, or another shard has found it so. True once a silence. Each step, and before
  /// end_silence().
  [[nodiscard]] bool closing() {
    if (!closes()) return false;
    silence_->close(context().clock->now(), *options_.close_after);
    const Timestamp closed = silence_->closed_after();
    return std::exchange(closed_, closed) != closed;
  }
  /// What counts as the watermark after closing().
  [[nodiscard]] Timestamp closed_until() const noexcept { return silence_->closed_until(); }

 private:
  WindowOptions options_;
  std::shared_ptr<Silence> silence_;
  Timestamp closed_ = kTimestampMin;  // the silence that this shard has closed after
  bool held_back_ = false;
};

}  // namespace millstream::inline v0
