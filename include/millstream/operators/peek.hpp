// peek: looks at each record and gives it on unchanged.
//   payments.peek([](const Payment& p) { std::cerr << p.card << '\n'; })
#pragma once

#include <utility>

#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

template <class T, class F>
class PeekStage final : public TransformStage<T> {
 public:
  explicit PeekStage(F f) : f_{std::move(f)} {}

 private:
  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    const T* values = batch->values();
    // A function that fails on a record has still seen it: the record goes on.
    this->guarded(
        *batch, 0, batch->size(), [&](std::uint32_t i) { f_(values[i]); },
        [&](std::uint32_t i) { return detail::record_text(values[i]); }, [](std::uint32_t) {});
    this->emit(std::move(batch));
  }

  F f_;
};

}  // namespace millstream::inline v0
