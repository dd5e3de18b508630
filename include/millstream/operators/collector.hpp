// Collector: where an operator puts its results, and CollectorBuffer, which gathers them into batches with the
// watermarks at their places.
#pragma once

#include <utility>

#include "millstream/channel/output.hpp"
#include "millstream/codec/heap_bytes.hpp"

namespace millstream::inline v0 {

/// Handed to flat_map and process functions; valid during the call, on the shard's thread.
template <class T>
class Collector {
 public:
  /// A result with the event time of the record being worked on (of a timer: the timer's time).
  void emit(T value) { append(time_, std::move(value)); }
  /// A result with an event time of its own.
  void emit_at(Timestamp time, T value) { append(time, std::move(value)); }

 protected:
  Collector(Output<T>& output, std::uint32_t fill) : output_{output}, fill_{fill} {}
  ~Collector() = default;

  void append(Timestamp time, T&& value) {
    if (!batch_) open();
    if (full()) [[unlikely]] {
      flush();
      open();
    }
    if (timed_) batch_->times.enable()[batch_->size()] = time;
    if constexpr (kOwnsHeap<T>) batch_->heap_bytes += heap_bytes(value);
    batch_->emplace_back(std::move(value));
    ++emitted_;
  }
  [[nodiscard]] bool full() const {
    return batch_ && (batch_->size() >= fill_ || (kOwnsHeap<T> && batch_->heap_bytes >= kBatchHeapBytes));
  }
  void open() {
    batch_ = output_.make();
    batch_->start = at_;
    batch_->split = split_;
    batch_->ingested_ns = ingested_ns_;
  }
  void flush() {
    if (batch_) output_.emit(std::move(batch_));
  }

  Output<T>& output_;
  std::uint32_t fill_;
  BatchOf<T> batch_;
  Watermarks at_;
  Timestamp time_ = kTimestampMin;
  std::int64_t ingested_ns_ = 0;
  std::uint64_t emitted_ = 0;
  std::uint32_t split_ = 0;
  bool timed_ = false;
};

/// The stage's side of a collector.
template <class T>
class CollectorBuffer final : public Collector<T> {
 public:
  CollectorBuffer(Output<T>& output, std::uint32_t fill) : Collector<T>{output, fill} {}

  /// A new input batch: what follows was read at `ingested_ns` and has event times or has none.
  void begin(std::int64_t ingested_ns, bool timed) {
    // All records of a batch have the same columns.
    if (timed != this->timed_) this->flush();
    this->ingested_ns_ = ingested_ns;
    this->timed_ = timed;
  }
  /// Ahead of begin(), where event times may still be to come: results belong to the split of their input. A batch
  /// without records says that something about its split has changed, so it is passed on.
  void follow(const BatchBase& input) {
    if (input.split != this->split_) this->flush();
    this->split_ = input.split;
    changed_ |= input.empty();
  }
  void set_time(Timestamp time) { this->time_ = time; }
  /// From here on these watermarks hold.
  void mark(const Watermarks& at) {
    if (this->at_ == at) return;
    this->at_ = at;
    if (!this->batch_) this->open();
    this->batch_->mark(at);
    changed_ = true;
  }
  /// Results since the last call, for the stage's metrics.
  [[nodiscard]] std::uint64_t take_emitted() { return std::exchange(this->emitted_, 0); }
  /// The batch under construction takes no further result: the next one begins another. A stage that may give out more
  /// results than that for one input asks after each, gives the batch on and goes on in the next step.
  using Collector<T>::full;
  /// Results waiting to be flushed.
  [[nodiscard]] std::uint32_t size() const { return this->batch_ ? this->batch_->size() : 0; }
  /// Gives on what there is, with `control` behind it; nothing if there is nothing to say.
  void finish(Control control) {
    const bool said = changed_ || control != Control::kNone || size() > 0;
    changed_ = false;
    if (!said) return;
    if (!this->batch_) this->open();
    this->batch_->control = control;
    this->flush();
  }
  [[nodiscard]] const Watermarks& at() const { return this->at_; }

 private:
  bool changed_ = false;
};

}  // namespace millstream::inline v0
