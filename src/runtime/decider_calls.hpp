// Calls of a decider when a run begins, and what it is told for them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/io/decider.hpp"
#include "runtime/watched_call.hpp"

namespace millstream::inline v0 {

/// Under which identities the context's sink, and those that have joined it, have decided so far, each once; also those
/// of a savepoint that is the folder here. And what the sources have read.
[[nodiscard]] Status add_what_checkpoints_name(CheckpointStore& store, const std::vector<std::string>& joined,
                                               DeciderContext& context);

/// One call, which fails the run if it does not come back.
template <class Answer>
Result<Answer> ask(const std::shared_ptr<Decider>& decider, const DeciderContext& context,
                   Result<Answer> (Decider::*call)(const DeciderContext&)) {
  std::optional<Result<Answer>> answer =
      call_watched(*context.clock, decider->stuck_after(), [=] { return (decider.get()->*call)(context); });
  if (!answer) return Status{ErrorCode::kUnavailable, std::string{kStuckCall}};
  return *std::move(answer);
}

/// fence() until it has.
[[nodiscard]] Status fence_all(const std::shared_ptr<Decider>& decider, const DeciderContext& context);
/// read() until it knows.
[[nodiscard]] Result<Decision> read_newest(const std::shared_ptr<Decider>& decider, const DeciderContext& context);

}  // namespace millstream::inline v0
