// From stages to the bytes of a segment.
#include "runtime/shard_barriers.hpp"

#include <utility>

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/runtime/engine.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;  // far below what a block may hold, above any common entry

}  // namespace

void ShardBarriers::begin() {
  current_ = {};
  current_.shard = shard_.context().shard;
  current_.barrier = completed_ + 1;
  std::uint32_t number = 0;
  for (const auto& [node, stage] : shard_.stages()) {
    StageSummary summary{stage->name(), kind_of_(node), {}, {}};
    for (StateDeclaration& state : stage->states()) {
      summary.states.push_back({number++, std::move(state.name), std::move(state.schema)});
    }
    if (!summary.states.empty()) current_.stages.push_back(std::move(summary));
  }
}

void ShardBarriers::reached(Stage& stage) {
  if (reached_ == 0) begin();
  MILLSTREAM_ASSERT(stage.barrier() == current_.barrier);
  saving_ = &stage;
  first_number_ = 0;
  for (const StageSummary& summary : current_.stages) {
    if (summary.id == stage.name()) first_number_ = summary.states.front().number;
  }
  stage.save(*this);
  saving_ = nullptr;
  // A sink that could not prepare, or a record that a stage failed at in this very step, is missing in the snapshot:
  // were it delivered, it could still be decided before the job has ended.
  if (shard_.context().failed() && !mutant_is(Mutant::kFailedShardSaves)) return;
  if (++reached_ < shard_.stages().size()) return;
  reached_ = 0;
  completed_ = current_.barrier;
  deliver_(std::exchange(current_, {}));
}

void ShardBarriers::bring_ended_stages() {
  if (completed_ == shard_.context().barrier) return;
  for (const auto& [node, stage] : shard_.stages()) {
    if (stage->barrier() < shard_.context().barrier && stage->finished()) stage->reach_barrier();
    if (shard_.context().failed()) return;
  }
}

void ShardBarriers::put(const StateEntry& entry) {
  if (mutant_is(Mutant::kEntryForgotten) && entry.key_group % 2 == 1) return;
  const std::uint32_t number = first_number_ + entry.state;
  std::vector<SegmentChunk>& chunks = current_.chunks;
  if (chunks.empty() || chunks.back().state() != number || chunks.back().size_bytes() >= kChunkBytes) {
    chunks.emplace_back(number);
  }
  chunks.back().put(entry.key_group, entry.key, entry.value);
}

void ShardBarriers::position(std::string_view split, std::string position, bool finished) {
  current_.positions.push_back({saving_->name(), std::string{split}, std::move(position), finished});
}

void ShardBarriers::prepared(std::string handle) {
  if (!handle.empty()) current_.prepared.push_back({saving_->name(), std::move(handle)});
}

}  // namespace millstream::inline v0
