// Key groups: the unit in which keyed state is owned and moved. A shard owns a contiguous range of groups. Group and
// table index use disjoint halves of a key's hash.
#pragma once

#include <bitset>
#include <cstdint>

namespace millstream::inline v0 {

/// Key groups of a job.
inline constexpr std::uint32_t kKeyGroups = 1024;
/// Some of them, by number.
using KeyGroups = std::bitset<kKeyGroups>;

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

/// The group of all keys of a partition (PartitionKey), which is below kKeyGroups: each has a group of its own. What
/// one of several instances reads, every n-th partition, spreads over the groups, and so over its shards.
constexpr std::uint32_t group_of_partition(std::uint32_t partition) noexcept {
  constexpr std::uint32_t kGoldenRatio = 633;  // of kKeyGroups; odd, so that no two partitions meet
  return partition * kGoldenRatio % kKeyGroups;
}
/// `hash` with its group made `group`.
constexpr std::uint64_t with_key_group(std::uint64_t hash, std::uint32_t group) noexcept {
  constexpr int kGroupBits = 10;
  static_assert(kKeyGroups == 1U << kGroupBits);
  return hash << kGroupBits >> kGroupBits | std::uint64_t{group} << (64 - kGroupBits);
}

/// Which of the processes that share a job's input this one is. Instance i of n reads the partitions p with p % n == i.
struct InstanceShare {
  std::uint32_t instance = 0;
  std::uint32_t instances = 1;
  [[nodiscard]] constexpr bool has(std::uint32_t partition) const noexcept { return partition % instances == instance; }
  friend bool operator==(const InstanceShare&, const InstanceShare&) = default;
};

}  // namespace millstream::inline v0
