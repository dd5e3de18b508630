// GroupWatermarks: up to where the windows of each key group have fired, in a stage that goes on from a checkpoint. At
// an aligned barrier it is the same for all, but not where one shard had closed after a silence and another not yet,
// nor where key groups come from several instances of the job, of which each had a watermark of its own. A stage begins
// where the first of them was; what the others have fired it does not fire again, and what was late for them is late.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// Belongs to one shard. It is empty where the stage's watermark says it all.
class MILLSTREAM_EXPORT GroupWatermarks {
 public:
  /// What a shard says at a barrier when all of its windows have fired up to `fired`: f(key, watermark) for the entry
  /// of all of its groups, and for one of each group that is further.
  template <class F>
  void for_each_entry(std::uint32_t shard, std::uint32_t shards, Timestamp fired, F&& f) const {
    f(std::string_view{key_of(shard, shards)}, fired);
    if (furthest_ <= fired) return;
    for (std::uint32_t group = first_group(shard, shards); group < first_group(shard + 1, shards); ++group) {
      if (fired_[group] > fired) f(std::string_view{key_of(group)}, fired_[group]);
    }
  }
  /// The same as entries of `state` whose values are the watermarks.
  void save(std::uint32_t state, std::uint32_t shard, std::uint32_t shards, Timestamp fired, Snapshot& to) const;

  /// The entry is one that for_each_entry() gave, and says `fired`. False: it is none, or another one has said it.
  [[nodiscard]] bool restore(const StateEntry& entry, Timestamp fired);
  /// That of save().
  [[nodiscard]] bool restore(const StateEntry& entry);
  /// The entry is of one group, not of all groups of a shard.
  [[nodiscard]] static bool is_of_group(const StateEntry& entry) noexcept;
  /// Of a checkpoint in which shards did not say which groups are theirs: all of them have fired up to here, or to the
  /// least that another shard says.
  void restore_all(const StateEntry& entry, Timestamp fired);

  [[nodiscard]] bool empty() const noexcept { return fired_.empty(); }
  /// The least that a shard said, of all of its groups. Not where it is empty.
  [[nodiscard]] Timestamp least() const;
  /// From where the stage goes on: where a silence has closed one shard of a job, it has closed all; but of several
  /// instances none is ahead of the one that was the least. Not where it is empty.
  [[nodiscard]] Timestamp begin() const;

  /// How far any group is; kTimestampMin where it is empty.
  [[nodiscard]] Timestamp furthest() const noexcept { return furthest_; }
  /// How far the group of the key with this hash is; kTimestampMin where the stage's watermark says it.
  [[nodiscard]] Timestamp of(std::uint64_t hash) const noexcept {
    return fired_.empty() ? kTimestampMin : fired_[key_group_of(hash)];
  }
  /// The key with this hash had fired what ends at `end`.
  [[nodiscard]] bool passed(std::uint64_t hash, Timestamp end) const noexcept {
    return end <= furthest_ && end <= of(hash);
  }
  /// The stage has fired up to here: forgets everything when no group is further.
  void catch_up(Timestamp fired) noexcept {
    if (fired < furthest_ || fired_.empty()) return;
    fired_.clear();
    furthest_ = kTimestampMin;
  }

 private:
  static std::string key_of(std::uint32_t shard, std::uint32_t shards);
  static std::string key_of(std::uint32_t group);
  void raise(std::uint32_t group, Timestamp fired);
  void note(const StateEntry& entry, Timestamp fired);

  std::vector<Timestamp> fired_;  // by group
  Timestamp furthest_ = kTimestampMin;
  KeyGroups told_;  // groups of which a shard has spoken
  bool of_instances_ = false;
  Timestamp least_ = kTimestampMax;
  Timestamp greatest_ = kTimestampMin;
};

}  // namespace millstream::inline v0
