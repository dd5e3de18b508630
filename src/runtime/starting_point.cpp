// What earlier runs left, from folders to splits and sinks.
#include "runtime/starting_point.hpp"

#include <algorithm>
#include <map>
#include <typeinfo>

#include "checkpoint/local_decider.hpp"
#include "core/kill_points.hpp"
#include "core/mutants.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/operators/sink_stage.hpp"
#include "millstream/runtime/engine.hpp"
#include "runtime/cold_parts.hpp"
#include "runtime/decider_calls.hpp"

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

Status add_what_checkpoints_name(CheckpointStore& store, const std::vector<std::string>& joined,
                                 DeciderContext& context) {
  std::set<std::string> handles;
  std::map<std::string, std::map<std::string, std::uint64_t>> splits;  // of each source, and who names it first
  if (context.stage.empty()) return {};
  const Result<std::vector<std::uint64_t>> ids = store.list();
  if (!ids) return ids.error();
  for (const std::uint64_t id : *ids) {
    const Result<Manifest> manifest = store.manifest(id);
    if (!manifest && manifest.error().code() == ErrorCode::kIo) return manifest.error();
    if (!manifest) continue;
    for (const PreparedHandle& prepared : manifest->prepared) {
      const bool decides = prepared.sink == context.stage || prepared.sink.empty() ||
                           std::find(joined.begin(), joined.end(), prepared.sink) != joined.end();
      if (decides) handles.insert(prepared.handle);
    }
    for (const SplitPosition& position : manifest->positions) {
      const auto [named, first] = splits[position.source].try_emplace(position.split, id);
      if (!first) named->second = std::min(named->second, id);
    }
  }
  context.participants.assign(handles.begin(), handles.end());
  for (DecisionSource& source : context.sources) {
    source.first_named = std::move(splits[source.stage]);
    for (const auto& [split, first] : source.first_named) source.splits.push_back(split);
  }
  return {};
}

Status SinkDecider::add(std::shared_ptr<Decider> made, const std::string& at) {
  if (made == nullptr) {
    return {ErrorCode::kInvalidArgument,
            "its make_decider() made none for this run, though it made one when the dataflow was declared: whether a "
            "sink decides must not change"};
  }
  if (decider == nullptr) {
    decider = std::move(made);
    stage = at;
    return {};
  }
  const Decider& first = *decider;
  const Decider& other = *made;
  if (typeid(first) != typeid(other)) {
    return {ErrorCode::kInvalidArgument, "its make_decider() made one of another class than when it was declared"};
  }
  decider->join(other);
  joined.push_back(at);
  return {};
}

DeciderContext StartingPoint::context_of(Clock& clock, const RunOptions& options, const std::string& job,
                                         const SinkDecider& sink) {
  DeciderContext context{job, sink.decider ? sink.stage : "", {}, &clock, options.log, sink.sources};
  context.checkpoint_interval = options.checkpoint.interval;
  context.checkpoint_timeout = options.checkpoint.timeout;
  return context;
}

Status StartingPoint::open(FileSystem& files, Clock& clock, const RunOptions& options, const std::string& job,
                           const SinkDecider& sink) {
  if (!options.state_dir.empty()) {
    if (sink.decider) deciding_stage = sink.stage;
    DeciderContext context = context_of(clock, options, job, sink);
    if (instances_) context.settled = instances_->settled();
    const Status opened = open_state(files, options, std::move(context), sink);
    if (!opened.ok()) return opened.at("state_dir '" + options.state_dir + "'");
  }
  return options.from_savepoint.empty() || restored != nullptr ? Status{} : open_savepoint(files, options);
}

Status StartingPoint::open_state(FileSystem& files, const RunOptions& options, DeciderContext context,
                                 const SinkDecider& sink) {
  Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files, options.state_dir);
  if (!opened) return opened.error();
  store = *std::move(opened);
  remove_cold_leftovers(files, options.state_dir);
  decider = sink.decider ? sink.decider : std::make_shared<LocalDecider>(*store);
  if (options.log && !decider->describe().empty()) {
    options.log(LogLevel::kInfo, "checkpoints are decided by " + decider->describe());
  }
  joined_ = sink.joined;
  if (Status s = add_what_checkpoints_name(*store, joined_, context); !s.ok()) return s;
  if (Status s = add_what_savepoint_names(files, options, context); !s.ok()) return s;
  if (Status s = read_decision(context); !s.ok()) return s;
  if (Status s = begin_from_savepoint(files, options, context); !s.ok()) return s;
  context_ = context;
  return plan(options, context);
}

// What a savepoint names was decided, if not in this folder: whoever decides is to look at it, whatever identity this
// run has there. In a folder that has decided something of its own the savepoint is not used any more, and may be gone;
// nor is it where the number of instances has changed since.
Status StartingPoint::add_what_savepoint_names(FileSystem& files, const RunOptions& options, DeciderContext& context) {
  if (options.from_savepoint.empty() || context.stage.empty() || follows_instances()) return {};
  const Result<std::optional<CheckpointId>> marker = store->committed();
  if (!marker && marker.error().code() == ErrorCode::kIo) return marker.error();
  if (!marker || *marker) return {};
  const Result<Savepoint>& found = look_at_savepoint(files, options);
  if (!found) return {};  // whether it is needed comes out later, and why it cannot be read
  for (DecisionSource& source : context.sources) {
    std::set<std::string> named{source.splits.begin(), source.splits.end()};
    for (const SplitPosition& position : found->manifest.positions) {
      if (position.source != source.stage) continue;
      named.insert(position.split);
      source.first_named.erase(position.split);
    }
    source.splits.assign(named.begin(), named.end());
  }
  return {};
}

// In a new state folder a decision elsewhere may be that of the savepoint, behind which its job published nothing; or
// the user says that the savepoint is to be taken all the same. Then the savepoint's job decides in the same place: it
// is fenced, too. One that decides elsewhere may run on beside this one.
Status StartingPoint::begin_from_savepoint(FileSystem& files, const RunOptions& options, DeciderContext& context) {
  if (options.from_savepoint.empty() || decision_.kind != Decision::Kind::kDecided || follows_instances()) return {};
  const Result<std::optional<CheckpointId>> marker = store->committed();
  if (!marker && marker.error().code() == ErrorCode::kIo) return marker.error();
  if (!marker || *marker) return {};
  const Result<Manifest> own = store->manifest(decision_.checkpoint.id);
  if (own && own->checkpoint == decision_.checkpoint) return {};
  if (Status s = open_savepoint(files, options); !s.ok()) return s;
  for (const PreparedHandle& identity : restored->prepared) context.participants.push_back(identity.handle);
  if (!restored->prepared.empty()) {
    if (Status s = read_decision(context); !s.ok()) return s;
    if (decision_.kind != Decision::Kind::kDecided) return {};
  }
  const std::string differs = difference(decision_, *restored);
  if (differs.empty() || options.accept_checkpoint == restored->checkpoint.id) {
    decision_ = {Decision::Kind::kNone, decision_.checkpoint, {}, {}};
    return {};
  }
  return {ErrorCode::kInvalidData,
          differs + "; this state folder is new, and the savepoint '" + options.from_savepoint +
              "' is not the newest that the sink has decided: output behind it has been published, and would come "
              "twice. Where that is wanted, set accept_checkpoint = " +
              std::to_string(restored->checkpoint.id)};
}

// What an earlier run has under way must have come to its end, one or the other, before anybody looks.
Status StartingPoint::read_decision(const DeciderContext& context) {
  const bool fence_first = !mutant_is(Mutant::kReadBeforeFencing);
  Status known = fence_first ? fence_all(decider, context) : read(context);
  if (known.ok() && instances_) known = instances_->still_entered();
  if (known.ok()) known = fence_first ? read(context) : fence_all(decider, context);
  return deciding_stage.empty() || known.ok() ? known : known.at("sink '" + deciding_stage + "'");
}

Status fence_all(const std::shared_ptr<Decider>& decider, const DeciderContext& context) {
  for (Result<bool> fenced = false; !*fenced;) {
    fenced = ask(decider, context, &Decider::fence);
    if (!fenced) return fenced.error();
  }
  return {};
}

Result<Decision> read_newest(const std::shared_ptr<Decider>& decider, const DeciderContext& context) {
  while (true) {
    Result<std::optional<Decision>> answer = ask(decider, context, &Decider::read);
    if (!answer) return answer.error();
    if (*answer) return **std::move(answer);
  }
}

Status StartingPoint::read(const DeciderContext& context) {
  Result<Decision> known = read_newest(decider, context);
  if (!known) return known.error();
  decision_ = *std::move(known);
  return {};
}

Status StartingPoint::plan(const RunOptions& options, const DeciderContext& context) {
  Result<RecoveryPlan> plan = plan_recovery(
      *store, decision_, {context.job, options.accept_checkpoint, context.stage, joined_, context.clock->now()});
  if (!plan) return plan.error();
  if (plan->kind == RecoveryPlan::Kind::kHalt) return {ErrorCode::kInvalidData, plan->facts};
  plan_ = *std::move(plan);
  if (!plan_.restore) return instances_ ? take_parts(options) : Status{};
  restored = std::make_unique<Manifest>(*plan_.restore);
  if (options.log) {
    options.log(LogLevel::kInfo, "going on from checkpoint " + written(*restored) +
                                     (options.from_savepoint.empty() ? "" : "; the savepoint is not used any more"));
  }
  return {};
}

// Once: a second look could see what the first did not.
Result<Savepoint>& StartingPoint::look_at_savepoint(FileSystem& files, const RunOptions& options) {
  if (!found_savepoint_) found_savepoint_.emplace(millstream::open_savepoint(files, options.from_savepoint));
  return *found_savepoint_;
}

Status StartingPoint::open_savepoint(FileSystem& files, const RunOptions& options) {
  Result<Savepoint>& opened = look_at_savepoint(files, options);
  if (!opened) return opened.error().at("from_savepoint '" + options.from_savepoint + "'");
  savepoint = std::move(opened->store);
  restored = std::make_unique<Manifest>(std::move(opened->manifest));
  if (options.log) {
    options.log(LogLevel::kInfo, "beginning from the savepoint '" + options.from_savepoint + "', checkpoint " +
                                     written(*restored) + " of the job '" + restored->job_name + "'");
  }
  return {};
}

std::uint64_t StartingPoint::ids_above() const {
  return std::max({decision_.checkpoint.id, restored ? restored->checkpoint.id : 0, context_.settled});
}

Status StartingPoint::place(const std::string& source, std::vector<Split>& splits, std::set<std::string>& finished) {
  note_new(source, splits);
  if (restored == nullptr) return {};
  for (const SplitPosition& saved : restored->positions) {
    if (saved.source != source) continue;
    const auto split =
        std::find_if(splits.begin(), splits.end(), [&](const Split& each) { return each.id == saved.split; });
    if (saved.finished) finished.insert(saved.split);
    if (split == splits.end()) {
      if (saved.finished) continue;
      return {ErrorCode::kNotFound, "the split '" + saved.split + "' that checkpoint " +
                                        restored->checkpoint.to_string() +
                                        " goes on in is not there any more: bring it back, or begin with an empty "
                                        "state_dir and no savepoint"};
    }
    if (!decode_value(saved.position, split->start)) {
      return {ErrorCode::kInvalidData, "the saved position of the split '" + saved.split + "' cannot be read"};
    }
  }
  return {};
}

void StartingPoint::note_new(const std::string& source, const std::vector<Split>& splits) {
  const auto at = std::find_if(context_.sources.begin(), context_.sources.end(),
                               [&](const DecisionSource& each) { return each.stage == source; });
  if (at == context_.sources.end()) return;
  std::set<std::string> known;
  for (std::size_t i = 0; restored != nullptr && i < restored->positions.size(); ++i) {
    if (restored->positions[i].source == source) known.insert(restored->positions[i].split);
  }
  std::set<std::string> named{at->splits.begin(), at->splits.end()};
  named.insert(known.begin(), known.end());  // of a savepoint, too
  at->splits.assign(named.begin(), named.end());
  std::set<std::string> fresh;
  for (const Split& split : splits) {
    if (!known.contains(split.id)) fresh.insert(split.id);
  }
  at->new_splits.assign(fresh.begin(), fresh.end());
}

Status StartingPoint::admit(const RunOptions& options) {
  const bool any = std::any_of(context_.sources.begin(), context_.sources.end(),
                               [](const DecisionSource& source) { return !source.new_splits.empty(); });
  if (!any || decider == nullptr) return {};
  if (restored != nullptr && options.accept_checkpoint == restored->checkpoint.id) return {};
  for (Result<bool> admitted = false; !*admitted;) {
    admitted = ask(decider, context_, &Decider::admit);
    if (admitted) continue;
    Status refused = admitted.error();
    if (refused.code() == ErrorCode::kInvalidData) {
      std::string facts = refused.message() + "; nothing was changed; ";
      if (restored != nullptr) {
        facts += "accept_checkpoint = " + std::to_string(restored->checkpoint.id) +
                 " goes on and reads from the start what it does not know, and that output comes twice";
      } else {
        facts +=
            "to begin anew on purpose, begin with none of the decisions that the sink keeps elsewhere (of a log: "
            "reset its groups, or name another one)";
      }
      refused = {ErrorCode::kInvalidData, std::move(facts)};
    }
    return deciding_stage.empty() ? refused : refused.at("sink '" + deciding_stage + "'");
  }
  return {};
}

bool StartingPoint::knows(const std::string& source) const {
  return restored != nullptr && std::any_of(restored->positions.begin(), restored->positions.end(),
                                            [&](const SplitPosition& saved) { return saved.source == source; });
}

std::vector<std::string> StartingPoint::goes_on_in(const std::string& source) const {
  std::vector<std::string> splits;
  for (std::size_t i = 0; restored != nullptr && i < restored->positions.size(); ++i) {
    const SplitPosition& saved = restored->positions[i];
    if (saved.source == source && !saved.finished) splits.push_back(saved.split);
  }
  return splits;
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
  // A transaction that decides publishes with the decision, also for a sink that has joined it and that is gone.
  std::erase_if(plan_.commit, [&](const PreparedOutput& each) {
    const auto& decided = context_.participants;
    return std::find(decided.begin(), decided.end(), each.prepared.handle) != decided.end();
  });
  if (!plan_.commit.empty()) {
    return {ErrorCode::kInvalidArgument,
            "checkpoint " + plan_.commit.front().checkpoint.to_string() + " has output of the sink '" +
                plan_.commit.front().prepared.sink +
                "' that is to be published, and the graph has no such sink: run the graph that wrote it once more. "
                "Where that "
                "sink's transaction decides the job's checkpoints (of Kafka, exactly once) and another one or another "
                "name takes its place, run once with both sinks, until a checkpoint is there"};
  }
  kill_point("recovery.behind_sinks");
  Status settled = store->settle();
  kill_point("recovery.behind_settling");
  return settled;
}

}  // namespace millstream::inline v0
