// The entry in which a shard says up to where it has fired: its key groups as the key, the watermark as the value.
#include "millstream/operators/shard_watermarks.hpp"

#include <string>
#include <string_view>

#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/operators/window_snapshot.hpp"

namespace millstream::inline v0 {

void ShardWatermarks::save(std::uint32_t state, std::uint32_t shard, std::uint32_t shards, Timestamp watermark,
                           Snapshot& to) {
  std::string key;
  append_ordered(first_group(shard, shards), key);
  append_ordered(first_group(shard + 1, shards), key);
  std::string value;
  encode_value(watermark, value);
  to.put({state, kEveryShard, key, value});
}

bool ShardWatermarks::restore(const StateEntry& entry) {
  std::string_view key = entry.key;
  Shard said{};
  if (entry.key_group != kEveryShard || !take_ordered(key, said.first_group) || !take_ordered(key, said.end_group) ||
      !key.empty() || !decode_value(entry.value, said.watermark)) {
    return false;
  }
  if (said.first_group < 0 || said.end_group < said.first_group || said.end_group > std::int64_t{kKeyGroups}) {
    return false;
  }
  const bool known = std::any_of(shards_.begin(), shards_.end(), [&](const Shard& each) {
    return each.first_group < said.end_group && said.first_group < each.end_group;
  });
  if (known) return false;
  shards_.push_back(said);
  return true;
}

Timestamp ShardWatermarks::least() const {
  MILLSTREAM_ASSERT(!shards_.empty());
  Timestamp least = kTimestampMax;
  for (const Shard& each : shards_) least = std::min(least, each.watermark);
  return least;
}
Timestamp ShardWatermarks::greatest() const {
  MILLSTREAM_ASSERT(!shards_.empty());
  Timestamp greatest = kTimestampMin;
  for (const Shard& each : shards_) greatest = std::max(greatest, each.watermark);
  return greatest;
}

}  // namespace millstream::inline v0
