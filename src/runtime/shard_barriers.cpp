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
  // Not as the shard knew it when its step began: a barrier of another shard's source may have overtaken that.
  const BarrierRequest::Value asked = request_.get();
  MILLSTREAM_ASSERT(asked.barrier == current_.barrier);
  whole_ = asked.whole;
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

SegmentChunk& ShardBarriers::chunk_of(std::uint32_t state) {
  const std::uint32_t number = first_number_ + state;
  std::vector<SegmentChunk>& chunks = current_.chunks;
  if (chunks.empty() || chunks.back().state() != number || chunks.back().size_bytes() >= kChunkBytes) {
    chunks.emplace_back(number);
  }
  return chunks.back();
}

void ShardBarriers::remove_range(std::uint32_t state, std::string_view first, std::string_view end) {
  chunk_of(state).remove_range(kEveryShard, first, end);
}
void ShardBarriers::remove(std::uint32_t state, std::uint32_t key_group, std::string_view key) {
  if (mutant_is(Mutant::kRemovalForgotten)) return;
  chunk_of(state).remove(key_group, key);
}
void ShardBarriers::put(const StateEntry& entry) {
  if (mutant_is(Mutant::kEntryForgotten) && entry.key_group % 2 == 1) return;
  if (mutant_is(Mutant::kChangeForgotten) && !whole_ && entry.key_group % 2 == 1) return;
  chunk_of(entry.state).put(entry.key_group, entry.key, entry.value);
}

void ShardBarriers::position(std::string_view split, std::string position, bool finished) {
  current_.positions.push_back({saving_->name(), std::string{split}, std::move(position), finished});
}

void ShardBarriers::prepared(std::string handle) {
  if (!handle.empty()) current_.prepared.push_back({saving_->name(), std::move(handle)});
}

}  // namespace millstream::inline v0
