// flat_map: any number of results for each record, through a collector.
//   lines.flat_map<std::string>([](const Line& l, ms::Collector<std::string>& out) { ... out.emit(word); })
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "millstream/operators/collector.hpp"
#include "millstream/operators/transform_stage.hpp"

namespace millstream::inline v0 {

/// The part that does not depend on the function: results and marks in their order.
class MILLSTREAM_EXPORT FlatMapStageBase : public TransformStageBase {
 protected:
  FlatMapStageBase();
  ~FlatMapStageBase() override;

  /// In the constructor: where the results go.
  void set_collector(CollectorFrame& collector) noexcept { collected_ = &collector; }
  /// The function for records [from, to).
  virtual void run(BatchBase& batch, std::uint32_t from, std::uint32_t to) = 0;

 private:
  void transform(BatchHandle batch) final;

  CollectorFrame* collected_ = nullptr;
};

template <class In, class Out, class F>
class FlatMapStage final : public FlatMapStageBase {
 public:
  FlatMapStage(F f, std::uint32_t fill) : f_{std::move(f)}, collector_{output_, fill} {
    set_output(output_);
    set_collector(collector_.frame());
  }

 private:
  void run(BatchBase& base, std::uint32_t from, std::uint32_t to) override {
    auto& batch = static_cast<Batch<In>&>(base);
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
  Output<Out> output_;
  CollectorBuffer<Out> collector_;
};

}  // namespace millstream::inline v0
