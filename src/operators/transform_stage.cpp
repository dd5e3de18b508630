// What every transforming stage does with a batch beside its loop.
#include "millstream/operators/transform_stage.hpp"

#include "millstream/state/cold_table.hpp"

namespace millstream::inline v0 {

TransformStageBase::TransformStageBase() = default;
TransformStageBase::~TransformStageBase() = default;

// In line: it is asked down the whole chain before each batch.
[[gnu::always_inline]] inline bool TransformStageBase::outputs_ready() {
  return main_->ready() && (sides_.empty() || sides_.ready());
}

bool TransformStageBase::ready() {
  if (!outputs_ready()) return false;
  return cold_ == nullptr || (!waiting_ && cold_->has_room(barrier() < context().barrier));
}

void TransformStageBase::push(BatchHandle batch) {
  metrics_.records_in.add(batch->size());
  metrics_.batches_in.add(1);
  if (cold_ != nullptr) [[unlikely]] {
    // Its shard has failed in the middle of a step: a batch that nobody keeps must not ask, for the next one would,
    // too.
    if (context().failed()) return;
    bool here = false;
    protect([&] { here = fetch_keys(*batch); });
    if (context().failed()) return;
    if (!here) {
      waiting_ = std::move(batch);
      return;
    }
  }
  work(std::move(batch));
}

bool TransformStageBase::fetch_keys(const BatchBase&) { return true; }

void TransformStageBase::work(BatchHandle batch) {
  const Watermarks at = batch->end();
  const Control control = batch->control;
  const std::int64_t ingested_ns = batch->ingested_ns;
  if (control == Control::kEnd) ended_ = true;
  transform(std::move(batch));
  forward_to_sides(at, control, ingested_ns);
  if (control == Control::kBarrier) reach_barrier();
}

Progress TransformStageBase::step() {
  const Progress main = main_->drain();
  const Progress side = sides_.empty() ? Progress::kIdle : sides_.drain();
  const Progress progress = main == Progress::kAdvanced || side == Progress::kIdle ? main : side;
  return cold_ == nullptr ? progress : step_cold(progress);
}

Progress TransformStageBase::step_cold(Progress progress) {
  bool advanced = cold_->step();
  if (!cold_->failure().ok()) {
    context().fail(cold_->failure().at("stage '" + name() + "'"));
    return Progress::kDone;
  }
  if (waiting_ && cold_->answered() && outputs_ready()) {
    work(std::move(waiting_));
    cold_->done_waiting();
    advanced = true;
  }
  if (advanced || progress == Progress::kAdvanced) return Progress::kAdvanced;
  return waiting_ ? Progress::kBlocked : progress;
}

bool TransformStageBase::finished() const {
  return ended_ && !waiting_ && main_->outbox_empty() && sides_.outboxes_empty();
}

void TransformStageBase::emit(BatchHandle batch) {
  // Behind the record that failed the batch is not what it says.
  if (context().failed()) [[unlikely]]
    return;
  metrics_.records_out.add(batch->size());
  main_->emit(std::move(batch));
}

void TransformStageBase::note_failed(std::uint32_t i) { failed_.push_back(i); }

std::vector<std::uint32_t> TransformStageBase::keep_succeeded(BatchBase& batch, std::uint32_t results) {
  std::vector<std::uint32_t> kept;
  kept.reserve(batch.size());
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < batch.size() && kept.size() < results; ++i) {
    if (next < failed_.size() && failed_[next] == i) {
      ++next;
    } else {
      kept.push_back(i);
    }
  }
  batch.keep_columns(kept.data(), static_cast<std::uint32_t>(kept.size()));
  return kept;
}

}  // namespace millstream::inline v0
