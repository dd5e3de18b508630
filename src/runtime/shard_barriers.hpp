// ShardBarriers: what one shard says at a barrier. It asks each stage that comes to the barrier for its snapshot, turns
// entries into the bytes of a segment, some at once and most in the steps behind it, and hands them over in chunks as
// these fill, to be written at once. When the last stage of the shard has come and all has been said, the rest follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/channel/stage.hpp"
#include "millstream/checkpoint/manifest.hpp"
#include "millstream/checkpoint/segment.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/runtime/barrier_request.hpp"

namespace millstream::inline v0 {

class Shard;

/// What one shard says at one barrier beside the entries of its states.
struct ShardSnapshot {
  std::uint32_t shard = 0;
  std::uint64_t barrier = 0;
  std::vector<StageSummary> stages;  ///< those that have states; the same on every shard
  std::vector<SplitPosition> positions;
  std::vector<PreparedHandle> prepared;
};

/// A part of all that it says.
struct ShardPart {
  std::uint32_t shard = 0;
  std::uint64_t barrier = 0;
  std::vector<SegmentChunk> chunks;
  std::optional<ShardSnapshot> rest = std::nullopt;  ///< with the last part
};

/// Where the parts go. Both are called on the shard's thread.
struct PartsTaker {
  std::function<void(ShardPart part)> take;
  /// Memory of what was taken and is not written yet. When it gets less, the shard is woken.
  std::function<std::size_t()> unwritten_bytes;
};

/// Of chunks that a shard has filled or is filling: beyond it waits with giving out what could also come later. A disk
/// is kept busy by two; more of them let a shard go on while the disk pauses.
inline constexpr std::size_t kUnwrittenChunks = 32;

/// The shard's thread.
class ShardBarriers final : public BarrierListener {
 public:
  /// `kind_of` names the kind of a node. A chunk is handed over when it has about `chunk_bytes`.
  ShardBarriers(Shard& shard, const BarrierRequest& request, std::function<std::string(std::uint32_t node)> kind_of,
                PartsTaker taker, std::size_t chunk_bytes);
  ~ShardBarriers();

  void reached(Stage& stage) override;
  /// Stages that have ended get no barrier from anywhere: they come to the shard's newest one here. Each step.
  void bring_ended_stages();
  /// Gives out some of what stages said is to come later, in proportion to the time that other work
  /// has taken where the shard is busy with such, and hands over the rest when that was the last of it. Each step; true
  /// if something was given out. False also while all that may be unwritten is: whoever writes wakes the shard.
  bool give_some(bool busy);

 private:
  class StageSnapshot;
  static constexpr std::uint32_t kEntriesBetweenLooks = 64;  // at the room: it may fill up in the middle of a step

  void begin();
  bool give(std::int64_t budget);
  [[nodiscard]] std::int64_t earned(bool busy) const;
  [[nodiscard]] bool has_room();
  void deliver_if_complete();
  /// Calls add(chunk) with the one of this state that is being filled.
  template <class Add>
  void add_to_chunk(std::uint32_t number, const Add& add);
  [[nodiscard]] SegmentChunk take_chunk(std::uint32_t number);
  [[nodiscard]] ShardPart take_all_chunks();

  Shard& shard_;
  const BarrierRequest& request_;
  std::function<std::string(std::uint32_t)> kind_of_;
  PartsTaker taker_;
  std::size_t chunk_bytes_;
  std::size_t unwritten_bytes_max_;
  ShardSnapshot current_;
  bool whole_ = true;                                                 // everything is asked for
  std::map<const Stage*, std::unique_ptr<StageSnapshot>> snapshots_;  // of the current barrier
  std::deque<Sweep*> sweeps_;                                         // that have not ended
  std::vector<SegmentChunk> chunks_;                                  // by state, being filled
  std::size_t chunks_bytes_ = 0;                                      // memory of those that have something
  MemoryReservation memory_;                                          // that, and what is not written yet
  bool waited_ = false;                                               // for room, when something was to be given last
  std::int64_t given_at_ns_ = 0;                                      // when sweeps were given time the last time
  std::size_t reached_ = 0;                                           // stages that have come to the current barrier
  std::uint64_t completed_ = 0;                                       // the newest barrier that all have come to
  bool delivered_ = true;                                             // everything of the current barrier
};

}  // namespace millstream::inline v0
