// SliceAdder: records of a batch go into the table of their slice: first the keys of all of them become entries, then
// each is added to its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/operators/slice_tables.hpp"
#include "millstream/window/aggregate.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate. Of one stage.
template <class K, class T, class Agg, class KeyOf>
class SliceAdder {
  using Tables = SliceTables<K, AccumulatorOf<Agg>>;
  using Table = typename Tables::Table;
  using Cold = typename Tables::Cold;

 public:
  SliceAdder(KeyOf key_of, Agg agg) : key_of_{std::move(key_of)}, agg_{std::move(agg)} {}

  /// `count` records, number i of which is at place(i) of the batch and has the hash hashes[i]. guard(body, failed)
  /// calls body(i) for each of them, and failed(i) where that throws; it may end early where the job has failed.
  /// Returns how many are before `judge`.
  template <class Place, class Guard>
  std::uint64_t add(typename Tables::Place& slice, const Batch<T>& batch, std::uint32_t count,
                    const std::uint64_t* hashes, Place&& place, Timestamp judge, Guard&& guard) {
    const T* values = batch.values();
    const Timestamp* times = batch.times.data();
    Table& table = *slice.table;
    const std::uint32_t known = table.end_number();
    failed_.clear();
    firsts_.clear();
    table.resolve(
        {hashes, count}, [&](std::size_t i) -> decltype(auto) { return std::invoke(key_of_, values[place(i)]); },
        [&](std::size_t i) {
          if (slice.cold != nullptr) firsts_.push_back(static_cast<std::uint32_t>(i));
          return agg_.create();
        },
        numbers_);
    std::uint64_t late = 0;
    const auto add_one = [&](std::uint32_t i) {
      const std::size_t at = place(i);
      late += times[at] < judge ? 1U : 0U;
      add_record(agg_, table.entry(numbers_[i]).value, values[at], times[at]);
    };
    const auto note_failed = [&](std::uint32_t i) { failed_.push_back(i); };
    if (Cold::kCountsHeap && slice.cold != nullptr) {
      for (const std::uint32_t first : firsts_) slice.cold->note_new(numbers_[first]);
      guard(
          [&](std::uint32_t i) {
            const typename Cold::Change change{*slice.cold, table.entry(numbers_[i]).value};
            add_one(i);
          },
          note_failed);
    } else {
      guard(add_one, note_failed);
    }
    if (!failed_.empty()) [[unlikely]]
      take_back(slice, known, count);
    return late;
  }

 private:
  // A record that the user's function threw for must not make its key appear: entries that were made for this run and
  // that none of its `count` records got into go again.
  [[gnu::noinline]] void take_back(typename Tables::Place& slice, std::uint32_t known, std::uint32_t count) {
    std::vector<std::uint32_t> used;
    auto failed = failed_.begin();
    for (std::uint32_t i = 0; i < count; ++i) {
      if (failed != failed_.end() && *failed == i) {
        ++failed;
      } else {
        used.push_back(numbers_[i]);
      }
    }
    std::sort(used.begin(), used.end());
    const auto is_used = [&](std::uint32_t number) { return std::binary_search(used.begin(), used.end(), number); };
    if (slice.cold != nullptr) {
      // Where entries may leave memory, new ones take any place: they are those of the first records of keys.
      for (const std::uint32_t first : firsts_) {
        if (!is_used(numbers_[first])) slice.cold->erase_new(numbers_[first]);
      }
      return;
    }
    Table& table = *slice.table;
    for (std::uint32_t number = table.end_number(); number-- > known;) {
      if (!is_used(number)) table.erase_dense(number);
    }
  }

  KeyOf key_of_;
  Agg agg_;
  std::vector<std::uint32_t> failed_;  // of the run being added
  std::vector<std::uint32_t> firsts_;  // of that, the first of their keys; where entries may leave memory
  std::uint32_t numbers_[kBatchRecordsMax];
};

}  // namespace millstream::inline v0
