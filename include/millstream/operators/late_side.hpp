// LateSide: the records that no window takes any more, on their way to the side output `late_records`. They keep what
// they came with, their event time above all, so that a window over them works as over any other stream.
#pragma once

#include <cstdint>
#include <utility>

#include "millstream/channel/side_outputs.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::inline v0 {

/// T: the records of the windowed stage that owns this. Gathers the late records of one input batch at a time.
template <class T>
class LateSide {
 public:
  /// Once the side outputs of the stage are known; `records_max` as in the ShardContext.
  void open(SideOutputs& sides, std::uint32_t records_max) {
    output_ = sides.find(late_records<T>);
    fill_ = batch_records<Late<T>>(records_max);
  }
  /// Moves record `i` out of the batch if somebody takes late records. `merged` is the watermark at its place.
  void append(Batch<T>& from, std::uint32_t i, Timestamp merged, Duration late_by) {
    if (output_ == nullptr) return;
    if (batch_ && batch_->size() >= fill_) flush();
    if (!batch_) {
      batch_ = output_->make();
      batch_->start = {merged, merged};
      batch_->ingested_ns = from.ingested_ns;
    }
    batch_->mark({merged, merged});
    batch_->copy_columns(from, i, batch_->size());
    batch_->emplace_back(Late<T>{std::move(from.values()[i]), late_by});
  }
  /// Sends what waits; at the latest behind the input batch that it came from.
  void flush() {
    if (batch_) output_->emit(std::move(batch_));
  }

 private:
  Output<Late<T>>* output_ = nullptr;  // null: nobody takes them
  BatchOf<Late<T>> batch_;
  std::uint32_t fill_ = 1;
};

}  // namespace millstream::inline v0
