// How many shards a job has by default: as many as the process may use cores, not as many as the machine has.
#include "runtime/cores.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include "runtime/jobs.hpp"

namespace millstream::test {
namespace {

// The calling thread on `cores` of its cores, until the end of the scope.
class Restricted {
 public:
  explicit Restricted(int cores) {
    EXPECT_EQ(sched_getaffinity(0, sizeof before_, &before_), 0);
    cpu_set_t few;
    CPU_ZERO(&few);
    for (int core = CPU_SETSIZE - 1; core >= 0 && CPU_COUNT(&few) < cores; --core) {
      if (CPU_ISSET(core, &before_)) CPU_SET(core, &few);
    }
    EXPECT_EQ(sched_setaffinity(0, sizeof few, &few), 0);
  }
  ~Restricted() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

std::size_t shards_by_default() {
  Dataflow flow{"default"};
  auto out = memory::sink<int>();
  flow.from(memory::source<int>({1})).to(out);
  return run(flow, quiet(0)).metrics.shards.size();
}

TEST(Cores, TheDefaultIsWhatTheAffinityMaskAllows) {
  const std::uint32_t all = cores_available();
  EXPECT_EQ(shards_by_default(), std::min(all, 64U));
  const Restricted restricted{1};
  EXPECT_EQ(cores_available(), 1U);
  EXPECT_EQ(shards_by_default(), 1U);
}

TEST(Cores, PinningStaysWithinTheMaskAndEndsWithItsScope) {
  const auto mask = [] {
    cpu_set_t now;
    sched_getaffinity(0, sizeof now, &now);
    return now;
  };
  const cpu_set_t all = mask();
  {
    const CorePin pin{0};
    EXPECT_EQ(cores_available(), 1U);
  }
  cpu_set_t now = mask();
  EXPECT_TRUE(CPU_EQUAL(&all, &now));
  const Restricted restricted{1};
  const cpu_set_t allowed = mask();
  const CorePin pin{5};
  now = mask();
  EXPECT_TRUE(CPU_EQUAL(&allowed, &now));
}

}  // namespace
}  // namespace millstream::test
