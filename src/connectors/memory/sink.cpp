// What the copies of a memory sink share, without the type of the records.
#include "millstream/connectors/memory/sink.hpp"

namespace millstream::inline v0::memory::detail {

SinkLanes::SinkLanes(std::unique_ptr<SinkLane> (*make_lane)()) : make_lane_{make_lane} {}
SinkLanes::~SinkLanes() = default;

SinkLane* SinkLanes::lane(std::uint32_t shard) {
  const std::scoped_lock lock{mutex_};
  while (lanes_.size() <= shard) lanes_.push_back(make_lane_());
  return lanes_[shard].get();
}

void SinkLanes::each(void (*use)(void* user, SinkLane& lane), void* user) {
  const std::scoped_lock lock{mutex_};
  for (const auto& lane : lanes_) {
    const std::scoped_lock lane_lock{lane->mutex};
    use(user, *lane);
  }
}

std::shared_ptr<SinkLanes> make_sink_lanes(std::unique_ptr<SinkLane> (*make_lane)()) {
  return std::make_shared<SinkLanes>(make_lane);
}

}  // namespace millstream::inline v0::memory::detail
