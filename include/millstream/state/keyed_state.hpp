// KeyedState: one named state of a keyed operator on one shard: a content for each key that has one, with its time to
// live. The handles that users hold (ValueState and so on) are thin views of it; it does not know the type of the key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/codec/heap_bytes.hpp"
#include "millstream/codec/schema_resolution.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/make_unique_as.hpp"
#include "millstream/core/memory_budget.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/state/cold_table.hpp"
#include "millstream/state/entry_changes.hpp"
#include "millstream/state/key_space.hpp"
#include "millstream/state/keyed_state_base.hpp"
#include "millstream/state/slots.hpp"

namespace millstream::inline v0 {

/// A content is a value with a codec. One whose elements expire on their own also has `struct Cursor` and
/// `bool trim(const Aging&, Cursor&, std::uint32_t& budget, bool& removed)`, which looks at up to `budget` elements
/// from the cursor on, sets `removed` where one has gone, and returns true, with the cursor back at the start, when it
/// has seen the last; and `bool empty()`. One with `void forget_times()` forgets what it knows of its elements' age:
/// the state has no time to live any more.
template <class Content>
class KeyedState final : public KeyedStateBase {
 public:
  KeyedState(std::string name, KeySpaceBase& keys, StateOptions options, std::shared_ptr<MemoryBudget> budget,
             bool track_changes, const ColdPlace& place = {})
      : KeyedStateBase{std::move(name)},
        keys_{keys},
        table_{keys.make_table()},
        changes_{track_changes ? std::make_unique<EntryChanges>() : nullptr},
        aging_{options, keys},
        memory_{std::move(budget)} {
    if (place.tier == nullptr) return;
    MILLSTREAM_ASSERT(changes_);
    changes_->track_spilling();
    cold_ = std::make_unique<Cold>(*this, place);
    table_->attach(*cold_);
  }
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
    if (cold_) cold_->measure_touched();
    memory_.resize(table_->memory_bytes() + contents_.bytes() + touched_.bytes() + (changes_ ? changes_->bytes() : 0) +
                   (cold_ ? cold_->heap_bytes_held() : 0));
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
    if (cold_) cold_->save(state, snapshot);
  }
  bool restore(const StateEntry& saved, Status& failure) override {
    if (cold_ && cold_->restores_to_store()) return restore_to_store(saved, failure);
    bool added = false;
    ByteReader key{saved.key};
    const std::uint32_t number = table_->decode_key(key, added);
    if (number == KeyTable::kNone) return false;
    if (added) construct(number);
    if (key.remaining() != 0) return false;
    touch(number);
    if (!decode(number, saved.value)) return false;
    if (cold_) cold_->note_restored(number);
    return true;
  }
  ColdTableBase* cold() noexcept override { return cold_.get(); }

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
        out_.rewind();
        owner_.encode(number, out_);
        to_.put({state_, group, key_, out_.view()});
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
    ByteWriter out_{value_};  // one for all entries: each new one would give its room back
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
    if (cold_) cold_->note_touched(number);
  }
  void append_key(std::uint32_t number, std::string& bytes) const {
    ByteWriter out{bytes};
    table_->encode_key(number, out);
  }
  void encode(std::uint32_t number, ByteWriter& out) const {
    std::optional<Timestamp> touched;
    if (aging_.on()) touched = touched_[number];
    Codec<std::optional<Timestamp>>::encode(touched, out);
    Codec<Content>::encode(contents_[number], out);
  }
  void construct(std::uint32_t number) {
    if (changes_) changes_->reserve(number + std::size_t{1});
    contents_.reserve(number + std::size_t{1});
    ::new (static_cast<void*>(&contents_[number])) Content{};
    if (cold_) cold_->note_new(number);
    if (!aging_.on()) return;
    touched_.reserve(number + std::size_t{1});
    ::new (static_cast<void*>(&touched_[number])) Timestamp{aging_.now()};
  }
  void erase(std::uint32_t number) {
    if (cold_) cold_->note_erased(number);
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

  // From the bytes of encode(), for an entry that stands.
  [[nodiscard]] bool decode(std::uint32_t number, std::string_view bytes) {
    ByteReader in{bytes};
    std::optional<Timestamp> touched;
    if (!Codec<std::optional<Timestamp>>::decode(in, touched)) return false;
    // State that had no time to live gets it from here on.
    if (aging_.on()) touched_[number] = touched.value_or(aging_.now());
    return decode(in, contents_[number]);
  }
  [[nodiscard]] bool decode(ByteReader& in, Content& content) const {
    if (!Codec<Content>::decode(in, content) || in.remaining() != 0) return false;
    if constexpr (requires { content.forget_times(); }) {
      if (!aging_.on()) content.forget_times();
    }
    return true;
  }
  bool restore_to_store(const StateEntry& saved, Status& failure) {
    if (!table_->lacks(saved.key, saved.key_group)) return false;
    ByteReader in{saved.value};
    std::optional<Timestamp> touched;
    if (!Codec<std::optional<Timestamp>>::decode(in, touched)) return false;
    Content content{};
    if (!decode(in, content)) return false;
    if (touched && aging_.over(*touched)) return true;
    if (touched.has_value() == aging_.on()) {
      failure = cold_->restore(saved);
      return true;
    }
    // As decode() has it: a time from a life before is none of the next one that has a time to live.
    touched = aging_.on() ? std::optional{aging_.now()} : std::nullopt;
    std::string aged;
    ByteWriter out{aged};
    Codec<std::optional<Timestamp>>::encode(touched, out);
    Codec<Content>::encode(content, out);
    failure = cold_->restore({saved.state, saved.key_group, saved.key, out.view()});
    return true;
  }
  // An entry leaves memory.
  void evict(std::uint32_t number) {
    changes_->evict(number);
    contents_[number].~Content();
    table_->erase(number);
  }

  /// What faces the cold store. What a content owns on the heap is measured behind each batch that touched it, for its
  /// owner changes it as he likes.
  class Cold final : public ColdTableBase {
   public:
    Cold(KeyedState& owner, const ColdPlace& place)
        : ColdTableBase{owner.table_->blocks(), *owner.changes_, entry_bytes(*owner.table_), *place.tier, place.stage,
                        place.prefix()},
          owner_{owner},
          counts_heap_{kOwnsHeap<Content> || owner.table_->keys_own_heap()} {
      if (owner.aging_.on()) expire(owner.aging_.ttl());
    }

    void note_new(std::uint32_t number) {
      if (!counts_heap_) return;
      measured_.reserve(number + std::size_t{1});
      measured_[number] = 0;
      touched_.push_back(number);
    }
    void note_touched(std::uint32_t number) {
      if (kOwnsHeap<Content> && (touched_.empty() || touched_.back() != number)) touched_.push_back(number);
    }
    void note_restored(std::uint32_t number) {
      mark_restored(number);
      measure_touched();
    }
    void note_erased(std::uint32_t number) {
      ColdTableBase::note_erased(number);
      forget_heap(number);
    }
    void measure_touched() {
      if (touched_.empty()) return;
      std::sort(touched_.begin(), touched_.end());
      touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
      for (const std::uint32_t number : touched_) {
        if (!owner_.table_->live(number)) continue;
        forget_heap(number);
        measured_[number] = heap_bytes(owner_.contents_[number]) + owner_.table_->key_heap_bytes(number);
        heap_bytes_ += measured_[number];
      }
      touched_.clear();
    }

   private:
    static std::size_t entry_bytes(const KeyTable& table) {
      // With what an index of eight slots a line, which is half to wholly full, and the marks take.
      return table.entry_bytes() + sizeof(Content) + sizeof(Timestamp) + 13 + sizeof(std::size_t);
    }
    void forget_heap(std::uint32_t number) {
      if (counts_heap_) heap_bytes_ -= std::exchange(measured_[number], 0);
    }
    void encode_key(std::uint32_t number, ByteWriter& out) const override { owner_.table_->encode_key(number, out); }
    void encode_value(std::uint32_t number, ByteWriter& out) const override { owner_.encode(number, out); }
    std::uint32_t key_group(std::uint32_t number) const override { return owner_.table_->group(number); }
    void evict(std::span<const std::uint32_t> numbers) override {
      for (const std::uint32_t number : numbers) {
        forget_heap(number);
        owner_.evict(number);
      }
    }
    bool admit(std::size_t i, std::string_view value) override {
      const std::uint32_t number = owner_.table_->admit(i);
      owner_.construct(number);
      owner_.changes_->admit(number);
      const bool decoded = owner_.decode(number, value);
      measure_touched();
      return decoded;
    }
    std::uint32_t find_key(std::string_view key) const override { return owner_.table_->find_bytes(key); }
    Timestamp now() const override { return owner_.aging_.now(); }
    bool is_over(std::string_view value) const override {
      ByteReader in{value};
      std::optional<Timestamp> touched;
      return Codec<std::optional<Timestamp>>::decode(in, touched) && touched && owner_.aging_.over(*touched);
    }

    KeyedState& owner_;
    bool counts_heap_;
    Slots<std::size_t> measured_;         // by the table's numbers; empty where nothing is counted
    std::vector<std::uint32_t> touched_;  // since they were measured
  };

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
  std::unique_ptr<Cold> cold_;                                     // null where all of it stays in memory
  MemoryReservation memory_;
};

}  // namespace millstream::inline v0
