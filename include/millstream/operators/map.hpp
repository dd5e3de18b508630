// map: one result for each record.
//   payments.map([](const Payment& p) { return p.cents; })
#pragma once

#include <new>
#include <utility>

#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

template <class In, class Out, class F>
class MapStage final : public TransformStage<Out> {
 public:
  explicit MapStage(F f) : f_{std::move(f)} {}

 private:
  void transform(BatchHandle handle) override {
    const BatchOf<In> batch = batch_cast<In>(std::move(handle));
    auto out = this->output_.make();
    const bool keep = this->on_error() == OnError::kDeadLetter;
    this->forget_failed();
    this->guarded(
        *batch, 0, batch->size(),
        [&](std::uint32_t i) {
          // Made where it stays: a result with much text would else be moved once more.
          ::new (static_cast<void*>(out->values() + out->size())) Out(detail::apply(f_, batch->values()[i], keep));
          out->set_size(out->size() + 1);
        },
        [&](std::uint32_t i) { return detail::record_text(batch->values()[i]); },
        [&](std::uint32_t i) { this->note_failed(i); });
    if (this->any_failed()) this->keep_succeeded(*batch, out->size());
    out->take_columns(*batch);
    this->emit(std::move(out));
  }

  F f_;
};

}  // namespace millstream::inline v0
