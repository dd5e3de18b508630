// What is wrong with the options of a run whatever its graph.
#pragma once

#include <cstdint>

#include "millstream/core/status.hpp"
#include "millstream/runtime/options.hpp"

namespace millstream::inline v0 {

// Rings are one for each pair of shards; a BarrierRequest has so many bits.
inline constexpr std::uint32_t kShardsMax = 64;

/// kInvalidArgument with all that is wrong.
[[nodiscard]] Status check_options(const RunOptions& options);

}  // namespace millstream::inline v0
