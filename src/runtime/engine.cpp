// Stepping, stopping and watching the shards of a built dataflow.
#include "millstream/runtime/engine.hpp"

#include <algorithm>

#include "core/kill_points.hpp"
#include "millstream/operators/sink_stage.hpp"
#include "runtime/checkpointer.hpp"
#include "runtime/cold_parts.hpp"
#include "runtime/coordination.hpp"
#include "runtime/restore.hpp"
#include "runtime/shard_barriers.hpp"

namespace millstream::inline v0 {

Shard::Shard(std::uint32_t number, std::shared_ptr<ShardSignal> signal) : signal_{std::move(signal)} {
  context_.shard = number;
  context_.signal = signal_.get();
}
Shard::~Shard() = default;

bool Shard::open() {
  for (auto& [node, stage] : stages_) {
    stage->open();
    if (context_.failed()) return false;
  }
  if (parts_ != nullptr) {
    if (Status s = restore_parts(*this, *parts_, may_drop_state_); !s.ok()) context_.fail(std::move(s));
  } else if (restored_ != nullptr) {
    if (Status s = restore_shard(*this, *restored_, *store_, may_drop_state_); !s.ok()) context_.fail(std::move(s));
  }
  return !context_.failed();
}

Progress Shard::step() {
  bool advanced = false;
  bool blocked = false;
  // Downstream first: room appears before somebody looks for it.
  for (auto it = stages_.rbegin(); it != stages_.rend(); ++it) {
    switch (it->second->step()) {
      case Progress::kAdvanced:
        advanced = true;
        break;
      case Progress::kBlocked:
        blocked = true;
        break;
      case Progress::kIdle:
      case Progress::kDone:
        break;
    }
    if (context_.failed()) return Progress::kDone;
  }
  if (barriers_) {
    barriers_->bring_ended_stages();
    if (context_.failed()) return Progress::kDone;
    advanced = barriers_->give_some(advanced) || advanced;
  }
  if (advanced) return Progress::kAdvanced;
  if (std::all_of(stages_.begin(), stages_.end(), [](const auto& each) { return each.second->finished(); })) {
    return Progress::kDone;
  }
  return blocked ? Progress::kBlocked : Progress::kIdle;
}

std::int64_t Shard::deadline_ns() {
  Timestamp wall = kTimestampMax;
  std::int64_t first = kNeverNs;
  for (auto& [node, stage] : stages_) {
    wall = std::min(wall, stage->deadline());
    first = std::min(first, stage->retry_at_ns());
  }
  return std::min(first, monotonic_at(*context_.clock, wall));
}

void Shard::commit_sinks() {
  kill_point("sinks.before_commit");
  for (auto& [node, stage] : stages_) {
    auto* sink = dynamic_cast<SinkStageBase*>(stage.get());
    if (sink == nullptr) continue;
    sink->commit_prepared();
    kill_point("sinks.between_commits");
    if (context_.failed()) return;
  }
}

void Shard::close(bool completed) {
  if (std::exchange(closed_, true)) return;
  for (auto& [node, stage] : stages_) stage->close(completed && !context_.failed());
}

Engine::Engine() = default;

Engine::~Engine() {
  // A batch returns to the stage or channel that it came from, so sinks go first and channels last.
  for (auto& shard : shards_) {
    while (!shard->stages_.empty()) shard->stages_.pop_back();
  }
}

void Engine::release_state() {
  const Status why = failure();
  if (checkpointer_) checkpointer_->close(why.ok() ? Status{ErrorCode::kUnavailable, "the job has ended"} : why);
  if (decision_runner_) decision_runner_->close();
  if (cold_) cold_->close();
  store_.reset();
}

void Engine::notify_all() {
  for (auto& shard : shards_) shard->signal().notify();
}

void Engine::request_stop(bool drain) {
  int expected = 0;
  stop_.compare_exchange_strong(expected, drain ? 2 : 1);
  if (drain) stop_.store(2);
  notify_all();
}

void Engine::request_cancel() {
  cancelled_.store(true);
  notify_all();
}

void Engine::fail(const Status& status) {
  {
    const std::scoped_lock lock{failure_mutex_};
    if (!failure_.ok()) return;
    failure_ = status;
  }
  request_cancel();
}

Status Engine::failure() const {
  const std::scoped_lock lock{failure_mutex_};
  return failure_;
}

Progress Engine::step(std::uint32_t number) {
  Shard& shard = *shards_[number];
  ShardContext& context = shard.context();
  if (stop_requested()) [[unlikely]] {
    // Whether windows fire is settled by the first step that stops; a later drain() has nothing left to change.
    if (!context.stopping) context.draining = drain_requested();
    context.stopping = true;
  }
  context.barrier = barrier_.get().barrier;
  Progress progress = shard.step();
  const std::uint64_t committed = committed_.load(std::memory_order_relaxed);
  if (shard.committed_ != committed) [[unlikely]] {
    shard.committed_ = committed;
    if (!context.failed()) shard.commit_sinks();
    if (!context.failed()) checkpointer_->note_committed();
  }
  if (context.failed()) [[unlikely]] {
    fail(context.failure());
    return Progress::kDone;
  }
  if (progress == Progress::kDone && !may_leave_.load(std::memory_order_relaxed)) {
    // Its share of the last checkpoint is still to come.
    if (!std::exchange(shard.ended_, true)) checkpointer_->note_ended();
    progress = Progress::kIdle;
  }
  return progress;
}

namespace {

StageCounts counts_of(const Stage& stage) {
  const StageMetrics& metrics = stage.metrics();
  StageCounts counts;
  counts.records_in = metrics.records_in.read();
  counts.records_out = metrics.records_out.read();
  counts.late = metrics.late.read();
  counts.late_dropped = metrics.late_dropped.read();
  counts.skipped = metrics.skipped.read();
  counts.dead_letters = metrics.dead_letters.read();
  counts.batches_queued = stage.queued();
  counts.queue_slots = stage.queue_slots();
  counts.watermark = Timestamp{Duration{static_cast<std::int64_t>(metrics.watermark_us.read())}};
  return counts;
}

void add(StageCounts& sum, const StageCounts& counts) {
  sum.records_in += counts.records_in;
  sum.records_out += counts.records_out;
  sum.late += counts.late;
  sum.late_dropped += counts.late_dropped;
  sum.skipped += counts.skipped;
  sum.dead_letters += counts.dead_letters;
  sum.batches_queued += counts.batches_queued;
  sum.queue_slots += counts.queue_slots;
  sum.watermark = std::min(sum.watermark, counts.watermark);
}

StageCounts nothing_yet() {
  StageCounts counts;
  counts.watermark = kTimestampMax;
  return counts;
}

ShardReport report_of(const ShardActivity::Times& times) {
  const auto of = [&](ShardActivity::Kind kind) {
    return std::chrono::nanoseconds{times[static_cast<std::size_t>(kind)]};
  };
  return {of(ShardActivity::Kind::kBusy), of(ShardActivity::Kind::kIdle), of(ShardActivity::Kind::kBlocked), {}};
}

}  // namespace

JobMetrics Engine::metrics() const {
  JobMetrics all;
  const std::int64_t now_ns = clock_->monotonic_ns();
  all.elapsed = std::chrono::nanoseconds{now_ns - started_ns_};
  std::vector<StageReport> reports(ids_.size());
  for (std::uint32_t s = 0; s < shards(); ++s) {
    all.shards.push_back(report_of(shards_[s]->activity.read(now_ns)));
    for (const auto& [node, stage] : shards_[s]->stages()) {
      // An exchange has two stages on each shard.
      StageReport& report = reports[node];
      if (report.shards.empty()) report.shards.assign(shards(), nothing_yet());
      add(report.shards[s], counts_of(*stage));
      if (const auto* sink = dynamic_cast<const SinkStageBase*>(stage.get())) {
        all.shards[s].latency.merge(sink->latency().snapshot());
      }
    }
    all.latency.merge(all.shards[s].latency);
  }
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    StageReport& report = reports[i];
    if (report.shards.empty()) continue;
    report.name = ids_[i];
    report.watermark = kTimestampMax;
    for (const StageCounts& counts : report.shards) add(report, counts);
    if (is_source_[i]) all.records_in += report.records_out;
    if (is_sink_[i]) all.records_out += report.records_out;
    all.late += report.late;
    all.late_dropped += report.late_dropped;
    all.skipped += report.skipped;
    all.stages.push_back(std::move(report));
  }
  return all;
}

JobStatus Engine::status() const {
  JobStatus status;
  status.error = failure();
  for (const auto& shard : shards_) {
    for (const auto& [node, stage] : shard->stages()) {
      if (is_source_[node]) status.records_in += stage->metrics().records_out.read();
      if (is_sink_[node]) status.records_out += stage->metrics().records_out.read();
      status.batches_queued += stage->queued();
      status.queue_slots += stage->queue_slots();
    }
  }
  for (const auto& [name, progress] : sources_) {
    for (std::uint32_t split = 0; split < progress->splits(); ++split) {
      const SplitState state = progress->state(split);
      status.splits.push_back({name, progress->id(split), progress->watermark(split), state == SplitState::kIdle,
                               state == SplitState::kFinished || state == SplitState::kStopped,
                               state == SplitState::kWaiting});
      if (const std::int64_t lag = progress->lag_records(split); lag >= 0) {
        status.splits.back().lag_records = static_cast<std::uint64_t>(lag);
        status.splits.back().lag_time = progress->lag_time(split);
      }
    }
  }
  if (checkpointer_) checkpointer_->fill_in(status);
  if (cold_) status.spilled_bytes = cold_->spiller->spilled_bytes();
  return status;
}

const StageReport* JobMetrics::stage(std::string_view name) const {
  for (const StageReport& report : stages) {
    if (report.name == name) return &report;
  }
  return nullptr;
}

std::string_view to_string(JobState state) noexcept {
  switch (state) {
    case JobState::kRunning:
      return "running";
    case JobState::kStopping:
      return "stopping";
    case JobState::kDraining:
      return "draining";
    case JobState::kRestarting:
      return "restarting";
    case JobState::kFinished:
      return "finished";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace millstream::inline v0
