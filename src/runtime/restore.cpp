// From segments back to stages.
#include "runtime/restore.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/replay.hpp"
#include "core/mutants.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/runtime/engine.hpp"
#include "runtime/state_part.hpp"

namespace millstream::inline v0 {
namespace {

struct Target {
  Stage* stage = nullptr;
  std::uint32_t state = 0;
  const StateSchema* saved = nullptr;
  std::function<Status(std::string_view saved, std::string& now)> convert;  // where the schema is another one now
};

Stage* find_stage(const Shard& shard, const std::string& id) {
  for (const auto& [node, stage] : shard.stages()) {
    if (stage->name() == id && !stage->states().empty()) return stage.get();
  }
  return nullptr;
}

Status refuse(std::string reason) { return {ErrorCode::kInvalidArgument, std::move(reason)}; }

class Restorer {
 public:
  /// `part`: of which the manifest is; null = all of it is taken.
  Restorer(Shard& shard, const Manifest& manifest, CheckpointStore& store, bool may_drop_state,
           const StatePart* part = nullptr)
      : shard_{shard}, manifest_{manifest}, store_{store}, may_drop_state_{may_drop_state}, part_{part} {}

  Status run() {
    if (Status s = match_states(); !s.ok()) return s;
    find_lost_sources();
    if (Status s = check_lost(); !s.ok()) return s;
    const ShardContext& context = shard_.context();
    const auto ours = [&](std::uint32_t key_group) {
      if (key_group == kEveryShard) return true;
      if (part_ != nullptr && (key_group >= kKeyGroups || !part_->groups[key_group])) return false;
      if (mutant_is(Mutant::kWrongShardRestores)) return key_group % context.shards == context.shard;
      return key_group < kKeyGroups && shard_of_group(key_group, context.shards) == context.shard;
    };
    const Replay replay{.wanted = ours,
                        .take = [this](const SegmentFrame& frame, const SegmentHandle&) { return take(frame); }};
    return replay_segments(store_, manifest_, replay);
  }

 private:
  Status match_states() {
    for (const StageSummary& summary : manifest_.stages) {
      if (summary.states.empty()) continue;
      Stage* stage = find_stage(shard_, summary.id);
      if (stage == nullptr) {
        lost_.push_back("state of the stage '" + summary.id + "' (" + summary.kind + ")");
        for (const StateSchema& saved : summary.states) dropped_.insert(saved.number);
        continue;
      }
      const std::vector<StateDeclaration> declared = stage->states();
      for (const StateSchema& saved : summary.states) {
        if (Status s = match(saved, *stage, declared); !s.ok()) return s;
      }
    }
    if (differences_.empty()) return {};
    return refuse(
        "it was saved with other schemas:" + differences_ +
        "\nwrite a millstream::Migration for what needs a migrate (docs/formats.md), restore with the program "
        "that wrote it, or begin with an empty state_dir");
  }
  Status match(const StateSchema& saved, Stage& stage, const std::vector<StateDeclaration>& declared) {
    for (std::uint32_t i = 0; i < declared.size(); ++i) {
      if (declared[i].name != saved.name) continue;
      Target& target = targets_[saved.number];
      target = {&stage, i, &saved, nullptr};
      if (declared[i].schema == saved.schema) return {};
      return evolve(saved, declared[i], target);
    }
    return refuse("it has the state '" + saved.name + "' of the stage '" + stage.name() +
                  "', which that stage does not ask for any more: restore with the program that wrote it, or begin "
                  "with an empty state_dir");
  }

  void find_lost_sources() {
    std::set<std::string> known;
    for (const auto& [node, stage] : shard_.stages()) known.insert(stage->name());
    for (const SplitPosition& saved : manifest_.positions) {
      if (known.insert(saved.source).second) lost_.push_back("positions of the source '" + saved.source + "'");
    }
  }
  // What nobody in this graph takes goes only with leave.
  Status check_lost() {
    if (lost_.empty()) return {};
    std::string all;
    for (const std::string& each : lost_) all += "\n  - " + each;
    const ShardContext& context = shard_.context();
    if (!may_drop_state_) {
      return refuse("the graph has nobody for some of what it holds:" + all +
                    "\nGive stages names by .named(...) before the graph changes; where this is to be dropped, set "
                    "allow_dropped_state");
    }
    if (context.shard == 0 && context.log) {
      context.log(LogLevel::kWarning, "by allow_dropped_state, checkpoint " + manifest_.checkpoint.to_string() +
                                          " is restored without:" + all);
    }
    return {};
  }
  Status evolve(const StateSchema& saved, const StateDeclaration& declared, Target& target) {
    const std::string state = "the state '" + saved.name + "' of the stage '" + target.stage->name() + "'";
    Result<StateConversion> conversion =
        declared.evolve ? declared.evolve(saved.schema)
                        : refuse("~ entries: " + saved.schema + " -> " + declared.schema + " (they cannot change)");
    if (!conversion) {
      if (conversion.error().code() != ErrorCode::kInvalidArgument) return conversion.error().at(state);
      differences_ += "\n" + state + ":" + indented(conversion.error().message());
      return {};
    }
    target.convert = std::move(conversion->convert);
    const ShardContext& context = shard_.context();
    if (context.shard == 0 && context.log) {
      context.log(LogLevel::kInfo,
                  state + " was saved with another schema and is converted:" + indented(conversion->difference));
    }
    return {};
  }
  static std::string indented(std::string_view lines) {
    std::string all = "\n  ";
    for (const char c : lines) c == '\n' ? all += "\n  " : all += c;
    return all;
  }

  Status take(const SegmentFrame& frame) {
    if (dropped_.contains(frame.state)) return {};
    if (part_ != nullptr && frame.key_group == kEveryShard && part_->other_splits.contains(frame.key)) return {};
    const auto target = targets_.find(frame.state);
    if (frame.kind != SegmentFrame::Kind::kValue || target == targets_.end()) {
      return {ErrorCode::kInvalidData, "a frame of a kind or state that its manifest does not tell of"};
    }
    const auto& [stage, state, saved, convert] = target->second;
    StateEntry entry{state, frame.key_group, frame.key, frame.value};
    if (part_ != nullptr && frame.key_group == kEveryShard) entry.groups = &part_->groups;
    if (!convert) return stage->restore(entry);
    if (Status s = convert(frame.value, converted_); !s.ok()) {
      return s.at("an entry of the state '" + saved->name + "' of the stage '" + stage->name() + "' in key group " +
                  std::to_string(frame.key_group));
    }
    entry.value = converted_;
    return stage->restore(entry);
  }

  Shard& shard_;
  const Manifest& manifest_;
  CheckpointStore& store_;
  bool may_drop_state_;
  const StatePart* part_;
  std::map<std::uint32_t, Target> targets_;  // by the number that the segments use
  std::set<std::uint32_t> dropped_;          // such numbers that nobody takes
  std::vector<std::string> lost_;            // what nobody takes, for people
  std::string differences_;                  // of the states that cannot be restored
  std::string converted_;
};

void end_restore(const Shard& shard) {
  for (const auto& [node, stage] : shard.stages()) stage->end_restore();
}

}  // namespace

Status restore_shard(Shard& shard, const Manifest& manifest, CheckpointStore& store, bool may_drop_state) {
  Status restored = Restorer{shard, manifest, store, may_drop_state}.run();
  if (restored.ok()) end_restore(shard);
  return restored.at("restoring checkpoint " + manifest.checkpoint.to_string());
}

Status restore_parts(Shard& shard, const StateParts& parts, bool may_drop_state) {
  for (const StatePart& part : parts.all) {
    Status restored = Restorer{shard, part.manifest, *part.store, may_drop_state, &part}.run();
    if (!restored.ok()) {
      return restored.at("restoring checkpoint " + part.manifest.checkpoint.to_string() + " of another instance");
    }
  }
  end_restore(shard);
  return {};
}

}  // namespace millstream::inline v0
