// Partial writes, retries, checkpoints and the end of a sink.
#include "millstream/operators/sink_stage.hpp"

#include <exception>
#include <string>

#include "core/mutants.hpp"

namespace millstream::inline v0 {
namespace {

constexpr Duration kRetry = std::chrono::milliseconds{1};
constexpr Duration kFlushEvery = std::chrono::seconds{1};  // for sinks that publish by the clock while nothing comes

}  // namespace

SinkStageBase::SinkStageBase() = default;
SinkStageBase::~SinkStageBase() = default;

template <class F>
Status SinkStageBase::status_of(F&& f) const {
  Status status;
  try {
    status = f();
  } catch (const std::exception& error) {
    status = {ErrorCode::kUserFailure, std::string{"the sink threw: "} + error.what()};
  } catch (...) {
    status = {ErrorCode::kUserFailure, "the sink threw an exception that is not a std::exception"};
  }
  return status.ok() ? status : status.at("sink '" + name() + "'");
}

// A sink that reports an error or throws fails the job: it is not a matter of one record.
template <class F>
void SinkStageBase::call(F&& f) {
  if (Status s = status_of(f); !s.ok()) context().fail(std::move(s));
}

void SinkStageBase::make_context() {
  sink_context_.emplace(name(), context().shard, context().shards, *context().file_system, *context().clock,
                        context().log, make_waker());
  sink_context_->set_checkpoints(context().barriers != nullptr, context().restored);
}

Status SinkStageBase::recover(std::span<const std::string> commit, std::span<const std::string> abort) {
  make_context();
  return status_of([&] { return recover_sink(*sink_context_, commit, abort); });
}

void SinkStageBase::open() {
  make_context();
  call([&] { return open_sink(*sink_context_); });
  opened_ = !context().failed();
}

void SinkStageBase::save(Snapshot& snapshot) {
  std::optional<std::string> handle;
  call([&] { return prepare_sink(handle); });
  if (!handle) return;
  snapshot.prepared(*handle);
  uncommitted_ = std::move(handle);
  if (mutant_is(Mutant::kPublishedAtBarrier)) commit_prepared();
}

void SinkStageBase::commit_prepared() {
  if (const auto handle = std::exchange(uncommitted_, std::nullopt)) {
    call([&] { return commit_sink(*handle); });
  }
}

void SinkStageBase::push(BatchHandle batch) {
  metrics_.records_in.add(batch->size());
  metrics_.batches_in.add(1);
  metrics_.watermark_us.set(static_cast<std::uint64_t>(batch->end().merged.time_since_epoch().count()));
  current_ = std::move(batch);
  written_ = 0;
  pushed_ = true;
  if (current_->control == Control::kBarrier && mutant_is(Mutant::kBarrierOvertakesRecords)) reach_barrier();
  proceed();
}

Progress SinkStageBase::step() {
  sides_.drain();
  const bool woken = woken_->load(std::memory_order_relaxed) &&
                     woken_->exchange(false, std::memory_order_acquire);  // pairs with the store in make_waker()
  may_send_ = may_send_ || woken;
  if (current_) {
    if (!woken && retry_at_ns_ > context().clock->monotonic_ns()) return Progress::kIdle;
    const std::uint32_t before = written_;
    proceed();
    return !current_ || written_ != before ? Progress::kAdvanced : Progress::kIdle;
  }
  if (may_send_ && (woken || retry_at_ns_ <= context().clock->monotonic_ns())) {
    may_send_ = !drained(false);
    if (may_send_) wait_for_sink();
    if (context().failed()) return Progress::kIdle;
  }
  if (std::exchange(pushed_, false)) return Progress::kIdle;
  // Nothing came since the last step: the input has paused.
  if (!unflushed_ && flush_at_ns_ > context().clock->monotonic_ns()) return Progress::kIdle;
  unflushed_ = false;
  bool flushes = false;
  call([&] { return flush_sink(flushes); });
  // Behind the end nothing comes that a later flush could be about.
  if (flushes) flush_at_ns_ = ended_ ? kNeverNs : monotonic_after(context().clock->monotonic_ns(), kFlushEvery);
  return Progress::kAdvanced;
}

void SinkStageBase::proceed() {
  if (written_ < current_->size()) {
    unflushed_ = true;
    std::uint32_t taken = 0;
    sink_context_->forget_retry();
    call([&] { return write_some(*current_, written_, taken); });
    written_ += taken;
    metrics_.records_out.add(taken);
    if (context().failed()) return;
  }
  // What it has taken may wait in the sink itself; behind a barrier or the end nothing before it must.
  const bool last = current_->control == Control::kBarrier || current_->control == Control::kEnd;
  if (written_ < current_->size() || (last && !drained(true))) {
    wait_for_sink();
    return;
  }
  if (current_->size() > 0) {
    const std::int64_t age = context().clock->monotonic_ns() - current_->ingested_ns;
    latency_.record_n(std::chrono::nanoseconds{age > 0 ? age : 0}, current_->size());
  }
  const Watermarks at = current_->end();
  const Control control = current_->control;
  const std::int64_t ingested_ns = current_->ingested_ns;
  current_.reset();
  retry_at_ns_ = 0;  // that was about this batch
  if (!sides_.empty()) sides_.forward(at, control, ingested_ns);
  if (control == Control::kBarrier && !mutant_is(Mutant::kBarrierOvertakesRecords)) reach_barrier();
  if (control != Control::kEnd) return;
  ended_ = true;
  flush_at_ns_ = kNeverNs;
}

bool SinkStageBase::drained(bool draining) {
  bool empty = true;
  sink_context_->forget_retry();
  sink_context_->set_draining(draining);
  call([&] { return drain_sink(empty); });
  sink_context_->set_draining(false);
  return empty && !context().failed();
}

void SinkStageBase::wait_for_sink() {
  const std::int64_t now_ns = context().clock->monotonic_ns();
  const std::int64_t wanted_ns = sink_context_->retry_at_ns();
  retry_at_ns_ = wanted_ns != 0 ? wanted_ns : monotonic_after(now_ns, kRetry);
}

Waker SinkStageBase::make_waker() const {
  return Waker{[woken = woken_, wake = context().waker] {
    woken->store(true, std::memory_order_release);  // pairs with the exchange in step()
    wake.wake();
  }};
}

void SinkStageBase::close(bool completed) {
  if (opened_) call([&] { return close_sink(completed ? SinkEnd::kFinished : SinkEnd::kAborted); });
}

}  // namespace millstream::inline v0
