// The cores that this process may use: how many there are, and pinning a thread to one of them.
#pragma once

#include <cstdint>

namespace millstream::inline v0 {

/// Cores in the calling thread's affinity mask (taskset, cpusets, containers), at least 1.
[[nodiscard]] std::uint32_t cores_available() noexcept;
/// Pins the calling thread to the number-th core of its mask, counted round; where that fails it stays as it is.
void pin_to_core(std::uint32_t number) noexcept;

}  // namespace millstream::inline v0
