// ColdSessions: the side of a table of sessions that faces the cold store. Of a key whose sessions have left memory it
// keeps the key and when it is due, so that what is due is asked for before it fires, nobody asks for a key that is
// nowhere, and the calendar stays as it is.
#pragma once

#include <algorithm>
#include <bit>
#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/channel/batch.hpp"
#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/state/cold_table.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/window/session_calendar.hpp"

namespace millstream::inline v0 {

/// State has `due`, when the calendar brings the key up, and `sessions`. An entry of the calendar is known by its time
/// and hash; its number is a hint once something has left. Belongs to one stage.
template <class K, class State>
class ColdSessions final : public ColdTable<K, State> {
  using Base = ColdTable<K, State>;

 public:
  using Due = SessionCalendar::Due;
  /// Due keys that are asked for together.
  static constexpr std::size_t kDueTogether = 256;

  /// `first_due`: when a key has something due first. `sweeps`: keys with records since their last result are asked for
  /// by fetch_fresh().
  ColdSessions(StateTable<K, State>& table, ColdTier& tier, std::string_view stage, const SessionCalendar& calendar,
               std::function<Timestamp(const State&)> first_due, bool sweeps)
      : Base{table, tier, stage},
        table_{table},
        calendar_{calendar},
        first_due_{std::move(first_due)},
        sweeps_{sweeps} {
    away_.bound();
  }

  /// WindowFrame::fetch().
  template <class T, class KeyOf>
  [[nodiscard]] bool fetch(const Batch<T>& batch, std::uint32_t from, const KeyOf& key_of) {
    if (away_.empty()) return true;
    const std::span hashes = std::span{batch.hashes.data(), batch.size()}.subspan(from);
    const auto key_at = [&](std::size_t i) -> decltype(auto) { return std::invoke(key_of, batch.values()[from + i]); };
    begin_question();
    numbers_.resize(hashes.size());
    table_.find_missing(hashes, key_at, numbers_.data(), [&](std::size_t i) {
      if (const std::uint32_t number = away_.find(key_at(i), hashes[i]); number != kNone) want(number, hashes[i]);
    });
    return ask();
  }

  /// The entry that the calendar means; null where it is not in memory, or nowhere.
  [[nodiscard]] State* find(Due& due) {
    const auto is_it = [&](std::uint32_t number) {
      const auto& entry = table_.entry(number);
      return entry.value.due == due.at && !entry.value.sessions.empty();
    };
    const bool hinted = due.number < table_.end_number() && table_.live(due.number) && is_it(due.number);
    if (hinted && (!this->spilled() || hash_key(table_.entry(due.number).key) == due.hash)) {
      return &table_.entry(due.number).value;
    }
    if (!this->spilled()) return nullptr;
    const std::uint32_t found = table_.find_if(due.hash, [&](std::uint32_t number) {
      return is_it(number) && hash_key(table_.entry(number).key) == due.hash;
    });
    if (found == kNone) return nullptr;
    due.number = found;
    return &table_.entry(found).value;
  }
  /// The calendar brings up a key that is not in memory: its entry moves to where the key is due. False where it is
  /// nowhere.
  [[nodiscard]] bool put_off(Due& due) {
    const std::uint32_t number = find_away(due);
    if (number == kNone) return false;
    Away& away = away_.entry(number).value;
    due.at = away.at = away.due;
    return true;
  }
  /// What the calendar brings up first, which is due, is in memory, or nowhere, or is to be put off; else it has been
  /// asked for, and with it those due behind it.
  [[nodiscard]] bool first_due_is_here(Timestamp horizon) {
    if (away_.empty()) return true;
    Due first = calendar_.first();
    if (find(first) != nullptr || !is_due_away(first)) return true;
    begin_question();
    calendar_.first_due(horizon, kDueTogether, dues_);
    for (const Due& due : dues_) {
      if (is_due_away(due)) want(find_away(due), due.hash);
    }
    due_left_ = dues_.size();
    return ask();
  }
  /// One of those has fired.
  void note_fired() noexcept {
    if (due_left_ > 0) --due_left_;
  }
  /// Those that follow are asked for again.
  void forget_due() noexcept { due_left_ = 0; }
  /// Of those that were asked for some have not fired.
  [[nodiscard]] bool due_left() const noexcept { return due_left_ > 0; }

  /// What is in memory has been swept: fetch_fresh() brings what was not then, and had records since its last result.
  void begin_sweep() {
    fresh_now_.swap(fresh_);
    fresh_.assign(fresh_now_.size(), 0);
    fresh_word_ = 0;
    arrived_.clear();
  }
  /// Some of them have been asked for; true where none is left.
  [[nodiscard]] bool fetch_fresh() {
    begin_question();
    for (; fresh_word_ < fresh_now_.size() && wanted_.size() < kDueTogether; ++fresh_word_) {
      for (std::uint64_t& left = fresh_now_[fresh_word_]; left != 0; left &= left - 1) {
        const auto number =
            static_cast<std::uint32_t>(fresh_word_ * 64) + static_cast<std::uint32_t>(std::countr_zero(left));
        want(number, hash_key(away_.entry(number).key));
      }
    }
    return ask();
  }
  /// Entries that have come with the last answer, while none has left since.
  [[nodiscard]] std::span<const std::uint32_t> arrived() const noexcept { return arrived_; }

  /// Behind an answer: all that was asked for must be here.
  [[nodiscard]] Status check_arrived() const {
    if (arrived_.size() == this->asked()) return {};
    return {ErrorCode::kIo, "the cold store has lost sessions; start again: the job goes on from its last checkpoint"};
  }

  [[nodiscard]] bool is_away(const K& key, std::uint64_t hash) const { return away_.find(key, hash) != kNone; }
  /// One is away: the calendar is to bring it up at `at`.
  void add_away(const K& key, std::uint64_t hash, const State& state, Timestamp at) {
    const std::uint32_t number = away_.find_or_insert(key, hash, [&] { return Away{at, first_due_(state)}; });
    key_bytes_ += heap_bytes(away_.entry(number).key);
    if (!sweeps_) return;
    bool fresh = false;
    for (std::size_t i = 0; i < state.sessions.size(); ++i) {
      fresh = fresh || (!state.sessions[i].closed && state.sessions[i].fresh > 0);
    }
    if (!fresh) return;
    fresh_.resize(std::max<std::size_t>(fresh_.size(), number / 64 + 1));
    fresh_[number / 64] |= bit(number);
  }
  /// Of the keys that are kept.
  [[nodiscard]] std::size_t away_bytes() const noexcept { return away_.memory_bytes() + key_bytes_; }
  /// What is kept of all keys counts in the share.
  void count_kept_now() noexcept { this->count_kept(calendar_.memory_bytes() + away_bytes()); }

 private:
  static constexpr std::uint32_t kNone = StateTable<K, State>::kNone;
  struct Away {
    Timestamp at;   // when the calendar brings the key up
    Timestamp due;  // not before that
    BOOST_DESCRIBE_CLASS(Away, (), (at, due), (), ())
  };

  [[nodiscard]] std::uint32_t find_away(const Due& due) const {
    return away_.find_if(due.hash, [&](std::uint32_t number) {
      const auto& entry = away_.entry(number);
      return entry.value.at == due.at && hash_key(entry.key) == due.hash;
    });
  }
  [[nodiscard]] bool is_due_away(const Due& due) const {
    const std::uint32_t number = find_away(due);
    return number != kNone && away_.entry(number).value.due == due.at;
  }

  void begin_question() {
    wanted_.clear();
    hashes_.clear();
    arrived_.clear();
  }
  void want(std::uint32_t number, std::uint64_t hash) {
    wanted_.push_back(number);
    hashes_.push_back(hash);
  }
  // True where there is nothing to ask.
  [[nodiscard]] bool ask() {
    if (wanted_.empty()) return true;
    const bool none = Base::fetch(hashes_, [this](std::size_t i) -> const K& { return away_.entry(wanted_[i]).key; });
    MILLSTREAM_ASSERT(!none);
    return false;
  }

  void leaving(std::span<const std::uint32_t> numbers) override {
    for (const std::uint32_t number : numbers) {
      const auto& entry = table_.entry(number);
      add_away(entry.key, hash_key(entry.key), entry.value, entry.value.due);
    }
    count_kept_now();
  }
  void came(std::uint32_t number, std::uint64_t hash) override {
    auto& entry = table_.entry(number);
    const std::uint32_t away = away_.find(entry.key, hash);
    MILLSTREAM_ASSERT(away != kNone);
    entry.value.due = away_.entry(away).value.at;
    key_bytes_ -= heap_bytes(away_.entry(away).key);
    away_.erase(away, hash);
    for (std::vector<std::uint64_t>* marks : {&fresh_, &fresh_now_}) {
      if (away / 64 < marks->size()) (*marks)[away / 64] &= ~bit(away);
    }
    arrived_.push_back(number);
    count_kept_now();
  }
  static constexpr std::uint64_t bit(std::uint32_t number) noexcept { return std::uint64_t{1} << (number % 64); }

  StateTable<K, State>& table_;
  const SessionCalendar& calendar_;
  std::function<Timestamp(const State&)> first_due_;
  bool sweeps_;
  StateTable<K, Away> away_;              // the keys that the store has and memory has not
  std::size_t key_bytes_ = 0;             // that these own beside their places
  std::vector<std::uint64_t> fresh_;      // one bit a key of those: it has records since its last result
  std::vector<std::uint64_t> fresh_now_;  // those that the sweep under way is to come by
  std::size_t fresh_word_ = 0;
  std::vector<std::uint32_t> numbers_;
  std::vector<std::uint32_t> wanted_;  // of away_
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> arrived_;
  std::vector<Due> dues_;
  std::size_t due_left_ = 0;
};

}  // namespace millstream::inline v0
