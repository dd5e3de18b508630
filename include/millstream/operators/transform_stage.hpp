// TransformStage: the frame of stages that turn each input batch into results at once: it counts, keeps the outbox
// moving and hands each batch to transform(). What an operator adds is the loop over the values.
#pragma once

#include <memory>
#include <utility>

#include "millstream/operators/operator_stage.hpp"

namespace millstream::inline v0 {

template <class In, class Out>
class TransformStage : public OperatorStage {
 public:
  bool ready() final { return output_.ready() && (sides_.empty() || sides_.ready()); }
  void push(BatchHandle handle) final {
    auto batch = batch_cast<In>(std::move(handle));
    metrics_.records_in.add(batch->size());
    metrics_.batches_in.add(1);
    const Watermarks at = batch->end();
    const Control control = batch->control;
    const std::int64_t ingested_ns = batch->ingested_ns;
    if (control == Control::kEnd) ended_ = true;
    transform(std::move(batch));
    forward_to_sides(at, control, ingested_ns);
    if (control == Control::kBarrier) reach_barrier();
  }
  Progress step() override {
    const Progress main = output_.drain();
    const Progress side = sides_.empty() ? Progress::kIdle : sides_.drain();
    return main == Progress::kAdvanced || side == Progress::kIdle ? main : side;
  }
  bool finished() const override { return ended_ && output_.outbox_empty() && sides_.outboxes_empty(); }
  OutputBase* output() final { return &output_; }

 protected:
  virtual void transform(BatchOf<In> batch) = 0;
  void emit(BatchOf<Out> batch) {
    // Behind the record that failed the batch is not what it says.
    if (context().failed()) [[unlikely]]
      return;
    metrics_.records_out.add(batch->size());
    output_.emit(std::move(batch));
  }
  Output<Out> output_;

 private:
  bool ended_ = false;
};

}  // namespace millstream::inline v0
