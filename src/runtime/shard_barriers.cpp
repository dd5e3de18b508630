// From stages to the bytes of a segment.
#include "runtime/shard_barriers.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "core/mutants.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/runtime/engine.hpp"

namespace millstream::inline v0 {
namespace {

// While a shard has other work, it gives out what it may give in a step for so much time of that: at some 50 ns an
// entry a tenth of its time, however long its steps are. Records that come at half of what it can do must not pile up.
constexpr std::int64_t kBusyStepNs = 800'000;
constexpr std::uint32_t kBusyShare = 8;  // and at least this part of it
constexpr std::int64_t kBusyNsMax = 1'000'000'000;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;  // far below what a block may hold, above any common entry

}  // namespace

/// Takes what one stage keeps.
class ShardBarriers::StageSnapshot final : public Snapshot {
 public:
  /// `first`: the number of the first of its states.
  StageSnapshot(ShardBarriers& owner, const Stage& stage, std::uint32_t first)
      : owner_{owner}, stage_{stage}, first_{first} {}
  [[nodiscard]] bool whole() const override { return owner_.whole_; }
  void remove_range(std::uint32_t state, std::string_view first, std::string_view end) override {
    owner_.chunk_of(first_ + state).remove_range(kEveryShard, first, end);
  }
  void remove(std::uint32_t state, std::uint32_t key_group, std::string_view key) override {
    if (mutant_is(Mutant::kRemovalForgotten)) return;
    owner_.chunk_of(first_ + state).remove(key_group, key);
  }
  void put(const StateEntry& entry) override {
    if (mutant_is(Mutant::kEntryForgotten) && entry.key_group % 2 == 1) return;
    if (mutant_is(Mutant::kChangeForgotten) && !whole() && entry.key_group % 2 == 1) return;
    owner_.chunk_of(first_ + entry.state).put(entry.key_group, entry.key, entry.value);
  }
  void later(Sweep& sweep) override { owner_.sweeps_.push_back(&sweep); }
  void position(std::string_view split, std::string position, bool finished) override {
    owner_.current_.positions.push_back({stage_.name(), std::string{split}, std::move(position), finished});
  }
  void prepared(std::string handle) override {
    if (!handle.empty()) owner_.current_.prepared.push_back({stage_.name(), std::move(handle)});
  }

 private:
  ShardBarriers& owner_;
  const Stage& stage_;
  std::uint32_t first_;
};

ShardBarriers::ShardBarriers(Shard& shard, const BarrierRequest& request,
                             std::function<std::string(std::uint32_t node)> kind_of,
                             std::function<void(ShardSnapshot)> deliver)
    : shard_{shard}, request_{request}, kind_of_{std::move(kind_of)}, deliver_{std::move(deliver)} {}
ShardBarriers::~ShardBarriers() = default;

void ShardBarriers::begin() {
  delivered_ = false;
  current_ = {};
  current_.shard = shard_.context().shard;
  current_.barrier = completed_ + 1;
  // Not as the shard knew it when its step began: a barrier of another shard's source may have overtaken that.
  const BarrierRequest::Value asked = request_.get();
  MILLSTREAM_ASSERT(asked.barrier == current_.barrier);
  whole_ = asked.whole;
  snapshots_.clear();
  std::uint32_t number = 0;
  for (const auto& [node, stage] : shard_.stages()) {
    snapshots_[stage.get()] = std::make_unique<StageSnapshot>(*this, *stage, number);
    StageSummary summary{stage->name(), kind_of_(node), {}, {}};
    for (StateDeclaration& state : stage->states()) {
      summary.states.push_back({number++, std::move(state.name), std::move(state.schema)});
    }
    if (!summary.states.empty()) current_.stages.push_back(std::move(summary));
  }
  open_chunks_.assign(number, 0);
  given_at_ns_ = shard_.context().clock->monotonic_ns();
}

void ShardBarriers::reached(Stage& stage) {
  if (delivered_) begin();
  // The coordinator asks for one only when it has what the shards said at the one before.
  MILLSTREAM_ASSERT(stage.barrier() == current_.barrier);
  stage.save(*snapshots_.at(&stage));
  // A sink that could not prepare, or a record that a stage failed at in this very step, is missing in the snapshot:
  // were it delivered, it could still be decided before the job has ended.
  if (shard_.context().failed()) {
    if (!mutant_is(Mutant::kFailedShardSaves)) return;
    while (give_some(false)) continue;  // there is no further step
  }
  if (++reached_ < shard_.stages().size()) return;
  reached_ = 0;
  completed_ = current_.barrier;
  deliver_if_complete();
}

void ShardBarriers::bring_ended_stages() {
  if (completed_ == shard_.context().barrier) return;
  for (const auto& [node, stage] : shard_.stages()) {
    if (stage->barrier() < shard_.context().barrier && stage->finished()) stage->reach_barrier();
    if (shard_.context().failed()) return;
  }
}

bool ShardBarriers::give_some(bool busy) {
  if (sweeps_.empty()) return false;
  const ShardContext& context = shard_.context();
  std::uint32_t budget = context.saved_per_step;
  if (busy) {
    const std::int64_t worked_ns = std::min(context.clock->monotonic_ns() - given_at_ns_, kBusyNsMax);
    const std::int64_t earned = std::int64_t{budget} * worked_ns / kBusyStepNs;
    budget =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(earned, std::max(budget / kBusyShare, 1U), UINT32_MAX));
  }
  while (!sweeps_.empty() && sweeps_.front()->give_some(budget)) sweeps_.pop_front();
  given_at_ns_ = context.clock->monotonic_ns();
  deliver_if_complete();
  return true;
}

void ShardBarriers::deliver_if_complete() {
  if (delivered_ || completed_ != current_.barrier || !sweeps_.empty()) return;
  delivered_ = true;
  deliver_(std::exchange(current_, {}));
}

// States are told of side by side, for whoever changes an entry gives it out first; each has a chunk that is filled.
SegmentChunk& ShardBarriers::chunk_of(std::uint32_t number) {
  std::size_t& open = open_chunks_[number];
  std::vector<SegmentChunk>& chunks = current_.chunks;
  if (open == 0 || chunks[open - 1].size_bytes() >= kChunkBytes) {
    chunks.emplace_back(number);
    open = chunks.size();
  }
  return chunks[open - 1];
}

}  // namespace millstream::inline v0
