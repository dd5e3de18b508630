// StartingPoint: where a run begins: from its own newest checkpoint, else from a savepoint, else from nothing.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/savepoint.hpp"
#include "millstream/checkpoint/recovery.hpp"
#include "millstream/io/source.hpp"
#include "millstream/runtime/options.hpp"
#include "runtime/instance_folders.hpp"

namespace millstream::inline v0 {

class Decider;
class FileSystem;
class Shard;

/// The sink's that brings one; without it the marker in the state folder decides.
struct SinkDecider {
  std::shared_ptr<Decider> decider;
  std::string stage;
  std::vector<DecisionSource> sources = {};  ///< of the job
  std::vector<std::string> joined = {};      ///< stages of further sinks for which it decides

  /// What the make_decider() of the sink `at` has made for this run.
  [[nodiscard]] Status add(std::shared_ptr<Decider> made, const std::string& at);
};

/// Used once, in the order of its members, on the thread that builds the engine.
class StartingPoint {
 public:
  /// Before open(), in a job whose instances share a state_dir: the options' becomes the one of this instance. Where it
  /// is started with another number of instances, that changes now.
  [[nodiscard]] Status enter(FileSystem& files, Clock& clock, RunOptions& options, const std::string& job,
                             const SinkDecider& sink, const InstanceShare& share);
  /// Whose state is in the folders of the options. First earlier runs are fenced, then the decision is read. Nothing is
  /// changed in the folders yet but that the decision is confirmed.
  [[nodiscard]] Status open(FileSystem& files, Clock& clock, const RunOptions& options, const std::string& job,
                            const SinkDecider& sink);
  /// Each split begins where an earlier run left it, and one that it does not know at its start; those that it has read
  /// go to `finished`. kNotFound for a split that is not there any more.
  [[nodiscard]] Status place(const std::string& source, std::vector<Split>& splits, std::set<std::string>& finished);
  /// When all are placed: whoever decides knows nothing of those that begin at their start, or the user wants it so.
  [[nodiscard]] Status admit(const RunOptions& options);
  /// Splits of this source were being read before.
  [[nodiscard]] bool knows(const std::string& source) const;
  /// Its splits that `restored` names and that have not ended.
  [[nodiscard]] std::vector<std::string> goes_on_in(const std::string& source) const;
  /// After the stages are made: what the sinks had prepared is published or dropped. Then the store may be written.
  [[nodiscard]] Status settle(Shard& first);

  /// The newest checkpoint in the state folder; id 0 = none.
  [[nodiscard]] CheckpointId committed() const { return plan_.restore ? plan_.restore->checkpoint : CheckpointId{}; }

  /// Ids of checkpoints are larger than all that are known outside of the store.
  [[nodiscard]] std::uint64_t ids_above() const;

  std::unique_ptr<CheckpointStore> store;      ///< of the state folder; null without one
  std::shared_ptr<Decider> decider;            ///< of this run; null without a store
  std::string deciding_stage;                  ///< stage of the sink whose that is; empty = the marker decides
  std::unique_ptr<CheckpointStore> savepoint;  ///< that this run begins from
  std::unique_ptr<Manifest> restored;          ///< null = it begins with empty state
  /// Where the state comes from other instances' checkpoints, else null; `restored` has all positions then.
  std::shared_ptr<const StateParts> parts;

 private:
  [[nodiscard]] Status open_state(FileSystem& files, const RunOptions& options, DeciderContext context,
                                  const SinkDecider& sink);
  [[nodiscard]] Status read_decision(const DeciderContext& context);
  [[nodiscard]] Status read(const DeciderContext& context);
  [[nodiscard]] Status begin_from_savepoint(FileSystem& files, const RunOptions& options, DeciderContext& context);
  [[nodiscard]] Status plan(const RunOptions& options, const DeciderContext& context);
  [[nodiscard]] Status add_what_savepoint_names(FileSystem& files, const RunOptions& options, DeciderContext& context);
  [[nodiscard]] Result<Savepoint>& look_at_savepoint(FileSystem& files, const RunOptions& options);
  [[nodiscard]] Status open_savepoint(FileSystem& files, const RunOptions& options);

  [[nodiscard]] static DeciderContext context_of(Clock& clock, const RunOptions& options, const std::string& job,
                                                 const SinkDecider& sink);
  [[nodiscard]] static Result<bool> settle_instance(LocalCheckpointStore& of_store, std::uint32_t instance,
                                                    std::uint64_t settled, DeciderContext context,
                                                    const SinkDecider& sink);
  [[nodiscard]] Status take_parts(const RunOptions& options);
  void note_new(const std::string& source, const std::vector<Split>& splits);

  /// The number of instances has changed since the job began: what it began from is behind it.
  [[nodiscard]] bool follows_instances() const { return instances_ && instances_->settled() > 0; }

  std::optional<InstanceFolders> instances_;
  std::optional<Result<Savepoint>> found_savepoint_;
  DeciderContext context_;
  std::vector<std::string> joined_;
  Decision decision_;
  RecoveryPlan plan_;
};

}  // namespace millstream::inline v0
