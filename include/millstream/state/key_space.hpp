// KeySpace: the keys of one keyed operator on one shard and the key that is being worked on. State and timers are made
// upon the two interfaces here, which do not know the type of the key; KeySpace<K> and its tables do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "millstream/codec/schema.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/timestamp.hpp"
#include "millstream/state/cold_table.hpp"
#include "millstream/state/state_table.hpp"

namespace millstream::inline v0 {

namespace detail {
/// Throws std::logic_error: state or timers were used where no key is being worked on.
[[noreturn]] MILLSTREAM_EXPORT void no_current_key();
/// Throws std::logic_error: a handle was used that no context made.
[[noreturn]] MILLSTREAM_EXPORT void unmade_handle();
}  // namespace detail

/// The keys that one state has values for, each under a number that stays the same as long as the key is there.
class MILLSTREAM_EXPORT KeyTable {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  virtual ~KeyTable() = default;

  /// Number of the current key, or kNone.
  [[nodiscard]] virtual std::uint32_t find() = 0;
  /// Adds the current key, which must not be there.
  virtual std::uint32_t insert() = 0;
  virtual void erase(std::uint32_t number) = 0;
  /// Numbers run from 0 to end_number() - 1; those of erased keys are not live.
  [[nodiscard]] virtual std::uint32_t end_number() const = 0;
  [[nodiscard]] virtual bool live(std::uint32_t number) const = 0;
  [[nodiscard]] virtual std::uint32_t group(std::uint32_t number) const = 0;
  virtual void encode_key(std::uint32_t number, ByteWriter& out) const = 0;
  /// Number of a key read from its bytes, added if it was not there; kNone where the bytes are no key.
  [[nodiscard]] virtual std::uint32_t decode_key(ByteReader& in, bool& added) = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;

  // Where keys may leave memory with what the state has for them.
  /// From here on fetching asks this for keys that are missing. Before the first key.
  virtual void attach(ColdTableBase& cold) = 0;
  /// Adds the key that was asked for as number `i`, which must not be there.
  virtual std::uint32_t admit(std::size_t i) = 0;
  /// Number of a key by its bytes; kNone where they are none, too.
  [[nodiscard]] virtual std::uint32_t find_bytes(std::string_view key) const = 0;
  /// The bytes are a key of this group, and it is not there.
  [[nodiscard]] virtual bool lacks(std::string_view key, std::uint32_t key_group) const = 0;
  [[nodiscard]] virtual const TableBlocks& blocks() const = 0;
  /// What a key takes, and what it owns beside that.
  [[nodiscard]] virtual std::size_t entry_bytes() const = 0;
  [[nodiscard]] virtual bool keys_own_heap() const = 0;
  [[nodiscard]] virtual std::size_t key_heap_bytes(std::uint32_t number) const = 0;
};

/// The current key without its type.
class MILLSTREAM_EXPORT KeySpaceBase {
 public:
  virtual ~KeySpaceBase() = default;

  /// A table for one more state. It must not outlive the space.
  [[nodiscard]] virtual std::unique_ptr<KeyTable> make_table() = 0;
  [[nodiscard]] virtual const std::type_info& key_type() const = 0;
  [[nodiscard]] virtual Schema key_schema() const = 0;
  /// The current key by its codec; valid until the key changes.
  [[nodiscard]] virtual std::string_view key_bytes() = 0;

  /// Null while no key is being worked on.
  [[nodiscard]] const void* key() const noexcept { return key_; }
  [[nodiscard]] std::uint32_t key_group() const noexcept { return key_group_of(hash_); }
  void require_key() const {
    if (key_ == nullptr) [[unlikely]]
      detail::no_current_key();
  }
  /// Differs whenever another key, or the same one again, is being worked on.
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }

  /// Wall-clock time by which state expires: read once a batch or step by the stage.
  Timestamp now = kTimestampMin;

 protected:
  const void* key_ = nullptr;
  std::uint64_t hash_ = 0;
  std::uint64_t turn_ = 1;
};

template <class K>
class KeySpace final : public KeySpaceBase {
  static_assert(
      HasCodec<K>,
      "millstream: the key of keyed state needs a codec: describe it with BOOST_DESCRIBE_STRUCT or specialise "
      "millstream::Codec for it");

 public:
  /// The key being worked on, at place `place` of the batch that prepare() has seen. The key must stay where it is.
  void enter(const K& key, std::uint64_t hash, std::uint32_t place) noexcept {
    key_ = &key;
    hash_ = hash;
    place_ = place;
    ++turn_;
  }
  /// A key from its bytes; false where they are none.
  [[nodiscard]] bool enter(std::string_view bytes) {
    ByteReader in{bytes};
    if (!Codec<K>::decode(in, decoded_) || in.remaining() != 0) return false;
    enter(decoded_, hash_key(decoded_), kNoPlace);
    return true;
  }
  void leave() noexcept {
    key_ = nullptr;
    ++turn_;
  }
  /// Phase one, before the records of a batch are worked on one by one: look-ups of all keys in all tables that are too
  /// large for the cache, so that their misses overlap. `keys[i]` and `hashes[i]` belong to place i.
  void prepare(std::span<const K* const> keys, const std::uint64_t* hashes) {
    for (Table* table : tables_) table->prepare(keys, hashes);
  }
  /// Before that, where keys may have left memory: true if all that any state has for these is there. Else some of it
  /// is on its way: ask again when the tables have read it.
  [[nodiscard]] bool fetch(std::span<const K* const> keys, const std::uint64_t* hashes) {
    bool here = true;
    for (Table* table : tables_) here = table->fetch(keys, hashes) && here;
    return here;
  }
  /// The same for keys by their bytes, as key_bytes() gives them.
  [[nodiscard]] bool fetch(std::span<const std::string_view> keys) {
    std::deque<K> decoded(keys.size());
    std::vector<const K*> pointers;
    std::vector<std::uint64_t> hashes;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!decode_value(keys[i], decoded[i])) continue;
      pointers.push_back(&decoded[i]);
      hashes.push_back(hash_key(decoded[i]));
    }
    return fetch(pointers, hashes.data());
  }
  /// prepare() would do something.
  [[nodiscard]] bool worth_preparing() const {
    return std::any_of(tables_.begin(), tables_.end(), [](const Table* table) { return table->large(); });
  }

  [[nodiscard]] std::unique_ptr<KeyTable> make_table() override {
    auto table = std::make_unique<Table>(*this);
    tables_.push_back(table.get());
    return table;
  }
  [[nodiscard]] const std::type_info& key_type() const override { return typeid(K); }
  [[nodiscard]] Schema key_schema() const override { return schema_of<K>(); }
  [[nodiscard]] std::string_view key_bytes() override {
    require_key();
    if (bytes_turn_ != turn_) {
      bytes_.clear();
      encode_value(*static_cast<const K*>(key_), bytes_);
      bytes_turn_ = turn_;
    }
    return bytes_;
  }

 private:
  static constexpr std::uint32_t kNoPlace = 0xffffffff;
  static constexpr std::size_t kPrepareAbove = 512 * 1024;  // bytes: the L2 cache of the machines we know

  class Table final : public KeyTable {
   public:
    explicit Table(const KeySpace& space) : space_{space} {}

    std::uint32_t find() override {
      if (turn_ == space_.turn_) return number_;
      turn_ = space_.turn_;
      const K& key = *static_cast<const K*>(space_.key_);
      if (space_.place_ < found_.size()) {
        // What was found before the batch began may be gone by now, and what was not found may be there.
        const std::uint32_t number = found_[space_.place_];
        if (number != kNone && table_.live(number) && table_.entry(number).key == key) return number_ = number;
      }
      return number_ = table_.find(key, space_.hash_);
    }
    std::uint32_t insert() override {
      turn_ = space_.turn_;
      const K& key = *static_cast<const K*>(space_.key_);
      return number_ = table_.find_or_insert(key, space_.hash_, [this] { return space_.hash_; });
    }
    void erase(std::uint32_t number) override {
      table_.erase(number, table_.entry(number).value);
      if (number == number_) number_ = kNone;
    }
    std::uint32_t end_number() const override { return table_.end_number(); }
    bool live(std::uint32_t number) const override { return table_.live(number); }
    std::uint32_t group(std::uint32_t number) const override { return key_group_of(table_.entry(number).value); }
    void encode_key(std::uint32_t number, ByteWriter& out) const override {
      Codec<K>::encode(table_.entry(number).key, out);
    }
    std::uint32_t decode_key(ByteReader& in, bool& added) override {
      K key{};
      if (!Codec<K>::decode(in, key)) return kNone;
      const std::uint64_t hash = hash_key(key);
      const auto make = [&] {
        added = true;
        return hash;
      };
      return table_.find_or_insert(key, hash, make);
    }
    std::size_t memory_bytes() const override { return table_.memory_bytes(); }

    void attach(ColdTableBase& cold) override {
      cold_ = &cold;
      table_.bound();
    }
    std::uint32_t admit(std::size_t i) override {
      const auto& [hash, key] = asked_[i];
      return table_.find_or_insert(key, hash, [hash = hash] { return hash; });
    }
    std::uint32_t find_bytes(std::string_view bytes) const override {
      K key{};
      return decode_value(bytes, key) ? table_.find(key, hash_key(key)) : kNone;
    }
    bool lacks(std::string_view bytes, std::uint32_t key_group) const override {
      K key{};
      if (!decode_value(bytes, key)) return false;
      const std::uint64_t hash = hash_key(key);
      return key_group_of(hash) == key_group && table_.find(key, hash) == kNone;
    }
    const TableBlocks& blocks() const override { return table_; }
    std::size_t entry_bytes() const override { return sizeof(typename StateTable<K, std::uint64_t>::Entry); }
    bool keys_own_heap() const override { return kOwnsHeap<K>; }
    std::size_t key_heap_bytes(std::uint32_t number) const override { return heap_bytes(table_.entry(number).key); }
    [[nodiscard]] bool fetch(std::span<const K* const> keys, const std::uint64_t* hashes) {
      if (cold_ == nullptr) return true;
      return asked_.fetch(*cold_, table_, std::span{hashes, keys.size()},
                          [&](std::size_t i) -> const K& { return *keys[i]; });
    }

    [[nodiscard]] bool large() const { return table_.memory_bytes() > kPrepareAbove; }
    void prepare(std::span<const K* const> keys, const std::uint64_t* hashes) {
      found_.clear();
      if (!large()) return;
      found_.resize(keys.size());
      for (std::size_t i = 0; i < keys.size(); ++i) found_[i] = table_.find(*keys[i], hashes[i]);
    }

   private:
    const KeySpace& space_;
    StateTable<K, std::uint64_t> table_;  // the value is the key's hash: erasing needs it
    std::vector<std::uint32_t> found_;    // by place in the batch
    std::uint64_t turn_ = 0;              // of the key that number_ is about
    std::uint32_t number_ = kNone;
    ColdTableBase* cold_ = nullptr;  // null where all keys stay in memory
    AskedKeys<K> asked_;
  };

  std::vector<Table*> tables_;
  std::uint32_t place_ = kNoPlace;
  K decoded_{};
  std::string bytes_;
  std::uint64_t bytes_turn_ = 0;
};

}  // namespace millstream::inline v0
