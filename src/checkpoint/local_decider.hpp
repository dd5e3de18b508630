// LocalDecider: decides by the marker in the state folder, for jobs whose sinks leave that to the engine.
#pragma once

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/export.hpp"
#include "millstream/io/decider.hpp"

namespace millstream::inline v0 {

/// `store` must outlive it; nobody else uses the store during its calls.
class MILLSTREAM_EXPORT LocalDecider final : public Decider {
 public:
  explicit LocalDecider(CheckpointStore& store) : store_{store} {}

  /// The lock of the state folder is the fence.
  Result<bool> fence(const DeciderContext&) override { return true; }
  Result<std::optional<Decision>> read(const DeciderContext&) override;
  DecisionStep prepare(const DecisionDraft&) override { return DecisionStep::done(); }
  DecisionStep decide(const DecisionDraft& draft) override;
  void give_up() override {}
  void close() override {}

 private:
  CheckpointStore& store_;
};

}  // namespace millstream::inline v0
