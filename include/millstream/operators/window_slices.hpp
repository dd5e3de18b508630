// WindowSlices: the state of tumbling and sliding windows. A slice of event time is a table key -> accumulator that all
// windows over it share. For sliding windows the results of all keys are kept as two stacks per key (the two-stack
// queue of Tangwongsan, Hirzel, Schneider 2015): `back` holds what came since the last turn, each slice of the front
// holds the merge of itself and all later slices of the front. So a window costs one merge a key, whatever its size.
// Every walk over entries is a cursor that the caller continues.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/core/piece_vector.hpp"
#include "millstream/operators/key_totals.hpp"
#include "millstream/operators/slice_tables.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/slice_grid.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Belongs to one shard.
template <class K, class Agg>
class WindowSlices {
 public:
  using Acc = AccumulatorOf<Agg>;
  using Cold = ColdTable<K, Acc>;
  static constexpr std::uint32_t kNone = TableIndex::kNone;

  struct State;
  /// What an entry of a slice in the front of a sliding window has beside it.
  struct Front {
    Acc suffix;                        // merge of this and all later front slices of the key
    State* next = nullptr;             // the next front slice that has the key,
    std::uint32_t next_entry = kNone;  // and its entry there
  };
  /// A slice and, while it is in the stacks of a sliding window, the columns beside its entries.
  struct State : SliceTables<K, Acc>::Place {
    Slice slice;
    Timestamp first_end;                // of the first window that holds it
    Timestamp last_end;                 // of the last one
    PieceVector<std::uint32_t> totals;  // entry -> its key's number in the totals
    PieceVector<Front> fronts;
    std::size_t accounted = 0;
  };

  WindowSlices(Agg agg, SliceGrid grid, std::shared_ptr<MemoryBudget> memory)
      : agg_{std::move(agg)}, grid_{std::move(grid)}, memory_{std::move(memory)} {}

  /// Their tables. Those of sliding windows stay in memory.
  [[nodiscard]] SliceTables<K, Acc>& tables() noexcept { return tables_; }
  [[nodiscard]] ColdTables* cold() const noexcept { return tables_.cold(); }

  [[nodiscard]] bool sliding() const noexcept { return grid_.size_slices() > 1; }

  /// The slice that holds t, or null.
  [[nodiscard]] State* find(std::int64_t index) {
    const auto it = slices_.find(index);
    return it == slices_.end() ? nullptr : it->second.get();
  }
  [[nodiscard]] State& at(const Slice& slice) {
    std::unique_ptr<State>& state = slices_[slice.index];
    if (!state) {
      state = std::make_unique<State>();
      state->slice = slice;
      state->first_end = grid_.window(grid_.first_window_of(slice.index)).end;
      state->last_end = grid_.window(grid_.last_window_of(slice.index)).end;
      tables_.open(*state, slice.index);
      account(*state);
    }
    return *state;
  }
  /// The slice of this number; null where no instant is in it.
  [[nodiscard]] State* at_index(std::int64_t index) {
    if (State* const state = find(index)) return state;
    const Slice slice = grid_.slice_of(grid_.boundary(index));
    return slice.index == index ? &at(slice) : nullptr;
  }
  /// f(state) for each slice, in their order.
  template <class F>
  void for_each(F&& f) {
    for (auto& [index, state] : slices_) f(*state);
  }
  /// The slice has something of the key in memory.
  [[nodiscard]] bool has(std::int64_t slice, const K& key, std::uint64_t hash) {
    State* const state = find(slice);
    return state != nullptr && state->table->find(key, hash) != kNone;
  }
  /// Brings the memory reservation up to date after entries were added.
  void account(State& state) {
    const std::size_t bytes = state.memory_bytes();
    if (bytes == state.accounted) return;
    held_ += bytes - state.accounted;
    state.accounted = bytes;
    memory_.resize(held_);
  }

  /// The first window behind number `done` for which there is a slice; false if there is none.
  [[nodiscard]] bool next_window(std::int64_t done, std::int64_t& window) const {
    if (done == INT64_MAX) return false;
    for (auto it = slices_.lower_bound(grid_.first_slice_of(done + 1)); it != slices_.end(); ++it) {
      // Only where numbers stop at the ends of 64 bits.
      if (grid_.last_window_of(it->first) <= done) continue;
      window = std::max(done + 1, grid_.first_window_of(it->first));
      return true;
    }
    return false;
  }

  /// Before the first window: all up to number `done` have fired already. The slices from there on go into the stacks
  /// as they do when they fill; the earlier ones are only looked at for late records.
  void begin_behind(std::int64_t done) {
    if (done == INT64_MAX) return;
    stack_first_ = front_end_ = closed_until_ = grid_.first_slice_of(done + 1);
  }
  /// Readies a window for emit(): at most about `budget` entries a call; true when it is done.
  bool prepare(std::int64_t window, std::uint32_t budget) {
    const std::int64_t first = grid_.first_slice_of(window);
    free_some();
    if (!sliding()) {
      emitting_ = find(first);
      emit_at_ = 0;
      if (emitting_ != nullptr && emitting_->spilled()) emitting_->cold->begin_stored();
      return true;
    }
    if (!close_slices(grid_.end_slice_of(window), budget) || !expire_slices(first, budget)) return false;
    emit_at_ = 0;
    return true;
  }
  /// After prepare(): f(key, accumulator) for the next entries, at most `count` and until f says false; true when all
  /// have been given.
  template <class F>
  bool emit(std::uint32_t count, F&& f) {
    if (!sliding()) {
      if (emitting_ == nullptr) return true;
      const std::uint32_t end = std::min(emitting_->table->end_number(), emit_at_ + count);
      for (bool more = true; more && emit_at_ < end; ++emit_at_) {
        if (!emitting_->table->live(emit_at_)) continue;
        auto& entry = emitting_->table->entry(emit_at_);
        more = f(std::as_const(entry.key), std::as_const(entry.value));
      }
      return emit_at_ == emitting_->table->end_number();
    }
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
  /// Behind that: the same for what has left memory. kDone: all have been given; kBlocked: it waits for the store.
  template <class F>
  [[nodiscard]] Progress emit_stored(std::uint32_t count, F&& f) {
    if (sliding() || emitting_ == nullptr || !emitting_->spilled()) return Progress::kDone;
    return emitting_->cold->for_each_stored(count, f);
  }
  [[nodiscard]] bool stored_waits() {
    return emitting_ != nullptr && emitting_->spilled() && emitting_->cold->stored_waits();
  }
  /// A bounded piece of letting entries leave memory, between batches; true if something was done.
  bool spill_some() {
    if (cold() == nullptr) return false;
    const bool stepped = cold()->step();
    // The first slices are the first to be empty.
    for (auto it = slices_.begin(); it != slices_.end() && it->second->table->empty(); ++it) {
      tables_.renew(*it->second, it->first);
    }
    // What left may have owned memory.
    if (stepped) {
      for (auto& [index, state] : slices_) account(*state);
    }
    return stepped;
  }

  /// The key has a result in the window that was prepared last.
  [[nodiscard]] bool in_totals(const K& key, std::uint64_t hash) const {
    const std::uint32_t number = totals_.find(key, hash);
    return number != kNone && (totals_.entry(number).value.front != nullptr || totals_.entry(number).value.has_back);
  }

  template <class Add>
  void add_to(StateTable<K, Acc>& table, const K& key, std::uint64_t hash, Add&& add) const {
    tables_.add_to(table, key, hash, [this] { return agg_.create(); }, add);
  }
  /// One record for a slice that may have been closed already; `add(acc)` adds it to an accumulator. Where that throws
  /// nothing has changed: the record counts in all of its windows or in none.
  template <class Add>
  void add_late(State& state, const K& key, std::uint64_t hash, Add&& add) {
    if (!sliding() || state.slice.index >= closed_until_ || state.slice.index < stack_first_) {
      tables_.add_to(state, key, hash, [this] { return agg_.create(); }, add);
      account(state);
      return;
    }
    Acc one = agg_.create();
    add(one);
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

  /// Merges what one key has in the slices of a window; false if it has nothing there.
  bool collect(std::int64_t window, const K& key, std::uint64_t hash, Acc& whole) {
    const std::int64_t first = grid_.first_slice_of(window);
    const std::int64_t end = grid_.end_slice_of(window);
    bool any = false;
    for (auto it = slices_.lower_bound(first); it != slices_.end() && it->first < end; ++it) {
      const std::uint32_t entry = it->second->table->find(key, hash);
      if (entry == kNone) continue;
      const Acc& acc = it->second->table->entry(entry).value;
      if (any) {
        merge(whole, acc);
      } else {
        whole = acc;
      }
      any = true;
    }
    return any;
  }

  /// Lets go of the slices whose last window no record can reach any more, but for those of which a checkpoint has yet
  /// to be told; bounded work, true if something was done.
  bool retire(Timestamp watermark, Duration lateness) {
    bool advanced = false;
    auto it = slices_.begin();
    for (std::uint32_t n = 0; n < kRetiredPerCall && it != slices_.end(); ++n) {
      State& oldest = *it->second;
      const bool in_stack = sliding() && oldest.slice.index >= stack_first_ && oldest.slice.index < closed_until_;
      if (in_stack || saturating_add(oldest.last_end, lateness) > watermark) break;
      if (!tables_.may_close(oldest)) {
        ++it;
        continue;
      }
      if (emitting_ == &oldest) emitting_ = nullptr;
      held_ -= oldest.accounted;
      tables_.close(oldest, oldest.slice.index);
      it = slices_.erase(it);
      advanced = true;
    }
    if (advanced) memory_.resize(held_);
    return free_some() || tables_.tidy() || advanced;
  }

 private:
  static constexpr std::size_t kFreedPerStep = 16 * 1024;
  static constexpr std::uint32_t kClosedTogether = 64;
  static constexpr std::uint32_t kRetiredPerCall = 2 * kBatchRecordsMax;  // more than a batch can open

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
    StateTable<K, Acc>& table = *state.table;
    std::uint32_t entry = table.find(key, hash);
    if (entry != kNone) {
      table.touch(entry);
      merge(table.entry(entry).value, one);
      return entry;
    }
    entry = table.find_or_insert(key, hash, [&] { return one; });
    state.totals.push_back(totals_.find(key, hash), spare_numbers_);
    account(state);
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
      StateTable<K, Acc>& table = *state.table;
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
    StateTable<K, Acc>& table = *state.table;
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
    spent_numbers_.push_back(std::exchange(state.totals, {}));
    spent_fronts_.push_back(std::exchange(state.fronts, {}));
  }
  // True if there was something to free. A call frees more entries than a step lets leave.
  bool free_some() {
    const std::size_t numbers = free_some(spent_numbers_, spare_numbers_);
    const std::size_t fronts = free_some(spent_fronts_, spare_fronts_);
    return numbers + fronts > 0;
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
  SliceGrid grid_;
  MemoryReservation memory_;
  std::size_t held_ = 0;
  SliceTables<K, Acc> tables_;
  std::map<std::int64_t, std::unique_ptr<State>> slices_;

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
  State* emitting_ = nullptr;
  std::uint32_t emit_at_ = 0;
};

}  // namespace millstream::inline v0
