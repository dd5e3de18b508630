// ColdTable: the side of a StateTable that faces the cold store. It lets entries leave memory when the table has more
// than its share, and fetches those that a batch needs before its keys are resolved. What it holds to:
// - An entry leaves only when the last checkpoint has it as it is (EntryChanges) and so has the store (SpillMarks).
// What
//   has changed since the barrier stays. So deltas are what they are without a store, and nothing in the store is ever
//   newer than the last barrier that the shard has come to.
// - A key that is not in memory may be in the store, so each such key of a batch is asked for, 128 a question; the
//   stage keeps the batch and goes on behind the answer. No entry leaves in between.
// - A key that is erased goes to the store, too, with the next piece, and until that is taken nobody asks for it.
// - A whole checkpoint is told of what the store does not have as it is, and then of what it has, by walking over it,
//   key group by key group. What it was told of from memory stays until the walk has gone by its key group, and what is
//   written to the store meanwhile is all of that kind: so each key is told of once, as at the barrier.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/codec/heap_bytes.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/progress.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/state/cold_tier.hpp"
#include "millstream/state/key_hash.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

class ColdChanges;
class ColdPages;
class ColdTables;
struct ColdQuery;
class ErasedKeys;

/// What a table gives to the store at once, and what restoring does.
inline constexpr std::size_t kColdPieceBytes = std::size_t{4} << 20;  // a store takes larger ones no faster
/// What restoring gives to the store at once at least: each round is a file.
inline constexpr std::size_t kColdRestoredBytesMin = std::size_t{64} << 10;

/// All but the types. Belongs to the stage.
class MILLSTREAM_EXPORT ColdTableBase {
 public:
  virtual ~ColdTableBase();
  ColdTableBase(const ColdTableBase&) = delete;
  ColdTableBase& operator=(const ColdTableBase&) = delete;

  /// A batch may come: there is memory, or none that can be had before a barrier that is on its way behind batches
  /// (`barrier_comes`). What makes room otherwise (a piece that is taken, a save that ends, a barrier) wakes the shard;
  /// where only a checkpoint will, it is asked for here, while there is some room yet.
  [[nodiscard]] bool has_room(bool barrier_comes);
  /// A bounded piece of letting entries leave, or of reading what was asked for; true if something was done. Each step.
  bool step();
  /// Why the stage cannot go on: the store cannot be read.
  [[nodiscard]] const Status& failure() const noexcept { return failure_; }
  /// All keys of the batch that waits have been looked for: resolve it, then say done_waiting().
  [[nodiscard]] bool answered() const noexcept { return reading_ == Reading::kAnswered; }
  void done_waiting() noexcept { reading_ = Reading::kNothing; }
  /// Of several tables whose keys one batch waits for: what was asked for here is on its way; read() takes what has
  /// come and lets nothing leave. True if something was done.
  [[nodiscard]] bool reading() const noexcept { return reading_ == Reading::kAsked; }
  bool read();

  /// Something of this table is in the store.
  [[nodiscard]] bool spilled() const noexcept { return spilled_; }
  /// The next key to be asked for, by its codec's bytes; false where the store is known to have nothing of it.
  [[nodiscard]] bool add_question(std::uint32_t key_group, std::string_view key);
  /// Asks for those that were added.
  void ask();
  /// An entry is about to be erased.
  void note_erased(std::uint32_t number);
  /// Of the memory of the stage's tables it has one part of so many. Before the first entry.
  void share(std::size_t tables);

  /// Behind save_table(): what is in the store and not in memory comes later, as entries of `state`.
  void save(std::uint32_t state, Snapshot& snapshot);

  /// Going over all that the store has of this table, in the order of its keys; what is in memory, too, may be newer.
  /// Nothing leaves until it is done.
  void begin_stored() { begin_stored(tier_.groups()); }
  /// The same for some of the shard's key groups.
  void begin_stored(ColdTier::Groups groups);
  /// What is next is still being read; whoever reads wakes the shard. Not behind the end.
  [[nodiscard]] bool stored_waits();

  /// What is restored now goes to the store.
  [[nodiscard]] bool restores_to_store() const noexcept { return live_bytes() >= low_bytes_; }
  [[nodiscard]] Status restore(const StateEntry& saved);
  /// Behind the last of them.
  [[nodiscard]] Status end_restore();

  /// What the stage holds in memory of all entries, wherever these are, counts in the share, but for no more than half
  /// of it: the rest is for those that are here.
  void count_kept(std::size_t bytes) noexcept { kept_bytes_ = std::min(bytes, bytes_max_ / 2); }
  /// Memory that entries own beside their places.
  [[nodiscard]] std::size_t heap_bytes_held() const noexcept { return heap_bytes_; }

 protected:
  /// `changes` tracks spilling. `prefix` is the table's own among those of the stage, and each as long.
  ColdTableBase(const TableBlocks& table, EntryChanges& changes, std::size_t entry_bytes, ColdTier& tier,
                std::string_view stage, std::string prefix = {});

  enum class Stored { kWaits, kEntry, kEnd };
  /// The next one, behind begin_stored(), by the codecs' bytes, which hold until the next call. It waits for ever where
  /// there is a failure().
  [[nodiscard]] Stored next_stored(std::string_view& key, std::string_view& value);
  /// The last one was not what it should be.
  void stored_is_unreadable();

  /// Values may expire: what has leaves the store within about a time to live. Before the first entry.
  void expire(Duration ttl);
  /// The clock by which they do.
  [[nodiscard]] virtual Timestamp now() const { return kTimestampMin; }
  [[nodiscard]] virtual bool is_over([[maybe_unused]] std::string_view value) const { return false; }

  /// An entry that was just made is as the checkpoint has it.
  void mark_restored(std::uint32_t number);

  virtual void encode_key(std::uint32_t number, ByteWriter& out) const = 0;
  virtual void encode_value(std::uint32_t number, ByteWriter& out) const = 0;
  [[nodiscard]] virtual std::uint32_t key_group(std::uint32_t number) const = 0;
  virtual void evict(std::span<const std::uint32_t> numbers) = 0;
  /// The value of the key that was asked for as number `i` goes into the table; false where the bytes are none.
  [[nodiscard]] virtual bool admit(std::size_t i, std::string_view value) = 0;
  /// The entry of this key, or kNone.
  [[nodiscard]] virtual std::uint32_t find_key(std::string_view key) const = 0;

  std::size_t heap_bytes_ = 0;

 private:
  friend class ColdTables;
  class Walk;
  class Expiry;
  enum class Reading { kNothing, kAsked, kAnswered };

  [[nodiscard]] std::size_t entries_bytes() const noexcept { return table_.size() * entry_bytes_ + heap_bytes_; }
  [[nodiscard]] std::size_t live_bytes() const noexcept { return entries_bytes() + erased_bytes_ + kept_bytes_; }
  /// What will be held when all that is out has left.
  [[nodiscard]] std::size_t bytes_to_stay() const noexcept;
  /// The same with those that share with it.
  [[nodiscard]] std::size_t all_live_bytes() const noexcept { return live_bytes() + live_beside_; }
  [[nodiscard]] std::size_t all_bytes_to_stay() const noexcept { return bytes_to_stay() + staying_beside_; }
  [[nodiscard]] bool none_can_leave() const noexcept;
  /// The last piece that was given has been taken.
  [[nodiscard]] bool was_taken() const noexcept { return given_ == 0 || tier_.taken() >= given_; }
  /// Where what the store has of it begins, and ends.
  [[nodiscard]] std::string first_cold_key() const { return cold_key_of(tier_.groups().first); }
  [[nodiscard]] std::string end_cold_key() const { return cold_key_of(tier_.groups().end); }
  [[nodiscard]] std::string cold_key_of(std::uint32_t key_group) const;
  /// A barrier. What tells a whole checkpoint of what is in the store; null where nothing is.
  [[nodiscard]] Sweep* begin_walk(std::uint32_t state, bool prefixed, Snapshot& snapshot);
  void restore(const StateEntry& saved, std::string_view key, ColdChanges& piece);
  bool leave();
  bool retire();
  bool make_room();
  [[nodiscard]] bool is_awaited(std::uint32_t number, const SpillWord& word) const;
  [[nodiscard]] std::uint64_t without_awaited(std::uint64_t candidates, std::uint32_t first,
                                              const SpillWord& word) const;
  void put_out(std::uint32_t number);
  void give_piece();
  [[nodiscard]] bool is_past(std::string_view cold_key) const;
  void set_cold_key(std::uint32_t key_group, std::string_view key);
  void take_answer(const ColdQuery& answered, std::size_t first);

  const TableBlocks& table_;
  EntryChanges& changes_;
  ColdTier& tier_;
  std::string prefix_;
  std::uint32_t column_;
  std::size_t entry_bytes_;  // of memory an entry takes
  std::size_t bytes_max_;    // above it the stage takes no batch
  std::size_t high_bytes_;   // above it entries leave
  std::size_t low_bytes_;    // until no more than this is left
  std::size_t piece_bytes_max_;
  std::size_t live_beside_ = 0;     // what the tables of the same ColdTables hold,
  std::size_t staying_beside_ = 0;  // and what will be left of that
  bool spilled_ = false;
  Status failure_;

  Reading reading_ = Reading::kNothing;
  // So many keys each, so that several readers work for one batch.
  struct Question {
    std::unique_ptr<ColdQuery> query;     // null while it is under way
    std::optional<std::uint32_t> ticket;  // of one that is under way
    bool answered = false;
  };
  std::vector<Question> questions_;
  std::size_t questions_used_ = 0;  // those behind are spare

  std::unique_ptr<ColdChanges> piece_;  // being filled
  std::vector<std::uint32_t> out_;      // entries in it, or in the one that was given
  std::uint64_t given_ = 0;             // the number of that one; 0 = it is still being filled
  std::vector<std::uint32_t> leaving_;
  bool evicting_ = false;   // from above the high mark to below the low one
  bool exhausted_ = false;  // nothing can leave before something else happens
  std::size_t came_ = 0;    // entries that have come from the store since, which may
  bool was_saving_ = false;
  bool asked_for_checkpoint_ = false;  // since the last barrier
  std::unique_ptr<ErasedKeys> erased_;
  std::size_t erased_bytes_ = 0;     // that they take
  std::size_t kept_bytes_ = 0;       // of what the stage keeps
  bool erased_due_ = true;           // some of them may be given that could not before
  std::size_t hand_ = 0;             // the word that is looked at next
  std::size_t fruitless_words_ = 0;  // looked at since something could leave
  std::string bytes_;
  ByteWriter out_bytes_{bytes_};
  std::string cold_key_;
  bool walking_ = false;  // a whole checkpoint is being told of what the store has
  std::unique_ptr<Walk> walk_;
  std::unique_ptr<ColdPages> stored_;  // that is being gone over
  std::size_t stored_at_ = 0;          // in its page
  std::unique_ptr<Expiry> expiry_;     // null where nothing expires
  std::uint64_t retired_ = 0;          // how often entries have left that were written
};

/// The keys of a batch that are not in memory, each once, as they are asked for.
template <class K>
class AskedKeys {
 public:
  /// ColdTable::fetch().
  template <class V, class KeyOf>
  [[nodiscard]] bool fetch(ColdTableBase& cold, const StateTable<K, V>& table, std::span<const std::uint64_t> hashes,
                           KeyOf&& key_of) {
    if (!cold.spilled()) return true;
    missing_.clear();
    numbers_.resize(hashes.size());
    table.find_missing(hashes, key_of, numbers_.data(), [&](std::size_t i) { missing_.emplace_back(hashes[i], i); });
    if (missing_.empty()) return true;
    std::sort(missing_.begin(), missing_.end());
    asked_.clear();
    for (const auto& [hash, i] : missing_) {
      const K& key = key_of(i);
      // Behind keys of the same hash it may stand further back.
      bool known = false;
      for (std::size_t at = asked_.size(); at > 0 && asked_[at - 1].hash == hash && !known; --at) {
        known = asked_[at - 1].key == key;
      }
      if (known) continue;
      key_bytes_.clear();
      encode_value(key, key_bytes_);
      if (cold.add_question(key_group_of(hash), key_bytes_)) asked_.push_back({hash, key});
    }
    if (asked_.empty()) return true;
    cold.ask();
    return false;
  }

  struct Asked {
    std::uint64_t hash;
    K key;
  };
  [[nodiscard]] Asked& operator[](std::size_t i) noexcept { return asked_[i]; }
  [[nodiscard]] std::size_t size() const noexcept { return asked_.size(); }

 private:
  std::vector<std::uint32_t> numbers_;
  std::vector<std::pair<std::uint64_t, std::size_t>> missing_;  // hashes and places in the batch
  std::vector<Asked> asked_;
  std::string key_bytes_;
};

template <class K, class V>
class ColdTable : public ColdTableBase {
 public:
  /// The table is empty and outlives it. `prefix` is its own among the tables of the stage, and each as long.
  ColdTable(StateTable<K, V>& table, ColdTier& tier, std::string_view stage, std::string prefix = {})
      : ColdTableBase{table, track(table), kEntryBytes, tier, stage, std::move(prefix)}, table_{table} {}

  /// Phase nought, before the keys of a batch are resolved: true if all that are anywhere are in memory. Else they are
  /// on their way: the batch waits until answered().
  template <class KeyOf>
  [[nodiscard]] bool fetch(std::span<const std::uint64_t> hashes, KeyOf&& key_of) {
    return asked_.fetch(*this, table_, hashes, key_of);
  }

  /// Behind begin_stored(): f(key, value) for what is in the store and not in memory; looks at `count` entries at most,
  /// which it counts down, and ends early where f says false. kDone: at all; kBlocked: it waits for what is being read.
  template <class F>
  [[nodiscard]] Progress for_each_stored(std::uint32_t& count, F&& f) {
    std::string_view key_bytes;
    std::string_view value_bytes;
    for (; count > 0; --count) {
      const Stored next = next_stored(key_bytes, value_bytes);
      if (next == Stored::kEnd) return Progress::kDone;
      if (next == Stored::kWaits) return Progress::kBlocked;
      K key{};
      V value{};
      if (!decode_value(key_bytes, key) || !decode_value(value_bytes, value)) {
        stored_is_unreadable();
        return Progress::kBlocked;
      }
      if (table_.find(key, hash_key(key)) != TableBlocks::kNone) continue;
      if (!f(std::as_const(key), std::as_const(value))) break;
    }
    return Progress::kAdvanced;
  }
  /// An entry that the store has nothing of goes.
  void erase_new(std::uint32_t number) {
    if constexpr (kCountsHeap) heap_bytes_ -= heap_of(number);
    table_.erase(number, hash_key(table_.entry(number).key));
  }

  // What entries own on the heap is known here, and whoever changes them says how that changes.
  static constexpr bool kCountsHeap = kOwnsHeap<K> || kOwnsHeap<V>;
  /// A new entry stands, by resolving.
  void note_new(std::uint32_t number) {
    if constexpr (kCountsHeap) heap_bytes_ += heap_of(number);
  }
  /// One is about to be erased.
  void note_erased(std::uint32_t number) {
    if constexpr (kCountsHeap) heap_bytes_ -= heap_of(number);
    ColdTableBase::note_erased(number);
  }
  /// One has been restored: the checkpoint has it as it is.
  void note_restored(std::uint32_t number) {
    note_new(number);
    mark_restored(number);
  }
  /// While it lives, a value may change.
  class Change {
   public:
    Change(ColdTable& table, const V& value) : table_{table}, value_{value} {
      table_.heap_bytes_ -= heap_bytes(value_);
    }
    ~Change() { table_.heap_bytes_ += heap_bytes(value_); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    ColdTable& table_;
    const V& value_;
  };

 protected:
  /// Keys that the last question asked for.
  [[nodiscard]] std::size_t asked() const noexcept { return asked_.size(); }
  /// These entries leave memory now.
  virtual void leaving([[maybe_unused]] std::span<const std::uint32_t> numbers) {}
  /// An entry that was asked for has come.
  virtual void came([[maybe_unused]] std::uint32_t number, [[maybe_unused]] std::uint64_t hash) {}

 private:
  using Entry = typename StateTable<K, V>::Entry;
  // With what an index of eight slots a line, which is half to wholly full, and the marks take.
  static constexpr std::size_t kEntryBytes = sizeof(Entry) + 13;

  [[nodiscard]] std::size_t heap_of(std::uint32_t number) const {
    const Entry& entry = table_.entry(number);
    return heap_bytes(entry.key) + heap_bytes(entry.value);
  }
  void encode_key(std::uint32_t number, ByteWriter& out) const override {
    Codec<K>::encode(table_.entry(number).key, out);
  }
  void encode_value(std::uint32_t number, ByteWriter& out) const override {
    Codec<V>::encode(table_.entry(number).value, out);
  }
  std::uint32_t key_group(std::uint32_t number) const override {
    return key_group_of(hash_key(table_.entry(number).key));
  }
  void evict(std::span<const std::uint32_t> numbers) final {
    leaving(numbers);
    if constexpr (kCountsHeap) {
      for (const std::uint32_t number : numbers) heap_bytes_ -= heap_of(number);
    }
    table_.evict(numbers);
  }
  bool admit(std::size_t i, std::string_view value) override {
    V decoded{};
    if (!decode_value(value, decoded)) return false;
    const std::uint64_t hash = asked_[i].hash;
    const std::uint32_t number = table_.admit(std::move(asked_[i].key), hash, std::move(decoded));
    note_new(number);
    came(number, hash);
    return true;
  }
  std::uint32_t find_key(std::string_view bytes) const override {
    K key{};
    return decode_value(bytes, key) ? table_.find(key, hash_key(key)) : TableBlocks::kNone;
  }

  static EntryChanges& track(StateTable<K, V>& table) {
    table.track_spilling();
    return *table.changes();
  }

  StateTable<K, V>& table_;
  AskedKeys<K> asked_;
};

}  // namespace millstream::inline v0
