// Session windows: per key, records that are no further apart than the gap. A record may found a session, extend one,
// or join several into one, whose accumulators are merged. When a key has something due stands in a calendar with one
// entry a key, put right when its time comes: extending a session costs nothing there. Sessions may leave memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/operators/cold_sessions.hpp"
#include "millstream/operators/keyed_batch.hpp"
#include "millstream/operators/window_frame.hpp"
#include "millstream/state/state_table.hpp"
#include "millstream/window/aggregate.hpp"
#include "millstream/window/session_calendar.hpp"
#include "millstream/window/session_list.hpp"

namespace millstream::inline v0 {

/// Agg is a bound aggregate, Spec a SessionWindow or SessionWindowOf. A record is too late if it, alone with its gap,
/// is a session that takes no more records. What other records have made of that session does not count, for which of
/// them have come already depends on how the splits interleave; with keep_while_open() it counts.
template <class K, class T, class Agg, class KeyOf, class Spec>
class SessionWindowStage final : public WindowFrame<K, T, ResultOf<Agg>> {
  static_assert(check_aggregate<Agg, T, true>());
  using Base = WindowFrame<K, T, ResultOf<Agg>>;
  using Acc = AccumulatorOf<Agg>;

 public:
  SessionWindowStage(KeyOf key_of, Agg agg, Spec spec, WindowOptions options, std::uint32_t fill,
                     std::shared_ptr<Silence> silence = nullptr)
      : Base{std::move(options), fill, false, std::move(silence)},
        key_of_{std::move(key_of)},
        agg_{std::move(agg)},
        spec_{std::move(spec)},
        calendar_{page()} {}

  void open() override {
    Base::open();
    memory_ = MemoryReservation{this->context().memory};
    if (this->context().barriers != nullptr) table_.track_changes();
    if (this->context().cold == nullptr) return;
    const bool sweeps = !this->options().trigger.on_watermark_only() || this->closes();
    cold_ = std::make_unique<Cold>(
        table_, *this->context().cold, this->name(), calendar_,
        [this](const KeyState& key) { return due_of(key.sessions[first_due(key.sessions)]); }, sweeps);
    this->use(*cold_);
  }
  bool spills() const override { return true; }

 private:
  // No session is due at the beginning of time.
  static constexpr Timestamp kNotScheduled = kTimestampMin;
  // With its key one cache line, where key and accumulator are small.
  struct KeyState {
    Timestamp due = kNotScheduled;  // when the calendar brings this key up
    SessionList<Acc> sessions;
    using FixedFields = void;
    BOOST_DESCRIBE_CLASS(KeyState, (), (sessions), (), ())
  };
  using Table = StateTable<K, KeyState>;
  using Cold = ColdSessions<K, KeyState>;
  using Due = SessionCalendar::Due;

  bool fetch(const Batch<T>& batch) override { return cold_->fetch(batch, this->position(), key_of_); }
  void begin(Batch<T>& batch) override {
    const std::uint32_t from = this->position();
    firsts_.clear();
    const auto make = [&](std::size_t i) {
      if (cold_) firsts_.push_back(from + static_cast<std::uint32_t>(i));
      return KeyState{};
    };
    keys_.resolve(table_, batch, key_of_, make, from);
    for (const std::uint32_t first : firsts_) cold_->note_new(keys_[first]);
    count_memory();
  }
  void count_memory() {
    std::size_t bytes = table_.memory_bytes() + calendar_.memory_bytes();
    if (cold_) {
      cold_->count_kept_now();
      bytes += cold_->heap_bytes_held() + cold_->away_bytes();
    }
    memory_.resize(bytes);
  }
  // While it lives, what the sessions of an entry own may change; where they can own something.
  template <bool kMayOwn = true>
  [[nodiscard]] auto measured([[maybe_unused]] const KeyState& key) {
    if constexpr (kMayOwn) {
      using Change = std::optional<typename Cold::Change>;
      return cold_ ? Change{std::in_place, *cold_, key} : Change{};
    } else {
      return std::nullopt;
    }
  }
  std::uint32_t add(Batch<T>& batch, std::uint32_t from, std::uint32_t to) override {
    const std::uint64_t early = this->options().trigger.early_records();
    return this->add_each(batch, from, to, [&](std::uint32_t i) {
      const Timestamp time = this->time_of(batch, i);
      const T& record = batch.values()[i];
      SessionList<Acc>& sessions = table_.entry(keys_[i]).value.sessions;
      Session<Acc>& session = sessions.first();
      // Nearly always it is in the one session of its key, which has not ended: that is scheduled, and only grows.
      if (session.start <= time && time <= session.end && !session.closed && sessions.single()) [[likely]] {
        const Timestamp until = end_of(time, spec_.gap_of(record));
        if (!this->too_late(until, batch.hashes.data()[i])) [[likely]] {
          [[maybe_unused]] const auto change = measured<kOwnsHeap<Acc>>(table_.entry(keys_[i]).value);
          add_record(agg_, session.acc, record, time);
          session.end = std::max(session.end, until);
          session.count_record();
          if (early > 0 && session.fresh >= early) give_out(table_.entry(keys_[i]).key, session, PaneTiming::early);
          this->note_taken(time);
          return;
        }
      }
      add_apart(batch, i, time);
    });
  }
  // A record that founds a session, joins some, is late, or is too late.
  [[gnu::noinline]] void add_apart(Batch<T>& batch, std::uint32_t i, Timestamp time) {
    try {
      if (find_session(batch.values()[i], time, batch.hashes.data()[i], keys_[i])) {
        this->note_taken(time);
        return;
      }
      this->drop_late(batch, i, time);
    } catch (...) {
      leave_if_empty(keys_[i]);  // begin() may have made the key for this record
      throw;
    }
    leave_if_empty(keys_[i]);
  }
  // False where the record is too late.
  bool find_session(const T& record, Timestamp time, std::uint64_t hash, std::uint32_t number) {
    auto& entry = table_.entry(number);
    const auto change = measured(entry.value);
    SessionList<Acc>& sessions = entry.value.sessions;
    const Timestamp until = end_of(time, spec_.gap_of(record));
    Timestamp start = time;
    Timestamp end = until;
    joined_.clear();
    this->spend(sessions.size());
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      const Session<Acc>& session = sessions[i];
      // Touching is enough. What has expired is on its way out.
      if (session.start > until || session.end < time || this->expired(session.end)) continue;
      joined_.push_back(static_cast<std::uint32_t>(i));
      start = std::min(start, session.start);
      end = std::max(end, session.end);
    }
    if (this->too_late(this->options().late_by_merged ? end : until, hash)) return false;
    // Added before the sessions change: a record that the user's function throws for must neither found nor join any.
    Acc one = agg_.create();
    add_record(agg_, one, record, time);
    const bool founds = joined_.empty();
    Session<Acc>& session =
        founds ? sessions.push({start, end, std::move(one), 0, 0, 0}) : join_sessions(sessions, joined_, agg_);
    if (!founds) agg_.merge(session.acc, std::as_const(one));
    session.start = start;
    session.end = end;
    session.closed = end <= this->horizon(hash);
    session.count_record();
    // Before the result, which the user's function may throw in: the session is there either way.
    schedule(entry.value, due_of(session), hash, number);
    const std::uint64_t early = this->options().trigger.early_records();
    if (session.closed) {
      give_out(entry.key, session, PaneTiming::late);
    } else if (early > 0 && session.fresh >= early) {
      give_out(entry.key, session, PaneTiming::early);
    }
    return true;
  }
  // A page should hold few of the moments at which one key may have something due.
  [[nodiscard]] Duration page() const {
    if constexpr (requires { spec_.gap(); }) {
      return spec_.gap() / 4;
    } else {
      return std::chrono::seconds{1};
    }
  }
  static Timestamp end_of(Timestamp time, Duration gap) {
    // A record before all time has a session too, though sums stay at that end.
    return time == kTimestampMin ? Timestamp{time.time_since_epoch() + gap} : saturating_add(time, gap);
  }
  [[nodiscard]] Timestamp due_of(const Session<Acc>& session) const {
    return session.closed ? saturating_add(session.end, this->options().allowed_lateness) : session.end;
  }
  void schedule(KeyState& key, Timestamp due, std::uint64_t hash, std::uint32_t number) {
    if (key.due != kNotScheduled && key.due <= due) [[likely]]
      return;
    key.due = due;
    calendar_.push({due, hash, number});
  }
  void give_out(const K& key, Session<Acc>& session, PaneTiming timing) {
    this->emit(saturating_sub(session.end, Duration{1}),
               {key, agg_.result(std::as_const(session.acc)), session.start, session.end, session.fired, timing});
    ++session.fired;
    session.fresh = 0;
    if (this->options().discarding) session.acc = agg_.create();
  }

  bool fire_due() override {
    Cold* const cold = cold_.get();
    // Where a session has been extended, its key moves on without having been in order with the others.
    const auto put_off = [&](Due& due) {
      KeyState* key = scheduled_key(due);
      if (key == nullptr) return cold != nullptr && cold->put_off(due);
      this->spend(key->sessions.size());
      due.at = key->due = due_of(key->sessions[first_due(key->sessions)]);
      return true;
    };
    const auto fetch = [&](const Due& due) {
      if (due.number < table_.end_number()) table_.prefetch(due.number);
    };
    const auto stop = [this] { return this->stop(); };
    while (true) {
      if (!calendar_.turn_to(this->horizon(), put_off, fetch, stop)) return false;
      if (!calendar_.has_due(this->horizon())) break;
      if (stop() || (cold != nullptr && !cold->first_due_is_here(this->horizon()))) return false;
      Due due = calendar_.pop();
      if (cold != nullptr) cold->note_fired();
      KeyState* key = scheduled_key(due);
      if (key == nullptr) {
        if (cold != nullptr && cold->put_off(due)) calendar_.push(due);
        continue;
      }
      key->due = kNotScheduled;
      SessionList<Acc>& sessions = key->sessions;
      this->spend(sessions.size());
      const std::size_t next = first_due(sessions);
      Session<Acc>& session = sessions[next];
      // It may have been extended since; then it comes up again in its turn.
      if (due_of(session) <= due.at) {
        table_.touch(due.number);
        const auto change = measured(*key);
        if (!session.closed) {
          session.closed = true;
          if (session.fresh > 0 || !this->options().discarding) {
            give_out(table_.entry(due.number).key, session, PaneTiming::on_time);
          }
        }
        if (this->expired(session.end)) sessions.remove(next);
      }
      if (sessions.empty()) {
        leave_if_empty(due.number);
      } else {
        this->spend(sessions.size());
        schedule(*key, due_of(sessions[first_due(sessions)]), due.hash, due.number);
      }
    }
    if (cold != nullptr) cold->forget_due();
    return true;
  }
  // The key that the calendar brings up; null where an earlier entry took its place, or it has gone or left memory.
  [[nodiscard]] KeyState* scheduled_key(Due& due) {
    if (cold_) [[unlikely]]
      return cold_->find(due);
    if (!table_.live(due.number)) return nullptr;
    KeyState& key = table_.entry(due.number).value;
    return key.due == due.at && !key.sessions.empty() ? &key : nullptr;
  }
  [[nodiscard]] std::size_t first_due(const SessionList<Acc>& sessions) const {
    std::size_t first = 0;
    for (std::size_t i = 1; i < sessions.size(); ++i) {
      if (due_of(sessions[i]) < due_of(sessions[first])) first = i;
    }
    return first;
  }
  bool sweep() override {
    if (!sweeps_away_) {
      for (; cursor_ < table_.end_number(); ++cursor_) {
        if (this->stop() || (table_.live(cursor_) && !sweep_key(cursor_))) return false;
      }
      cursor_ = 0;
      if (!cold_) return true;
      cold_->begin_sweep();
      sweeps_away_ = true;
    }
    for (; cursor_ < cold_->arrived().size(); ++cursor_) {
      if (this->stop() || !sweep_key(cold_->arrived()[cursor_])) return false;
    }
    cursor_ = 0;
    sweeps_away_ = !cold_->fetch_fresh();
    return !sweeps_away_;
  }
  // False where it is to be called again: what has been given out is not fresh then.
  bool sweep_key(std::uint32_t number) {
    auto& entry = table_.entry(number);
    for (std::size_t i = 0; i < entry.value.sessions.size(); ++i) {
      Session<Acc>& session = entry.value.sessions[i];
      if (session.closed || session.fresh == 0 || !this->early_for(session.end, entry.key)) continue;
      table_.touch(number);
      const auto change = measured(entry.value);
      give_out(entry.key, session, PaneTiming::early);
      if (this->full()) return false;
    }
    this->spend(entry.value.sessions.size());
    return true;
  }
  bool holds() const override { return cold_->due_left() || (sweeps_away_ && cursor_ < cold_->arrived().size()); }
  Status fetched() override {
    count_memory();
    return cold_->check_arrived();
  }

  Timestamp last_end_of(const Batch<T>& batch) const override {
    Timestamp last = kTimestampMin;
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      try {
        last = std::max(last, end_of(this->time_of(batch, i), spec_.gap_of(batch.values()[i])));
      } catch (...) {
        continue;  // it throws again where the record is added, and the policy decides
      }
    }
    return last;
  }

  // Entries are erased only between batches: their numbers are in keys_ until then.
  void leave_if_empty(std::uint32_t number) {
    if (table_.entry(number).value.sessions.empty()) empty_.push_back(number);
  }
  bool tidy() override {
    if (empty_.empty()) return false;
    const std::size_t left = empty_.size() - std::min(empty_.size(), kErasedPerStep);
    // A key may have come back.
    table_.erase_if(std::span{empty_}.subspan(left), [this](std::uint32_t number) {
      const bool gone = table_.entry(number).value.sessions.empty();
      if (gone && cold_) cold_->note_erased(number);
      return gone;
    });
    empty_.resize(left);
    return true;
  }

  StateDeclaration window_state() const override {
    return declare_entries("sessions", schema_of<K>(), schema_of<KeyState>());
  }
  void save_windows(Snapshot& to) override {
    save_table(table_, kWindowState, {}, to, [](const KeyState& key, ByteWriter& out) {
      if (key.sessions.empty()) return false;
      Codec<KeyState>::encode(key, out);
      return true;
    });
    if (cold_) cold_->save(kWindowState, to);
  }
  bool restore_window(const StateEntry& entry) override {
    K key{};
    KeyState state;
    if (!decode_value(entry.key, key) || !decode_value(entry.value, state) || state.sessions.empty()) return false;
    const std::uint64_t hash = hash_key(key);
    if (key_group_of(hash) != entry.key_group || table_.find(key, hash) != Table::kNone) return false;
    if (cold_ && cold_->is_away(key, hash)) return false;
    for (std::size_t i = 0; i < state.sessions.size(); ++i) {
      const Session<Acc>& session = state.sessions[i];
      if (!session.closed) restored_.add(session.fresh > 0, session.end);
    }
    const Timestamp due = due_of(state.sessions[first_due(state.sessions)]);
    if (cold_ && cold_->restores_to_store()) {
      // The calendar has it as it has any other.
      cold_->add_away(key, hash, state, due);
      calendar_.push({due, hash, Table::kNone});
      this->check(cold_->restore(entry));
    } else {
      const std::uint32_t number = table_.find_or_insert(key, hash, [&] { return std::move(state); });
      schedule(table_.entry(number).value, due, hash, number);
      if (cold_) cold_->note_restored(number);
    }
    if (cold_) cold_->count_kept_now();
    return true;
  }
  OpenWindows windows_restored() override {
    if (cold_) this->check(cold_->end_restore());
    count_memory();
    return restored_;
  }

  static constexpr std::size_t kErasedPerStep = 2 * kBatchRecordsMax;  // more than a batch can add

  KeyOf key_of_;
  Agg agg_;
  Spec spec_;
  Table table_;
  KeyedBatch keys_;
  std::vector<std::uint32_t> firsts_;  // places of records that are the first of their keys; where sessions may leave
  std::vector<std::uint32_t> joined_;
  SessionCalendar calendar_;
  std::vector<std::uint32_t> empty_;
  std::uint32_t cursor_ = 0;  // of a sweep: an entry, or a place among those that have come for it
  bool sweeps_away_ = false;  // it has been through memory
  OpenWindows restored_;
  std::unique_ptr<Cold> cold_;  // null where all of it stays in memory
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
