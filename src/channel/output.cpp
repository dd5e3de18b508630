// Fan-out and outbox of an output.
#include "millstream/channel/output.hpp"

namespace millstream::inline v0 {

OutputBase::OutputBase(const Values& values) : pool_{values.make, kBatchRecordsMax}, copy_values_{values.copy} {}
OutputBase::~OutputBase() = default;

void OutputBase::connect(Receiver& receiver) { receivers_.push_back(&receiver); }

void OutputBase::emit(BatchHandle batch) {
  if (ready()) {
    emit_ready(std::move(batch));
  } else {
    outbox_.push_back(std::move(batch));
  }
}

Progress OutputBase::drain() {
  if (outbox_empty()) return Progress::kIdle;
  bool advanced = false;
  while (!outbox_empty()) {
    for (Receiver* receiver : receivers_) {
      if (!receiver->ready()) return advanced ? Progress::kAdvanced : Progress::kBlocked;
    }
    emit_ready(std::move(outbox_[outbox_head_++]));
    advanced = true;
  }
  outbox_.clear();
  outbox_head_ = 0;
  return Progress::kAdvanced;
}

BatchHandle OutputBase::copy(const BatchBase& batch) {
  MILLSTREAM_ASSERT(copy_values_ != nullptr);
  BatchHandle to = make_empty();
  to->copy_frame(batch);
  copy_values_(batch, *to);
  return to;
}

void OutputBase::fan_out(BatchHandle batch) {
  if (receivers_.empty()) return;
  for (std::size_t i = 0; i + 1 < receivers_.size(); ++i) receivers_[i]->push(copy(*batch));
  receivers_.back()->push(std::move(batch));
}

}  // namespace millstream::inline v0
