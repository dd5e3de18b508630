// A start of one of several instances: the folder that is its own, how far old ones came, and what of theirs it takes.
#include <algorithm>

#include "checkpoint/local_decider.hpp"
#include "core/guarded_call.hpp"
#include "runtime/decider_calls.hpp"
#include "runtime/starting_point.hpp"

namespace millstream::inline v0 {
namespace {

// What an old instance's checkpoint has that the number of instances cannot change with.
std::string why_not_dealt_out(const RecoveryPlan& plan, const SinkDecider& sink) {
  const auto is_decided = [&](const PreparedOutput& each) {
    const auto& joined = sink.joined;
    return each.prepared.handle.empty() ||
           (sink.decider && (each.prepared.sink == sink.stage ||
                             std::find(joined.begin(), joined.end(), each.prepared.sink) != joined.end()));
  };
  for (const auto* outputs : {&plan.commit, &plan.abort}) {
    for (const PreparedOutput& each : *outputs) {
      if (is_decided(each)) continue;
      return "the sink '" + each.prepared.sink +
             "' prepares its output in checkpoints, and only the instance that did can publish or drop it";
    }
  }
  return {};
}

}  // namespace

Status StartingPoint::enter(FileSystem& files, Clock& clock, RunOptions& options, const std::string& job,
                            const SinkDecider& sink, const InstanceShare& share) {
  instances_.emplace(files, options.state_dir, share);
  const auto settle = [&](LocalCheckpointStore& of_store, std::uint32_t instance, std::uint64_t settled) {
    return settle_instance(of_store, instance, settled, context_of(clock, options, job, sink), sink);
  };
  if (Status s = instances_->enter(settle, options.log); !s.ok()) return s.at("state_dir '" + options.state_dir + "'");
  options.state_dir = instances_->folder();
  return {};
}

Result<bool> StartingPoint::settle_instance(LocalCheckpointStore& of_store, std::uint32_t instance,
                                            std::uint64_t settled, DeciderContext context, const SinkDecider& sink) {
  std::shared_ptr<Decider> other = std::make_shared<LocalDecider>(of_store);
  if (sink.decider) other = sink.decider->of_instance(instance);
  if (other == nullptr) {
    return Status{ErrorCode::kUnsupported, "the sink '" + sink.stage +
                                               "' decides the job's checkpoints, and cannot say what another instance "
                                               "has decided"};
  }
  context.settled = settled;
  if (Status s = add_what_checkpoints_name(of_store, sink.joined, context); !s.ok()) return s;
  if (Status s = fence_all(other, context); !s.ok()) return s;
  const Result<Decision> found = read_newest(other, context);
  const std::optional<Status> closed = call_watched(*context.clock, other->stuck_after(), [other] {
    return guarded_call([&] {
      other->close();
      return Status{};
    });
  });
  if (!found) return found.error();
  if (!closed) return Status{ErrorCode::kUnavailable, std::string{kStuckCall}};
  const Result<RecoveryPlan> plan =
      plan_recovery(of_store, *found, {context.job, std::nullopt, context.stage, sink.joined, context.clock->now()});
  if (!plan) return plan.error();
  if (plan->kind == RecoveryPlan::Kind::kHalt) {
    return Status{ErrorCode::kInvalidData, "it has to be started once as it was, for " + plan->facts};
  }
  if (std::string why = why_not_dealt_out(*plan, sink); !why.empty()) {
    return Status{ErrorCode::kUnsupported, std::move(why)};
  }
  return plan->kind == RecoveryPlan::Kind::kRestore;
}

// This instance has decided nothing since their number changed.
Status StartingPoint::take_parts(const RunOptions& options) {
  Result<StateParts> found = instances_->parts();
  if (!found) return found.error();
  if (found->all.empty()) return {};
  if (found->anew.any()) {
    constexpr std::string_view kHow =
        " had decided no checkpoint when their number changed: its partitions begin at the earliest record";
    if (!options.from_savepoint.empty()) {
      return {ErrorCode::kUnsupported,
              "an instance of those before" + std::string{kHow} +
                  ", not where from_savepoint says. Go back to their number until each has a checkpoint"};
    }
    if (options.log) options.log(LogLevel::kWarning, "an instance of those before" + std::string{kHow});
  }
  for (const StatePart& part : found->all) {
    if (part.manifest.job_id != context_.job) {
      return {ErrorCode::kInvalidData, "checkpoint " + part.manifest.checkpoint.to_string() + " is of the job \"" +
                                           part.manifest.job_id + "\", not of \"" + context_.job + "\""};
    }
    if (restored == nullptr || part.manifest.checkpoint.id > restored->checkpoint.id) {
      const std::vector<SplitPosition> so_far = restored ? restored->positions : std::vector<SplitPosition>{};
      restored = std::make_unique<Manifest>(part.manifest);
      restored->positions.insert(restored->positions.end(), so_far.begin(), so_far.end());
    } else {
      restored->positions.insert(restored->positions.end(), part.manifest.positions.begin(),
                                 part.manifest.positions.end());
    }
  }
  if (options.log) {
    options.log(LogLevel::kInfo, "going on from checkpoints that " + std::to_string(found->all.size()) +
                                     " instances made before their number changed");
  }
  parts = std::make_shared<const StateParts>(*std::move(found));
  return {};
}

}  // namespace millstream::inline v0
