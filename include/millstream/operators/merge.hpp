// merge: the records of several streams of the same type as one stream. The watermark is the least of the inputs'.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "millstream/channel/input_merge.hpp"
#include "millstream/operators/operator_stage.hpp"

namespace millstream::inline v0 {

template <class T>
class MergeStage final : public OperatorStage {
 public:
  explicit MergeStage(std::uint32_t inputs) : merge_{inputs} {
    for (std::uint32_t i = 0; i < inputs; ++i) ports_.push_back(std::make_unique<Port>(*this, i));
  }
  bool ready() override { return output_.ready(); }
  void push(BatchHandle) override { MILLSTREAM_ASSERT(!"batches reach a merge through its inputs"); }
  Progress step() override { return output_.drain(); }
  bool finished() const override { return merge_.ended() && output_.outbox_empty(); }
  OutputBase* output() override { return &output_; }
  Receiver& input(std::uint32_t i) override { return *ports_[i]; }

 private:
  class Port final : public Receiver {
   public:
    Port(MergeStage& stage, std::uint32_t number) : stage_{stage}, number_{number} {}
    bool ready() override { return !stage_.merge_.held(number_) && stage_.ready(); }
    void push(BatchHandle batch) override { stage_.take(number_, std::move(batch)); }

   private:
    MergeStage& stage_;
    std::uint32_t number_;
  };
  void take(std::uint32_t input, BatchHandle batch) {
    metrics_.records_in.add(batch->size());
    metrics_.records_out.add(batch->size());
    metrics_.batches_in.add(1);
    // Inputs may have different columns; behind the merge all have the event time or none has.
    merge_.rewrite(input, *batch);
    const bool barrier = batch->control == Control::kBarrier;
    output_.emit(std::move(batch));
    if (barrier) reach_barrier();
  }

  Output<T> output_;
  InputMerge merge_;
  std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace millstream::inline v0
