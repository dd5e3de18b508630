// SliceMerge: how a sliding window fires some of whose slices have left memory. Some key groups at a time, what its
// slices have of them, in memory or in the store, is merged by key in a table, given out and forgotten: so it holds no
// more than the keys of these groups, whatever the window has.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/piece_vector.hpp"
#include "millstream/core/progress.hpp"
#include "millstream/operators/slice_state.hpp"
#include "millstream/state/cold_tables.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Belongs to one stage on one shard, whose slices outlive it.
template <class K, class Agg>
class SliceMerge {
 public:
  using Acc = AccumulatorOf<Agg>;
  using State = SliceState<K, Acc>;
  using Map = SliceMap<K, Acc>;
  static constexpr std::uint32_t kNone = State::kNone;

  SliceMerge(Agg agg, Map& slices, ColdTables& cold)
      : agg_{std::move(agg)}, slices_{slices}, cold_{cold}, groups_{cold.tier().groups()} {
    merged_.bound();
  }
  SliceMerge(const SliceMerge&) = delete;
  SliceMerge& operator=(const SliceMerge&) = delete;

  /// Readies the window of the slices from `first` to before `end` for give(): at most about `budget` entries a call;
  /// true when it is done. From the first call until all has been given no entry comes, goes or changes.
  [[nodiscard]] bool prepare(std::int64_t first, std::int64_t end, std::uint32_t budget) {
    if (!begun_) begin(first, end);
    for (; at_ < chains_.size(); ++at_, entry_ = 0) {
      Chain& chain = chains_[at_];
      const auto& table = *chain.slice->table;
      if (entry_ == 0 && !table.empty()) {
        chain.first.assign(groups_.end - groups_.first, kNone);
        heads_ += chain.first.size();
      }
      for (; !table.empty() && entry_ < table.end_number(); ++entry_) {
        if (budget-- == 0) return false;
        add_to_chain(chain, entry_);
      }
    }
    begin_groups(groups_.first);
    return true;
  }
  /// f(key, accumulator) for each key of the window, until f says false; looks at `count` entries at most. kDone: all
  /// have been given; kBlocked: it waits for the store.
  template <class F>
  [[nodiscard]] Progress give(std::uint32_t count, F&& f) {
    while (count > 0) {
      switch (phase_) {
        case Phase::kMemory:
          merge_memory(count);
          break;
        case Phase::kStore:
          if (!merge_stored(count)) return Progress::kBlocked;
          break;
        case Phase::kGive:
          if (!give_merged(count, f)) return Progress::kAdvanced;
          break;
        case Phase::kClear:
          --count;
          if (!merged_.clear_some()) break;
          merged_heap_ = 0;
          if (end_group_ == groups_.end) {
            end();
            return Progress::kDone;
          }
          begin_groups(end_group_);
          break;
      }
    }
    return Progress::kAdvanced;
  }
  /// What is next is still being read; whoever reads wakes the shard.
  [[nodiscard]] bool waits() {
    return begun_ && phase_ == Phase::kStore && chains_[at_].slice->spilled() &&
           chains_[at_].slice->cold->stored_waits();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    const std::size_t spare = spare_links_.empty() ? 0 : spare_links_.size() * spare_links_.front().capacity();
    return merged_.memory_bytes() + merged_heap_ + (links_ + heads_ + spare) * sizeof(std::uint32_t);
  }

 private:
  using Table = StateTable<K, Acc>;
  static constexpr std::size_t kMergedBytesMax = std::size_t{4} << 20;  // more makes reading no faster
  static constexpr std::size_t kMergedMin = 64;

  // What one slice of the window has in memory, by key groups.
  struct Chain {
    State* slice;
    std::vector<std::uint32_t> first;  // group -> an entry of it; empty where none is in memory
    PieceVector<std::uint32_t> next;   // entry -> another one of its group
  };
  enum class Phase : std::uint8_t { kMemory, kStore, kGive, kClear };

  void begin(std::int64_t first, std::int64_t end) {
    begun_ = true;
    at_ = 0;
    entry_ = 0;
    for (auto it = slices_.lower_bound(first); it != slices_.end() && it->first < end; ++it) {
      if (it->second->spilled()) stored_.push_back(chains_.size());
      chains_.push_back({it->second.get(), {}, {}});
    }
  }
  void add_to_chain(Chain& chain, std::uint32_t entry) {
    const Table& table = *chain.slice->table;
    std::uint32_t next = kNone;
    if (table.live(entry)) {
      const std::uint32_t group = key_group_of(hash_key(table.entry(entry).key));
      MILLSTREAM_ASSERT(group >= groups_.first && group < groups_.end);
      next = std::exchange(chain.first[group - groups_.first], entry);
    }
    chain.next.push_back(next, spare_links_);
    ++links_;
  }
  void begin_groups(std::uint32_t first) {
    first_group_ = first;
    end_group_ = static_cast<std::uint32_t>(std::min<std::size_t>(groups_.end, std::size_t{first} + groups_together_));
    stored_begun_ = 0;
    stored_at_ = 0;
    give_at_ = 0;
    begin_slice(0);
  }
  void begin_slice(std::size_t at) {
    at_ = at;
    if (at_ == chains_.size()) {
      choose_groups();
      phase_ = Phase::kGive;
      return;
    }
    phase_ = Phase::kMemory;
    group_ = first_group_;
    entry_ = kNone;
  }
  // So many groups at once that their keys are about as many as may be.
  void choose_groups() {
    const std::size_t bytes = std::min(cold_.tier().table_bytes() / 8, kMergedBytesMax);
    const std::size_t each = sizeof(typename Table::Entry) + merged_heap_ / std::max<std::size_t>(merged_.size(), 1);
    const std::size_t most = std::max(bytes / each, kMergedMin);
    if (merged_.size() > most) {
      groups_together_ = std::max<std::size_t>(groups_together_ / 2, 1);
    } else if (merged_.size() < most / 4) {
      groups_together_ = std::min<std::size_t>(groups_together_ * 2, kKeyGroups);
    }
  }
  void merge_memory(std::uint32_t& count) {
    Chain& chain = chains_[at_];
    for (; count > 0; --count) {
      while (entry_ == kNone) {
        if (chain.first.empty() || group_ == end_group_) {
          phase_ = Phase::kStore;
          return;
        }
        entry_ = chain.first[group_++ - groups_.first];
      }
      const auto& entry = chain.slice->table->entry(entry_);
      add(entry.key, entry.value);
      entry_ = chain.next[entry_];
    }
  }
  // False where it waits.
  bool merge_stored(std::uint32_t& count) {
    State& slice = *chains_[at_].slice;
    if (!slice.spilled()) {
      --count;
    } else {
      read_ahead();
      const Progress told = slice.cold->for_each_stored(count, [this](const K& key, const Acc& acc) {
        add(key, acc);
        return true;
      });
      if (told != Progress::kDone) return told == Progress::kAdvanced;
      --count;
      ++stored_at_;
    }
    begin_slice(at_ + 1);
    return true;
  }
  // The slice at hand, and the next one of which something is in the store.
  void read_ahead() {
    for (; stored_begun_ < std::min(stored_at_ + 2, stored_.size()); ++stored_begun_) {
      auto& cold = *chains_[stored_[stored_begun_]].slice->cold;
      cold.begin_stored({first_group_, end_group_});
      static_cast<void>(cold.stored_waits());
    }
  }
  void add(const K& key, const Acc& acc) {
    const std::size_t before = merged_.size();
    auto& entry = merged_.entry(merged_.find_or_insert(key, hash_key(key), [&] { return acc; }));
    if (merged_.size() != before) {
      merged_heap_ += heap_bytes(entry.key) + heap_bytes(entry.value);
      return;
    }
    merged_heap_ -= heap_bytes(entry.value);
    merge(entry.value, acc);
    merged_heap_ += heap_bytes(entry.value);
  }
  template <class F>
  bool give_merged(std::uint32_t& count, F&& f) {
    for (; count > 0 && give_at_ < merged_.end_number(); --count) {
      const auto& entry = merged_.entry(give_at_++);
      if (!f(entry.key, entry.value)) return false;
    }
    if (give_at_ == merged_.end_number()) phase_ = Phase::kClear;
    return true;
  }
  void end() {
    for (Chain& chain : chains_) {
      while (chain.next.drop_piece(spare_links_) > 0) {
      }
    }
    chains_.clear();
    stored_.clear();
    links_ = 0;
    heads_ = 0;
    begun_ = false;
  }
  // Only aggregates that merge have windows of several slices.
  void merge(Acc& into, const Acc& later) const {
    if constexpr (MergingAggregate<Agg>) agg_.merge(into, later);
  }

  Agg agg_;
  Map& slices_;
  ColdTables& cold_;
  ColdTier::Groups groups_;  // of the shard
  bool begun_ = false;
  std::vector<Chain> chains_;        // in the order of the slices
  std::vector<std::size_t> stored_;  // those of which something is in the store
  SparePieces<std::uint32_t> spare_links_;
  std::size_t links_ = 0;            // of all chains
  std::size_t heads_ = 0;            // of these, with entries in memory or not
  std::size_t groups_together_ = 1;  // to be merged next
  std::uint32_t first_group_ = 0;    // those that are being merged
  std::uint32_t end_group_ = 0;
  Phase phase_ = Phase::kMemory;
  std::size_t at_ = 0;       // in chains_
  std::uint32_t group_ = 0;  // whose entries in memory are next
  std::uint32_t entry_ = 0;
  std::size_t stored_begun_ = 0;  // in stored_: they are being read up to here
  std::size_t stored_at_ = 0;     // and have been merged up to here
  Table merged_;
  std::size_t merged_heap_ = 0;  // what its entries own
  std::uint32_t give_at_ = 0;
};

}  // namespace millstream::inline v0
