// From segments back to stages.
#include "runtime/restore.hpp"

#include <functional>
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
    const auto& [stage, state, saved, convert] = target->second;
    if (!convert) return stage->restore({state, frame.key_group, frame.key, frame.value});
    if (Status s = convert(frame.value, converted_); !s.ok()) {
      return s.at("an entry of the state '" + saved->name + "' of the stage '" + stage->name() + "' in key group " +
                  std::to_string(frame.key_group));
    }
    return stage->restore({state, frame.key_group, frame.key, converted_});
  }

  Shard& shard_;
  const Manifest& manifest_;
  CheckpointStore& store_;
  std::map<std::uint32_t, Target> targets_;  // by the number that the segments use
  std::string differences_;                  // of the states that cannot be restored
  std::string converted_;
};

}  // namespace

Status restore_shard(Shard& shard, const Manifest& manifest, CheckpointStore& store) {
  return Restorer{shard, manifest, store}.run().at("restoring checkpoint " + manifest.checkpoint.to_string());
}

}  // namespace millstream::inline v0
