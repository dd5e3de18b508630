// KeyedState: one named state of a keyed operator on one shard: a content for each key that has one, with its time to
// live. The handles that users hold (ValueState and so on) are thin views of it; it does not know the type of the key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/make_unique_as.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/state/entry_changes.hpp"
#include "millstream/state/key_space.hpp"
#include "millstream/state/slots.hpp"
#include "millstream/state/state_options.hpp"

namespace millstream::inline v0 {

/// When something that was last written (or read) at some time is over.
class Aging {
 public:
  Aging(StateOptions options, const KeySpaceBase& keys) noexcept
      : ttl_{std::chrono::ceil<Duration>(options.ttl)},
        on_read_{options.ttl_update == TtlUpdate::kOnReadAndWrite},
        keys_{keys} {}
  [[nodiscard]] bool on() const noexcept { return ttl_ > Duration{0}; }
  [[nodiscard]] bool on_read() const noexcept { return on_read_; }
  [[nodiscard]] Timestamp now() const noexcept { return keys_.now; }
  [[nodiscard]] bool over(Timestamp touched) const noexcept { return on() && saturating_add(touched, ttl_) <= now(); }

 private:
  Duration ttl_;
  bool on_read_;
  const KeySpaceBase& keys_;
};

/// What an operator's stage does with its states.
class MILLSTREAM_EXPORT KeyedStateBase {
 public:
  explicit KeyedStateBase(std::string name) : name_{std::move(name)} {}
  virtual ~KeyedStateBase() = default;
  KeyedStateBase(const KeyedStateBase&) = delete;
  KeyedStateBase& operator=(const KeyedStateBase&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Between batches: removes some of what has expired, in proportion to what was added, and accounts for memory.
  virtual void maintain() = 0;
  /// Keys that have content, expired ones that are not yet removed included.
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual StateDeclaration declare() const = 0;
  /// Gives out what has not expired, as entries of state `state`: all, or what has changed.
  virtual void save(std::uint32_t state, Snapshot& snapshot) = 0;
  /// Adds what save() gave out; false where the bytes are not that.
  [[nodiscard]] virtual bool restore(const StateEntry& saved) = 0;

 private:
  std::string name_;
};

/// A content is a value with a codec. One whose elements expire on their own also has `struct Cursor` and
/// `bool trim(const Aging&, Cursor&, std::uint32_t& budget, bool& removed)`, which looks at up to `budget` elements
/// from the cursor on, sets `removed` where one has gone, and returns true, with the cursor back at the start, when it
/// has seen the last; and `bool empty()`.
template <class Content>
class KeyedState final : public KeyedStateBase {
 public:
  KeyedState(std::string name, KeySpaceBase& keys, StateOptions options, std::shared_ptr<MemoryBudget> budget,
             bool track_changes)
      : KeyedStateBase{std::move(name)},
        keys_{keys},
        table_{keys.make_table()},
        changes_{track_changes ? std::make_unique<EntryChanges>() : nullptr},
        aging_{options, keys},
        memory_{std::move(budget)} {}
  ~KeyedState() override {
    for (std::uint32_t number = 0; number < table_->end_number(); ++number) {
      if (table_->live(number)) contents_[number].~Content();
    }
  }

  /// Content of the current key for reading, or null.
  [[nodiscard]] Content* find() {
    const std::uint32_t number = find_number();
    if (number == KeyTable::kNone) return nullptr;
    if (aging_.on() && aging_.on_read()) {
      touch(number);
      touched_[number] = aging_.now();
    }
    return &contents_[number];
  }
  /// What find() gave is about to change.
  void touch() { touch(table_->find()); }
  /// Content of the current key for writing, made if there is none.
  [[nodiscard]] Content& write() {
    std::uint32_t number = find_number();
    if (number == KeyTable::kNone) {
      number = table_->insert();
      construct(number);
      note_addition();
    }
    touch(number);
    if (aging_.on()) touched_[number] = aging_.now();
    return contents_[number];
  }
  /// Forgets the content of the current key.
  void erase() {
    keys_.require_key();
    const std::uint32_t number = table_->find();
    if (number != KeyTable::kNone) erase(number);
  }
  [[nodiscard]] const Aging& aging() const noexcept { return aging_; }
  /// An element was added: the sweep has that much more to do.
  void note_addition() noexcept { sweep_debt_ += kSweepPerAddition; }

  void maintain() override {
    if (aging_.on()) sweep();
    memory_.resize(table_->memory_bytes() + contents_.bytes() + touched_.bytes() + (changes_ ? changes_->bytes() : 0));
  }
  std::size_t size() const override {
    std::size_t count = 0;
    for (std::uint32_t number = 0; number < table_->end_number(); ++number) count += table_->live(number) ? 1 : 0;
    return count;
  }

  // A value is the instant from which the time to live counts, where there is one, and the content.
  StateDeclaration declare() const override {
    return declare_entries(
        name(), keys_.key_schema(),
        fixed_struct({{"touched", schema_of<std::optional<Timestamp>>()}, {"value", schema_of<Content>()}}));
  }
  void save(std::uint32_t state, Snapshot& snapshot) override {
    auto saver = make_unique_as<EntrySaver, Saver>(*this, state, snapshot);
    if (!changes_) {
      for (std::uint32_t number = 0; number < table_->end_number(); ++number) {
        if (table_->live(number)) saver->give(number, false);
      }
      return;
    }
    changes_->begin_save(snapshot.whole(), std::move(saver));
    snapshot.later(*changes_);
  }
  bool restore(const StateEntry& saved) override {
    bool added = false;
    ByteReader key{saved.key};
    const std::uint32_t number = table_->decode_key(key, added);
    if (number == KeyTable::kNone) return false;
    if (added) construct(number);
    ByteReader in{saved.value};
    std::optional<Timestamp> touched;
    if (key.remaining() != 0 || !Codec<std::optional<Timestamp>>::decode(in, touched)) return false;
    touch(number);
    // State that had no time to live gets it from here on.
    if (aging_.on()) touched_[number] = touched.value_or(aging_.now());
    return Codec<Content>::decode(in, contents_[number]) && in.remaining() == 0;
  }

 private:
  // Two looks for each addition keep the expired below the living: a round over n entries ends after n / 2 additions.
  static constexpr std::uint32_t kSweepPerAddition = 2;
  static constexpr std::uint32_t kSweepMin = 16;    // also what was added earlier goes at last
  static constexpr std::uint32_t kSweepMax = 8192;  // some 50 us

  class Saver final : public EntrySaver {
   public:
    Saver(const KeyedState& owner, std::uint32_t state, Snapshot& to) : owner_{owner}, state_{state}, to_{to} {}
    bool give(std::uint32_t number, bool held) override {
      const bool there = !owner_.aging_.on() || !owner_.aging_.over(owner_.touched_[number]);
      const std::uint32_t group = owner_.table_->group(number);
      key_.clear();
      owner_.append_key(number, key_);
      if (there) {
        value_.clear();
        owner_.encode(number, value_);
        to_.put({state_, group, key_, value_});
      } else if (held && !to_.whole()) {
        to_.remove(state_, group, key_);
      }
      return there;
    }
    void remove(std::uint32_t key_group, std::string_view key) override { to_.remove(state_, key_group, key); }

   private:
    const KeyedState& owner_;
    std::uint32_t state_;
    Snapshot& to_;
    std::string key_;
    std::string value_;
  };

  [[nodiscard]] std::uint32_t find_number() {
    keys_.require_key();
    const std::uint32_t number = table_->find();
    if (number != KeyTable::kNone && aging_.on() && aging_.over(touched_[number])) {
      erase(number);
      return KeyTable::kNone;
    }
    return number;
  }
  void touch(std::uint32_t number) {
    if (changes_) changes_->touch(number);
  }
  void append_key(std::uint32_t number, std::string& bytes) const {
    ByteWriter out{bytes};
    table_->encode_key(number, out);
  }
  void encode(std::uint32_t number, std::string& bytes) const {
    ByteWriter out{bytes};
    std::optional<Timestamp> touched;
    if (aging_.on()) touched = touched_[number];
    Codec<std::optional<Timestamp>>::encode(touched, out);
    Codec<Content>::encode(contents_[number], out);
  }
  void construct(std::uint32_t number) {
    if (changes_) changes_->reserve(number + std::size_t{1});
    contents_.reserve(number + std::size_t{1});
    ::new (static_cast<void*>(&contents_[number])) Content{};
    if (!aging_.on()) return;
    touched_.reserve(number + std::size_t{1});
    ::new (static_cast<void*>(&touched_[number])) Timestamp{aging_.now()};
  }
  void erase(std::uint32_t number) {
    if (changes_) {
      changes_->erase(number, table_->group(number), [&](std::string& bytes) { append_key(number, bytes); });
    }
    contents_[number].~Content();
    table_->erase(number);
  }
  void sweep() {
    std::uint32_t budget = std::min(sweep_debt_ + kSweepMin, kSweepMax);
    sweep_debt_ -= std::min(sweep_debt_, budget);
    const std::uint32_t end = table_->end_number();
    for (std::uint32_t looks = std::min(budget, end); looks > 0 && budget > 0; --looks) {
      if (next_ >= end) next_ = 0;
      if (!table_->live(next_)) {
        cursor_ = {};
      } else if (aging_.over(touched_[next_])) {
        erase(next_);
        cursor_ = {};
      } else if constexpr (requires { typename Content::Cursor; }) {
        bool removed = false;
        if (changes_) changes_->give_unsaved(next_);
        const bool seen_all = contents_[next_].trim(aging_, cursor_, budget, removed);
        if (removed) touch(next_);
        if (!seen_all) return;
        if (contents_[next_].empty()) erase(next_);
      }
      ++next_;
      if (budget > 0) --budget;
    }
  }

  struct NoCursor {};
  template <class C>
  struct CursorOf {
    using Type = NoCursor;
  };
  template <class C>
    requires requires { typename C::Cursor; }
  struct CursorOf<C> {
    using Type = typename C::Cursor;
  };

  KeySpaceBase& keys_;
  std::unique_ptr<KeyTable> table_;
  Slots<Content> contents_;                // by the table's numbers
  Slots<Timestamp> touched_;               // likewise; empty without a time to live
  std::unique_ptr<EntryChanges> changes_;  // likewise; null where nobody asks for changes
  Aging aging_;
  std::uint32_t next_ = 0;  // where the sweep goes on
  std::uint32_t sweep_debt_ = 0;
  [[no_unique_address]] typename CursorOf<Content>::Type cursor_;  // within the content at next_
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
