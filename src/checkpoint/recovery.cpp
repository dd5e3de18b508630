// The rules of recovery, over nothing but a store's reading calls and the one that confirms the decision.
#include "millstream/checkpoint/recovery.hpp"

#include <algorithm>
#include <utility>

#include "core/mutants.hpp"

namespace millstream::inline v0 {
namespace {

std::string name_of(const std::optional<CheckpointId>& decided) {
  return decided ? "checkpoint " + decided->to_string() : "no checkpoint";
}

class Planner {
 public:
  Planner(CheckpointStore& store, const RecoveryOptions& options) : store_{store}, options_{options} {}

  Result<RecoveryPlan> plan(const std::optional<CheckpointId>& decided) {
    if (Status s = read_manifests(); !s.ok()) return s;
    if (Result<std::string> found = contradiction(decided); !found) {
      return found.error();
    } else if (!found->empty()) {
      return halt(*found);
    }
    if (!decided) return fresh();
    Result<Manifest> manifest = intact(decided->id);
    if (!manifest && manifest.error().code() == ErrorCode::kIo) return manifest.error();
    if (!manifest) {
      return halt("the decision names checkpoint " + decided->to_string() +
                  ", which is not here or not intact: " + manifest.error().message());
    }
    if (manifest->checkpoint != *decided) {
      return halt("the decision names checkpoint " + decided->to_string() + ", and the one here is " +
                  manifest->checkpoint.to_string());
    }
    return restore(*std::move(manifest));
  }

  Result<RecoveryPlan> halt(std::string reason) {
    if (manifests_.empty()) {
      if (Status s = read_manifests(); !s.ok()) return s;
    }
    if (options_.accept_checkpoint) {
      Result<Manifest> accepted = intact(*options_.accept_checkpoint);
      if (accepted) return restore(*std::move(accepted));
      if (accepted.error().code() == ErrorCode::kIo) return accepted.error();
      reason += "; accept_checkpoint = " + std::to_string(*options_.accept_checkpoint) +
                " cannot be taken: " + accepted.error().message();
    }
    RecoveryPlan plan;
    plan.kind = RecoveryPlan::Kind::kHalt;
    for (auto manifest = manifests_.rbegin(); manifest != manifests_.rend() && !plan.newest_intact; ++manifest) {
      if (intact(manifest->checkpoint.id)) plan.newest_intact = manifest->checkpoint;
    }
    plan.facts = std::move(reason) + "; nothing was changed; ";
    if (plan.newest_intact) {
      plan.facts += "the newest intact checkpoint is " + plan.newest_intact->to_string() +
                    ": accept_checkpoint = " + std::to_string(plan.newest_intact->id) +
                    " goes on from it, and output that was published since then comes twice";
    } else {
      plan.facts +=
          "no intact checkpoint of this job is here: restore the folder from where you keep copies, or begin "
          "with an empty one";
    }
    return plan;
  }

 private:
  // Damaged ones have nothing to say; whether one of them is the decided one is found out later.
  Status read_manifests() {
    const Result<std::vector<std::uint64_t>> ids = store_.list();
    if (!ids) return ids.error();
    for (const std::uint64_t id : *ids) {
      Result<Manifest> manifest = store_.manifest(id);
      if (!manifest && manifest.error().code() == ErrorCode::kIo) return manifest.error();
      if (manifest) manifests_.push_back(*std::move(manifest));
    }
    return {};
  }

  Result<Manifest> intact(std::uint64_t id) {
    Result<Manifest> manifest = store_.manifest(id);
    if (!manifest) return manifest;
    if (manifest->job_id != options_.job_id) {
      return Status{ErrorCode::kInvalidData, "checkpoint " + manifest->checkpoint.to_string() + " is of the job \"" +
                                                 manifest->job_id + "\", not of \"" + options_.job_id + "\""};
    }
    if (Status s = store_.verify(*manifest); !s.ok()) return s;
    return manifest;
  }

  // Why the decision cannot be the newest one; empty when nothing speaks against it.
  Result<std::string> contradiction(const std::optional<CheckpointId>& decided) {
    for (const Manifest& manifest : manifests_) {
      if (manifest.parent.id <= (decided ? decided->id : 0)) continue;
      return "the decision names " + name_of(decided) + ", but checkpoint " + manifest.checkpoint.to_string() +
             " was made when " + manifest.parent.to_string() + " was already committed";
    }
    // With a decision from elsewhere the marker only repeats it, and may be behind or damaged.
    const Result<std::optional<CheckpointId>> marker = store_.committed();
    if (!marker) return decided && marker.error().code() != ErrorCode::kIo ? Result{std::string{}} : marker.error();
    if (!*marker || (*marker)->id <= (decided ? decided->id : 0)) return std::string{};
    return "the decision names " + name_of(decided) + ", but checkpoint " + (*marker)->to_string() +
           " is marked as committed";
  }

  // Only what is newer than the decision is undecided. What older attempts had prepared was settled, or passed on to a
  // checkpoint that the decision includes, before it was made.
  std::vector<PreparedOutput> undecided(const Manifest* decided) const {
    std::vector<PreparedOutput> outputs;
    for (const Manifest& manifest : manifests_) {
      if (decided != nullptr && manifest.checkpoint.id <= decided->checkpoint.id) continue;
      for (const PreparedHandle& prepared : manifest.prepared) {
        const bool of_decided = decided != nullptr && std::find(decided->prepared.begin(), decided->prepared.end(),
                                                                prepared) != decided->prepared.end();
        const bool twice = std::any_of(outputs.begin(), outputs.end(),
                                       [&](const PreparedOutput& other) { return other.prepared == prepared; });
        if (!of_decided && !twice) outputs.push_back({manifest.checkpoint, prepared});
      }
    }
    return outputs;
  }

  Result<RecoveryPlan> fresh() {
    RecoveryPlan plan;
    plan.abort = undecided(nullptr);
    return plan;
  }

  Result<RecoveryPlan> restore(Manifest manifest) {
    // What was read may be in the system's memory alone. Sinks act on it next, so first it must outlive a power
    // failure.
    if (const CommitResult confirmed = store_.commit(manifest.checkpoint);
        confirmed.outcome != CommitResult::Outcome::kCommitted) {
      return confirmed.status.at("confirming the decision for checkpoint " + manifest.checkpoint.to_string());
    }
    RecoveryPlan plan;
    plan.kind = RecoveryPlan::Kind::kRestore;
    const bool repeated = !mutant_is(Mutant::kCommitNotRepeated);
    for (const PreparedHandle& prepared : manifest.prepared) {
      if (repeated) plan.commit.push_back({manifest.checkpoint, prepared});
    }
    plan.abort = undecided(&manifest);
    plan.restore = mutant_is(Mutant::kUndecidedRestored) ? manifests_.back() : std::move(manifest);
    return plan;
  }

  CheckpointStore& store_;
  const RecoveryOptions& options_;
  std::vector<Manifest> manifests_;  // all that can be read, oldest first
};

}  // namespace

Result<RecoveryPlan> plan_recovery(CheckpointStore& store, const RecoveryOptions& options) {
  const Result<std::optional<CheckpointId>> decided = store.committed();
  if (decided) return plan_recovery(store, *decided, options);
  if (decided.error().code() == ErrorCode::kIo) return decided.error();
  return Planner{store, options}.halt(decided.error().message());
}

Result<RecoveryPlan> plan_recovery(CheckpointStore& store, const std::optional<CheckpointId>& decided,
                                   const RecoveryOptions& options) {
  return Planner{store, options}.plan(decided);
}

}  // namespace millstream::inline v0
