// Session windows: per key, records that are no further apart than the gap. A record may found a session, extend one,
// or join several into one, whose accumulators are merged. When a key has something due stands in a calendar with one
// entry a key, which is put right when its time comes: extending a session costs nothing there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/memory_budget.hpp"
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
  }

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
  using Due = SessionCalendar::Due;

  void begin(Batch<T>& batch) override {
    keys_.resolve(table_, batch, key_of_, [](std::size_t) { return KeyState{}; });
    count_memory();
  }
  void count_memory() { memory_.resize(table_.memory_bytes() + calendar_.memory_bytes()); }
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
        if (!this->too_late(until)) [[likely]] {
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
    if (this->too_late(this->options().late_by_merged ? end : until)) return false;
    // Added before the sessions change: a record that the user's function throws for must neither found nor join any.
    Acc one = agg_.create();
    add_record(agg_, one, record, time);
    const bool founds = joined_.empty();
    Session<Acc>& session = founds ? sessions.push({start, end, std::move(one), 0, 0, 0}) : join(sessions);
    if (!founds) agg_.merge(session.acc, std::as_const(one));
    session.start = start;
    session.end = end;
    session.closed = end <= this->horizon();
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
  // The sessions of joined_ become one.
  Session<Acc>& join(SessionList<Acc>& sessions) {
    if (joined_.size() > 1) {
      std::sort(joined_.begin(), joined_.end(),
                [&](std::uint32_t a, std::uint32_t b) { return sessions[a].start < sessions[b].start; });
      Session<Acc> whole = std::move(sessions[joined_.front()]);
      for (std::size_t i = 1; i < joined_.size(); ++i) {
        const Session<Acc>& part = sessions[joined_[i]];
        agg_.merge(whole.acc, part.acc);
        whole.fired = std::max(whole.fired, part.fired);
        whole.fresh = std::min(whole.fresh + std::uint32_t{part.fresh}, whole.kFreshMax) & whole.kFreshMax;
      }
      std::sort(joined_.begin(), joined_.end());
      while (joined_.size() > 1) {
        sessions.remove(joined_.back());
        joined_.pop_back();
      }
      sessions[joined_.front()] = std::move(whole);
    }
    return sessions[joined_.front()];
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
    // Where a session has been extended, its key moves on without having been in order with the others.
    const auto put_off = [&](Due& due) {
      KeyState* key = scheduled_key(due);
      if (key == nullptr) return false;
      due.at = key->due = due_of(key->sessions[first_due(key->sessions)]);
      return true;
    };
    const auto fetch = [&](const Due& due) { table_.prefetch(due.number); };
    const auto stop = [this] { return this->stop(); };
    while (true) {
      if (!calendar_.turn_to(this->horizon(), put_off, fetch, stop)) return false;
      if (!calendar_.has_due(this->horizon())) break;
      if (stop()) return false;
      const Due due = calendar_.pop();
      KeyState* key = scheduled_key(due);
      if (key == nullptr) continue;
      key->due = kNotScheduled;
      SessionList<Acc>& sessions = key->sessions;
      const std::size_t next = first_due(sessions);
      Session<Acc>& session = sessions[next];
      // It may have been extended since; then it comes up again in its turn.
      if (due_of(session) <= due.at) {
        table_.touch(due.number);
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
        schedule(*key, due_of(sessions[first_due(sessions)]), due.hash, due.number);
      }
    }
    return true;
  }
  // The key that the calendar brings up; null where an earlier entry took its place or it has gone.
  [[nodiscard]] KeyState* scheduled_key(const Due& due) {
    if (!table_.live(due.number)) return nullptr;
    KeyState& key = table_.entry(due.number).value;
    return key.due == due.at && !key.sessions.empty() ? &key : nullptr;
  }
  [[nodiscard]] std::size_t first_due(SessionList<Acc>& sessions) {
    this->spend(sessions.size());
    std::size_t first = 0;
    for (std::size_t i = 1; i < sessions.size(); ++i) {
      if (due_of(sessions[i]) < due_of(sessions[first])) first = i;
    }
    return first;
  }
  bool sweep() override {
    for (; cursor_ < table_.end_number(); ++cursor_) {
      if (this->stop()) return false;
      if (!table_.live(cursor_)) continue;
      auto& entry = table_.entry(cursor_);
      for (std::size_t i = 0; i < entry.value.sessions.size(); ++i) {
        Session<Acc>& session = entry.value.sessions[i];
        if (session.closed || session.fresh == 0 || !this->early_for(session.end)) continue;
        table_.touch(cursor_);
        give_out(entry.key, session, PaneTiming::early);
        if (this->full()) return false;  // what has been given out is not fresh when this key comes again
      }
      this->spend(entry.value.sessions.size());
    }
    cursor_ = 0;
    return true;
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
    table_.erase_if(std::span{empty_}.subspan(left),
                    [this](std::uint32_t number) { return table_.entry(number).value.sessions.empty(); });
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
  }
  bool restore_window(const StateEntry& entry) override {
    const auto restored = restore_to_table(table_, entry.key_group, entry.key, entry.value);
    if (!restored) return false;
    KeyState& key = table_.entry(restored->number).value;
    if (key.sessions.empty()) return false;
    schedule(key, due_of(key.sessions[first_due(key.sessions)]), restored->hash, restored->number);
    return true;
  }
  typename Base::OpenWindows windows_restored() override {
    count_memory();
    typename Base::OpenWindows open;
    table_.for_each([&](std::uint32_t number) {
      const SessionList<Acc>& sessions = table_.entry(number).value.sessions;
      for (std::size_t i = 0; i < sessions.size(); ++i) {
        if (!sessions[i].closed) open.add(sessions[i].fresh > 0, sessions[i].end);
      }
    });
    return open;
  }

  static constexpr std::size_t kErasedPerStep = 2 * kBatchRecordsMax;  // more than a batch can add

  KeyOf key_of_;
  Agg agg_;
  Spec spec_;
  Table table_;
  KeyedBatch keys_;
  std::vector<std::uint32_t> joined_;
  SessionCalendar calendar_;
  std::vector<std::uint32_t> empty_;
  std::uint32_t cursor_ = 0;
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
