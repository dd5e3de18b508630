// When a batch of results is begun and given on.
#include "millstream/operators/collector.hpp"

namespace millstream::inline v0 {

CollectorFrame::~CollectorFrame() = default;

void CollectorFrame::open_next() {
  flush();
  batch_ = output_.make_empty();
  batch_->start = at_;
  batch_->split = split_;
  batch_->ingested_ns = ingested_ns_;
}

void CollectorFrame::flush() {
  if (batch_) output_.emit(std::move(batch_));
}

void CollectorFrame::begin(std::int64_t ingested_ns, bool timed) {
  // All records of a batch have the same columns.
  if (timed != timed_) flush();
  ingested_ns_ = ingested_ns;
  timed_ = timed;
}

void CollectorFrame::follow(const BatchBase& input) {
  if (input.split != split_) flush();
  split_ = input.split;
  changed_ |= input.empty();
}

void CollectorFrame::mark(const Watermarks& at) {
  if (at_ == at) return;
  at_ = at;
  if (!batch_) open_next();
  batch_->mark(at);
  changed_ = true;
}

void CollectorFrame::finish(Control control) {
  const bool said = changed_ || control != Control::kNone || size() > 0;
  changed_ = false;
  if (!said) return;
  if (!batch_) open_next();
  batch_->control = control;
  flush();
}

}  // namespace millstream::inline v0
