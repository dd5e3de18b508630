// From segments back to stages.
#include "runtime/restore.hpp"

#include <map>
#include <string>
#include <vector>

#include "millstream/core/key_group.hpp"
#include "millstream/runtime/engine.hpp"

namespace millstream::inline v0 {
namespace {

struct Target {
  Stage* stage = nullptr;
  std::uint32_t state = 0;
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
  Restorer(Shard& shard, const Manifest& manifest, CheckpointStore& store)
      : shard_{shard}, manifest_{manifest}, store_{store} {}

  Status run() {
    if (Status s = match_states(); !s.ok()) return s;
    for (const SegmentHandle& segment : manifest_.segments) {
      if (Status s = read(segment); !s.ok()) return s;
    }
    for (const auto& [node, stage] : shard_.stages()) stage->end_restore();
    return {};
  }

 private:
  Status match_states() {
    for (const StageSummary& summary : manifest_.stages) {
      if (summary.states.empty()) continue;
      Stage* stage = find_stage(shard_, summary.id);
      if (stage == nullptr) {
        return refuse("it has state of the stage '" + summary.id + "' (" + summary.kind +
                      "), and the graph has no such stage that keeps state: give stages names by .named(...) before "
                      "the graph changes, or begin with an empty state_dir");
      }
      const std::vector<StateDeclaration> declared = stage->states();
      for (const StateSchema& saved : summary.states) {
        if (Status s = match(saved, *stage, declared); !s.ok()) return s;
      }
    }
    return {};
  }
  Status match(const StateSchema& saved, Stage& stage, const std::vector<StateDeclaration>& declared) {
    for (std::uint32_t i = 0; i < declared.size(); ++i) {
      if (declared[i].name != saved.name) continue;
      if (declared[i].schema != saved.schema) {
        return refuse("the state '" + saved.name + "' of the stage '" + stage.name() + "' was " + saved.schema +
                      " and is " + declared[i].schema + " now: restore with the program that wrote it, or begin with " +
                      "an empty state_dir");
      }
      targets_[saved.number] = {&stage, i};
      return {};
    }
    return refuse("it has the state '" + saved.name + "' of the stage '" + stage.name() +
                  "', which that stage does not ask for any more: restore with the program that wrote it, or begin "
                  "with an empty state_dir");
  }

  Status read(const SegmentHandle& segment) {
    Result<SegmentReader> reader = store_.open_segment(segment);
    if (!reader) return reader.error();
    SegmentFrame frame;
    while (true) {
      const Result<bool> more = reader->next(frame);
      if (!more) return more.error();
      if (!*more) return {};
      if (Status s = take(frame); !s.ok()) return s.at(segment.file.name);
    }
  }
  Status take(const SegmentFrame& frame) {
    const auto target = targets_.find(frame.state);
    if (frame.kind != SegmentFrame::Kind::kValue || target == targets_.end()) {
      return {ErrorCode::kInvalidData, "a frame of a kind or state that its manifest does not tell of"};
    }
    const ShardContext& context = shard_.context();
    const bool ours =
        frame.key_group == kEveryShard ||
        (frame.key_group < kKeyGroups && shard_of_group(frame.key_group, context.shards) == context.shard);
    if (!ours) return {};
    return target->second.stage->restore({target->second.state, frame.key_group, frame.key, frame.value});
  }

  Shard& shard_;
  const Manifest& manifest_;
  CheckpointStore& store_;
  std::map<std::uint32_t, Target> targets_;  // by the number that the segments use
};

}  // namespace

Status restore_shard(Shard& shard, const Manifest& manifest, CheckpointStore& store) {
  return Restorer{shard, manifest, store}.run().at("restoring checkpoint " + manifest.checkpoint.to_string());
}

}  // namespace millstream::inline v0
