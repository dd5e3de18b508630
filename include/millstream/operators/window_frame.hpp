// WindowFrame: what session, count and triggered windows have in common: marks in their places, firing by a cursor that
// gives out at most one batch of results a step, lateness, late records, timers. While a firing is unfinished the rest
// of the input batch waits here and the stage takes no other; so nothing depends on where batches end.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "millstream/operators/cold_frame.hpp"
#include "millstream/operators/collector.hpp"
#include "millstream/operators/late_side.hpp"
#include "millstream/operators/window_snapshot.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::inline v0 {

/// T: the records; R: the results' values. A derived stage adds records and fires; all on the shard's thread.
template <class K, class T, class R>
class WindowFrame : public ColdFrame {
 public:
  using Result = WindowResult<K, R>;

  /// `fill`: results that a batch is filled to. `by_clock`: windows end by the wall clock.
  WindowFrame(WindowOptions options, std::uint32_t fill, bool by_clock, std::shared_ptr<Silence> silence)
      : ColdFrame{std::move(options), std::move(silence)}, by_clock_{by_clock}, collector_{output_, fill} {
    if (by_clock_) take_no_late_records();
  }

  void open() override { late_.open(sides_, context().batch_records_max); }
  bool ready() final {
    return !batch_ && firing_ == Firing::kNone && output_.ready() && (sides_.empty() || sides_.ready()) && has_memory();
  }
  void push(BatchHandle handle) final {
    batch_ = batch_cast<T>(std::move(handle));
    metrics_.records_in.add(batch_->size());
    metrics_.batches_in.add(1);
    position_ = 0;
    next_mark_ = 0;
    pushed_ = true;
    protect([&] {
      tidy();
      Watermarks start = batch_->start;
      if (!batch_->empty()) {
        note_input(start);
        timed_ = timed(*batch_);
        if (timed_ && !by_clock_ && !has_times(*batch_)) return;
      }
      collector_.begin(batch_->ingested_ns, timed_);
      set_mark(start);
      set_resolved(!may_spill());
      if (resolved()) begin(*batch_);
    });
    work();
  }
  Progress step() final {
    const Progress main = output_.drain();
    const Progress side = sides_.empty() ? Progress::kIdle : sides_.drain();
    Progress drained = main == Progress::kAdvanced || side == Progress::kIdle ? main : side;
    if (context().failed()) return drained;
    if (may_spill()) [[unlikely]] {
      if (step_cold(static_cast<bool>(batch_), firing_ != Firing::kNone)) drained = Progress::kAdvanced;
      if (context().failed()) return Progress::kDone;
    }
    const bool room = output_.ready() && (sides_.empty() || sides_.ready());
    note_room((room && has_memory() && !reading()) || ended_);
    if (reading()) return drained == Progress::kAdvanced ? drained : Progress::kBlocked;
    if (firing_ == Firing::kNone) start_timers();
    if (take_answered()) pushed_ = false;
    const bool pushed = std::exchange(pushed_, false);
    if (batch_ || firing_ != Firing::kNone) {
      if (!room) return drained == Progress::kAdvanced ? drained : Progress::kBlocked;
      if (!pushed) work();  // push() has done this step's work
      if (!batch_) protect([&] { tidy(); });
      return Progress::kAdvanced;
    }
    bool tidied = false;
    protect([&] { tidied = tidy(); });
    return tidied ? Progress::kAdvanced : drained;
  }
  Timestamp deadline() final {
    if (ended_ || batch_ || firing_ != Firing::kNone) return kTimestampMax;
    return next_timer();
  }
  bool finished() const final {
    return ended_ && !batch_ && firing_ == Firing::kNone && output_.outbox_empty() && sides_.outboxes_empty();
  }
  OutputBase* output() final { return &output_; }

  [[nodiscard]] std::vector<StateDeclaration> states() const final { return {declare_progress(), window_state()}; }
  void save(Snapshot& to) final {
    MILLSTREAM_ASSERT(!batch_ && firing_ == Firing::kNone);
    const bool by_watermark = !by_clock_ || horizon_ == kTimestampMax;
    save_progress({at_.merged, closes() ? closed_until() : kTimestampMin,
                   by_watermark ? kTimestampMin : last_end_at(horizon_), timed_},
                  fired_, by_clock_, context(), to);
    save_windows(to);
  }
  Status restore(const StateEntry& entry) final {
    const bool good = entry.state == kStageState    ? restore_progress(entry, by_clock_, restored_, fired_)
                      : entry.state == kWindowState ? restore_window(entry)
                                                    : false;
    return good ? Status{} : this->bad_entry(entry);
  }
  void end_restore() final {
    if (restored_) {
      const Timestamp merged =
          context().partly_restored ? kTimestampMin : std::max(restored_->watermark, restored_->silent_until);
      at_ = {merged, merged};
      effective_ = merged;
      horizon_ = by_clock_ && merged != kTimestampMax ? restored_->ended_until : merged;
      timed_ = restored_->timed;
    }
    const OpenWindows open = windows_restored();
    if (!restored_) return;
    metrics_.watermark_us.set(static_cast<std::uint64_t>(at_.merged.time_since_epoch().count()));
    // Time that has passed on the wall clock is not made up for: what waits for it begins to wait again.
    if (open.any && closes()) end_silence(by_clock_ ? kTimestampMin : open.last_end);
    start_ticking(open.fresh);
    collector_.begin(context().clock->monotonic_ns(), timed_);
    firing_ = Firing::kDue;  // what another shard had already fired up to, but not what another instance had
    restored_.reset();
  }

 protected:
  /// The state kWindowState.
  [[nodiscard]] virtual StateDeclaration window_state() const = 0;
  virtual void save_windows(Snapshot& to) = 0;
  /// False where the entry is none.
  [[nodiscard]] virtual bool restore_window(const StateEntry& entry) = 0;
  /// All of them are there, and horizon() is where the stage goes on from.
  virtual OpenWindows windows_restored() = 0;
  /// By the wall clock: the end of the last window that has ended at this instant.
  [[nodiscard]] virtual Timestamp last_end_at(Timestamp) const { return kTimestampMin; }

  /// Of a stage whose table may spill, before begin(): what the store has of the keys of the batch's records from
  /// position() on is in memory; else it has been asked for.
  [[nodiscard]] virtual bool fetch([[maybe_unused]] const Batch<T>& batch) { return true; }
  /// A new batch, before its first record, or before the next one where entries have left meanwhile: resolves keys,
  /// from position() on.
  virtual void begin(Batch<T>& batch) = 0;
  [[nodiscard]] std::uint32_t position() const noexcept { return position_; }
  /// Adds records [from, to); returns where it stopped, which is before `to` only if stop() said so.
  virtual std::uint32_t add(Batch<T>& batch, std::uint32_t from, std::uint32_t to) = 0;
  /// Fires what ends at or before horizon() and forgets what no record can change any more. False: stopped by stop(),
  /// to be called again.
  virtual bool fire_due() = 0;
  /// Fires early what has changed since it last fired. False as above.
  virtual bool sweep() = 0;
  /// The earliest end of an open window.
  [[nodiscard]] virtual Timestamp next_end() const { return kTimestampMax; }
  /// The end of the last window that a record of the batch is in; kTimestampMin where the watermark ends no window.
  [[nodiscard]] virtual Timestamp last_end_of(const Batch<T>&) const { return kTimestampMin; }
  /// Results have event times.
  [[nodiscard]] virtual bool timed(const Batch<T>&) const { return true; }

  [[nodiscard]] bool by_clock() const noexcept { return by_clock_; }
  /// Windows that end here or before have ended: the merged watermark, or the wall clock.
  [[nodiscard]] Timestamp horizon() const noexcept { return horizon_; }
  /// The same of the windows of a key with this hash. For some_further() keys an earlier run was ahead of horizon().
  [[nodiscard]] Timestamp horizon(std::uint64_t hash) const noexcept { return std::max(horizon_, fired_.of(hash)); }
  /// An earlier run has fired the key's window that ends at `end`, though it is ahead of horizon().
  [[nodiscard]] bool has_fired(const K& key, Timestamp end) const { return fired_.passed(hash_key(key), end); }
  /// An early sweep is about windows that end behind this; the others are complete by then.
  [[nodiscard]] bool early_for(Timestamp end) const noexcept { return end > early_end_after_; }
  /// The same of a key's window, which an earlier run may have fired; or it has made this sweep.
  [[nodiscard]] bool early_for(Timestamp end, const K& key) const {
    const Timestamp first = early_end_after_ == kTimestampMin ? end : early_end_after_;
    return early_for(end) && (fired_.empty() || !has_fired(key, first));
  }
  /// The instant of a record: its event time; by the wall clock, now.
  [[nodiscard]] Timestamp time_of(const Batch<T>& batch, std::uint32_t i) const {
    if (by_clock_) return horizon_;
    return batch.times.present() ? batch.times.data()[i] : kTimestampMin;
  }
  /// A window with this end takes no further record at this place.
  [[nodiscard]] bool too_late(Timestamp end) const noexcept {
    return !by_clock_ && saturating_add(end, options().allowed_lateness) <= effective_;
  }
  /// The same of a record with this hash.
  [[nodiscard]] bool too_late(Timestamp end, std::uint64_t hash) const noexcept {
    return too_late(end) || (!by_clock_ && fired_.passed(hash, saturating_add(end, options().allowed_lateness)));
  }
  /// Nothing can change a window with this end any more.
  [[nodiscard]] bool expired(Timestamp end) const noexcept {
    return saturating_add(end, options().allowed_lateness) <= horizon_;
  }
  [[nodiscard]] bool some_further() const noexcept { return !fired_.empty(); }
  /// Counts a record that was taken.
  void note_taken(Timestamp time) {
    if (time < effective_ && !by_clock_) metrics_.late.add(1);
  }
  /// A record that no window takes.
  void drop_late(Batch<T>& batch, std::uint32_t i, Timestamp time) {
    metrics_.late_dropped.add(1);
    const Timestamp judge = std::max(effective_, fired_.of(batch.hashes.data()[i]));
    late_.append(batch, i, at_.merged, saturating_distance(judge, time));
  }
  /// Gives out a result with this event time.
  void emit(Timestamp time, Result result) {
    collector_.emit_at(time, std::move(result));
    metrics_.records_out.add(1);
    if (collector_.full()) {
      collector_.finish(Control::kNone);
      budget_ = 0;
    }
  }
  /// Loops over entries and records end a step when this holds. Counts one piece of work.
  [[nodiscard]] bool stop() noexcept { return --budget_ <= 0; }
  /// Counts further work, 16 units of which cost about as much as one piece.
  void spend(std::size_t units) noexcept {
    budget_ -= static_cast<std::int32_t>(std::min<std::size_t>(units / 16, kWorkPerStep));
  }
  /// As stop(), for work that is bounded by the batch anyway: ends a step only when a batch of results is full or
  /// spend() has used up the step.
  [[nodiscard]] bool full() const noexcept { return budget_ <= 0; }

  /// body(i) for records [from, to) by the policy for exceptions, until full().
  template <class Body>
  std::uint32_t add_each(Batch<T>& batch, std::uint32_t from, std::uint32_t to, Body&& body) {
    std::uint32_t i = from;
    while (i < to && !context().failed()) {
      try {
        while (i < to) {
          body(i++);
          if (full()) [[unlikely]]
            return i;
        }
      } catch (...) {
        guarded(
            batch, i - 1, i, [](std::uint32_t) { throw; },
            [&](std::uint32_t at) { return detail::record_text(batch.values()[at]); }, [](std::uint32_t) {});
      }
    }
    return i;
  }
  void flush_sides() final { late_.flush(); }

 private:
  enum class Firing { kNone, kDueBeforeEarly, kEarlyByMark, kDue, kEarlyByClock };
  // Entries that a step looks at: some 500 us where each misses the cache, with a batch of results on top.
  static constexpr std::int32_t kWorkPerStep = 1024;

  [[nodiscard]] Watermarks downstream() const noexcept { return {at_.merged, at_.merged}; }

  // Goes on with firing and input until both are done or the step has done enough.
  void work() {
    budget_ = kWorkPerStep;
    protect([&] {
      while (!context().failed()) {
        if (firing_ != Firing::kNone && !fire()) return;
        if (!batch_) {
          collector_.finish(Control::kNone);
          return;
        }
        const auto& marks = batch_->marks;
        const std::uint32_t end = next_mark_ < marks.size() ? marks[next_mark_].position : batch_->size();
        if (position_ < end) {
          if (!resolved()) [[unlikely]] {
            if (!fetch(*batch_)) return;
            begin(*batch_);
            set_resolved(true);
          }
          position_ = add(*batch_, position_, end);
          if (position_ < end) return;
        }
        if (full()) return;
        if (next_mark_ < marks.size()) {
          set_mark(marks[next_mark_++].at);
        } else {
          finish_batch();
          return;
        }
      }
    });
    if (context().failed()) {
      batch_.reset();
      firing_ = Firing::kNone;
    }
  }
  // True when nothing is left to fire.
  bool fire() {
    if (firing_ == Firing::kDueBeforeEarly) {
      if (!fire_due()) return false;
      firing_ = Firing::kEarlyByMark;
    }
    if (firing_ != Firing::kNone && firing_ != Firing::kDue) {
      if (!sweep()) return false;
      if (firing_ == Firing::kEarlyByMark) horizon_ = at_.merged;
      firing_ = firing_ == Firing::kEarlyByMark ? Firing::kDue : Firing::kNone;
    }
    if (firing_ == Firing::kDue) {
      if (!fire_due()) return false;
      firing_ = Firing::kNone;
    }
    fired_.catch_up(horizon_);
    // Only now: the results are in front of the watermark that made them.
    collector_.mark(downstream());
    return true;
  }
  void set_mark(const Watermarks& at) {
    const Timestamp before = at_.merged;
    at_ = {at.split, std::max(at.merged, before)};
    effective_ = options().late_by_merged ? at_.merged : std::max(at_.split, at_.merged);
    if (at_.merged == before) return;
    metrics_.watermark_us.set(static_cast<std::uint64_t>(at_.merged.time_since_epoch().count()));
    if (!by_clock_ || at_.merged == kTimestampMax) horizon_ = at_.merged;
    firing_ = Firing::kDue;
    const Duration interval = options().trigger.early_interval_event();
    if (interval <= Duration{0} || by_clock_) return;
    // Marks without a record between them may come as one, so what fires must not depend on where they stood: the
    // watermark passes ends of windows and multiples of the interval in their order.
    early_end_after_ = saturating_add(floor_to(before, interval), interval);
    if (early_end_after_ > at_.merged) return;
    horizon_ = early_end_after_;
    firing_ = Firing::kDueBeforeEarly;
  }
  void finish_batch() {
    const Control control = batch_->control;
    const std::int64_t ingested_ns = batch_->ingested_ns;
    if (control == Control::kEnd) ended_ = true;
    batch_.reset();
    collector_.finish(control);
    forward_to_sides(downstream(), control, ingested_ns);
    if (control == Control::kBarrier) reach_barrier();
  }
  // Records have come in, behind `start`: timers run from here.
  void note_input(Watermarks& start) {
    if (closes()) {
      // A silence that has been long enough closes even if nobody had the time to see it.
      if (closing()) start.merged = std::max(start.merged, closed_until());
      end_silence(by_clock_ ? kTimestampMin : last_end_of(*batch_));
    }
    if (by_clock_) advance_clock(context().clock->now());
    start_ticking(true);
  }
  // Something is new that the wall clock will bring out early.
  void start_ticking(bool fresh) {
    const Duration interval = options().trigger.early_interval();
    if (!fresh || interval <= Duration{0} || tick_at_ != kTimestampMax) return;
    tick_at_ = saturating_add(context().clock->now(), interval);
  }
  void advance_clock(Timestamp now) {
    if (now <= horizon_) return;  // a clock that was set back
    horizon_ = now;
    firing_ = Firing::kDue;
  }
  void start_timers() {
    // Another shard may have closed though nothing has come in here.
    if (ended_ || (!closes() && next_timer() == kTimestampMax)) return;
    const Timestamp now = context().clock->now();
    const bool ends = by_clock_ && now >= next_end();
    const bool closes_now = !ends && !batch_ && closing();
    if (!ends && !closes_now && now < tick_at_) return;
    if (!batch_) collector_.begin(context().clock->monotonic_ns(), timed_);
    if (ends) {
      advance_clock(now);
    } else if (closes_now) {
      if (closed_until() == kTimestampMin) {
        sweep_early();
      } else {
        set_mark({at_.split, closed_until()});
      }
    } else {
      tick_at_ = kTimestampMax;  // until something comes in again
      sweep_early();
    }
  }
  [[nodiscard]] Timestamp next_timer() const {
    return std::min({tick_at_, close_at(), by_clock_ ? next_end() : kTimestampMax});
  }
  void sweep_early() {
    early_end_after_ = kTimestampMin;
    firing_ = Firing::kEarlyByClock;
  }
  bool by_clock_;
  Output<Result> output_;
  CollectorBuffer<Result> collector_;
  LateSide<T> late_;

  BatchOf<T> batch_;     // being worked on
  bool pushed_ = false;  // since the last step
  std::uint32_t position_ = 0;
  std::size_t next_mark_ = 0;
  Watermarks at_;
  Timestamp effective_ = kTimestampMin;  // decides who is late
  Timestamp horizon_ = kTimestampMin;
  Firing firing_ = Firing::kNone;
  Timestamp early_end_after_ = kTimestampMin;
  bool ended_ = false;
  bool timed_ = true;  // results have event times
  std::int32_t budget_ = 0;
  Timestamp tick_at_ = kTimestampMax;
  std::optional<WindowProgress> restored_;  // until end_restore()
  GroupWatermarks fired_;                   // until what one shard or instance had fired and another not has
};

}  // namespace millstream::inline v0
