// Stepping and closing the one shard of a harness.
#include "millstream/testing/harness_engine.hpp"

#include <exception>

namespace millstream::inline v0::testing {
namespace {

// Nobody waits, so there is nobody to wake.
class NoSignal final : public ShardSignal {
  void wake() noexcept override {}
};

}  // namespace

HarnessEngine::HarnessEngine(Timestamp now)
    : clock_{std::make_unique<ManualClock>(now)}, files_{std::make_unique<MemoryFileSystem>(*clock_)} {}
HarnessEngine::~HarnessEngine() { close(); }

void HarnessEngine::start(const Graph& graph) {
  started_ = true;
  RunOptions options;
  options.shards = 1;
  options.clock = clock_.get();
  options.file_system = files_.get();
  options.log = nullptr;
  auto engine = Engine::build(graph, options, [](std::uint32_t) { return std::make_shared<NoSignal>(); });
  if (!engine) {
    refused_ = engine.error();
    return;
  }
  engine_ = *std::move(engine);
  if (!engine_->shard(0).open()) engine_->fail(engine_->shard(0).context().failure());
}

void HarnessEngine::run() {
  if (!engine_ || closed_) return;
  try {
    while (!engine_->cancel_requested() && engine_->step(0) == Progress::kAdvanced) {
    }
  } catch (const std::exception& error) {
    engine_->fail({ErrorCode::kInternal, error.what()});
  }
}

void HarnessEngine::advance(Duration by) {
  const Timestamp until = saturating_add(clock_->now(), by);
  while (engine_ && !engine_->cancel_requested() && clock_->now() < until) {
    const std::int64_t deadline_ns = engine_->shard(0).deadline_ns();
    const std::int64_t left_ns = deadline_ns == kNeverNs ? kNeverNs : deadline_ns - clock_->monotonic_ns();
    // A deadline that has not gone away by itself must not hold the clock.
    const Duration next = std::max(std::chrono::ceil<Duration>(std::chrono::nanoseconds{left_ns}), Duration{1});
    clock_->advance(std::min(saturating_distance(until, clock_->now()), next));
    run();
  }
  clock_->advance_to(until);
}

void HarnessEngine::close() {
  if (!engine_ || closed_) return;
  closed_ = true;
  engine_->shard(0).close(engine_->failure().ok());
  if (engine_->shard(0).context().failed()) engine_->fail(engine_->shard(0).context().failure());
}

Status HarnessEngine::status() const { return engine_ ? engine_->failure() : refused_; }
JobMetrics HarnessEngine::metrics() const { return engine_ ? engine_->metrics() : JobMetrics{}; }

}  // namespace millstream::inline v0::testing
