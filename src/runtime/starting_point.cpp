// What earlier runs left, from folders to splits and sinks.
#include "runtime/starting_point.hpp"

#include <algorithm>

#include "checkpoint/savepoint.hpp"
#include "core/kill_points.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/operators/sink_stage.hpp"
#include "millstream/runtime/engine.hpp"

namespace millstream::inline v0 {
namespace {

std::string written(const Manifest& manifest) {
  return manifest.checkpoint.to_string() + " of " + to_string(manifest.written_at);
}

// Those of one sink, which are taken out of `outputs`.
std::vector<std::string> take_handles(std::vector<PreparedOutput>& outputs, const std::string& sink) {
  std::vector<std::string> handles;
  std::erase_if(outputs, [&](const PreparedOutput& each) {
    if (each.prepared.sink != sink) return false;
    handles.push_back(each.prepared.handle);
    return true;
  });
  return handles;
}

}  // namespace

Status StartingPoint::open(FileSystem& files, const RunOptions& options, const std::string& job) {
  if (!options.state_dir.empty()) {
    if (Status s = open_state(files, options, job); !s.ok()) return s.at("state_dir '" + options.state_dir + "'");
  }
  if (options.from_savepoint.empty() || restored != nullptr) return {};
  return open_savepoint(files, options).at("from_savepoint '" + options.from_savepoint + "'");
}

Status StartingPoint::open_state(FileSystem& files, const RunOptions& options, const std::string& job) {
  Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files, options.state_dir);
  if (!opened) return opened.error();
  store = *std::move(opened);
  Result<RecoveryPlan> plan = plan_recovery(*store, {job, options.accept_checkpoint});
  if (!plan) return plan.error();
  if (plan->kind == RecoveryPlan::Kind::kHalt) return {ErrorCode::kInvalidData, plan->facts};
  plan_ = *std::move(plan);
  if (!plan_.restore) return {};
  restored = std::make_unique<Manifest>(*plan_.restore);
  if (options.log) {
    options.log(LogLevel::kInfo, "going on from checkpoint " + written(*restored) +
                                     (options.from_savepoint.empty() ? "" : "; the savepoint is not used any more"));
  }
  return {};
}

Status StartingPoint::open_savepoint(FileSystem& files, const RunOptions& options) {
  Result<Savepoint> opened = millstream::open_savepoint(files, options.from_savepoint);
  if (!opened) return opened.error();
  savepoint = std::move(opened->store);
  restored = std::make_unique<Manifest>(std::move(opened->manifest));
  if (options.log) {
    options.log(LogLevel::kInfo, "beginning from the savepoint '" + options.from_savepoint + "', checkpoint " +
                                     written(*restored) + " of the job '" + restored->job_name + "'");
  }
  return {};
}

Status StartingPoint::place(const std::string& source, std::vector<Split>& splits,
                            std::set<std::string>& finished) const {
  if (restored == nullptr) return {};
  for (const SplitPosition& saved : restored->positions) {
    if (saved.source != source) continue;
    const auto split =
        std::find_if(splits.begin(), splits.end(), [&](const Split& each) { return each.id == saved.split; });
    if (saved.finished) {
      finished.insert(saved.split);
    } else if (split == splits.end()) {
      return {ErrorCode::kNotFound, "the split '" + saved.split + "' that checkpoint " +
                                        restored->checkpoint.to_string() +
                                        " goes on in is not there any more: bring it back, or begin with an empty "
                                        "state_dir and no savepoint"};
    } else if (!decode_value(saved.position, split->start)) {
      return {ErrorCode::kInvalidData, "the saved position of the split '" + saved.split + "' cannot be read"};
    }
  }
  return {};
}

bool StartingPoint::knows(const std::string& source) const {
  return restored != nullptr && std::any_of(restored->positions.begin(), restored->positions.end(),
                                            [&](const SplitPosition& saved) { return saved.source == source; });
}

Status StartingPoint::settle(Shard& first) {
  if (store == nullptr) return {};
  kill_point("recovery.before_sinks");
  for (const auto& [node, stage] : first.stages()) {
    auto* sink = dynamic_cast<SinkStageBase*>(stage.get());
    if (sink == nullptr) continue;
    const std::vector<std::string> commit = take_handles(plan_.commit, sink->name());
    const std::vector<std::string> abort = take_handles(plan_.abort, sink->name());
    if (Status s = sink->recover(commit, abort); !s.ok()) return s;
    kill_point("recovery.between_sinks");
  }
  if (!plan_.commit.empty()) {
    return {ErrorCode::kInvalidArgument,
            "checkpoint " + plan_.commit.front().checkpoint.to_string() + " has output of the sink '" +
                plan_.commit.front().prepared.sink +
                "' that is to be published, and the graph has no such sink: run the graph that wrote it once more"};
  }
  kill_point("recovery.behind_sinks");
  Status settled = store->settle();
  kill_point("recovery.behind_settling");
  return settled;
}

}  // namespace millstream::inline v0
