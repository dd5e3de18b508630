// SliceFiring: the windows over slices that a watermark has reached fire one after the other, a bounded piece at a
// time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "millstream/core/assert.hpp"
#include "millstream/core/progress.hpp"
#include "millstream/operators/group_watermarks.hpp"
#include "millstream/operators/partial_slices.hpp"
#include "millstream/operators/window_slices.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/slice_grid.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Of one stage, which adds no record while windows fire.
template <class K, class Agg>
class SliceFiring {
 public:
  using Acc = AccumulatorOf<Agg>;
  using Slices = WindowSlices<K, Agg>;

  explicit SliceFiring(SliceGrid grid) : grid_{std::move(grid)} {}

  [[nodiscard]] bool under_way() const noexcept { return under_way_; }
  /// What the window at hand needs is still being read.
  [[nodiscard]] bool waits(Slices& slices) const {
    return under_way_ && phase_ == Phase::kStored && slices.stored_waits();
  }
  /// Before the first: the windows up to this watermark have fired already. The number of the last of them.
  std::int64_t begin_behind(Timestamp fired) { return done_ = last_window_before(fired); }
  /// There is a higher watermark.
  void begin() noexcept {
    MILLSTREAM_ASSERT(phase_ == Phase::kChoose);  // a window at hand would begin anew
    under_way_ = true;
  }
  /// give(key, accumulator, window) for each key of each window that ends at `merged` or before, but for what another
  /// shard or instance had fired; false where it has no room for more. stop() is asked now and then whether the step
  /// is over. Looks at `fill` entries of a window at most before it returns; true when every window has fired.
  template <class Give, class Stop>
  [[nodiscard]] bool fire_some(Slices& slices, PartialSlices<K, Agg>& parts, const GroupWatermarks& restored,
                               Timestamp merged, std::uint32_t fill, Give&& give, Stop&& stop) {
    const auto unless_fired = [&](const K& key, const Acc& acc) {
      if (span_.end <= restored.furthest() && restored.passed(hash_key(key), span_.end)) [[unlikely]]
        return true;
      return give(key, acc, std::as_const(span_));
    };
    const auto with_parts = [&](const K& key, const Acc& acc) {
      if (parts.empty()) return unless_fired(key, acc);
      Acc whole = acc;
      parts.meet(window_, key, hash_key(key), whole);
      return unless_fired(key, std::as_const(whole));
    };
    while (true) {
      switch (phase_) {
        case Phase::kChoose:
          if (!slices.next_window(done_, window_) || grid_.window(window_).end > merged) {
            // Windows that had no data when the watermark passed them are over too: from now on their records are late.
            done_ = std::max(done_, last_window_before(merged));
            under_way_ = false;
            return true;
          }
          span_ = grid_.window(window_);
          phase_ = Phase::kPrepare;
          break;
        case Phase::kPrepare:
          if (!slices.prepare(window_, kWorkPerStep)) return false;
          phase_ = Phase::kEmit;
          parts.rewind();
          break;
        case Phase::kEmit: {
          const bool all = slices.emit(fill, with_parts);
          if (all) phase_ = Phase::kStored;
          // Holes between the entries may have left room, but the walk has had its share of the step.
          if (stop() || !all) return false;
          break;
        }
        case Phase::kStored: {
          const Progress told = slices.emit_stored(fill, with_parts);
          if (told == Progress::kDone) phase_ = Phase::kParts;
          if (stop() || told != Progress::kDone) return false;
          break;
        }
        case Phase::kParts:
          // Keys of the window that have nothing but parts.
          if (!parts.walk(window_, unless_fired, stop)) return false;
          done_ = window_;
          phase_ = Phase::kChoose;
          if (stop()) return false;
          break;
      }
    }
  }

 private:
  // Entries walked in one step: some 300 us where each misses the cache in all of its columns.
  static constexpr std::uint32_t kWorkPerStep = 256;
  enum class Phase : std::uint8_t { kChoose, kPrepare, kEmit, kStored, kParts };

  [[nodiscard]] std::int64_t last_window_before(Timestamp watermark) const {
    return grid_.last_window_before(grid_.slice_of(watermark).index);
  }

  SliceGrid grid_;
  bool under_way_ = false;
  Phase phase_ = Phase::kChoose;
  std::int64_t done_ = INT64_MIN;  // every window up to this number has fired
  std::int64_t window_ = 0;
  WindowTime span_{};
};

}  // namespace millstream::inline v0
