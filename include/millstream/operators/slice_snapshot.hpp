// What a stage with slices says at a barrier: the slices, the parts of slices, each entry by slice and key. The stacks
// of sliding windows are made of the slices again, when the next window fires.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millstream/operators/partial_slices.hpp"
#include "millstream/operators/window_slices.hpp"
#include "millstream/operators/window_snapshot.hpp"

namespace millstream::inline v0 {

/// The states of the stage besides kStageState, by number.
inline constexpr std::uint32_t kSlicesState = 1;
inline constexpr std::uint32_t kPartsState = 2;
inline constexpr std::uint32_t kPanesState = 3;

/// Gives out the slices for which open(end of their last window) holds.
template <class K, class Agg, class Open>
void save_slices(WindowSlices<K, Agg>& slices, Open&& open, Snapshot& to) {
  slices.for_each([&](auto& state) {
    if (open(state.last_end)) return;
    slices.tables().note_gone(state, state.slice.index);
    state.table->forget_changes();
  });
  slices.tables().gone().save(kSlicesState, to);
  std::string prefix;
  slices.for_each([&](auto& state) {
    if (!open(state.last_end)) return;
    prefix.clear();
    append_ordered(state.slice.index, prefix);
    save_table(*state.table, kSlicesState, prefix, to);
    if (state.cold != nullptr) slices.cold()->save(*state.cold, kSlicesState, to);
  });
  if (slices.cold() != nullptr) slices.cold()->end_save(to);
}
/// False where the entry is none; `failure` is that of the cold store.
template <class K, class Agg>
[[nodiscard]] bool restore_slice(WindowSlices<K, Agg>& slices, const StateEntry& entry, Status& failure) {
  std::string_view key = entry.key;
  std::int64_t slice = 0;
  if (!take_ordered(key, slice)) return false;
  auto* const state = slices.at_index(slice);
  if (state == nullptr || !slices.tables().restore(*state, entry, key, failure)) return false;
  slices.account(*state);
  return true;
}

/// They are few and their order counts: all are given out each time.
template <class K, class Agg>
void save_parts(PartialSlices<K, Agg>& parts, Snapshot& to) {
  if (!to.whole()) to.remove_range(kPartsState, {}, {});
  std::string prefix;
  parts.for_each([&](std::int64_t slice, std::int64_t from, auto& table) {
    prefix.clear();
    append_ordered(slice, prefix);
    append_ordered(from, prefix);
    save_table(table, kPartsState, prefix, to);
  });
}
template <class K, class Agg>
[[nodiscard]] bool restore_part(PartialSlices<K, Agg>& parts, WindowSlices<K, Agg>& slices, const SliceGrid& grid,
                                const StateEntry& entry) {
  std::string_view key = entry.key;
  std::int64_t slice = 0;
  std::int64_t from = 0;
  if (!take_ordered(key, slice) || !take_ordered(key, from)) return false;
  if (from <= grid.first_window_of(slice) || from > grid.last_window_of(slice)) return false;
  // A window fires for its slices, so there is one beside its parts even if it holds nothing.
  if (slices.at_index(slice) == nullptr) return false;
  return restore_to_table(parts.at(slice, from), entry.key_group, key, entry.value).has_value();
}

}  // namespace millstream::inline v0
