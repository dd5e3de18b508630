// reduce: per key one value of the records' own type, into which each record is merged; it is given out each time.
//   orders.key_by(&Order::user).reduce([](const Order& sum, const Order& next) { return Order{sum.user, ...}; })
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/operators/keyed_batch.hpp"
#include "millstream/operators/keyed_table.hpp"
#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

/// F is called as f(value so far, record) and returns the new value; the first record of a key is its first value.
/// Where it returns a const T&, which may be one of its arguments, nothing is copied that stays what it is, and values
/// with text or containers keep their memory. The state is kept for ever.
template <class K, class T, class F, class KeyOf>
class ReduceStage final : public TransformStage<T> {
  static_assert(std::is_invocable_r_v<T, F&, const T&, const T&>,
                "millstream: reduce(f) needs a function that can be called as f(const Record& so_far, const Record& "
                "next) and returns a Record");
  static_assert(std::is_copy_constructible_v<T>,
                "millstream: reduce keeps a record and gives it out: it must be copied");

 public:
  ReduceStage(KeyOf key_of, F f) : key_of_{std::move(key_of)}, f_{std::move(f)} {}

  void open() override {
    state_.open(this->context(), this->name());
    if (state_.cold() != nullptr) this->use(*state_.cold());
  }
  bool spills() const override { return true; }
  std::vector<StateDeclaration> states() const override {
    return declare_only_entries("values", &schema_of<K>, &schema_of<T>);
  }
  void save(Snapshot& snapshot) override { state_.save(snapshot); }
  Status restore(const StateEntry& saved) override {
    Status failure;
    return state_.restore(saved, failure) ? failure : this->bad_entry(saved);
  }
  void end_restore() override { this->check(state_.end_restore()); }

 private:
  using Cold = ColdTable<K, T>;

  bool fetch_keys(const BatchBase& batch) override {
    return state_.fetch(static_cast<const Batch<T>&>(batch), key_of_);
  }
  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    this->forget_failed();
    firsts_.clear();
    this->protect([&] {
      keys_.resolve(state_.table(), *batch, key_of_, [&](std::size_t i) -> const T& {
        firsts_.push_back(static_cast<std::uint32_t>(i));
        return batch->values()[i];
      });
    });
    if (this->context().failed()) return;
    if constexpr (Cold::kCountsHeap) {
      if (state_.cold() != nullptr) {
        for (const std::uint32_t first : firsts_) state_.cold()->note_new(keys_[first]);
      }
    }
    // The first record of a key is its value already and goes out as it is.
    std::uint32_t from = 0;
    for (const std::uint32_t first : firsts_) {
      reduce(*batch, from, first);
      if (this->context().failed()) return;
      from = first + 1;
    }
    reduce(*batch, from, batch->size());
    state_.account();
    if (this->any_failed()) {
      const std::vector<std::uint32_t> kept = this->keep_succeeded(*batch);
      detail::keep_values(*batch, kept.data(), static_cast<std::uint32_t>(kept.size()));
    }
    this->emit(std::move(batch));
  }

  void reduce(Batch<T>& batch, std::uint32_t from, std::uint32_t to) {
    const auto merge = [&](std::uint32_t i) {
      T& record = batch.values()[i];
      T& value = state_.value(keys_[i]);
      if constexpr (std::is_same_v<std::invoke_result_t<F&, const T&, const T&>, const T&>) {
        const T& merged = f_(std::as_const(value), std::as_const(record));
        if (&merged != &value) value = merged;
        if (&merged != &record) record = std::as_const(value);
      } else {
        record = value = f_(std::as_const(value), std::as_const(record));
      }
    };
    if constexpr (Cold::kCountsHeap) {
      if (state_.cold() != nullptr) {
        return reduce(batch, from, to, [&](std::uint32_t i) {
          const typename Cold::Change change{*state_.cold(), state_.value(keys_[i])};
          merge(i);
        });
      }
    }
    reduce(batch, from, to, merge);
  }
  template <class Merge>
  void reduce(Batch<T>& batch, std::uint32_t from, std::uint32_t to, const Merge& merge) {
    this->guarded(
        batch, from, to, merge, [&](std::uint32_t i) { return detail::record_text(batch.values()[i]); },
        [&](std::uint32_t i) { this->note_failed(i); });
  }

  KeyOf key_of_;
  F f_;
  KeyedTable<K, T> state_;
  KeyedBatch keys_;
  std::vector<std::uint32_t> firsts_;  // places of the records that are the first of their keys
};

}  // namespace millstream::inline v0
