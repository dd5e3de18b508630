// TransformStage: the frame of stages that turn each input batch into results at once: it counts, keeps the outbox
// moving and hands each batch to transform(). What an operator adds is the loop over the values.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "millstream/operators/operator_stage.hpp"

namespace millstream::inline v0 {

class ColdTableBase;

/// The part that does not depend on the types of the records.
class MILLSTREAM_EXPORT TransformStageBase : public OperatorStage {
 public:
  bool ready() final;
  void push(BatchHandle batch) final;
  Progress step() override;
  bool finished() const override;
  OutputBase* output() final { return main_; }

 protected:
  TransformStageBase();
  ~TransformStageBase() override;

  /// In the constructor: where emit() gives batches to.
  void set_output(OutputBase& output) noexcept { main_ = &output; }
  virtual void transform(BatchHandle batch) = 0;
  void emit(BatchHandle batch);

  /// In open(), of a stage whose table may spill: fetch_keys() is asked before each batch.
  void use(ColdTableBase& cold) noexcept { cold_ = &cold; }
  /// ColdTable::fetch() of the batch's keys.
  [[nodiscard]] virtual bool fetch_keys(const BatchBase& batch);

  // For those that give out one result a record: the records that have none, because the function threw.
  /// Once for each batch, before the first.
  void forget_failed() noexcept { failed_.clear(); }
  /// By ascending place.
  void note_failed(std::uint32_t i);
  [[nodiscard]] bool any_failed() const noexcept { return !failed_.empty(); }
  /// Takes their columns out of the batch; returns the places of the others. A job that fails ends early: of the
  /// records without a note the first `results` have a result, and the others have failed too.
  std::vector<std::uint32_t> keep_succeeded(BatchBase& batch, std::uint32_t results = kBatchRecordsMax);

 private:
  [[nodiscard]] bool outputs_ready();
  void work(BatchHandle batch);
  Progress step_cold(Progress progress);

  OutputBase* main_ = nullptr;
  ColdTableBase* cold_ = nullptr;  // null while all state is in memory
  BatchHandle waiting_;            // for keys that are not
  std::vector<std::uint32_t> failed_;
  bool ended_ = false;
};

template <class Out>
class TransformStage : public TransformStageBase {
 protected:
  TransformStage() { set_output(output_); }
  Output<Out> output_;
};

}  // namespace millstream::inline v0
