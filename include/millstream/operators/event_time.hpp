// event_time: gives each record its event time and puts the watermarks of its split at their places. A mark stands
// directly behind the record that lifts the split's watermark over the next multiple of the job's watermark step, so
// where it stands depends on the records alone, never on batches, shards or speed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millstream/core/snapshot.hpp"
#include "millstream/core/status.hpp"
#include "millstream/operators/transform_stage.hpp"
#include "millstream/time/split_progress.hpp"
#include "millstream/time/watermark.hpp"
#include "millstream/time/watermark_merge.hpp"

namespace millstream::inline v0 {

/// The part that does not depend on the records' type.
class MILLSTREAM_EXPORT SplitMarker {
 public:
  SplitMarker(std::shared_ptr<SplitProgress> progress, std::vector<std::uint32_t> splits, WatermarkStrategy strategy,
              Duration step);

  /// Of a split that has come while the others are read: it begins at the watermark that they have come to.
  void take_up(std::uint32_t split) {
    // A source without a single split names split 0 at its barriers and its end.
    if (split >= index_.size() && split < progress_->splits()) add(split);
  }
  /// What holds behind everything so far: in front of the next record of `split`. A shard that reads no split holds
  /// nobody back.
  [[nodiscard]] Watermarks at(std::uint32_t split) const {
    if (locals_.empty()) return {kTimestampMax, kTimestampMax};
    return {local(split).watermark, merge_.value()};
  }
  /// Records of `split` with an event time below this need not be shown to observe().
  [[nodiscard]] Timestamp threshold(std::uint32_t split) const { return local(split).threshold; }
  /// True if the split's watermark has crossed a multiple of the step.
  bool observe(std::uint32_t split, Timestamp event_time, const void* record);
  /// Takes over whether the split is active, idle or at its end; returns the control that goes downstream. `ended`: so
  /// is the whole source on this shard.
  Control settle(std::uint32_t split, bool ended);

  /// One entry for each split of this shard, by its id.
  void save(Snapshot& snapshot) const;
  /// An entry of any split of the source. An idle split goes on as an active one from where the others were.
  [[nodiscard]] Status restore(const StateEntry& entry);

 private:
  struct Local {
    std::unique_ptr<WatermarkGenerator> generator;
    Timestamp watermark = kTimestampMin;
    Timestamp shown = kTimestampMin;  // to the other splits, for alignment
    Timestamp threshold = kTimestampMin;
    std::uint32_t split = 0;
    SplitState state = SplitState::kActive;
  };
  [[nodiscard]] const Local& local(std::uint32_t split) const { return locals_[index_[split]]; }
  void add(std::uint32_t split);
  void show(Local& local, Timestamp watermark);
  void take_state(std::uint32_t input);

  std::shared_ptr<SplitProgress> progress_;
  WatermarkStrategy strategy_;
  std::vector<Local> locals_;         // by input number of merge_
  std::vector<std::uint32_t> index_;  // split number -> input number
  Duration step_;
  Duration shown_step_;  // finer than step_ where that is too coarse to keep the splits aligned
  WatermarkMerge merge_;
  bool idle_ = false;
};

namespace detail {
/// Why event_time(strategy) cannot go on.
[[nodiscard]] MILLSTREAM_EXPORT Status source_gives_no_times(const std::string& stage);
}  // namespace detail

/// TimeOf is a pointer to a Timestamp member, a function of the record, or SourceTime.
struct SourceTime {};

template <class T, class TimeOf>
class EventTimeStage final : public TransformStage<T> {
 public:
  EventTimeStage(TimeOf time_of, SplitMarker marker) : time_of_{std::move(time_of)}, marker_{std::move(marker)} {}

  std::vector<StateDeclaration> states() const override { return {{"splits", "watermark and generator of a split"}}; }
  void save(Snapshot& snapshot) override { marker_.save(snapshot); }
  Status restore(const StateEntry& entry) override { return marker_.restore(entry).at("stage '" + this->name() + "'"); }

 private:
  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    const std::uint32_t split = batch->split;
    const bool ended = batch->control == Control::kEnd;
    marker_.take_up(split);
    batch->start = marker_.at(split);
    if (batch->empty()) {
      settle(*batch, split, ended);
      this->emit(std::move(batch));
      return;
    }
    const T* values = batch->values();
    Timestamp threshold = marker_.threshold(split);
    if constexpr (std::is_same_v<TimeOf, SourceTime>) {
      if (!batch->times.present()) {
        this->context().fail(detail::source_gives_no_times(this->name()));
        return;
      }
    }
    Timestamp* times = batch->times.enable();
    this->forget_failed();
    this->guarded(
        *batch, 0, batch->size(),
        [&](std::uint32_t i) {
          if constexpr (!std::is_same_v<TimeOf, SourceTime>) {
            times[i] = to_timestamp(std::invoke(time_of_, values[i]));
          }
          // The ends of time are kept for "has seen nothing" and "has ended".
          if (times[i] == kTimestampMin) [[unlikely]]
            times[i] += Duration{1};
          if (times[i] >= threshold) [[unlikely]] {
            if (times[i] == kTimestampMax) times[i] -= Duration{1};
            if (marker_.observe(split, times[i], &values[i])) batch->marks.push_back({i + 1, marker_.at(split)});
            threshold = marker_.threshold(split);
          }
        },
        [&](std::uint32_t i) { return detail::record_text(values[i]); },
        [&](std::uint32_t i) { this->note_failed(i); });
    if (this->any_failed()) {
      const std::vector<std::uint32_t> kept = this->keep_succeeded(*batch);
      detail::keep_values(*batch, kept.data(), static_cast<std::uint32_t>(kept.size()));
    }
    settle(*batch, split, ended);
    this->emit(std::move(batch));
  }
  void settle(Batch<T>& batch, std::uint32_t split, bool ended) {
    // A barrier changes nothing about its split; what is new about it is said with the next batch.
    if (batch.control != Control::kBarrier) batch.control = marker_.settle(split, ended);
    batch.mark(marker_.at(split));
    this->metrics_.watermark_us.set(static_cast<std::uint64_t>(batch.end().merged.time_since_epoch().count()));
  }

  TimeOf time_of_;
  SplitMarker marker_;
};

}  // namespace millstream::inline v0
