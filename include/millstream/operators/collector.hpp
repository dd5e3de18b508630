// Collector: where an operator puts its results, and CollectorBuffer, which gathers them into batches with the
// watermarks at their places.
#pragma once

#include <utility>

#include "millstream/channel/output.hpp"
#include "millstream/codec/heap_bytes.hpp"

namespace millstream::inline v0 {

/// The part of a collector that does not depend on the type of the results: the batch under construction, and what
/// stands around its records.
class MILLSTREAM_EXPORT CollectorFrame {
 public:
  CollectorFrame(OutputBase& output, std::uint32_t fill) : output_{output}, fill_{fill} {}
  ~CollectorFrame();
  CollectorFrame(const CollectorFrame&) = delete;
  CollectorFrame& operator=(const CollectorFrame&) = delete;

  /// A new input batch: what follows was read at `ingested_ns` and has event times or has none.
  void begin(std::int64_t ingested_ns, bool timed);
  /// Ahead of begin(), where event times may still be to come: results belong to the split of their input. A batch
  /// without records says that something about its split has changed, so it is passed on.
  void follow(const BatchBase& input);
  void set_time(Timestamp time) { time_ = time; }
  /// From here on these watermarks hold.
  void mark(const Watermarks& at);
  /// Results since the last call, for the stage's metrics.
  [[nodiscard]] std::uint64_t take_emitted() { return std::exchange(emitted_, 0); }
  /// Results waiting to be flushed.
  [[nodiscard]] std::uint32_t size() const { return batch_ ? batch_->size() : 0; }
  /// Gives on what there is, with `control` behind it; nothing if there is nothing to say.
  void finish(Control control);
  [[nodiscard]] const Watermarks& at() const { return at_; }

 protected:
  /// Gives on the batch under construction, if there is one, and begins another.
  void open_next();

  OutputBase& output_;
  std::uint32_t fill_;
  BatchHandle batch_;
  Watermarks at_;
  Timestamp time_ = kTimestampMin;
  std::int64_t ingested_ns_ = 0;
  std::uint64_t emitted_ = 0;
  std::uint32_t split_ = 0;
  bool timed_ = false;

 private:
  void flush();

  bool changed_ = false;
};

/// Handed to flat_map and process functions; valid during the call, on the shard's thread.
template <class T>
class Collector : protected CollectorFrame {
 public:
  /// A result with the event time of the record being worked on (of a timer: the timer's time).
  void emit(T&& value) { append(time_, std::move(value)); }
  void emit(const T& value) { append(time_, value); }
  /// A result with an event time of its own.
  void emit_at(Timestamp time, T&& value) { append(time, std::move(value)); }
  void emit_at(Timestamp time, const T& value) { append(time, value); }

 protected:
  Collector(Output<T>& output, std::uint32_t fill) : CollectorFrame{output, fill} {}
  ~Collector() = default;

  template <class Value>
  void append(Timestamp time, Value&& value) {
    if (!batch_ || full()) [[unlikely]]
      open_next();
    auto& batch = static_cast<Batch<T>&>(*batch_);
    if (timed_) batch.times.enable()[batch.size()] = time;
    if constexpr (kOwnsHeap<T>) batch.heap_bytes += heap_bytes(value);
    batch.emplace_back(std::forward<Value>(value));
    ++emitted_;
  }
  [[nodiscard]] bool full() const {
    return batch_ && (batch_->size() >= fill_ || (kOwnsHeap<T> && batch_->heap_bytes >= kBatchHeapBytes));
  }
};

/// The stage's side of a collector.
template <class T>
class CollectorBuffer final : public Collector<T> {
 public:
  CollectorBuffer(Output<T>& output, std::uint32_t fill) : Collector<T>{output, fill} {}

  [[nodiscard]] CollectorFrame& frame() noexcept { return *this; }
  using CollectorFrame::at;
  using CollectorFrame::begin;
  using CollectorFrame::finish;
  using CollectorFrame::follow;
  using CollectorFrame::mark;
  using CollectorFrame::set_time;
  using CollectorFrame::size;
  using CollectorFrame::take_emitted;
  /// The batch under construction takes no further result: the next one begins another. A stage that may give out more
  /// results than that for one input asks after each, gives the batch on and goes on in the next step.
  using Collector<T>::full;
};

}  // namespace millstream::inline v0
