// ShardBarriers: what one shard says at a barrier. It asks each stage that comes to the barrier for its snapshot, turns
// entries into the bytes of a segment, some at once and most in the steps behind it, and hands over the whole when the
// last stage of the shard has come and all has been said.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/channel/stage.hpp"
#include "millstream/checkpoint/manifest.hpp"
#include "millstream/checkpoint/segment.hpp"
#include "millstream/runtime/barrier_request.hpp"

namespace millstream::inline v0 {

class Shard;

/// Everything that one shard says at one barrier.
struct ShardSnapshot {
  std::uint32_t shard = 0;
  std::uint64_t barrier = 0;
  std::vector<SegmentChunk> chunks;
  std::vector<StageSummary> stages;  ///< those that have states; the same on every shard
  std::vector<SplitPosition> positions;
  std::vector<PreparedHandle> prepared;
};

/// The shard's thread.
class ShardBarriers final : public BarrierListener {
 public:
  /// `kind_of` names the kind of a node.
  ShardBarriers(Shard& shard, const BarrierRequest& request, std::function<std::string(std::uint32_t node)> kind_of,
                std::function<void(ShardSnapshot)> deliver);
  ~ShardBarriers();

  void reached(Stage& stage) override;
  /// Stages that have ended get no barrier from anywhere: they come to the shard's newest one here. Each step.
  void bring_ended_stages();
  /// Gives out some of what stages said is to come later, in proportion to the time that other work
  /// has taken where the shard is busy with such, and hands over the snapshot when that was the last of it. Each step;
  /// true if there was something.
  bool give_some(bool busy);

 private:
  class StageSnapshot;
  void begin();
  void deliver_if_complete();
  SegmentChunk& chunk_of(std::uint32_t number);

  Shard& shard_;
  const BarrierRequest& request_;
  std::function<std::string(std::uint32_t)> kind_of_;
  std::function<void(ShardSnapshot)> deliver_;
  ShardSnapshot current_;
  bool whole_ = true;                                                 // everything is asked for
  std::map<const Stage*, std::unique_ptr<StageSnapshot>> snapshots_;  // of the current barrier
  std::deque<Sweep*> sweeps_;                                         // that have not ended
  std::vector<std::size_t> open_chunks_;                              // by state, number of its last chunk + 1
  std::int64_t given_at_ns_ = 0;                                      // when sweeps were given time the last time
  std::size_t reached_ = 0;                                           // stages that have come to the current barrier
  std::uint64_t completed_ = 0;                                       // the newest barrier that all have come to
  bool delivered_ = true;                                             // the snapshot of the current barrier
};

}  // namespace millstream::inline v0
