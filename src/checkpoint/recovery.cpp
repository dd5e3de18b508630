// The rules of recovery, over nothing but a store's reading calls and the one that confirms the decision.
#include "millstream/checkpoint/recovery.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "checkpoint/local_decider.hpp"
#include "core/mutants.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0 {
namespace {

// Where a decision is kept there may be room for the offset only: what it does not say is no difference.
bool same_place(const std::string& decided, const std::string& here) {
  if (decided == here) return true;
  Position known;
  Position saved;
  return decode_value(decided, known) && decode_value(here, saved) && known.detail.empty() &&
         known.offset == saved.offset;
}

std::string name_of(const std::optional<CheckpointId>& decided) {
  return decided ? "checkpoint " + decided->to_string() : "no checkpoint";
}

std::string with_facts(std::string reason, const Decision& known) {
  if (!known.facts.empty()) reason.append("; ").append(known.facts);
  return reason;
}

class Planner {
 public:
  Planner(CheckpointStore& store, const RecoveryOptions& options) : store_{store}, options_{options} {}

  Result<RecoveryPlan> plan(const Decision& decision) {
    if (Status s = read_manifests(); !s.ok()) return s;
    Decision known = decision;
    if (decision.kind == Decision::Kind::kNone) {
      none_because_ = decision.facts;
      Result<std::optional<CheckpointId>> marked = decided_by_marker();
      if (!marked) return marked.error();
      if (*marked) known = {Decision::Kind::kDecided, **marked, {}, {}};
    }
    if (known.kind == Decision::Kind::kConflict) return halt(known.facts);
    const bool any = known.kind == Decision::Kind::kDecided;
    if (any) decided_elsewhere_ = known.checkpoint.id;
    if (Result<std::string> found = contradiction(any ? std::optional{known.checkpoint} : std::nullopt); !found) {
      return found.error();
    } else if (!found->empty()) {
      return halt(*found);
    }
    if (!any) return forgotten() == nullptr ? fresh() : halt_at_forgotten(*forgotten());
    Result<Manifest> manifest = intact(known.checkpoint.id);
    if (!manifest && manifest.error().code() == ErrorCode::kIo) return manifest.error();
    if (!manifest) {
      return halt(with_facts("the decision names checkpoint " + known.checkpoint.to_string() +
                                 ", which is not here or not intact: " + manifest.error().message(),
                             known));
    }
    if (std::string differs = difference(known, *manifest); !differs.empty()) return halt(with_facts(differs, known));
    return restore(*std::move(manifest));
  }

  /// `next_step`: what the user may do, where that is known.
  Result<RecoveryPlan> halt(std::string reason, const std::string& next_step = {}) {
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
    const std::uint64_t decided = newest_decided();
    std::optional<CheckpointId> undecided;
    for (auto manifest = manifests_.rbegin(); manifest != manifests_.rend() && !plan.newest_intact; ++manifest) {
      if (!intact(manifest->checkpoint.id)) continue;
      if (manifest->checkpoint.id <= decided) {
        plan.newest_intact = manifest->checkpoint;
      } else if (!undecided) {
        undecided = manifest->checkpoint;
      }
    }
    plan.facts = std::move(reason) + "; nothing was changed; " + next_step;
    if (!next_step.empty()) return plan;
    if (plan.newest_intact) {
      plan.facts += "the newest intact checkpoint is " + plan.newest_intact->to_string() +
                    ": accept_checkpoint = " + std::to_string(plan.newest_intact->id) +
                    " goes on from it, and output that was published since then comes twice";
    } else {
      plan.facts += "no intact checkpoint of this job is here: restore the folder from where you keep copies, or ";
      plan.facts += options_.decider.empty()
                        ? "begin with an empty one"
                        : "begin anew: with an empty one, and with none of the decisions that the sink keeps elsewhere "
                          "(of a log: reset its group, or name another one)";
    }
    if (undecided) {
      plan.facts +=
          "; checkpoint " + undecided->to_string() +
          " is intact, too, but nothing here says that it was decided: if it was not, its output is gone, and "
          "who goes on from it loses that";
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

  // The newest id that is known to be decided. What a transaction of a sink does not decide, it aborts; the marker's
  // checkpoints have all that was prepared for them, and can be decided later.
  std::uint64_t newest_decided() {
    if (options_.decider.empty()) return std::numeric_limits<std::uint64_t>::max();
    std::uint64_t newest = decided_elsewhere_;
    for (const Manifest& manifest : manifests_) newest = std::max(newest, manifest.parent.id);
    const Result<std::optional<CheckpointId>> marker = store_.committed();
    return marker && *marker ? std::max(newest, (*marker)->id) : newest;
  }
  // The sink's decider knows of nothing: what the marker decided before that sink was there still holds.
  Result<std::optional<CheckpointId>> decided_by_marker() {
    const std::optional<CheckpointId> nothing;
    if (options_.decider.empty()) return nothing;
    const Result<std::optional<CheckpointId>> marker = store_.committed();
    if (!marker && marker.error().code() == ErrorCode::kIo) return marker.error();
    if (!marker || !*marker) return nothing;  // a damaged one is a contradiction, of which the halt tells
    const bool before_it = std::any_of(manifests_.begin(), manifests_.end(), [&](const Manifest& manifest) {
      return manifest.checkpoint == **marker && !names_decider(manifest);
    });
    return before_it ? *marker : nothing;
  }
  // An empty handle is of a run in which the sink promised less, and did not decide.
  [[nodiscard]] bool names_decider(const Manifest& manifest) const {
    return std::any_of(manifest.prepared.begin(), manifest.prepared.end(), [&](const PreparedHandle& each) {
      const auto& joined = options_.joined;
      return !each.handle.empty() &&
             (each.sink == options_.decider || std::find(joined.begin(), joined.end(), each.sink) != joined.end());
    });
  }

  // Why the decision cannot be the newest one; empty when nothing speaks against it.
  Result<std::string> contradiction(const std::optional<CheckpointId>& decided) {
    if (!decided && mutant_is(Mutant::kFreshDespiteMarker)) return std::string{};
    const std::uint64_t newest = decided ? decided->id : 0;
    std::string way_out = options_.decider.empty() ? ""
                                                   : "; where the sink's decisions are kept, they have expired "
                                                     "or were reset, or it is not the place where they were "
                                                     "kept before";
    if (!way_out.empty() && !none_because_.empty()) way_out += ": " + none_because_;
    for (const Manifest& manifest : manifests_) {
      if (manifest.parent.id <= newest) continue;
      return "the decision names " + name_of(decided) + ", but checkpoint " + manifest.checkpoint.to_string() +
             " was made when " + manifest.parent.to_string() + " was already committed" + way_out;
    }
    const Result<std::optional<CheckpointId>> marker = store_.committed();
    if (!marker && marker.error().code() == ErrorCode::kIo) return marker.error();
    if (!marker) {
      // A decision from elsewhere needs no marker; but that there is none has to be borne out by it.
      return decided ? std::string{} : marker.error().message();
    }
    if (!*marker || (*marker)->id <= newest) return std::string{};
    return "the decision names " + name_of(decided) + ", but checkpoint " + (*marker)->to_string() +
           " is marked as committed" + way_out;
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
        if (!of_decided && !twice && !prepared.sink.empty()) outputs.push_back({manifest.checkpoint, prepared});
      }
    }
    return outputs;
  }

  // The first checkpoint that a sink's transaction was to decide, or one like it: the process ended before it wrote
  // down what became of that, and since then the decision may have been forgotten where it is kept.
  [[nodiscard]] const Manifest* forgotten() const {
    if (options_.decider.empty() || manifests_.empty() || mutant_is(Mutant::kFreshDespiteMarker)) return nullptr;
    const Manifest& newest = manifests_.back();
    if (!names_decider(newest) || saturating_distance(options_.now, newest.written_at) <= kDecisionsKeptMin) {
      return nullptr;
    }
    return &newest;
  }

  Result<RecoveryPlan> halt_at_forgotten(const Manifest& newest) {
    const std::string id = std::to_string(newest.checkpoint.id);
    std::string facts = "checkpoint " + newest.checkpoint.to_string() + " was written at " +
                        to_string(newest.written_at) +
                        ", and nothing here says whether the sink's transaction decided it; there is no decision "
                        "where these are kept, but one of then may have expired";
    if (!none_because_.empty()) facts += ": " + none_because_;
    if (!intact(newest.checkpoint.id)) return halt(std::move(facts));
    return halt(std::move(facts),
                "look whether readers of committed records see output of the job: if they do, accept_checkpoint = " +
                    id + " goes on from there, and nothing is lost or comes twice; if not, begin with an empty folder");
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
      if (repeated && !prepared.sink.empty()) plan.commit.push_back({manifest.checkpoint, prepared});
    }
    plan.abort = undecided(&manifest);
    plan.restore = mutant_is(Mutant::kUndecidedRestored) ? manifests_.back() : std::move(manifest);
    return plan;
  }

  CheckpointStore& store_;
  const RecoveryOptions& options_;
  std::vector<Manifest> manifests_;  // all that can be read, oldest first
  std::uint64_t decided_elsewhere_ = 0;
  std::string none_because_;
};

}  // namespace

Result<RecoveryPlan> plan_recovery(CheckpointStore& store, const Decision& decision, const RecoveryOptions& options) {
  return Planner{store, options}.plan(decision);
}

Result<RecoveryPlan> plan_recovery(CheckpointStore& store, const RecoveryOptions& options) {
  const Result<std::optional<Decision>> decision = LocalDecider{store}.read({});
  if (!decision) return decision.error();
  return plan_recovery(store, **decision, options);
}

std::string difference(const Decision& decision, const Manifest& manifest) {
  const bool same = mutant_is(Mutant::kNonceIgnored) ? manifest.checkpoint.id == decision.checkpoint.id
                                                     : manifest.checkpoint == decision.checkpoint;
  if (!same) {
    return "the decision names checkpoint " + decision.checkpoint.to_string() + ", and the one here is " +
           manifest.checkpoint.to_string();
  }
  if (mutant_is(Mutant::kPositionsNotCompared)) return {};
  for (const SplitPosition& decided : decision.positions) {
    const bool found =
        std::any_of(manifest.positions.begin(), manifest.positions.end(), [&](const SplitPosition& here) {
          return here.source == decided.source && here.split == decided.split &&
                 same_place(decided.position, here.position);
        });
    if (found) continue;
    return "the decision names checkpoint " + decision.checkpoint.to_string() +
           ", but with another position of the split '" + decided.split + "' of the source '" + decided.source +
           "' than it has here: somebody has set it, or another job writes to the same place";
  }
  return {};
}

}  // namespace millstream::inline v0
