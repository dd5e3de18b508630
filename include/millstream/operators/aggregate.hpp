// aggregate without a window: a running aggregate per key, whose new result is given out for each record.
//   clicks.key_by(&Click::page).aggregate(ms::count())          // KeyedResult<std::string, std::int64_t>
#pragma once

#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/operators/keyed_batch.hpp"
#include "millstream/operators/transform_stage.hpp"
#include "millstream/state/table_snapshot.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate, KeyOf a pointer to a data member or a function of the record. The result of a record has
/// its columns, so its event time and its key's hash. The state is kept for ever.
template <class K, class T, class Agg, class KeyOf>
class AggregateStage final : public TransformStage<KeyedResult<K, ResultOf<Agg>>> {
  static_assert(check_aggregate<Agg, T>());

 public:
  AggregateStage(KeyOf key_of, Agg agg) : key_of_{std::move(key_of)}, agg_{std::move(agg)} {}

  void open() override {
    memory_ = MemoryReservation{this->context().memory};
    if (this->context().barriers != nullptr) table_.track_changes();
  }
  std::vector<StateDeclaration> states() const override {
    return declare_only_entries("accumulators", &schema_of<K>, &schema_of<AccumulatorOf<Agg>>);
  }
  void save(Snapshot& snapshot) override { save_table(table_, 0, {}, snapshot); }
  Status restore(const StateEntry& saved) override {
    return restore_to_table(table_, saved.key_group, saved.key, saved.value) ? Status{} : this->bad_entry(saved);
  }
  void end_restore() override { memory_.resize(table_.memory_bytes()); }

 private:
  using Result = KeyedResult<K, ResultOf<Agg>>;

  void transform(BatchHandle handle) override {
    const BatchOf<T> batch = batch_cast<T>(std::move(handle));
    auto out = this->output_.make();
    this->forget_failed();
    // The keys were computed once before, by key_by; a function that throws now is not the same function.
    this->protect([&] { keys_.resolve(table_, *batch, key_of_, [this](std::size_t) { return agg_.create(); }); });
    if (this->context().failed()) return;
    const Timestamp* times = batch->times.present() ? batch->times.data() : nullptr;
    this->guarded(
        *batch, 0, batch->size(),
        [&](std::uint32_t i) {
          auto& entry = table_.entry(keys_[i]);
          add_record(agg_, entry.value, std::as_const(batch->values()[i]), times == nullptr ? kTimestampMin : times[i]);
          out->emplace_back(Result{entry.key, agg_.result(entry.value)});
        },
        [&](std::uint32_t i) { return detail::record_text(batch->values()[i]); },
        [&](std::uint32_t i) { this->note_failed(i); });
    memory_.resize(table_.memory_bytes());
    if (this->any_failed()) this->keep_succeeded(*batch, out->size());
    out->take_columns(*batch);
    this->emit(std::move(out));
  }

  KeyOf key_of_;
  Agg agg_;
  StateTable<K, AccumulatorOf<Agg>> table_;
  KeyedBatch keys_;
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
