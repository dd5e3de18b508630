// ShardBarriers: what one shard says at a barrier. It asks each stage that comes to the barrier for its snapshot, turns
// entries into the bytes of a segment, and hands over the whole when the last stage of the shard has come.
#pragma once

#include <cstdint>
#include <functional>
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
  std::vector<SegmentChunk> chunks;  ///< of states in ascending order
  std::vector<StageSummary> stages;  ///< those that have states; the same on every shard
  std::vector<SplitPosition> positions;
  std::vector<PreparedHandle> prepared;
};

/// The shard's thread.
class ShardBarriers final : public BarrierListener, private Snapshot {
 public:
  /// `kind_of` names the kind of a node.
  ShardBarriers(Shard& shard, const BarrierRequest& request, std::function<std::string(std::uint32_t node)> kind_of,
                std::function<void(ShardSnapshot)> deliver)
      : shard_{shard}, request_{request}, kind_of_{std::move(kind_of)}, deliver_{std::move(deliver)} {}

  void reached(Stage& stage) override;
  /// Stages that have ended get no barrier from anywhere: they come to the shard's newest one here. Each step.
  void bring_ended_stages();

 private:
  void begin();
  bool whole() const override { return whole_; }
  void remove_range(std::uint32_t state, std::string_view first, std::string_view end) override;
  void remove(std::uint32_t state, std::uint32_t key_group, std::string_view key) override;
  void put(const StateEntry& entry) override;
  SegmentChunk& chunk_of(std::uint32_t state);
  void position(std::string_view split, std::string position, bool finished) override;
  void prepared(std::string handle) override;

  Shard& shard_;
  const BarrierRequest& request_;
  std::function<std::string(std::uint32_t)> kind_of_;
  std::function<void(ShardSnapshot)> deliver_;
  ShardSnapshot current_;
  bool whole_ = true;               // everything is asked for
  std::size_t reached_ = 0;         // stages that have come to the current barrier
  std::uint64_t completed_ = 0;     // the newest barrier that all have come to
  Stage* saving_ = nullptr;         // the stage that is being asked
  std::uint32_t first_number_ = 0;  // of its states
};

}  // namespace millstream::inline v0
