// KeyedTable: the one state of a keyed stage: a table that is saved and restored, counts in the memory budget, and lets
// entries leave memory where the job has a place for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "millstream/channel/stage.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/operators/keyed_batch.hpp"
#include "millstream/state/cold_table.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/state/table_snapshot.hpp"

namespace millstream::inline v0 {

template <class K, class V>
class KeyedTable {
 public:
  using Cold = ColdTable<K, V>;

  /// From the stage's open().
  void open(ShardContext& context, std::string_view stage) {
    memory_ = MemoryReservation{context.memory};
    if (context.barriers != nullptr) table_.track_changes();
    if (context.cold != nullptr) cold_ = std::make_unique<Cold>(table_, *context.cold, stage);
  }
  [[nodiscard]] StateTable<K, V>& table() noexcept { return table_; }
  [[nodiscard]] V& value(std::uint32_t number) noexcept { return table_.entry(number).value; }
  /// Null where all entries stay in memory.
  [[nodiscard]] Cold* cold() const noexcept { return cold_.get(); }

  /// ColdTable::fetch() of the keys of a batch.
  template <class T, class KeyOf>
  [[nodiscard]] bool fetch(const Batch<T>& batch, const KeyOf& key_of) {
    MILLSTREAM_ASSERT(batch.empty() || batch.hashes.present());
    const T* values = batch.values();
    return cold_->fetch(std::span{batch.hashes.data(), batch.size()},
                        [&](std::size_t i) -> decltype(auto) { return std::invoke(key_of, values[i]); });
  }
  /// Behind a batch.
  void account() noexcept { memory_.resize(table_.memory_bytes() + (cold_ ? cold_->heap_bytes_held() : 0)); }

  void save(Snapshot& snapshot) {
    save_table(table_, 0, {}, snapshot);
    if (cold_) cold_->save(0, snapshot);
  }
  /// False where the bytes are wrong, the key is of another group, or it is there already.
  [[nodiscard]] bool restore(const StateEntry& saved, Status& failure) {
    if (cold_ && cold_->restores_to_store()) return restore_to_store(saved, failure);
    const std::optional<RestoredEntry> restored = restore_to_table(table_, saved.key_group, saved.key, saved.value);
    if (restored && cold_) cold_->note_restored(restored->number);
    return restored.has_value();
  }
  [[nodiscard]] Status end_restore() {
    account();
    return cold_ ? cold_->end_restore() : Status{};
  }

 private:
  bool restore_to_store(const StateEntry& saved, Status& failure) {
    K key{};
    V value{};
    if (!decode_value(saved.key, key) || !decode_value(saved.value, value)) return false;
    const std::uint64_t hash = hash_key(key);
    if (key_group_of(hash) != saved.key_group || table_.find(key, hash) != StateTable<K, V>::kNone) return false;
    failure = cold_->restore(saved);
    return true;
  }

  StateTable<K, V> table_;
  std::unique_ptr<Cold> cold_;
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
