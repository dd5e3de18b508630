// Keys that name a partition which this process does not read.
#include "millstream/operators/key_by.hpp"

#include <stdexcept>
#include <string>

namespace millstream::inline v0 {

void detail::throw_foreign_partition(std::int32_t partition, const InstanceShare& share) {
  std::string what = "its PartitionKey names partition ";
  what += std::to_string(partition);
  what += ", which instance ";
  what += std::to_string(share.instance);
  what += " of ";
  what += std::to_string(share.instances);
  what += " does not read: it must be the one that the record was read from, below ";
  what += std::to_string(kKeyGroups);
  throw std::invalid_argument{what};
}

}  // namespace millstream::inline v0
