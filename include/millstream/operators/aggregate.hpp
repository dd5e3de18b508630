// aggregate without a window: a running aggregate per key, whose new result is given out for each record.
//   clicks.key_by(&Click::page).aggregate(ms::count())          // KeyedResult<std::string, std::int64_t>
#pragma once

#include <new>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/operators/keyed_batch.hpp"
#include "millstream/operators/keyed_table.hpp"
#include "millstream/operators/transform_stage.hpp"
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
    state_.open(this->context(), this->name());
    if (state_.cold() != nullptr) this->use(*state_.cold());
  }
  bool spills() const override { return true; }
  std::vector<StateDeclaration> states() const override {
    return declare_only_entries("accumulators", &schema_of<K>, &schema_of<AccumulatorOf<Agg>>);
  }
  void save(Snapshot& snapshot) override { state_.save(snapshot); }
  Status restore(const StateEntry& saved) override {
    Status failure;
    return state_.restore(saved, failure) ? failure : this->bad_entry(saved);
  }
  void end_restore() override { this->check(state_.end_restore()); }

 private:
  using Accumulator = AccumulatorOf<Agg>;
  using Cold = ColdTable<K, Accumulator>;
  using Result = KeyedResult<K, ResultOf<Agg>>;

  bool fetch_keys(const BatchBase& batch) override {
    return state_.fetch(static_cast<const Batch<T>&>(batch), key_of_);
  }
  void transform(BatchHandle handle) override {
    const BatchOf<T> batch = batch_cast<T>(std::move(handle));
    auto out = this->output_.make();
    this->forget_failed();
    // The keys were computed once before, by key_by; a function that throws now is not the same function.
    firsts_.clear();
    this->protect([&] {
      keys_.resolve(state_.table(), *batch, key_of_, [this](std::size_t i) {
        if (Cold::kCountsHeap && state_.cold() != nullptr) firsts_.push_back(static_cast<std::uint32_t>(i));
        return agg_.create();
      });
    });
    if (this->context().failed()) return;
    for (const std::uint32_t first : firsts_) state_.cold()->note_new(keys_[first]);
    const Timestamp* times = batch->times.present() ? batch->times.data() : nullptr;
    const auto add = [&](std::uint32_t i) {
      auto& entry = state_.table().entry(keys_[i]);
      add_record(agg_, entry.value, std::as_const(batch->values()[i]), times == nullptr ? kTimestampMin : times[i]);
      ::new (static_cast<void*>(out->values() + out->size())) Result{entry.key, agg_.result(entry.value)};
      out->set_size(out->size() + 1);
    };
    const auto add_all = [&](const auto& add_one) {
      this->guarded(
          *batch, 0, batch->size(), add_one, [&](std::uint32_t i) { return detail::record_text(batch->values()[i]); },
          [&](std::uint32_t i) { this->note_failed(i); });
    };
    if (Cold::kCountsHeap && state_.cold() != nullptr) {
      add_all([&](std::uint32_t i) {
        const typename Cold::Change change{*state_.cold(), state_.value(keys_[i])};
        add(i);
      });
    } else {
      add_all(add);
    }
    state_.account();
    if (this->any_failed()) this->keep_succeeded(*batch, out->size());
    out->take_columns(*batch);
    this->emit(std::move(out));
  }

  KeyOf key_of_;
  Agg agg_;
  KeyedTable<K, Accumulator> state_;
  KeyedBatch keys_;
  std::vector<std::uint32_t> firsts_;  // places of records that are the first of their keys; where heap is counted
};

}  // namespace millstream::inline v0
