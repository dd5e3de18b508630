// flat_map: any number of results for each record, through a collector.
//   lines.flat_map<std::string>([](const Line& l, ms::Collector<std::string>& out) { ... out.emit(word); })
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "millstream/operators/collector.hpp"
#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

template <class In, class Out, class F>
class FlatMapStage final : public TransformStage<In, Out> {
 public:
  FlatMapStage(F f, std::uint32_t fill) : f_{std::move(f)}, collector_{this->output_, fill} {}

 private:
  void transform(BatchOf<In> batch) override {
    collector_.follow(*batch);
    collector_.begin(batch->ingested_ns, batch->times.present());
    collector_.mark(batch->start);
    std::uint32_t from = 0;
    for (const Mark& mark : batch->marks) {
      run(*batch, from, mark.position);
      if (this->context().failed()) return;
      collector_.mark(mark.at);
      from = mark.position;
    }
    run(*batch, from, batch->size());
    // What the record that failed has half given out stays here, and nothing comes behind it.
    if (this->context().failed()) return;
    this->metrics_.records_out.add(collector_.take_emitted());
    collector_.finish(batch->control);
  }
  void run(Batch<In>& batch, std::uint32_t from, std::uint32_t to) {
    Collector<Out>& out = collector_;
    const bool keep = this->on_error() == OnError::kDeadLetter;
    const Timestamp* times = batch.times.present() ? batch.times.data() : nullptr;
    this->guarded(
        batch, from, to,
        [&](std::uint32_t i) {
          if (times != nullptr) collector_.set_time(times[i]);
          auto& value = batch.values()[i];
          if constexpr (std::is_trivially_copyable_v<In> || !std::is_invocable_v<F&, In&&, Collector<Out>&>) {
            f_(std::as_const(value), out);
          } else if (keep) {
            f_(std::as_const(value), out);
          } else {
            f_(std::move(value), out);
          }
        },
        [&](std::uint32_t i) { return detail::record_text(batch.values()[i]); }, [](std::uint32_t) {});
  }

  F f_;
  CollectorBuffer<Out> collector_;
};

}  // namespace millstream::inline v0
