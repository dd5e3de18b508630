// The unit in which cores take memory from each other.
#pragma once

#include <cstddef>

namespace millstream::inline v0 {

/// Fixed instead of std::hardware_destructive_interference_size, which may differ between compiler flags and so must
/// not shape a public type. 64 bytes on x86-64 and most AArch64.
inline constexpr std::size_t kCacheLine = 64;

}  // namespace millstream::inline v0
