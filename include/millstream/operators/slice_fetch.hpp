// SliceFetch: before the records of a batch are added to slices of which something has left memory, what these have of
// the batch's keys is read, and the batch waits for it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/operators/gathered_places.hpp"
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
  /// Asks for what the batch needs from record `from` on, once for each batch; false where it waits().
  template <class T, class KeyOf>
  [[nodiscard]] bool fetch(const Batch<T>& batch, std::uint32_t from, Slices& slices, const SliceGrid& grid,
                           const KeyOf& key_of) {
    if (fetched_) return true;
    fetched_ = true;
    if (slices.cold() == nullptr || !slices.cold()->any_spilled()) return true;
    gather(batch, from, slices, grid);
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
  template <class T>
  void gather(const Batch<T>& batch, std::uint32_t from, Slices& slices, const SliceGrid& grid) {
    const Timestamp* times = batch.times.data();
    State* state = nullptr;
    Timestamp start = kTimestampMax;
    Timestamp end = kTimestampMin;
    for (std::uint32_t i = from; i < batch.size(); ++i) {
      if (!(times[i] >= start && times[i] < end)) {
        const Slice slice = grid.slice_of(times[i]);
        state = slices.find(slice.index);
        start = slice.start;
        end = slice.end;
      }
      if (state != nullptr && state->spilled()) gathered_.add(*state, i);
    }
  }

  bool fetched_ = false;
  bool waits_ = false;
  GatheredPlaces<State> gathered_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace millstream::inline v0
