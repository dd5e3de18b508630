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
constexpr std::int64_t kBusyShare = 8;  // and at least this part of it
constexpr std::int64_t kBusyNsMax = 1'000'000'000;

}  // namespace

/// Takes what one stage keeps.
class ShardBarriers::StageSnapshot final : public Snapshot {
 public:
  /// `first`: the number of the first of its states.
  StageSnapshot(ShardBarriers& owner, const Stage& stage, std::uint32_t first)
      : owner_{owner}, stage_{stage}, first_{first} {}
  [[nodiscard]] bool whole() const override { return owner_.whole_; }
  void remove_range(std::uint32_t state, std::string_view first, std::string_view end) override {
    owner_.add_to_chunk(first_ + state, [&](SegmentChunk& chunk) { chunk.remove_range(kEveryShard, first, end); });
  }
  void remove(std::uint32_t state, std::uint32_t key_group, std::string_view key) override {
    if (mutant_is(Mutant::kRemovalForgotten)) return;
    owner_.add_to_chunk(first_ + state, [&](SegmentChunk& chunk) { chunk.remove(key_group, key); });
  }
  void put(const StateEntry& entry) override {
    if (mutant_is(Mutant::kEntryForgotten) && entry.key_group % 2 == 1) return;
    if (mutant_is(Mutant::kChangeForgotten) && !whole() && entry.key_group % 2 == 1) return;
    owner_.add_to_chunk(first_ + entry.state,
                        [&](SegmentChunk& chunk) { chunk.put(entry.key_group, entry.key, entry.value); });
  }
  void later(Sweep& sweep) override {
    // The time in which there was nothing to give out earns nothing.
    if (owner_.sweeps_.empty()) owner_.given_at_ns_ = owner_.shard_.context().clock->monotonic_ns();
    owner_.sweeps_.push_back(&sweep);
  }
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

// States are told of side by side, for whoever changes an entry gives it out first; each has a chunk that is filled.
template <class Add>
void ShardBarriers::add_to_chunk(std::uint32_t number, const Add& add) {
  SegmentChunk& chunk = chunks_[number];
  if (chunk.size_bytes() >= chunk_bytes_) {
    ShardPart part{current_.shard, current_.barrier, {}};
    part.chunks.push_back(take_chunk(number));
    taker_.take(std::move(part));
  }
  const std::size_t before = chunk.empty() ? 0 : chunk.memory_bytes();
  add(chunk);
  chunks_bytes_ += chunk.memory_bytes() - before;
}

SegmentChunk ShardBarriers::take_chunk(std::uint32_t number) {
  if (!chunks_[number].empty()) chunks_bytes_ -= chunks_[number].memory_bytes();
  return std::exchange(chunks_[number], SegmentChunk{number});
}

ShardPart ShardBarriers::take_all_chunks() {
  ShardPart part{current_.shard, current_.barrier, {}};
  for (std::uint32_t number = 0; number < chunks_.size(); ++number) {
    if (!chunks_[number].empty()) part.chunks.push_back(take_chunk(number));
  }
  return part;
}

ShardBarriers::ShardBarriers(Shard& shard, const BarrierRequest& request,
                             std::function<std::string(std::uint32_t node)> kind_of, PartsTaker taker,
                             std::size_t chunk_bytes)
    : shard_{shard},
      request_{request},
      kind_of_{std::move(kind_of)},
      taker_{std::move(taker)},
      chunk_bytes_{chunk_bytes},
      unwritten_bytes_max_{kUnwrittenChunks * chunk_bytes},
      memory_{shard.context().memory} {}
ShardBarriers::~ShardBarriers() = default;

void ShardBarriers::begin() {
  delivered_ = false;
  current_ = {};
  current_.shard = shard_.context().shard;
  current_.barrier = completed_ + 1;
  // Not as the shard knew it when its step began: a barrier of another shard's source may have overtaken that.
  const BarrierRequest::Value asked = request_.get();
  MILLSTREAM_ASSERT(asked.barrier == current_.barrier);
  whole_ = asked.whole_on(current_.shard);
  snapshots_.clear();
  chunks_.clear();
  std::uint32_t number = 0;
  for (const auto& [node, stage] : shard_.stages()) {
    snapshots_[stage.get()] = std::make_unique<StageSnapshot>(*this, *stage, number);
    StageSummary summary{stage->name(), kind_of_(node), {}, {}};
    for (StateDeclaration& state : stage->states()) {
      chunks_.emplace_back(number);
      summary.states.push_back({number++, std::move(state.name), std::move(state.schema)});
    }
    if (!summary.states.empty()) current_.stages.push_back(std::move(summary));
  }
}

void ShardBarriers::reached(Stage& stage) {
  if (delivered_) begin();
  // The coordinator asks for one only when it has what the shards said at the one before.
  MILLSTREAM_ASSERT(stage.barrier() == current_.barrier);
  stage.save(*snapshots_.at(&stage));
  // A sink that could not prepare, or a record that a stage failed at in this very step, is missing in the snapshot:
  // were all of it delivered, it could still be decided before the job has ended.
  if (shard_.context().failed()) {
    if (!mutant_is(Mutant::kFailedShardSaves)) return;
    unwritten_bytes_max_ = SIZE_MAX;
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
  if (sweeps_.empty()) {
    if (memory_.bytes() > 0) memory_.resize(chunks_bytes_ + taker_.unwritten_bytes());
    return false;
  }
  const bool given = give(earned(busy));
  given_at_ns_ = shard_.context().clock->monotonic_ns();
  deliver_if_complete();
  memory_.resize(chunks_bytes_ + taker_.unwritten_bytes());
  return given;
}

std::int64_t ShardBarriers::earned(bool busy) const {
  const std::int64_t budget = shard_.context().saved_per_step;
  if (!busy) return budget;
  // The time for which it waited for the disk earns nothing: it would be made up for in one long step.
  const std::int64_t worked_ns = waited_ ? 0 : shard_.context().clock->monotonic_ns() - given_at_ns_;
  const std::int64_t share = budget * std::min(worked_ns, kBusyNsMax) / kBusyStepNs;
  return std::max({share, budget / kBusyShare, std::int64_t{1}});
}

bool ShardBarriers::give(std::int64_t budget) {
  bool given = false;
  waited_ = false;
  while (!sweeps_.empty() && budget > 0) {
    if (!has_room()) {
      waited_ = true;
      break;
    }
    const auto next = std::find_if(sweeps_.begin(), sweeps_.end(), [](Sweep* sweep) { return !sweep->waits(); });
    if (next == sweeps_.end()) {
      waited_ = true;
      break;
    }
    std::int64_t some = std::min<std::int64_t>(budget, kEntriesBetweenLooks);
    budget -= some;
    if ((*next)->give_some(some)) sweeps_.erase(next);
    budget += some;  // what is left of it, or what it took too much
    given = true;
  }
  return given;
}

bool ShardBarriers::has_room() {
  const std::size_t handed_over = taker_.unwritten_bytes();
  if (handed_over + chunks_bytes_ < unwritten_bytes_max_) return true;
  // Room comes by what is being written. Chunks of many states may take it all before any of them is full.
  if (handed_over == 0) taker_.take(take_all_chunks());
  return false;
}

void ShardBarriers::deliver_if_complete() {
  if (delivered_ || completed_ != current_.barrier || !sweeps_.empty()) return;
  delivered_ = true;
  ShardPart last = take_all_chunks();
  last.rest = std::exchange(current_, {});
  taker_.take(std::move(last));
}

}  // namespace millstream::inline v0
