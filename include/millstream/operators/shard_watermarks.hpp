// ShardWatermarks: up to where the shards of a saved stage had fired, each for its key groups. At an aligned barrier it
// is the same watermark, unless one of them had closed after a silence and another not yet: a stage that goes on for
// both then fires for the one what the other has fired.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/timestamp.hpp"

namespace millstream::inline v0 {

/// What a stage that is being restored has been told. Belongs to one shard.
class MILLSTREAM_EXPORT ShardWatermarks {
 public:
  /// Says it for one shard, as an entry of `state`.
  static void save(std::uint32_t state, std::uint32_t shard, std::uint32_t shards, Timestamp watermark, Snapshot& to);
  /// Takes what one shard said; false where the entry is not that.
  [[nodiscard]] bool restore(const StateEntry& entry);

  [[nodiscard]] bool empty() const noexcept { return shards_.empty(); }
  /// Not where it is empty.
  [[nodiscard]] Timestamp least() const;
  [[nodiscard]] Timestamp greatest() const;
  /// The shard that had the key with this hash had fired what ends at `end`.
  [[nodiscard]] bool passed(std::uint64_t hash, Timestamp end) const {
    const std::uint32_t group = key_group_of(hash);
    return std::any_of(shards_.begin(), shards_.end(), [&](const Shard& each) {
      return each.first_group <= group && group < each.end_group && end <= each.watermark;
    });
  }
  void clear() noexcept { shards_.clear(); }

 private:
  struct Shard {
    std::int64_t first_group;
    std::int64_t end_group;
    Timestamp watermark;
  };
  std::vector<Shard> shards_;
};

}  // namespace millstream::inline v0
