// The cores that this process may use: how many there are, and pinning a thread to one of them.
#pragma once

#include <sched.h>

#include <cstdint>

namespace millstream::inline v0 {

/// Cores in the calling thread's affinity mask (taskset, cpusets, containers), at least 1.
[[nodiscard]] std::uint32_t cores_available() noexcept;

/// Pins the calling thread to the number-th core of its mask, counted round, as long as this lives; where that fails
/// it stays as it is.
class CorePin {
 public:
  explicit CorePin(std::uint32_t number) noexcept;
  ~CorePin();
  CorePin(const CorePin&) = delete;
  CorePin& operator=(const CorePin&) = delete;

 private:
  cpu_set_t before_{};
  bool pinned_ = false;
};

}  // namespace millstream::inline v0
