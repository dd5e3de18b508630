// SliceTables: the tables behind slices, which come and go: what a table has allocated is used again, and where the job
// has a place for them, entries leave memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/operators/window_snapshot.hpp"
#include "millstream/state/cold_tables.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/state/table_snapshot.hpp"

namespace millstream::inline v0 {

/// Belongs to one stage on one shard.
template <class K, class Acc>
class SliceTables {
 public:
  using Table = StateTable<K, Acc>;
  using Cold = ColdTable<K, Acc>;
  static constexpr std::uint32_t kNone = Table::kNone;

  /// Of one slice.
  struct Place {
    std::unique_ptr<Table> table;
    std::unique_ptr<Cold> cold;  // null where all entries stay in memory
    /// What it has may be in the store.
    [[nodiscard]] bool spilled() const noexcept { return cold != nullptr && cold->spilled(); }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      return table->memory_bytes() + (cold != nullptr ? cold->heap_bytes_held() : 0);
    }
  };

  /// Before the first slice: changes are tracked, for checkpoints.
  void track_changes() noexcept { tracks_ = true; }
  /// Before the first slice: entries may leave memory for the stage's column.
  void spill(ColdTier& tier, std::string stage) { cold_ = std::make_unique<ColdTables>(tier, std::move(stage)); }
  /// Null where none may.
  [[nodiscard]] ColdTables* cold() const noexcept { return cold_.get(); }
  /// Slices that have been let go.
  [[nodiscard]] GoneNumbers& gone() noexcept { return gone_; }

  void open(Place& place, std::int64_t slice) { open(place, slice, false); }
  /// Nobody needs the table any more who may still do, but for its owner.
  [[nodiscard]] static bool may_close(const Place& place) noexcept {
    return !place.table->saving() && (place.cold == nullptr || ColdTables::may_go(*place.cold));
  }
  /// The slice goes, from the store, too; the next checkpoint is told.
  void close(Place& place, std::int64_t slice) {
    note_gone(place, slice);
    if (place.cold != nullptr) cold_->drop(*place.cold);
    place.cold.reset();
    retired_.push_back(std::move(place.table));
  }
  void note_gone(const Place& place, std::int64_t slice) {
    if (place.spilled()) {
      gone_.add(slice);
    } else {
      gone_.add(slice, *place.table);
    }
  }
  /// A bounded piece of putting memory in order; true if something was done.
  bool tidy() {
    if (retired_.empty()) return false;
    if (retired_.back()->clear_some()) {
      if (spare_.size() < (cold_ ? kColdSparesMax : kSparesMax)) spare_.push_back(std::move(retired_.back()));
      retired_.pop_back();
    }
    return true;
  }
  /// All entries have left: the memory that they lay in is for other slices. True if that was so.
  bool renew(Place& place, std::int64_t slice) {
    if (!place.spilled() || !place.table->empty() || place.table->end_number() < kRenewedMin || !may_close(place)) {
      return false;
    }
    cold_->take_out(*place.cold);
    place.cold.reset();
    retired_.push_back(std::move(place.table));
    open(place, slice, true);
    return true;
  }

  /// add() to the accumulator of a key, made by create() where there is none. Where add() throws, a key that was not
  /// there is not there then. Returns its entry.
  template <class Create, class Add>
  static std::uint32_t add_to(Table& table, const K& key, std::uint64_t hash, Create&& create, Add&& add) {
    const std::size_t before = table.size();
    const std::uint32_t entry = table.find_or_insert(key, hash, create);
    try {
      add(table.entry(entry).value);
    } catch (...) {
      if (table.size() != before) erase_new(table, entry, hash);
      throw;
    }
    return entry;
  }
  /// The same in a slice; what entries own is counted.
  template <class Create, class Add>
  static void add_to(Place& place, const K& key, std::uint64_t hash, Create&& create, Add&& add) {
    if (!Cold::kCountsHeap || place.cold == nullptr) {
      add_to(*place.table, key, hash, create, add);
      return;
    }
    std::optional<typename Cold::Change> change;
    if (const std::uint32_t found = place.table->find(key, hash); found != kNone) {
      change.emplace(*place.cold, place.table->entry(found).value);
    }
    const std::uint32_t entry = add_to(*place.table, key, hash, create, add);
    if (!change) place.cold->note_new(entry);
  }

  /// An entry that a checkpoint had, by its key without the slice; false where it is none.
  [[nodiscard]] bool restore(Place& place, const StateEntry& saved, std::string_view key_bytes, Status& failure) {
    if (place.cold != nullptr && cold_->restores_to_store()) {
      K key{};
      Acc value{};
      if (!decode_value(key_bytes, key) || !decode_value(saved.value, value)) return false;
      const std::uint64_t hash = hash_key(key);
      if (key_group_of(hash) != saved.key_group || place.table->find(key, hash) != kNone) return false;
      failure = cold_->restore(*place.cold, saved, key_bytes);
      return true;
    }
    const std::optional<RestoredEntry> restored =
        restore_to_table(*place.table, saved.key_group, key_bytes, saved.value);
    if (restored && place.cold != nullptr) place.cold->note_restored(restored->number);
    return restored.has_value();
  }

 private:
  static constexpr std::size_t kSparesMax = 4;      // steady traffic opens about as many slices as it retires
  static constexpr std::size_t kColdSparesMax = 1;  // each may hold as much as all slices together
  static constexpr std::uint32_t kRenewedMin = 64;  // a new table's first block is as small

  void open(Place& place, std::int64_t slice, bool spilled) {
    // One that was renewed gives memory back: few of its entries will ever come again.
    const bool takes_spare = !spilled && !spare_.empty();
    place.table = takes_spare ? std::move(spare_.back()) : std::make_unique<Table>();
    if (takes_spare) spare_.pop_back();
    if (tracks_) place.table->track_changes();
    if (!cold_) return;
    std::string prefix;
    append_ordered(slice, prefix);
    place.cold = std::make_unique<Cold>(*place.table, cold_->tier(), cold_->stage(), std::move(prefix));
    cold_->add(*place.cold, spilled);
  }
  static void erase_new(Table& table, std::uint32_t number, std::uint64_t hash) {
    if (table.changes() != nullptr && table.changes()->spill_marks() != nullptr) {
      table.erase(number, hash);
    } else {
      table.erase_dense(number);
    }
  }

  std::unique_ptr<ColdTables> cold_;
  std::vector<std::unique_ptr<Table>> retired_;
  std::vector<std::unique_ptr<Table>> spare_;
  GoneNumbers gone_;
  bool tracks_ = false;
};

}  // namespace millstream::inline v0
