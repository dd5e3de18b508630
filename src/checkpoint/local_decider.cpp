// The marker as a decision.
#include "checkpoint/local_decider.hpp"

namespace millstream::inline v0 {

Result<std::optional<Decision>> LocalDecider::read(const DeciderContext&) {
  const Result<std::optional<CheckpointId>> marker = store_.committed();
  if (!marker && marker.error().code() == ErrorCode::kIo) return marker.error();
  Decision decision;
  if (!marker) {
    decision.kind = Decision::Kind::kConflict;
    decision.facts = marker.error().message();
  } else if (*marker) {
    decision.kind = Decision::Kind::kDecided;
    decision.checkpoint = **marker;
  }
  return std::optional{std::move(decision)};
}

DecisionStep LocalDecider::decide(const DecisionDraft& draft) {
  CommitResult marked = store_.commit(draft.checkpoint);
  switch (marked.outcome) {
    case CommitResult::Outcome::kCommitted:
      return DecisionStep::done();
    case CommitResult::Outcome::kNotCommitted:
      return DecisionStep::failed(std::move(marked.status));
    case CommitResult::Outcome::kInDoubt:
      break;
  }
  return DecisionStep::in_doubt(std::move(marked.status));
}

}  // namespace millstream::inline v0
