// StatePart: what a run takes over of a checkpoint that another instance of the job made, before the number of
// instances changed.
#pragma once

#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/checkpoint/checkpoint_store.hpp"
#include "millstream/core/key_group.hpp"

namespace millstream::inline v0 {

/// By number.
using Partitions = std::bitset<kKeyGroups>;

struct StatePart {
  std::unique_ptr<CheckpointStore> store;
  Manifest manifest;  ///< with the positions of the partitions only that are taken over
  KeyGroups groups;   ///< of their keys
  /// Ids of the splits that the checkpoint has beside: what stages keep by these is another instance's.
  std::set<std::string, std::less<>> other_splits;
};

struct StateParts {
  std::vector<StatePart> all;
  Partitions anew;  ///< of this instance: no checkpoint has them, and they begin anew
};

/// The partition that a split's id ends in ("topic/3"); nothing where it does not, or there are no such many.
[[nodiscard]] std::optional<std::uint32_t> partition_of_split(std::string_view split);

}  // namespace millstream::inline v0
