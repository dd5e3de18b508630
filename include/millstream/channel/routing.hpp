// Routing: how an exchange spreads records over the shards.
#pragma once

#include <cstdint>

namespace millstream::inline v0 {

enum class Routing : std::uint8_t {
  kByKey,       ///< to the shard that owns the key's group
  kRoundRobin,  ///< batch by batch in turn
  kToAll,       ///< a copy to every shard
};

}  // namespace millstream::inline v0
