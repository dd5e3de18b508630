// The entries in which a shard says up to where it has fired. The key is the first of its key groups and the one behind
// the last; of a single group that is further it is the one behind it and then the group, so neither is taken for the
// other.
#include "millstream/operators/group_watermarks.hpp"

#include <utility>

#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/operators/window_snapshot.hpp"

namespace millstream::inline v0 {

std::string GroupWatermarks::key_of(std::uint32_t shard, std::uint32_t shards) {
  std::string key;
  append_ordered(first_group(shard, shards), key);
  append_ordered(first_group(shard + 1, shards), key);
  return key;
}

std::string GroupWatermarks::key_of(std::uint32_t group) {
  std::string key;
  append_ordered(group + 1, key);
  append_ordered(group, key);
  return key;
}

void GroupWatermarks::save(std::uint32_t state, std::uint32_t shard, std::uint32_t shards, Timestamp fired,
                           Snapshot& to) const {
  std::string value;
  for_each_entry(shard, shards, fired, [&](std::string_view key, Timestamp watermark) {
    value.clear();
    encode_value(watermark, value);
    to.put({state, kEveryShard, key, value});
  });
}

bool GroupWatermarks::is_of_group(const StateEntry& entry) noexcept {
  return entry.key.substr(0, kOrderedBytes) > entry.key.substr(std::min(kOrderedBytes, entry.key.size()));
}

void GroupWatermarks::note(const StateEntry& entry, Timestamp fired) {
  if (fired_.empty()) fired_.assign(kKeyGroups, kTimestampMin);
  of_instances_ = of_instances_ || entry.groups != nullptr;
  least_ = std::min(least_, fired);
  greatest_ = std::max(greatest_, fired);
}

void GroupWatermarks::raise(std::uint32_t group, Timestamp fired) {
  fired_[group] = std::max(fired_[group], fired);
  furthest_ = std::max(furthest_, fired);
}

bool GroupWatermarks::restore(const StateEntry& entry, Timestamp fired) {
  std::string_view key = entry.key;
  std::int64_t first = 0;
  std::int64_t end = 0;
  if (entry.key_group != kEveryShard || !take_ordered(key, first) || !take_ordered(key, end) || !key.empty()) {
    return false;
  }
  const bool of_shard = !is_of_group(entry);
  if (!of_shard) std::swap(first, end);
  if (first < 0 || end > std::int64_t{kKeyGroups} || (!of_shard && end != first + 1)) return false;
  if (of_shard) {
    note(entry, fired);
  } else if (fired_.empty()) {
    fired_.assign(kKeyGroups, kTimestampMin);
  }
  for (auto group = static_cast<std::uint32_t>(first); group < static_cast<std::uint32_t>(end); ++group) {
    if (entry.groups != nullptr && !(*entry.groups)[group]) continue;
    if (of_shard && told_[group]) return false;
    if (of_shard) told_.set(group);
    raise(group, fired);
  }
  return true;
}

bool GroupWatermarks::restore(const StateEntry& entry) {
  Timestamp fired;
  return decode_value(entry.value, fired) && restore(entry, fired);
}

void GroupWatermarks::restore_all(const StateEntry& entry, Timestamp fired) {
  note(entry, fired);
  for (std::uint32_t group = 0; group < kKeyGroups; ++group) {
    if (entry.groups != nullptr && !(*entry.groups)[group]) continue;
    fired_[group] = told_[group] ? std::min(fired_[group], fired) : fired;
    told_.set(group);
  }
  furthest_ = std::max(furthest_, fired);
}

Timestamp GroupWatermarks::least() const {
  MILLSTREAM_ASSERT(!empty());
  return least_;
}

Timestamp GroupWatermarks::begin() const {
  MILLSTREAM_ASSERT(!empty());
  return of_instances_ ? least_ : greatest_;
}

}  // namespace millstream::inline v0
