// PartialSlices: what a slice holds for some of its windows only. A record may be too late for the first windows of its
// slice by its own split's watermark while another split still holds them open: then they must fire without it and the
// later ones with it, so it is kept apart from the slice that all of them share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/state/state_table.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/slice_grid.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Belongs to one stage on one shard; nearly always empty.
template <class K, class Agg>
class PartialSlices {
 public:
  using Acc = AccumulatorOf<Agg>;
  using Table = StateTable<K, Acc>;

  PartialSlices(Agg agg, SliceGrid grid) : agg_{std::move(agg)}, grid_{std::move(grid)} {}

  [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }
  /// What windows from number `from` on have of a slice beside what all have; made if there is none.
  [[nodiscard]] Table& at(std::int64_t slice, std::int64_t from) {
    for (Part& each : parts_) {
      if (each.slice == slice && each.from == from) return *each.table;
    }
    return *parts_.emplace_back(Part{slice, from, std::make_unique<Table>()}).table;
  }
  /// A window has something of the key here.
  [[nodiscard]] bool has(std::int64_t window, const K& key, std::uint64_t hash) const {
    return in_part_before(parts_.size(), window, key, hash);
  }
  /// Adds what a window has of a key to `whole`, which holds something already if `any`.
  void collect(std::int64_t window, const K& key, std::uint64_t hash, Acc& whole, bool any) const {
    for (const Part& each : parts_) {
      const Acc* found = find(each, window, key, hash);
      if (found == nullptr) continue;
      if (any) {
        merge(whole, *found);
      } else {
        whole = *found;
      }
      any = true;
    }
  }

  /// A window is about to fire.
  void rewind() {
    at_ = entry_ = 0;
    if (!met_.empty()) met_.clear();
  }
  /// A key of the slices that all windows share fires: collect(), and walk() passes it by.
  void meet(std::int64_t window, const K& key, std::uint64_t hash, Acc& whole) {
    if (!has(window, key, hash)) return;
    static_cast<void>(met_.find_or_insert(key, hash, [] { return true; }));
    collect(window, key, hash, whole, true);
  }
  /// Behind those: give(key, accumulator) for the keys that the window has only here, from where the last call ended.
  /// stop() true ends the call early, and false is returned.
  template <class Give, class Stop>
  bool walk(std::int64_t window, Give&& give, Stop&& stop) {
    for (; at_ < parts_.size(); ++at_, entry_ = 0) {
      const Part& part = parts_[at_];
      if (!counts_in(part, window)) continue;
      for (; entry_ < part.table->end_number(); ++entry_) {
        if (stop()) return false;
        const auto& entry = part.table->entry(entry_);
        const std::uint64_t hash = hash_key(entry.key);
        if (met_.find(entry.key, hash) != Table::kNone || in_part_before(at_, window, entry.key, hash)) continue;
        Acc whole = agg_.create();
        collect(window, entry.key, hash, whole, false);
        give(entry.key, std::as_const(whole));
      }
    }
    return true;
  }
  /// f(slice, first window that it counts in, table) for each part.
  template <class F>
  void for_each(F&& f) {
    for (Part& each : parts_) f(each.slice, each.from, *each.table);
  }
  /// Forgets the slices for which over(slice) holds.
  template <class Over>
  void drop(Over&& over) {
    std::erase_if(parts_, [&](const Part& each) { return over(each.slice); });
  }

 private:
  struct Part {
    std::int64_t slice;
    std::int64_t from;  // the first window that it counts in
    std::unique_ptr<Table> table;
  };
  [[nodiscard]] bool counts_in(const Part& part, std::int64_t window) const {
    return part.from <= window && window <= grid_.last_window_of(part.slice);
  }
  [[nodiscard]] const Acc* find(const Part& part, std::int64_t window, const K& key, std::uint64_t hash) const {
    if (!counts_in(part, window)) return nullptr;
    const std::uint32_t entry = part.table->find(key, hash);
    return entry == Table::kNone ? nullptr : &part.table->entry(entry).value;
  }
  [[nodiscard]] bool in_part_before(std::size_t end, std::int64_t window, const K& key, std::uint64_t hash) const {
    for (std::size_t i = 0; i < end; ++i) {
      if (find(parts_[i], window, key, hash) != nullptr) return true;
    }
    return false;
  }
  // Of an aggregate without merge every window has one slice, and parts of it are never apart.
  void merge(Acc& into, const Acc& later) const {
    if constexpr (MergingAggregate<Agg>) agg_.merge(into, later);
  }

  Agg agg_;
  SliceGrid grid_;
  std::vector<Part> parts_;
  StateTable<K, bool> met_;  // keys that fired in the window at hand
  std::size_t at_ = 0;       // where the walk goes on
  std::uint32_t entry_ = 0;
};

}  // namespace millstream::inline v0
