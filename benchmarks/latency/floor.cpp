// The floor: the pacing alone, on as many threads as pace the job, and on the same cores.
#include <sched.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "latency/settings.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/testing/open_loop.hpp"

namespace latency {
namespace {

// Pins the calling thread to the number-th core of its mask.
void pin(std::uint32_t number) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return;
  std::uint32_t seen = 0;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &mask) || seen++ != number) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

}  // namespace

std::uint32_t cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return std::max(std::thread::hardware_concurrency(), 1U);
  return static_cast<std::uint32_t>(std::max(CPU_COUNT(&mask), 1));
}

std::uint32_t load_splits(const Settings& settings) {
  return settings.pipeline == Pipeline::kExchange ? 1 : settings.shards;
}

millstream::LatencyHistogram measure_floor(const Settings& settings) {
  const bool own_core = settings.generator_core;
  const std::uint32_t threads = own_core ? 1 : load_splits(settings);
  const std::uint32_t first_core = own_core ? cores() - 1 : 0;
  const millstream::testing::ArrivalSchedule schedule{settings.rate};
  const std::int64_t end_ns = (settings.warmup + settings.duration).count();
  std::vector<millstream::LatencyHistogram> seen(threads);
  millstream::Clock& clock = millstream::system_clock();
  const std::int64_t start_ns = clock.monotonic_ns();
  {
    std::vector<std::jthread> all;
    for (std::uint32_t t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        if (threads <= cores()) pin(first_core + t);
        for (std::uint64_t next = t; schedule.offset_ns(next) < end_ns;) {
          const std::int64_t now_ns = clock.monotonic_ns() - start_ns;
          std::int64_t offset_ns = schedule.offset_ns(next);
          if (offset_ns > now_ns) __builtin_ia32_pause();
          for (; offset_ns <= now_ns && offset_ns < end_ns; offset_ns = schedule.offset_ns(next += threads)) {
            if (offset_ns >= settings.warmup.count()) seen[t].record(std::chrono::nanoseconds{now_ns - offset_ns});
          }
        }
      });
    }
  }
  for (std::uint32_t t = 1; t < threads; ++t) seen[0].merge(seen[t]);
  return std::move(seen[0]);
}

}  // namespace latency
