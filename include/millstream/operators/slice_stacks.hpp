// SliceStacks: of the slices of sliding windows, the merges of all keys, as two stacks per key (the two-stack queue of
// Tangwongsan, Hirzel, Schneider 2015): `back` holds what came since the last turn, each slice of the front holds the
// merge of itself and all later slices of the front. So a window costs one merge a key, whatever its size. Every walk
// over entries is a cursor that the caller continues.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "millstream/core/piece_vector.hpp"
#include "millstream/operators/key_totals.hpp"
#include "millstream/operators/slice_state.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Belongs to one stage on one shard, whose slices outlive it. They have no holes.
template <class K, class Agg>
class SliceStacks {
 public:
  using Acc = AccumulatorOf<Agg>;
  using State = SliceState<K, Acc>;
  using Map = SliceMap<K, Acc>;
  static constexpr std::uint32_t kNone = State::kNone;

  SliceStacks(Agg agg, Map& slices) : agg_{std::move(agg)}, slices_{slices} {}
  SliceStacks(const SliceStacks&) = delete;
  SliceStacks& operator=(const SliceStacks&) = delete;

  /// Before the first window: the slices from this one on go into the stacks as they do when they fill.
  void begin_from(std::int64_t first) noexcept { stack_first_ = front_end_ = closed_until_ = first; }
  /// The slice is in the stacks: it is not to go, and what is late for it goes to add_late().
  [[nodiscard]] bool hold(const State& state) const noexcept {
    return state.slice.index >= stack_first_ && state.slice.index < closed_until_;
  }

  enum class Ready { kNotYet, kYes, kNever };
  /// Readies the window of the slices from `first` to before `end` for emit(), at most about `budget` entries a call.
  /// kNever: some slice has holes, and the stacks can only be taken down.
  [[nodiscard]] Ready prepare(std::int64_t first, std::int64_t end, std::uint32_t budget) {
    if (!close_slices(end, budget)) return has_holes_ ? Ready::kNever : Ready::kNotYet;
    if (!expire_slices(first, budget)) return Ready::kNotYet;
    emit_at_ = 0;
    return Ready::kYes;
  }
  /// f(key, accumulator) for the next entries, at most `count` and until f says false; true when all have been given.
  template <class F>
  bool emit(std::uint32_t count, F&& f) {
    const std::uint32_t end = std::min(totals_.end_number(), emit_at_ + count);
    for (bool more = true; more && emit_at_ < end; ++emit_at_) {
      if (!totals_.live(emit_at_)) continue;
      const auto& [key, total] = totals_.entry(emit_at_);
      if (total.front != nullptr && total.has_back) {
        Acc whole = total.front->fronts[total.front_entry].suffix;
        merge(whole, total.back);
        more = f(key, std::as_const(whole));
      } else if (total.front != nullptr) {
        more = f(key, std::as_const(total.front->fronts[total.front_entry].suffix));
      } else if (total.has_back) {
        more = f(key, total.back);
      }
    }
    return emit_at_ == totals_.end_number();
  }

  /// One record, as an accumulator, for a slice that they hold.
  void add_late(State& state, const K& key, std::uint64_t hash, Acc one) {
    Total& total = totals_.entry(totals_.find_or_insert(key, hash, [&] { return Total{one}; })).value;
    if (state.slice.index >= front_end_) {
      enter(state, key, hash, one);
      // A turn leaves behind what it has moved to the front.
      if (total.has_back) {
        merge(total.back, one);
      } else {
        total.back = std::move(one);
        total.has_back = true;
      }
      return;
    }
    // In the front: every earlier slice of the key holds this one in its merge.
    Link at = {total.front, total.front_entry};
    Link before{};
    while (at.state != nullptr && at.state->slice.index < state.slice.index) {
      Front& front = at.state->fronts[at.entry];
      merge(front.suffix, one);
      before = at;
      at = {front.next, front.next_entry};
    }
    if (at.state == &state) {
      enter(state, key, hash, one);
      merge(state.fronts[at.entry].suffix, one);
      return;
    }
    Acc suffix = one;
    if (at.state != nullptr) merge(suffix, at.state->fronts[at.entry].suffix);
    // Both columns grow by one, behind everything that the aggregate may throw in.
    const std::uint32_t entry = enter(state, key, hash, one);
    state.fronts.push_back({std::move(suffix), at.state, at.entry}, spare_fronts_);
    if (before.state == nullptr) {
      total.front = &state;
      total.front_entry = entry;
    } else {
      Front& front = before.state->fronts[before.entry];
      front.next = &state;
      front.next_entry = entry;
    }
  }

  /// Frees a bounded piece of what is not needed any more, more entries than a step lets leave; true if there was any.
  bool free_some() {
    const std::size_t numbers = free_some(spent_numbers_, spare_numbers_);
    const std::size_t fronts = free_some(spent_fronts_, spare_fronts_);
    return numbers + fronts > 0;
  }
  /// Takes the stacks down, a bounded piece a call; true when nothing is left of them. Nothing else may be called then.
  bool drop_some() {
    if (!dropping_) {
      for (auto& [index, state] : slices_) {
        if (!state->totals.empty()) leave_stack(*state);
      }
      dropping_ = true;
    }
    return !free_some() && totals_.drop_some();
  }
  /// What they take, about, but for what accumulators own.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return totals_.memory_bytes() + held_entries_ * (sizeof(std::uint32_t) + sizeof(Front));
  }

 private:
  using Front = typename State::Front;
  using Table = StateTable<K, Acc>;
  using Cold = ColdTable<K, Acc>;
  static constexpr std::size_t kFreedPerStep = 16 * 1024;
  static constexpr std::uint32_t kClosedTogether = 64;

  struct Total {
    Acc back;
    bool has_back = false;
    State* front = nullptr;  // the oldest front slice that has the key, and its entry there
    std::uint32_t front_entry = 0;
  };
  struct Link {
    State* state = nullptr;
    std::uint32_t entry = 0;
  };

  // `one` for the entry of a key, which has a total, in a slice of the stacks; returns the entry.
  std::uint32_t enter(State& state, const K& key, std::uint64_t hash, const Acc& one) {
    Table& table = *state.table;
    std::uint32_t entry = table.find(key, hash);
    if (entry != kNone) {
      table.touch(entry);
      std::optional<typename Cold::Change> change;
      if (Cold::kCountsHeap && state.cold != nullptr) change.emplace(*state.cold, table.entry(entry).value);
      merge(table.entry(entry).value, one);
      return entry;
    }
    entry = table.find_or_insert(key, hash, [&] { return one; });
    if (state.cold != nullptr) state.cold->note_new(entry);
    state.totals.push_back(totals_.find(key, hash), spare_numbers_);
    ++held_entries_;
    return entry;
  }
  // Merges the slices before `end` that are not yet in the back.
  bool close_slices(std::int64_t end, std::uint32_t budget) {
    while (closed_until_ < end) {
      const auto it = slices_.lower_bound(closed_until_);
      if (it == slices_.end() || it->first >= end) {
        closed_until_ = end;
        cursor_ = 0;
        break;
      }
      State& state = *it->second;
      const Table& table = *state.table;
      if (table.size() != table.end_number()) {
        has_holes_ = true;
        return false;
      }
      while (cursor_ < table.end_number()) {
        if (budget == 0) return false;
        const std::uint32_t count = std::min({kClosedTogether, budget, table.end_number() - cursor_});
        close_entries(state, cursor_, count);
        cursor_ += count;
        budget -= count;
      }
      cursor_ = 0;
      closed_until_ = it->first + 1;
    }
    return true;
  }
  // Merges `count` entries of a closed slice into the back, their totals looked up together.
  void close_entries(State& state, std::uint32_t from, std::uint32_t count) {
    Table& table = *state.table;
    std::uint64_t hashes[kClosedTogether] = {};
    std::uint32_t numbers[kClosedTogether];
    for (std::uint32_t i = 0; i < count; ++i) hashes[i] = hash_key(table.entry(from + i).key);
    totals_.find_first({hashes, count}, numbers);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto& entry = table.entry(from + i);
      if (numbers[i] == kNone || !(totals_.entry(numbers[i]).key == entry.key)) [[unlikely]]
        numbers[i] = totals_.find_or_insert(entry.key, hashes[i], [&] { return Total{agg_.create()}; });
      Total& total = totals_.entry(numbers[i]).value;
      if (total.has_back) {
        merge(total.back, entry.value);
      } else {
        total.back = entry.value;
        total.has_back = true;
      }
      state.totals.push_back(numbers[i], spare_numbers_);
    }
    held_entries_ += count;
  }
  // Takes the slices before `first` out of the stacks, turning the back into the front when the front is used up.
  bool expire_slices(std::int64_t first, std::uint32_t budget) {
    // Slices of the front leave one by one.
    for (auto it = slices_.lower_bound(stack_first_); it != slices_.end() && it->first < std::min(first, front_end_);
         it = slices_.upper_bound(it->first)) {
      State& state = *it->second;
      for (; cursor_ < state.totals.size(); ++cursor_) {
        if (budget-- == 0) return false;
        Total& total = totals_.entry(state.totals[cursor_]).value;
        total.front = state.fronts[cursor_].next;
        total.front_entry = state.fronts[cursor_].next_entry;
        if (total.front == nullptr && !total.has_back) totals_.erase(state.totals[cursor_]);
      }
      leave_stack(state);
      cursor_ = 0;
      stack_first_ = it->first + 1;
    }
    if (first <= front_end_ || !has_slice(front_end_, std::min(first, closed_until_))) {
      if (!turning_) {
        stack_first_ = std::max(stack_first_, first);
        return true;
      }
    }
    return turn(first, budget);
  }
  [[nodiscard]] bool has_slice(std::int64_t from, std::int64_t to) const {
    const auto it = slices_.lower_bound(from);
    return it != slices_.end() && it->first < to;
  }
  // Makes all closed slices from `first` on the front.
  bool turn(std::int64_t first, std::uint32_t budget) {
    if (!turning_) {
      turning_ = true;
      cursor_ = 0;
      turn_at_ = closed_until_;
      clearing_ = true;
    }
    if (clearing_) {
      for (; cursor_ < totals_.end_number(); ++cursor_) {
        if (budget-- == 0) return false;
        Total& total = totals_.entry(cursor_).value;
        total.has_back = false;
        total.front = nullptr;
      }
      clearing_ = false;
      cursor_ = 0;
    }
    // Newest first, so that each slice finds the merge of all later ones ready.
    while (turn_at_ > first) {
      auto it = slices_.lower_bound(turn_at_);
      if (it == slices_.begin() || (--it)->first < first) break;
      State& state = *it->second;
      const auto entries = static_cast<std::uint32_t>(state.totals.size());
      for (; cursor_ < entries; ++cursor_) {
        if (budget-- == 0) return false;
        Total& total = totals_.entry(state.totals[cursor_]).value;
        Acc suffix = state.table->entry(cursor_).value;
        if (total.front != nullptr) merge(suffix, total.front->fronts[total.front_entry].suffix);
        state.fronts.push_back({std::move(suffix), total.front, total.front_entry}, spare_fronts_);
        total.front = &state;
        total.front_entry = cursor_;
      }
      cursor_ = 0;
      turn_at_ = it->first;
    }
    // Keys of slices that were never in the front and are past now.
    for (auto it = slices_.lower_bound(stack_first_); it != slices_.end() && it->first < first; ++it) {
      const PieceVector<std::uint32_t>& totals = it->second->totals;
      for (; cursor_ < totals.size(); ++cursor_) {
        if (budget-- == 0) return false;
        const std::uint32_t number = totals[cursor_];
        if (totals_.live(number) && totals_.entry(number).value.front == nullptr) totals_.erase(number);
      }
      leave_stack(*it->second);
      cursor_ = 0;
      stack_first_ = it->first + 1;
    }
    turning_ = false;
    front_end_ = closed_until_;
    stack_first_ = first;
    return true;
  }
  void leave_stack(State& state) {
    held_entries_ -= state.totals.size();
    spent_numbers_.push_back(std::exchange(state.totals, {}));
    spent_fronts_.push_back(std::exchange(state.fronts, {}));
  }
  template <class T>
  static std::size_t free_some(std::vector<PieceVector<T>>& spent, SparePieces<T>& spare) {
    std::size_t freed = 0;
    while (!spent.empty() && freed < kFreedPerStep) {
      freed += spent.back().drop_piece(spare) + 1;
      if (spent.back().empty()) spent.pop_back();
    }
    return freed;
  }

  // An aggregate without merge only ever meets tumbling windows, which have one slice.
  void merge(Acc& into, const Acc& later) const {
    if constexpr (MergingAggregate<Agg>) agg_.merge(into, later);
  }

  Agg agg_;
  Map& slices_;
  std::vector<PieceVector<std::uint32_t>> spent_numbers_;
  std::vector<PieceVector<Front>> spent_fronts_;
  SparePieces<std::uint32_t> spare_numbers_;
  SparePieces<Front> spare_fronts_;

  KeyTotals<K, Total> totals_;
  std::int64_t stack_first_ = INT64_MIN;   // slices from here on are in the stacks,
  std::int64_t front_end_ = INT64_MIN;     // up to here in the front,
  std::int64_t closed_until_ = INT64_MIN;  // and up to here in the back
  std::uint32_t cursor_ = 0;
  std::int64_t turn_at_ = 0;
  bool turning_ = false;
  bool clearing_ = false;
  bool has_holes_ = false;
  bool dropping_ = false;
  std::size_t held_entries_ = 0;  // with columns beside them
  std::uint32_t emit_at_ = 0;
};

}  // namespace millstream::inline v0
