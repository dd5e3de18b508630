// Key groups: the unit in which keyed state is owned and moved. A shard owns a contiguous range of groups. Group and
// table index use disjoint halves of a key's hash.
#pragma once

#include <cstdint>

namespace millstream::inline v0 {

/// Key groups of a job.
inline constexpr std::uint32_t kKeyGroups = 1024;

/// The group of a key, from the upper half of its hash.
constexpr std::uint32_t key_group_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint32_t>(((hash >> 32) * kKeyGroups) >> 32);
}
/// The shard, of `shards`, that owns a group.
constexpr std::uint32_t shard_of_group(std::uint32_t group, std::uint32_t shards) noexcept {
  return group * shards / kKeyGroups;
}
constexpr std::uint32_t shard_of(std::uint64_t hash, std::uint32_t shards) noexcept {
  return shard_of_group(key_group_of(hash), shards);
}
/// First group of a shard; that of shard + 1 is one behind its last.
constexpr std::uint32_t first_group(std::uint32_t shard, std::uint32_t shards) noexcept {
  return (shard * kKeyGroups + shards - 1) / shards;
}

}  // namespace millstream::inline v0
