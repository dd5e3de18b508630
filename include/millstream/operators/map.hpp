// map: one result for each record.
//   payments.map([](const Payment& p) { return p.cents; })
#pragma once

#include <utility>
#include <vector>

#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

template <class In, class Out, class F>
class MapStage final : public TransformStage<In, Out> {
 public:
  explicit MapStage(F f) : f_{std::move(f)} {}

 private:
  void transform(BatchOf<In> batch) override {
    auto out = this->output_.make();
    const bool keep = this->on_error() == OnError::kDeadLetter;
    failed_.clear();
    this->guarded(
        *batch, 0, batch->size(),
        [&](std::uint32_t i) { out->emplace_back(detail::apply(f_, batch->values()[i], keep)); },
        [&](std::uint32_t i) { return detail::record_text(batch->values()[i]); },
        [&](std::uint32_t i) { failed_.push_back(i); });
    if (!failed_.empty()) {
      // A job that fails ends early: what has no result has failed too.
      std::vector<std::uint32_t> kept = detail::without(failed_, batch->size());
      kept.resize(out->size());
      batch->keep_columns(kept.data(), out->size());
    }
    out->take_columns(*batch);
    this->emit(std::move(out));
  }

  F f_;
  std::vector<std::uint32_t> failed_;
};

}  // namespace millstream::inline v0
