// SliceFetch: before the records of a batch are added to slices of which something has left memory, what these have of
// the batch's keys is read, and the batch waits for it. A record that fires windows again needs its key in all of their
// slices.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/operators/gathered_places.hpp"
#include "millstream/operators/late_windows.hpp"
#include "millstream/operators/window_slices.hpp"
#include "millstream/state/cold_tables.hpp"
#include "millstream/window/slice_grid.hpp"

namespace millstream::inline v0 {

/// Of one stage. Nothing leaves memory from fetch() until the batch is done.
template <class K, class Agg>
class SliceFetch {
  using Slices = WindowSlices<K, Agg>;
  using State = typename Slices::State;

 public:
  void begin_batch() noexcept { fetched_ = false; }
  /// Asks for what the batch needs from record `from` on, once for each batch; false where it waits(). fires(i, slice)
  /// says, record by record, which windows of a slice record number i fires again.
  template <class T, class KeyOf, class Fires>
  [[nodiscard]] bool fetch(const Batch<T>& batch, std::uint32_t from, Slices& slices, const SliceGrid& grid,
                           const KeyOf& key_of, Fires&& fires) {
    if (fetched_) return true;
    fetched_ = true;
    if (slices.cold() == nullptr || !slices.cold()->any_spilled()) return true;
    gather(batch, from, slices, grid, fires);
    const T* values = batch.values();
    gathered_.take([&](State& slice, const std::vector<std::uint32_t>& places) {
      hashes_.clear();
      for (const std::uint32_t place : places) hashes_.push_back(batch.hashes.data()[place]);
      const auto key_at = [&](std::size_t i) -> decltype(auto) { return std::invoke(key_of, values[places[i]]); };
      if (!slice.cold->fetch(hashes_, key_at)) waits_ = true;
    });
    return !waits_;
  }
  /// A batch waits.
  [[nodiscard]] bool waits() const noexcept { return waits_; }
  /// Takes what has come; true where that is all. Sets `took` where something had.
  [[nodiscard]] bool answered(ColdTables& cold, bool& took) {
    if (cold.read()) took = true;
    if (cold.reading()) return false;
    cold.done_waiting();
    waits_ = false;
    return true;
  }

 private:
  template <class T, class Fires>
  void gather(const Batch<T>& batch, std::uint32_t from, Slices& slices, const SliceGrid& grid, Fires& fires) {
    const Timestamp* times = batch.times.data();
    State* state = nullptr;
    std::int64_t index = 0;
    Timestamp start = kTimestampMax;
    Timestamp end = kTimestampMin;
    for (std::uint32_t i = from; i < batch.size(); ++i) {
      if (!(times[i] >= start && times[i] < end)) {
        const Slice slice = grid.slice_of(times[i]);
        index = slice.index;
        state = slices.find(index);
        start = slice.start;
        end = slice.end;
      }
      if (const WindowNumbers again = fires(i, index); !again.empty()) {
        slices.for_each(grid.first_slice_of(again.first), grid.end_slice_of(again.end - 1), [&](State& each) {
          if (each.spilled()) gathered_.add(each, i);
        });
      } else if (state != nullptr && state->spilled()) {
        gathered_.add(*state, i);
      }
    }
  }

  bool fetched_ = false;
  bool waits_ = false;
  GatheredPlaces<State> gathered_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace millstream::inline v0
