// WindowSlices: the state of tumbling and sliding windows. A slice of event time is a table key -> accumulator that all
// windows over it share. A sliding window fires from stacks of merges (SliceStacks); where the job has a place for
// entries that do not fit in memory, it fires by merging its slices (SliceMerge) from when the first one is to leave.
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
#include "millstream/operators/slice_merge.hpp"
#include "millstream/operators/slice_stacks.hpp"
#include "millstream/operators/slice_state.hpp"
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

  using State = SliceState<K, Acc>;

  WindowSlices(Agg agg, SliceGrid grid, std::shared_ptr<MemoryBudget> memory)
      : agg_{std::move(agg)}, grid_{std::move(grid)}, memory_{std::move(memory)} {
    if (sliding()) stacks_ = std::make_unique<Stacks>(agg_, slices_);
  }
  WindowSlices(const WindowSlices&) = delete;
  WindowSlices& operator=(const WindowSlices&) = delete;

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
  /// The same from number `first` to before `end`.
  template <class F>
  void for_each(std::int64_t first, std::int64_t end, F&& f) {
    for (auto it = slices_.lower_bound(first); it != slices_.end() && it->first < end; ++it) f(*it->second);
  }
  /// Brings the memory reservation up to date after entries were added.
  void account(State& state) {
    const std::size_t bytes = state.memory_bytes();
    if (bytes == state.accounted) return;
    const std::size_t heap = state.cold ? state.cold->heap_bytes_held() : 0;
    count(bytes - state.accounted, heap - state.accounted_heap);
    state.accounted = bytes;
    state.accounted_heap = heap;
    reserve();
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

  /// All that was saved has been restored.
  void end_restore() {
    if (cold() != nullptr && cold()->any_spilled()) stack_no_more();
  }
  /// Before the first window: all up to number `done` have fired already. The slices from there on go into the stacks
  /// as they do when they fill; the earlier ones are only looked at for late records.
  void begin_behind(std::int64_t done) {
    if (done != INT64_MAX && stacked()) stacks_->begin_from(grid_.first_slice_of(done + 1));
  }
  /// Readies a window for emit(): at most about `budget` entries a call; true when it is done.
  bool prepare(std::int64_t window, std::uint32_t budget) {
    const std::int64_t first = grid_.first_slice_of(window);
    if (!sliding()) {
      emitting_ = find(first);
      emit_at_ = 0;
      if (emitting_ != nullptr && emitting_->spilled()) emitting_->cold->begin_stored();
      return true;
    }
    if (stacks_) free_some();
    const std::int64_t end = grid_.end_slice_of(window);
    // Behind a restart the first window makes them for all slices at once.
    if (stacked() && (cold() == nullptr || !make_room())) {
      const typename Stacks::Ready ready = stacks_->prepare(first, end, budget);
      reserve();
      if (ready != Stacks::Ready::kNever) return ready == Stacks::Ready::kYes;
      stack_no_more();
    }
    return merge_->prepare(first, end, budget);
  }
  /// After prepare(): f(key, accumulator) for the next entries, at most `count` and until f says false; true when all
  /// have been given that do not wait for emit_stored().
  template <class F>
  bool emit(std::uint32_t count, F&& f) {
    if (sliding()) return !stacked() || stacks_->emit(count, f);
    if (emitting_ == nullptr) return true;
    const std::uint32_t end = std::min(emitting_->table->end_number(), emit_at_ + count);
    for (bool more = true; more && emit_at_ < end; ++emit_at_) {
      if (!emitting_->table->live(emit_at_)) continue;
      auto& entry = emitting_->table->entry(emit_at_);
      more = f(std::as_const(entry.key), std::as_const(entry.value));
    }
    return emit_at_ == emitting_->table->end_number();
  }
  /// Behind that: the same for what has left memory, and for windows that are merged. kDone: all have been given;
  /// kBlocked: it waits for the store.
  template <class F>
  [[nodiscard]] Progress emit_stored(std::uint32_t count, F&& f) {
    if (sliding()) {
      if (stacked()) return Progress::kDone;
      const Progress given = merge_->give(count, f);
      reserve();
      return given;
    }
    if (emitting_ == nullptr || !emitting_->spilled()) return Progress::kDone;
    return emitting_->cold->for_each_stored(count, f);
  }
  [[nodiscard]] bool stored_waits() {
    if (sliding()) return !stacked() && merge_->waits();
    return emitting_ != nullptr && emitting_->spilled() && emitting_->cold->stored_waits();
  }
  /// A bounded piece of letting entries leave memory, between batches; true if something was done.
  bool spill_some() {
    if (cold() == nullptr) return false;
    if (sliding() && make_room()) return true;
    if (stacked()) return false;
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

  template <class Add>
  void add_to(StateTable<K, Acc>& table, const K& key, std::uint64_t hash, Add&& add) const {
    tables_.add_to(table, key, hash, [this] { return agg_.create(); }, add);
  }
  /// One record for a slice that may have been closed already; `add(acc)` adds it to an accumulator. Where that throws
  /// nothing has changed: the record counts in all of its windows or in none.
  template <class Add>
  void add_late(State& state, const K& key, std::uint64_t hash, Add&& add) {
    if (stacked() && stacks_->hold(state)) {
      Acc one = agg_.create();
      add(one);
      stacks_->add_late(state, key, hash, std::move(one));
    } else {
      tables_.add_to(state, key, hash, [this] { return agg_.create(); }, add);
    }
    account(state);
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
      if ((stacked() && stacks_->hold(oldest)) || saturating_add(oldest.last_end, lateness) > watermark) break;
      if (!tables_.may_close(oldest)) {
        ++it;
        continue;
      }
      if (emitting_ == &oldest) emitting_ = nullptr;
      count(-oldest.accounted, -oldest.accounted_heap);
      tables_.close(oldest, oldest.slice.index);
      it = slices_.erase(it);
      advanced = true;
    }
    if (advanced) reserve();
    return free_some() || tables_.tidy() || advanced;
  }

 private:
  using Stacks = SliceStacks<K, Agg>;
  using Merge = SliceMerge<K, Agg>;
  static constexpr std::uint32_t kRetiredPerCall = 2 * kBatchRecordsMax;  // more than a batch can open

  /// Windows fire from the stacks.
  [[nodiscard]] bool stacked() const noexcept { return stacks_ != nullptr && merge_ == nullptr; }
  void reserve() {
    memory_.resize(held_ + (merge_ ? merge_->memory_bytes() : 0) + (stacks_ ? stacks_->memory_bytes() : 0));
  }
  // Differences, which may be less than nothing: they wrap around.
  void count(std::size_t bytes, std::size_t heap_bytes) {
    held_ += bytes;
    held_heap_ += heap_bytes;
    if (cold() != nullptr) cold()->count_tables(held_);
  }
  // For the rest of the run: windows fire by merging.
  void stack_no_more() {
    if (!stacked()) return;
    merge_ = std::make_unique<Merge>(agg_, slices_, *cold());
    free_some();  // slices that go leave nothing of it behind
  }
  // Before an entry leaves the stacks go, whose columns number the entries of slices. True if something was done.
  bool make_room() {
    const bool were_stacked = stacked();
    // Of what merging needs nothing becomes free when entries leave: half of the share is for these.
    cold()->count_kept(were_stacked ? stacks_bytes() : std::min(merge_->memory_bytes(), cold()->share_bytes() / 2));
    if (!were_stacked || !cold()->is_full()) return false;
    stack_no_more();
    return true;
  }
  // An accumulator of one key for all slices owns about what it does in them, in the front and in the back.
  [[nodiscard]] std::size_t stacks_bytes() const { return stacks_->memory_bytes() + 2 * held_heap_; }
  // True if there was something to free.
  bool free_some() {
    if (!stacks_) return false;
    if (stacked()) return stacks_->free_some();
    if (stacks_->drop_some()) stacks_.reset();
    return true;
  }

  // An aggregate without merge only ever meets tumbling windows, which have one slice.
  void merge(Acc& into, const Acc& later) const {
    if constexpr (MergingAggregate<Agg>) agg_.merge(into, later);
  }

  Agg agg_;
  SliceGrid grid_;
  MemoryReservation memory_;
  std::size_t held_ = 0;       // by the slices
  std::size_t held_heap_ = 0;  // of these, what their entries own
  SliceTables<K, Acc> tables_;
  SliceMap<K, Acc> slices_;
  std::unique_ptr<Stacks> stacks_;  // of sliding windows, until they are down
  std::unique_ptr<Merge> merge_;    // from when they go down
  State* emitting_ = nullptr;
  std::uint32_t emit_at_ = 0;
};

}  // namespace millstream::inline v0
