// The histograms behind a LatencyRecorder.
#include "millstream/testing/latency_recorder.hpp"

#include <deque>
#include <mutex>

#include "millstream/core/cache_line.hpp"

namespace millstream::inline v0::testing {

struct detail::LatencyLanes::Lanes {
  struct alignas(kCacheLine) Lane {
    ConcurrentHistogram histogram;
  };
  std::mutex mutex;       // guards the list
  std::deque<Lane> list;  // lanes stay at their addresses
};

detail::LatencyLanes::LatencyLanes(std::shared_ptr<OpenLoopState> load)
    : load_{std::move(load)}, lanes_{std::make_unique<Lanes>()} {}
detail::LatencyLanes::~LatencyLanes() = default;

ConcurrentHistogram& detail::LatencyLanes::add() {
  const std::scoped_lock lock{lanes_->mutex};
  return lanes_->list.emplace_back().histogram;
}

LatencyHistogram detail::LatencyLanes::merged() const {
  LatencyHistogram all;
  const std::scoped_lock lock{lanes_->mutex};
  for (const Lanes::Lane& lane : lanes_->list) all.merge(lane.histogram.snapshot());
  return all;
}

void LatencyLane::open() {
  // The schedule has begun: a record of it is here.
  measured_from_ns_ = lanes_->load().start_ns.load(std::memory_order_relaxed) + lanes_->load().options.warmup.count();
  lane_ = &lanes_->add();
}

}  // namespace millstream::inline v0::testing
