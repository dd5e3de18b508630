// Snapshot: what a stage says at a barrier. A stage that keeps something from batch to batch declares it as named
// states of entries, key -> value, and gives them out one by one; a restart gives the same entries back to the shards
// that own them then, whatever their number. The bytes are the stage's own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// How the values of a state that was saved with another schema become those of the present one.
struct StateConversion {
  std::string difference;  ///< a line for each field that differs, for people
  /// Replaces `now` by the bytes that the stage reads. kInvalidData where `saved` is no such value, kUserFailure where
  /// the user's function threw. Safe to call from one thread at a time.
  std::function<Status(std::string_view saved, std::string& now)> convert;
};

/// One of the states of a stage; the same on every shard.
struct StateDeclaration {
  std::string name;  ///< unique in its stage
  /// What the entries hold, as text: "VALUE" or "KEY -> VALUE" of Schema::to_string() where they have one.
  std::string schema;
  /// Asked when the saved schema is another one; the error is what people read of the difference. Where it is empty,
  /// and that is all that a stage's own bookkeeping needs, every other schema is refused.
  std::function<Result<StateConversion>(const std::string& saved_schema)> evolve = nullptr;
};

/// What belongs to no key group and is given back to every shard, which takes what it knows: of a split, by its id.
inline constexpr std::uint32_t kEveryShard = kKeyGroups;

/// One entry of a state. The views hold during the call.
struct StateEntry {
  std::uint32_t state = 0;      ///< place of the declaration in Stage::states()
  std::uint32_t key_group = 0;  ///< that owns the key, or kEveryShard
  std::string_view key;         ///< unique in state and key group
  std::string_view value;
  /// Of kEveryShard, where the run goes on from checkpoints of several instances: the groups that it takes over from
  /// the one that says this. Null: from one checkpoint, all of it.
  const KeyGroups* groups = nullptr;
};

/// Entries that are as they were at a barrier and are given out bit by bit behind it, while the stage goes on. Whoever
/// is about to change one of them gives it out first.
class MILLSTREAM_EXPORT Sweep {
 public:
  virtual ~Sweep() = default;
  /// Gives out up to `budget` entries, at least 1, which it counts down; true when there are no more. It may end below
  /// 0 where some can only be given out together.
  virtual bool give_some(std::int64_t& budget) = 0;
  /// What it gives out next is still being read: give_some() would do nothing. Whoever reads wakes the shard.
  [[nodiscard]] virtual bool waits() { return false; }
};

/// Takes what a stage keeps: during Stage::save(), and from a sweep until that ends. The shard's thread.
class MILLSTREAM_EXPORT Snapshot {
 public:
  virtual ~Snapshot() = default;
  /// Every entry is asked for. Otherwise those that have changed since the stage's save() before, and what has gone
  /// since; but entries of kEveryShard each time, for those of earlier snapshots do not count any more.
  [[nodiscard]] virtual bool whole() const = 0;
  /// All keys of a state from `first` to before `end`, in all key groups of the shard, have gone; an empty `end` is
  /// behind every key. Before the entries of the same state, and not where whole() is asked for.
  virtual void remove_range(std::uint32_t state, std::string_view first, std::string_view end) = 0;
  /// An entry has gone, unless the same snapshot has its key, too; not where whole() is asked for.
  virtual void remove(std::uint32_t state, std::uint32_t key_group, std::string_view key) = 0;
  virtual void put(const StateEntry& entry) = 0;
  /// There is more to come from `sweep`, which stays until it has ended.
  virtual void later(Sweep& sweep) = 0;
  /// Of a source: where a split goes on.
  virtual void position(std::string_view split, std::string position, bool finished) = 0;
  /// Of a sink: by what its prepared output is found again.
  virtual void prepared(std::string handle) = 0;
};

}  // namespace millstream::inline v0
