// Snapshot: what a stage says at a barrier. A stage that keeps something from batch to batch declares it as named
// states of entries, key -> value, and gives them out one by one; a restart gives the same entries back to the shards
// that own them then, whatever their number. The bytes are the stage's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"

namespace millstream::inline v0 {

/// One of the states of a stage; the same on every shard.
struct StateDeclaration {
  std::string name;  ///< unique in its stage
  /// What the entries hold, as text: a restart with another one is refused. Schema::to_string() of the value where it
  /// has one.
  std::string schema;
};

/// What belongs to no key group and is given back to every shard, which takes what it knows: of a split, by its id.
inline constexpr std::uint32_t kEveryShard = kKeyGroups;

/// One entry of a state. The views hold during the call.
struct StateEntry {
  std::uint32_t state = 0;      ///< place of the declaration in Stage::states()
  std::uint32_t key_group = 0;  ///< that owns the key, or kEveryShard
  std::string_view key;         ///< unique in state and key group
  std::string_view value;
};

/// Takes what a stage keeps. Used on the shard's thread during Stage::save().
class MILLSTREAM_EXPORT Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual void put(const StateEntry& entry) = 0;
  /// Of a source: where a split goes on.
  virtual void position(std::string_view split, std::string position, bool finished) = 0;
  /// Of a sink: by what its prepared output is found again.
  virtual void prepared(std::string handle) = 0;
};

}  // namespace millstream::inline v0
