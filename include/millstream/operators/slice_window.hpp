// SliceWindowStage: tumbling and sliding event-time windows that fire when the watermark reaches their end and again
// for each late record. A record costs one look-up and one add, a firing one merge a key, whatever size/slide is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/operators/collector.hpp"
#include "millstream/operators/gathered_places.hpp"
#include "millstream/operators/group_watermarks.hpp"
#include "millstream/operators/late_side.hpp"
#include "millstream/operators/late_windows.hpp"
#include "millstream/operators/pane_counts.hpp"
#include "millstream/operators/partial_slices.hpp"
#include "millstream/operators/slice_adder.hpp"
#include "millstream/operators/slice_fetch.hpp"
#include "millstream/operators/slice_firing.hpp"
#include "millstream/operators/slice_snapshot.hpp"
#include "millstream/operators/window_slices.hpp"
#include "millstream/operators/window_stage.hpp"
#include "millstream/window/window_result.hpp"

namespace millstream::inline v0 {

template <class K, class T, class Agg, class KeyOf>
class SliceWindowStage final : public WindowStage {
  using Acc = AccumulatorOf<Agg>;
  using Out = WindowResult<K, ResultOf<Agg>>;
  using Slices = WindowSlices<K, Agg>;
  using State = typename Slices::State;

 public:
  /// `fill`: results that a batch is filled to.
  SliceWindowStage(KeyOf key_of, Agg agg, SliceGrid grid, WindowOptions options, std::uint32_t fill,
                   std::shared_ptr<Silence> silence = nullptr)
      : WindowStage{std::move(options), std::move(silence)},
        key_of_{std::move(key_of)},
        agg_{std::move(agg)},
        grid_{std::move(grid)},
        rules_{this->options().allowed_lateness, this->options().late_by_merged},
        fill_{fill},
        collector_{output_, fill},
        parts_{agg_, grid_},
        firing_{grid_},
        late_windows_{grid_, rules_},
        adder_{key_of_, agg_} {}

  void open() override {
    slices_.emplace(agg_, grid_, context().memory);
    if (context().barriers != nullptr) {
      slices_->tables().track_changes();
      panes_.track_changes();
    }
    if (context().cold != nullptr) slices_->tables().spill(*context().cold, name());
    late_.open(sides_, context().batch_records_max);
  }
  bool ready() override { return !current_ && !firing_.under_way() && outputs_ready() && has_room(); }
  bool spills() const override { return true; }
  OutputBase* output() override { return &output_; }
  bool finished() const override { return ended_ && !current_ && output_.outbox_empty() && sides_.outboxes_empty(); }

  void push(BatchHandle batch) override {
    MILLSTREAM_ASSERT(!firing_.under_way());
    current_ = batch_cast<T>(std::move(batch));
    metrics_.records_in.add(current_->size());
    metrics_.batches_in.add(1);
    if (!has_times(*current_)) {
      current_.reset();
      return;
    }
    collector_.begin(current_->ingested_ns, true);
    position_ = 0;
    next_mark_ = 0;
    fetch_.begin_batch();
    split_ = current_->start.split;
    protect([&] {
      if (closes() && !current_->empty()) {
        if (closing()) advance_to(closed_until());
        end_silence(last_end_of(*current_));
      }
      advance_to(current_->start.merged);
      run();
    });
  }

  Progress step() override {
    // Whatever is behind: a checkpoint may wait for what cannot be read, and the room for the checkpoint.
    if (slices_ && store_failed()) return Progress::kDone;
    const bool blocked =
        output_.drain() == Progress::kBlocked || (!sides_.empty() && sides_.drain() == Progress::kBlocked);
    // What has come is taken even where there is no room behind: others on the shard need its place.
    bool took = false;
    const bool waits = (firing_.under_way() || current_) && waits_for_store(took);
    const bool room = !blocked && outputs_ready();
    note_room((room && has_room() && !waits) || ended_);
    if (blocked) return took ? Progress::kAdvanced : Progress::kBlocked;
    // Windows that are open when the input ends stay open.
    if (!firing_.under_way() && !current_ && !ended_ && closing()) {
      collector_.begin(context().clock->monotonic_ns(), true);
      advance_to(closed_until());
    }
    if (firing_.under_way() || current_) {
      if (!room || waits) return took ? Progress::kAdvanced : Progress::kBlocked;
      if (store_failed()) return Progress::kDone;
      protect([&] { run(); });
      return store_failed() ? Progress::kDone : Progress::kAdvanced;
    }
    if (!slices_) return Progress::kIdle;
    drop_old();
    const bool retired = slices_->retire(merged_, options().allowed_lateness);
    const bool spilled = slices_->spill_some();
    if (store_failed()) return Progress::kDone;
    return retired || spilled ? Progress::kAdvanced : Progress::kIdle;
  }
  Timestamp deadline() override { return ended_ || firing_.under_way() || current_ ? kTimestampMax : close_at(); }

  std::vector<StateDeclaration> states() const override {
    // Entries are by numbers of slices and windows, which mean something in this grid alone.
    const Schema acc = schema_of<Acc>();
    const Schema numbered = numbered_key(schema_of<K>());
    return {{"stage", schema_of<Timestamp>().to_string() + ", " + grid_.describe()},
            declare_entries("slices", numbered, acc),
            declare_entries("parts", numbered_key(numbered), acc),
            declare_entries("panes", numbered, schema_of<std::uint32_t>())};
  }
  void save(Snapshot& to) override {
    MILLSTREAM_ASSERT(!current_ && !firing_.under_way());
    restored_.save(kStageState, context().shard, context().shards, merged_, to);
    save_slices(*slices_, [&](Timestamp last_end) { return rules_.takes(last_end, merged_); }, to);
    save_parts(parts_, to);
    panes_.save(kPanesState, to);
  }
  Status restore(const StateEntry& entry) override {
    Status failure;
    const bool good = entry.state == kStageState    ? restored_.restore(entry)
                      : entry.state == kSlicesState ? restore_slice(*slices_, entry, failure)
                      : entry.state == kPartsState  ? restore_part(parts_, *slices_, grid_, entry)
                      : entry.state == kPanesState  ? panes_.restore(entry)
                                                    : false;
    return good ? failure : this->bad_entry(entry);
  }
  void end_restore() override {
    if (slices_->cold() != nullptr) check(slices_->cold()->end_restore());
    slices_->end_restore();
    if (restored_.empty()) return;
    fired_until_ = restored_.furthest();
    slices_->begin_behind(firing_.begin_behind(context().partly_restored ? kTimestampMin : restored_.least()));
    if (closes()) slices_->for_each([&](const State& state) { end_silence(state.last_end); });
    // For most there is nothing to fire.
    collector_.begin(context().clock->monotonic_ns(), true);
    advance_to(context().partly_restored ? kTimestampMin : restored_.begin());
    metrics_.watermark_us.set(static_cast<std::uint64_t>(merged_.time_since_epoch().count()));
  }

 private:
  [[nodiscard]] bool outputs_ready() { return output_.ready() && (sides_.empty() || sides_.ready()); }

  // --- what has left memory ---

  [[nodiscard]] bool has_room() {
    return !slices_ || slices_->cold() == nullptr || slices_->cold()->has_room(barrier() < context().barrier);
  }
  // What the batch or the firing needs is being read.
  [[nodiscard]] bool waits_for_store(bool& took) {
    if (!slices_ || slices_->cold() == nullptr) return false;
    if (fetch_.waits()) return !fetch_.answered(*slices_->cold(), took);
    return firing_.waits(*slices_);
  }
  [[nodiscard]] bool store_failed() {
    if (slices_->cold() == nullptr) return false;
    const Status failure = slices_->cold()->failure();
    check(failure);
    return !failure.ok();
  }
  // False where the batch waits for what has left memory.
  [[nodiscard]] bool fetch() {
    // A shard that has failed in the middle of a step may be given one batch more, which nobody works on.
    if (context().failed()) return false;
    MarksAtRecords marks{*current_, next_mark_, {split_, merged_}};
    return fetch_.fetch(*current_, position_, *slices_, grid_, key_of_, [&](std::uint32_t i, std::int64_t slice) {
      if (!slices_->sliding()) return WindowNumbers{};
      return late_windows_.fired_again(slice, fired_for(current_->hashes.data()[i], marks.at(i)));
    });
  }

  // Works on the batch until it is done or a firing has to go on in the next step.
  void run() {
    while (true) {
      if (firing_.under_way() && !fire_some()) return;
      if (!current_) {
        collector_.finish(Control::kNone);
        return;
      }
      const bool more_marks = next_mark_ < current_->marks.size();
      const std::uint32_t end = more_marks ? current_->marks[next_mark_].position : current_->size();
      if (position_ < end) {
        if (!fetch()) return;
        position_ = add(position_, end);
        if (context().failed()) return;
        if (give_full() || position_ < end) return;
      }
      if (!more_marks) break;
      const Watermarks& at = current_->marks[next_mark_++].at;
      split_ = at.split;
      advance_to(at.merged);
    }
    slices_->retire(merged_, options().allowed_lateness);
    // Where the next batch is there already, no step comes between them.
    slices_->spill_some();
    const Control control = current_->control;
    const std::int64_t ingested_ns = current_->ingested_ns;
    if (control == Control::kEnd) ended_ = true;
    metrics_.watermark_us.set(static_cast<std::uint64_t>(merged_.time_since_epoch().count()));
    current_.reset();
    collector_.finish(control);
    forward_to_sides({merged_, merged_}, control, ingested_ns);
    if (control == Control::kBarrier) reach_barrier();
  }

  // --- records ---

  // Returns where it stopped: before `to` where late records have filled a batch of results.
  std::uint32_t add(std::uint32_t from, std::uint32_t to) {
    const Timestamp judge = rules_.judge({split_, merged_});
    const Timestamp* times = current_->times.data();
    std::uint32_t i = from;
    while (i < to) {
      if (!(times[i] >= open_start_ && times[i] < open_end_)) choose(times[i], judge);
      std::uint32_t run_end = i + 1;
      while (run_end < to && times[run_end] >= open_start_ && times[run_end] < open_end_) ++run_end;
      const bool whole = run_end - i >= kRunWorthwhile || (i == from && run_end == to);
      if (!whole || open_ == nullptr || !fast(*open_, judge)) {
        return add_scattered(i, to, judge);
      }
      add_to_slice(*open_, run_end - i, current_->hashes.data() + i, [i](std::size_t n) { return i + n; }, judge);
      i = run_end;
    }
    return to;
  }
  // Nothing of the slice has fired, and all of its windows take records.
  [[nodiscard]] bool fast(const State& state, Timestamp judge) const {
    return state.first_end > fired_until_ && rules_.takes(state.first_end, judge);
  }
  void choose(Timestamp time, Timestamp judge) {
    const Slice slice = grid_.slice_of(time);
    // A slice that no window takes records for is not made, for it could never be let go; nor is one remembered that is
    // let go soon.
    State* state = slices_->find(slice.index);
    if (!rules_.takes(state != nullptr ? state->last_end : last_end_of(slice), judge)) {
      forget_open();
      return;
    }
    open_ = state != nullptr ? state : &slices_->at(slice);
    open_start_ = slice.start;
    // The last slice of all time ends where time ends, and that instant belongs to it.
    open_end_ = slice.end;
  }
  void forget_open() {
    open_ = nullptr;
    open_start_ = kTimestampMax;
    open_end_ = kTimestampMin;
  }
  // The end of the last window that holds a record of the batch.
  [[nodiscard]] Timestamp last_end_of(const Batch<T>& batch) const {
    const Timestamp last = *std::max_element(batch.times.data(), batch.times.data() + batch.size());
    return last_end_of(grid_.slice_of(last));
  }
  [[nodiscard]] Timestamp last_end_of(const Slice& slice) const {
    return grid_.window(grid_.last_window_of(slice.index)).end;
  }
  // Disordered records: gathered by slice, so that each slice still gets its records in one go.
  std::uint32_t add_scattered(std::uint32_t from, std::uint32_t to, Timestamp judge) {
    const Timestamp* times = current_->times.data();
    for (std::uint32_t i = from; i < to; ++i) {
      if (!(times[i] >= open_start_ && times[i] < open_end_)) choose(times[i], judge);
      if (open_ != nullptr && fast(*open_, judge)) {
        gathered_.add(*open_, i);
        continue;
      }
      add_slow(i);
      if (collector_.full()) to = i + 1;
    }
    gathered_.take([&](State& state, const std::vector<std::uint32_t>& places) {
      const auto count = static_cast<std::uint32_t>(places.size());
      for (std::uint32_t i = 0; i < count; ++i) hashes_[i] = current_->hashes.data()[places[i]];
      add_to_slice(state, count, hashes_, [&](std::size_t n) { return places[n]; }, judge);
    });
    return to;
  }
  // `count` records of a slice, number i of which is at place(i) of the batch and has the hash hashes[i].
  template <class Place>
  void add_to_slice(State& state, std::uint32_t count, const std::uint64_t* hashes, Place&& place, Timestamp judge) {
    const T* values = current_->values();
    const std::uint64_t late =
        adder_.add(state, *current_, count, hashes, place, judge, [&](const auto& add_one, const auto& failed) {
          guarded(
              *current_, 0, count, add_one, [&](std::uint32_t i) { return detail::record_text(values[place(i)]); },
              failed);
        });
    if (late > 0) metrics_.late.add(late);
    slices_->account(state);
  }

  // The watermarks at a record, or where another shard or instance that had its key was further, that.
  [[nodiscard]] Watermarks fired_for(std::uint64_t hash, const Watermarks& at) const {
    return {at.split, std::max(at.merged, restored_.of(hash))};
  }
  // One record that is late for at least one of its windows, or of a slice that has fired for some of the keys.
  void add_slow(std::uint32_t i) {
    const T& value = current_->values()[i];
    const Timestamp time = current_->times.data()[i];
    const std::uint64_t hash = current_->hashes.data()[i];
    const Watermarks at = fired_for(hash, {split_, merged_});
    const Timestamp judge = rules_.judge(at);
    const Slice slice = grid_.slice_of(time);
    const WindowNumbers again = late_windows_.fired_again(slice.index, at);
    if (again.first > grid_.last_window_of(slice.index)) {
      metrics_.late_dropped.add(1);
      late_.append(*current_, i, merged_, saturating_distance(judge, time));
      return;
    }
    metrics_.late.add(time < judge ? 1 : 0);
    const K key = std::invoke(key_of_, value);
    const auto add_it = [&](Acc& acc) { add_record(agg_, acc, value, time); };
    guarded(
        *current_, i, i + 1,
        [&](std::uint32_t) {
          const std::vector<bool>& had = late_windows_.had(again, *slices_, parts_, key, hash);
          if (counts_from(slice.index, again.first, at.merged)) {
            slices_->add_late(slices_->at(slice), key, hash, add_it);
          } else {
            slices_->add_to(parts_.at(slice.index, again.first), key, hash, add_it);
          }
          for (std::int64_t window = again.first; window < again.end; ++window) {
            const bool before = had[static_cast<std::size_t>(window - again.first)];
            fire_late(window, grid_.window(window), key, hash, before ? 1 : 0, add_it);
          }
        },
        [&](std::uint32_t) { return detail::record_text(value); }, [](std::uint32_t) {});
  }
  // Windows before `window` can no longer fire, so what they do not take need not be kept apart from them.
  [[nodiscard]] bool counts_from(std::int64_t slice, std::int64_t window, Timestamp fired_until) const {
    const std::int64_t first = grid_.first_window_of(slice);
    return window == first || !rules_.takes(grid_.window(window - 1).end, fired_until);
  }
  template <class Add>
  void fire_late(std::int64_t window, const WindowTime& span, const K& key, std::uint64_t hash, std::uint32_t before,
                 Add&& add_it) {
    Acc whole = agg_.create();
    if (options().discarding) {
      add_it(whole);
    } else {
      const bool any = slices_->collect(window, key, hash, whole);
      parts_.collect(window, key, hash, whole, any);
    }
    give(key, whole, span, panes_.next(window, key, hash, before), PaneTiming::late);
  }
  // --- firing ---

  void advance_to(Timestamp merged) {
    if (merged <= merged_) return;
    merged_ = merged;
    fired_until_ = std::max(fired_until_, merged);
    firing_.begin();
    forget_open();
  }
  // True when every window up to the watermark has fired.
  bool fire_some() {
    const bool fired = firing_.fire_some(
        *slices_, parts_, restored_, merged_, fill_,
        [this](const K& key, const Acc& acc, const WindowTime& span) {
          give(key, acc, span, 0, PaneTiming::on_time);
          return !collector_.full();
        },
        [this] { return give_full() || !output_.ready(); });
    if (!fired) return false;
    restored_.catch_up(merged_);
    drop_old();
    collector_.mark({merged_, merged_});
    return true;
  }
  void give(const K& key, const Acc& acc, const WindowTime& span, std::uint32_t pane, PaneTiming timing) {
    metrics_.records_out.add(1);
    collector_.emit_at(saturating_sub(span.end, Duration{1}),
                       Out{key, agg_.result(acc), span.start, span.end, pane, timing});
  }
  // Gives on a full batch of results, and with that the step is over: results that own memory fill one before they are
  // many.
  bool give_full() {
    if (!collector_.full()) return false;
    collector_.finish(Control::kNone);
    return true;
  }
  void drop_old() {
    panes_.drop([&](std::int64_t window) { return !rules_.takes(grid_.window(window).end, merged_); });
    parts_.drop(
        [&](std::int64_t slice) { return !rules_.takes(grid_.window(grid_.last_window_of(slice)).end, merged_); });
  }
  void flush_sides() override { late_.flush(); }

  static constexpr std::uint32_t kRunWorthwhile = 16;  // below it gathering costs less than a walk for each run

  KeyOf key_of_;
  Agg agg_;
  SliceGrid grid_;
  LateRules rules_;
  std::uint32_t fill_;
  Output<Out> output_;
  CollectorBuffer<Out> collector_;
  std::optional<Slices> slices_;

  BatchOf<T> current_;
  std::uint32_t position_ = 0;
  std::size_t next_mark_ = 0;
  Timestamp split_ = kTimestampMin;
  Timestamp merged_ = kTimestampMin;
  Timestamp fired_until_ = kTimestampMin;  // nothing that ends behind it has fired, for any key
  bool ended_ = false;

  State* open_ = nullptr;  // the slice of the last record, and its bounds
  Timestamp open_start_ = kTimestampMax;
  Timestamp open_end_ = kTimestampMin;

  PaneCounts<K> panes_;
  PartialSlices<K, Agg> parts_;
  SliceFiring<K, Agg> firing_;
  GroupWatermarks restored_;  // until what one shard or instance had fired and another not has
  LateSide<T> late_;
  GatheredPlaces<State> gathered_;
  LateWindows<K, Agg> late_windows_;
  SliceFetch<K, Agg> fetch_;
  SliceAdder<K, T, Agg, KeyOf> adder_;
  std::uint64_t hashes_[kBatchRecordsMax];
};

}  // namespace millstream::inline v0
