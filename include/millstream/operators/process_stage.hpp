// ProcessStageBase: the part of a custom operator's stage that knows no types: where it stands in its input batch,
// which timers are due, when watermarks are told and passed on, and what an exception of the operator means.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "millstream/operators/operator_context.hpp"
#include "millstream/operators/operator_stage.hpp"
#include "millstream/operators/saved_watermark.hpp"

namespace millstream::inline v0 {

/// Records are worked on in order. At a mark that lifts the merged watermark first the due event-time timers fire, then
/// on_watermark is called, then the mark goes downstream; only then come the records behind it. Firing is a cursor: a
/// bounded number of timers a step, while the rest of the batch and further input wait.
///
/// Where states need not fit in memory, what they have for the keys of the batch is read before its first record, and
/// for those of the timers of a step before the first of these; the stage waits, and the shard goes on. Nothing leaves
/// memory from there until they have been worked on. Timers that become due while others are read for wait for a turn
/// of their own: between two such questions the batch goes on, further input may come, and entries may leave.
class MILLSTREAM_EXPORT ProcessStageBase : public OperatorStage {
 public:
  /// Timers that fire in one step at the most.
  static constexpr std::uint32_t kTimersPerStep = 256;  // some 300 us out of a million timers

  bool ready() final { return !input_ && !waiting_ && has_room() && states_have_room(); }
  void push(BatchHandle batch) final;
  Progress step() final;
  Timestamp deadline() final;
  bool spills() const final { return keys_ != nullptr; }
  bool finished() const final { return ended_ && output_base().outbox_empty() && sides_.outboxes_empty(); }
  void open() final;

  /// The watermark; then, if the operator is keyed, timers and states.
  std::vector<StateDeclaration> states() const final;
  void save(Snapshot& snapshot) final;
  Status restore(const StateEntry& saved) final;
  void end_restore() final;
  /// State and timers; null before open() and where the operator is not keyed.
  [[nodiscard]] const StateStore* state() const noexcept;

 protected:
  /// `keys` is null if the operator is not keyed.
  ProcessStageBase(std::unique_ptr<KeySpaceBase> keys, bool has_on_timer)
      : keys_{std::move(keys)}, has_on_timer_{has_on_timer} {}

  // What the typed stage does. Exceptions of process are its business, all others come to us.
  [[nodiscard]] virtual const OutputBase& output_base() const = 0;
  [[nodiscard]] virtual Status open_operator() = 0;
  virtual void begin_batch([[maybe_unused]] const BatchBase& batch) {}
  /// KeySpace::fetch() of the batch that began last.
  [[nodiscard]] virtual bool fetch_batch(const BatchBase&) { return true; }
  /// ... of keys of timers.
  [[nodiscard]] virtual bool fetch_keys(std::span<const std::string_view>) { return true; }
  virtual void process_records(BatchBase& batch, std::uint32_t from, std::uint32_t to) = 0;
  /// Enters the timer's key and calls on_timer.
  virtual void fire([[maybe_unused]] const TimerQueue::Due& due, [[maybe_unused]] const Timer& timer) {}
  virtual void tell_watermark(Timestamp watermark) = 0;
  virtual void close_operator() = 0;
  /// The collector's side of marks, times and batches.
  virtual void follow_input(const BatchBase& input) = 0;
  virtual void begin_output(std::int64_t ingested_ns, bool timed) = 0;
  virtual void mark_output(const Watermarks& at) = 0;
  virtual void finish_output(Control control) = 0;
  virtual void set_output_time(Timestamp time) = 0;

  void flush_sides() final;
  [[nodiscard]] KeySpaceBase* key_space() noexcept { return keys_.get(); }
  /// States that need not fit in memory.
  [[nodiscard]] std::span<ColdTableBase* const> cold() const noexcept { return cold_; }
  [[nodiscard]] OperatorContext& operator_context() noexcept { return *operator_context_; }
  void set_time(Timestamp time) {
    operator_context_->place_.time = time;
    set_output_time(time);
  }

 private:
  [[nodiscard]] bool has_room() { return output()->ready() && (sides_.empty() || sides_.ready()); }
  [[nodiscard]] bool states_have_room();
  bool step_cold();
  Progress drain();
  void work();
  void read_clock();
  void begin_output(bool timed);
  void advance();
  [[nodiscard]] bool cross(const Watermarks& to, std::uint32_t& budget);
  [[nodiscard]] bool fire_due(TimerQueue& queue, TimeDomain domain, Timestamp limit, std::uint32_t& budget);
  [[nodiscard]] bool first_due_is_here(const TimerQueue& queue, TimeDomain domain, Timestamp limit, bool may_ask);
  template <class Call, class Where>
  void protect(Call&& call, Where&& where);
  [[nodiscard]] TimerService* timers() noexcept;

  std::unique_ptr<KeySpaceBase> keys_;
  bool has_on_timer_;
  std::optional<OperatorContext> operator_context_;
  BatchHandle input_;
  std::uint32_t position_ = 0;   // first record of input_ that has not been worked on
  std::uint32_t next_mark_ = 0;  // of input_
  Watermarks target_;            // of the mark at which we are
  bool crossing_ = false;        // the timers of target_ are firing
  bool ended_ = false;
  Timestamp last_time_ = kTimestampMin;  // the last watermark that is an instant
  TimerQueue::Due due_;
  SavedWatermark saved_watermark_;

  std::span<ColdTableBase* const> cold_;
  using Keys = std::unordered_set<std::string>;
  bool waiting_ = false;        // for what was asked for
  bool batch_here_ = false;     // what the states have for the keys of input_ is in memory
  Keys due_here_[2];            // keys of timers of which the same holds, by their domain
  bool input_is_next_ = false;  // timers have asked since input could come
  std::vector<std::string_view> due_keys_;
};

}  // namespace millstream::inline v0
