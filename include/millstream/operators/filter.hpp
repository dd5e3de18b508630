// filter: the records for which the predicate holds.
//   payments.filter([](const Payment& p) { return p.cents > 0; })
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

template <class T, class F>
class FilterStage final : public TransformStage<T> {
 public:
  explicit FilterStage(F f) : f_{std::move(f)} {}

 private:
  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    T* values = batch->values();
    std::uint32_t kept = 0;
    const auto text = [&](std::uint32_t i) { return detail::record_text(values[i]); };
    const auto failed = [](std::uint32_t) {};
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (!batch->has_columns() && batch->marks.empty()) {
        // Without a branch on the answer: it is not predictable.
        this->guarded(
            *batch, 0, batch->size(),
            [&](std::uint32_t i) {
              const bool yes = static_cast<bool>(std::invoke(f_, std::as_const(values[i])));
              values[kept] = values[i];
              kept += yes ? 1U : 0U;
            },
            text, failed);
        batch->truncate(kept);
        this->emit(std::move(batch));
        return;
      }
    }
    this->guarded(
        *batch, 0, batch->size(),
        [&](std::uint32_t i) {
          places_[kept] = i;
          kept += static_cast<bool>(std::invoke(f_, std::as_const(values[i]))) ? 1U : 0U;
        },
        text, failed);
    batch->keep_columns(places_, kept);
    detail::keep_values(*batch, places_, kept);
    this->emit(std::move(batch));
  }

  F f_;
  std::uint32_t places_[kBatchRecordsMax];  // of the records that are kept
};

}  // namespace millstream::inline v0
