// Affinity masks of Linux.
#include "runtime/cores.hpp"

#include <algorithm>
#include <thread>

namespace millstream::inline v0 {

std::uint32_t cores_available() noexcept {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  // Fails on machines with more cores than the mask holds; those have no use for more shards than there can be.
  if (sched_getaffinity(0, sizeof mine, &mine) != 0) return std::max(std::thread::hardware_concurrency(), 1U);
  return static_cast<std::uint32_t>(std::max(CPU_COUNT(&mine), 1));
}

CorePin::CorePin(std::uint32_t number) noexcept {
  CPU_ZERO(&before_);
  if (sched_getaffinity(0, sizeof before_, &before_) != 0) return;
  const std::uint32_t wanted = number % cores_available();
  std::uint32_t seen = 0;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &before_) || seen++ != wanted) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    pinned_ = sched_setaffinity(0, sizeof one, &one) == 0;
    return;
  }
}

CorePin::~CorePin() {
  if (pinned_) sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace millstream::inline v0
